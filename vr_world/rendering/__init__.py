"""The renderer process: Panda3D without a screen, stereo, encoded, newest pose wins."""
