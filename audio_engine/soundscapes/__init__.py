"""The sounds of the place: one file each, declaring `SOUNDSCAPE`."""
