"""Streams in, `therapy.patient.PatientState` out. The only package that speaks LSL.

Start at `sensors.lsl.configure`, then `sensors.ingest.Ingest` (live) or `sensors.analyze.analyze` (files).
Devices in `sensors.devices` publish LSL outlets, so that everything takes the same path and can be recorded.
"""
