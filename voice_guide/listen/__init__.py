"""Listening: packets to samples, speech found in them, turns, words."""
