"""The commands of `stillwater`, one file each. `vr_world.cli` gathers them."""
