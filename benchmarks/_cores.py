"""Who uses the cores while a renderer runs: its threads by what they do, and everybody else."""

from __future__ import annotations

import dataclasses
import math
import os
import time
from pathlib import Path
from typing import Final

import psutil

from benchmarks._children import cpu_s

__all__ = ["CoresUsed", "Reading", "cores_used", "reading"]

_TICK_S: Final = 1.0 / os.sysconf("SC_CLK_TCK")
#: Mesa's name for the threads that fill triangles on the processor.
_RASTERISER: Final = "llvmpipe"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """Processor time used so far, s: a renderer's drawing thread, its rasterisers, all of it, the machine."""

    at_s: float
    drawing_s: float
    rasterising_s: float
    renderer_s: float
    machine_s: float


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class CoresUsed:
    """Means between two readings, in cores.

    Attributes:
        cores: how many there are.
        drawing: the drawing thread: the scene, and the driver's work on vertices.
        rasterising: the driver's threads that fill triangles.
        sending: the rest of the renderer: converting, encoding, sending, reading.
        others: everything else on the machine.
    """

    cores: int
    drawing: float
    rasterising: float
    sending: float
    others: float

    @property
    def renderer(self) -> float:
        """What the renderer uses."""
        return math.fsum((self.drawing, self.rasterising, self.sending))

    @property
    def left(self) -> float:
        """What the others left, whether it was used or not."""
        return self.cores - self.others


def reading(renderer_pid: int) -> Reading:
    """Read the machine and a renderer now; its drawing thread is its main one."""
    seconds: dict[str, float] = {"drawing": 0.0, "rasterising": 0.0}
    for task in Path(f"/proc/{renderer_pid}/task").iterdir():
        # comm may hold spaces: what follows its bracket is counted from the third field on
        name, _, rest = (task / "stat").read_text().partition("(")[2].rpartition(")")
        fields = rest.split()
        used_s = (int(fields[11]) + int(fields[12])) * _TICK_S
        if task.name == str(renderer_pid):
            seconds["drawing"] += used_s
        elif name.startswith(_RASTERISER):
            seconds["rasterising"] += used_s
    ours = os.sched_getaffinity(0)
    busy_s = [
        math.fsum(times) - times.idle - times.iowait - times.guest - times.guest_nice  # guests are in user
        for core, times in enumerate(psutil.cpu_times(percpu=True))
        if core in ours
    ]
    return Reading(
        at_s=time.monotonic(),
        drawing_s=seconds["drawing"],
        rasterising_s=seconds["rasterising"],
        renderer_s=cpu_s(renderer_pid),
        machine_s=math.fsum(busy_s),
    )


def cores_used(first: Reading, last: Reading, cores: int) -> CoresUsed:
    """Return who used how much of `cores` between two readings."""
    lasted_s = last.at_s - first.at_s
    drawing = (last.drawing_s - first.drawing_s) / lasted_s
    rasterising = (last.rasterising_s - first.rasterising_s) / lasted_s
    renderer = (last.renderer_s - first.renderer_s) / lasted_s
    return CoresUsed(
        cores=cores,
        drawing=drawing,
        rasterising=rasterising,
        sending=max(renderer - drawing - rasterising, 0.0),
        others=max((last.machine_s - first.machine_s) / lasted_s - renderer, 0.0),
    )
