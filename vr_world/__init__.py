"""The composition root: gateway, rooms, the loop, rendering and streaming. May import everything."""

from importlib.metadata import version

__all__ = ["VERSION"]

VERSION = version("stillwater")
