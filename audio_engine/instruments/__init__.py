"""The voices of the music: one file each, declaring `INSTRUMENT`."""
