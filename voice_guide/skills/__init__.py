"""Exercises, one file each: a file declares `SKILL`. Their words: `voice_guide/lines/skills.*.toml`."""
