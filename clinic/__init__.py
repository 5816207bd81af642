"""The people side: who may sign in, which sessions there were, and the panel's HTTP API.

Knows rooms only through `clinic.ports.RoomsPort`; `vr_world` gives it the real ones. Clocks are arguments.
"""
