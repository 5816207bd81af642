"""One source of signals a file: each publishes LSL outlets and declares `DEVICE`."""
