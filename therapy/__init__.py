"""What treatment means: the vocabulary that every other package shares.

Standard library only; nothing here does I/O, reads a clock or draws a random number of its own. Time
and randomness are arguments.
"""
