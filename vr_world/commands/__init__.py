"""The commands of `stillwater`, one file each. `app` gathers them."""
