"""What a plug-in declares: one frozen constant in one file, found by `therapy.discover.declared`.

Builders are typed loosely on purpose: `therapy` knows neither Panda3D nor pyo nor LSL.
"""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Callable, Mapping
from typing import Any, Final, Protocol

from therapy.controls import Controls
from therapy.patient import Reading

__all__ = [
    "ALL_AROUND",
    "Ambience",
    "DeviceSpec",
    "Direction",
    "Estimator",
    "EstimatorSpec",
    "InstrumentSpec",
    "Palette",
    "Scene",
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
class Direction:
    """Where a sound of the place comes from, seen from the eye at rest.

    A sound has two streams that stand `spread_deg` apart, the first one on the left; so 180 is all around.

    Attributes:
        azimuth_deg: −180 … 180, 0 is ahead and 90 is to the left, as ambisonics counts.
        elevation_deg: −90 … 90, 90 is overhead.
        spread_deg: 0 (a point) … 180.
    """

    azimuth_deg: float = 0.0
    elevation_deg: float = 0.0
    spread_deg: float = 180.0


ALL_AROUND: Final = Direction()


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Ambience:
    """One sound of a place: the soundscape's name, its share of full loudness, and from where it comes.

    `direction` `None` leaves it to the soundscape.
    """

    name: str
    level: float = 1.0
    direction: Direction | None = None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Palette:
    """What a place sounds like. `audio_engine` finds the names; a test holds every place to them.

    Attributes:
        instruments: role in the score (`pad`, `bell`, `drone`, …) to the name of an instrument; a role that
            is not named is played by the engine's usual one.
        soundscapes: what is heard of the place. One with a control follows it; the others are always there.
    """

    instruments: Mapping[str, str] = dataclasses.field(default_factory=dict)
    soundscapes: tuple[Ambience, ...] = (Ambience(name="ocean"), Ambience(name="wind"))


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class SceneSpec:
    """A place. `build(seed)` returns a `Scene`; the same seed builds the same place."""

    name: str
    title: str
    description: str
    build: Callable[[int], Scene]
    palette: Palette = Palette()


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class InstrumentSpec:
    """A voice of the music. `build` is called by `audio_engine` inside its process.

    Attributes:
        lufs: how loud it is, dry and alone, playing the audition (`audio_engine.audition`): from it the
            engine balances it with the others.
        held: its notes sound until they are released, so it can carry chords; else it is struck and rings.
    """

    name: str
    title: str
    build: Callable[..., Any]
    lufs: float
    held: bool = False


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class SoundscapeSpec:
    """A sound of a place. `build` is called by `audio_engine` inside its process.

    Attributes:
        control: the field of `Controls` that sets its loudness, or "": it belongs to the place.
        lufs: how loud it is at full level and neutral weather.
        direction: from where it comes, where a palette says nothing else.
    """

    name: str
    title: str
    build: Callable[..., Any]
    lufs: float
    control: str = ""
    direction: Direction = ALL_AROUND


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
    """A source of LSL outlets.

    Attributes:
        name: what `discover` finds it by.
        title: for people.
        help: what it needs.
        available: returns nothing, or why it cannot be used here.
        publish: reads the device that a text names (an address, a board; may be empty) and publishes it until
            the event is set; `None` for a source that other commands start.
    """

    name: str
    title: str
    help: str
    available: Callable[[], str]
    publish: Callable[[str, threading.Event], None] | None = None
