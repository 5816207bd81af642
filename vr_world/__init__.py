"""The composition root: processes, wires and the command line."""
