"""Recordings: one folder per session, append-only, readable after any crash.

`session.xdf` (signals, features, controls, stimuli, markers), `journal.jsonl` (events), `about.json`
(versions, seeds, plan) and, once closed, `SHA256SUMS`. `recorder.Recorder` writes them; `recover.scan` and
`verify.verify` read what is there. Nothing in this package reads a clock.
"""
