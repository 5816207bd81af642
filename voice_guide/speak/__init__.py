"""Voices, one file each: a file declares `VOICE`. What is GPL runs as a program of its own."""
