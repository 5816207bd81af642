"""What crosses the wire to a headset, and who may hold its other end. Sans-I/O."""
