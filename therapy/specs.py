"""What a plug-in declares: one frozen constant in one file, found by `therapy.discover.declared`.

Builders are typed loosely on purpose: `therapy` knows neither Panda3D nor pyo nor LSL.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from therapy.controls import Controls
from therapy.patient import Reading

__all__ = [
    "Choice",
    "DeviceSpec",
    "Estimator",
    "EstimatorSpec",
    "InstrumentSpec",
    "Scene",
    "SceneOption",
    "SceneSpec",
    "SoundscapeSpec",
]


class Scene(Protocol):
    """One environment, built once and then moved by `Controls`."""

    @property
    def root(self) -> Any:
        """The `panda3d.core.NodePath` of everything; y is forward, z is up, metres, the eye at z = 0."""
        ...

    def update(self, controls: Controls, scene_s: float) -> None:
        """Show the place as `controls` say at `scene_s` seconds since it was built. Cheap: once a frame."""
        ...


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """One way to dress a place.

    Attributes:
        name: what a plan says.
        title: what the panel says.
        contains: what it brings into the place, words of `therapy.personal.TRIGGERS`.
        shifts: by how much it moves a control for the picture alone, in the control's unit.
    """

    name: str
    title: str
    contains: frozenset[str] = frozenset()
    shifts: Mapping[str, float] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class SceneOption:
    """Something about a place that may be chosen for a patient; the first choice is the usual one."""

    name: str
    title: str
    choices: tuple[Choice, ...]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class SceneSpec:
    """A place. `build(seed)` returns a `Scene`; the same seed builds the same place.

    Attributes:
        contains: what is always in it, words of `therapy.personal.TRIGGERS`.
        options: what may be chosen about it.
        dress: from the scene and a choice by option (all of `options`), shows it so. It may be called at any
            time, any number of times. `None`: the choices move controls only.
    """

    name: str
    title: str
    description: str
    build: Callable[[int], Scene]
    contains: frozenset[str] = frozenset()
    options: tuple[SceneOption, ...] = ()
    dress: Callable[[Any, Mapping[str, str]], None] | None = None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class InstrumentSpec:
    """A voice of the music. `build` is called by `audio_engine` inside its process.

    `contains` says what it sounds like, in words of `therapy.personal.TRIGGERS`: who must not hear that gets
    music without it.
    """

    name: str
    title: str
    build: Callable[..., Any]
    contains: frozenset[str] = frozenset()


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class SoundscapeSpec:
    """A nature sound; `control` names the field of `Controls` that sets its loudness.

    `contains` as for an instrument; `therapy.personal.HELD_BY_TRIGGER` must silence its control.
    """

    name: str
    title: str
    control: str
    build: Callable[..., Any]
    contains: frozenset[str] = frozenset()


class Estimator(Protocol):
    """A causal, stateful estimator of one signal. The size of the chunks never changes its result."""

    def push(self, chunk: Any, stamps_s: Any) -> list[Any]:
        """Take samples (n, channels chosen) and their session times (n,); return what was decided, in order.

        What is decided are beats, breaths or other events. An estimator of one channel takes (n,) as well.
        """
        ...

    def readings(self, now_s: float) -> list[Reading]:
        """Return the newest reading of each vital at `now_s`, `None`-valued with a reason where unknown."""
        ...


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class EstimatorSpec:
    """An estimator for streams of one LSL type (`ECG`, `Respiration`, …).

    Attributes:
        name: what `discover` finds it by.
        stream_type: the LSL type of the streams it reads.
        choose: from the labels of a stream's channels (one a channel, empty where unknown), the indices of
            those it reads, at least one; these columns are what `push` gets.
        build: from the rate in Hz and the labels of the chosen channels, an estimator; raises where it
            cannot work with them.
    """

    name: str
    stream_type: str
    choose: Callable[[tuple[str, ...]], tuple[int, ...]]
    build: Callable[[float, tuple[str, ...]], Estimator]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class DeviceSpec:
    """A source of LSL outlets. `help` says what it needs; `available()` is empty or says why not."""

    name: str
    title: str
    help: str
    available: Callable[[], str]
