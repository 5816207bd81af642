"""The one thread that turns LSL streams into `PatientState` and events.

    ingest = Ingest(on_event=…)     after sensors.lsl.configure
    ingest.start()
    ingest.state(now_s)             from any thread, cheap
    ingest.stop()

The first stream of a kind is pinned: another of the same kind is listed and recorded and steers nothing, also
when the first one falls silent, because it may well be on another patient. `pin` chooses by hand.
"""

from __future__ import annotations

import collections
import dataclasses
import threading
from collections.abc import Callable, Mapping
from typing import Any, Final, assert_never

import numpy as np
import numpy.typing as npt

from sensors import rsa
from sensors.coherence import WINDOW_S, coherence
from sensors.errors import BadStream, IngestStopped
from sensors.estimators import CountsBadSamples, KeepsPhase, PredictsBeat, by_stream_type
from sensors.estimators._channels import MOST_CHANNELS, padded
from sensors.fuse import Fusion, RestMemory, Sources, missing, steering_breath
from sensors.inlets import Changed, Chunk, Found, Happening, Inlets, Lost, Offset, Recovered, Refused
from sensors.lsl import Source, local_clock
from sensors.quality import Floats
from therapy.events import (
    BadInput,
    Beat,
    Breath,
    Event,
    StreamChanged,
    StreamFound,
    StreamLost,
    StreamRecovered,
)
from therapy.patient import PatientState, Reading
from therapy.specs import Estimator, EstimatorSpec

__all__ = ["Ingest", "stream_kind"]

_POLL_S: Final = 0.005
_FUSE_S: Final = 0.25
_BAD_INPUT_EVERY_S: Final = 1.0
#: Stamps further from the session clock than this are not stamps of it.
_EARLY_S: Final = 1.0
_LATE_S: Final = 90.0  # an edge link delivers a minute at once after a break
#: In one minute of `sensors.rsa`.
_MOST_BREATHS: Final = 60
#: LSL types that mean the same. BIDS and OpenSignals write the long forms.
_SAME_KIND: Final[Mapping[str, str]] = {
    "RESP": "RESPIRATION",
    "EKG": "ECG",
    "BVP": "PPG",
    "PLETH": "PPG",
    "GSR": "EDA",
    "POSE": "HEADPOSE",
    "STILLWATERPOSES": "HEADPOSE",  # in a session's recording
}


@dataclasses.dataclass(slots=True)
class _Feed:
    """One stream and its estimator. Belongs to the reading thread; others look under its lock."""

    source: Source
    kind: str
    columns: npt.NDArray[np.intp]
    estimator: Estimator
    heard_s: float
    alive: bool = True
    shift_s: float = 0.0
    bad_samples: int = 0
    complained_s: float = -_BAD_INPUT_EVERY_S
    complaint: str = ""
    held_back: int = 0


class Ingest:
    """Reads every stream in sight that an estimator is installed for.

    Args:
        on_event: takes beats, breaths, stream and bad-input events, each with the stream's name, from the
            reading thread.
        kind_of: the LSL type to read a stream as, `None` for one that is not to be read; its own by default.
        pins: which stream (name or source id) steers, by LSL type; the first one found by default.
    """

    def __init__(
        self,
        *,
        on_event: Callable[[Event], None],
        kind_of: Callable[[Source], str | None] = lambda source: source.kind,
        pins: Mapping[str, str] | None = None,
    ) -> None:
        self._on_event = on_event
        self._kind_of = kind_of
        self._specs: dict[str, EstimatorSpec] = by_stream_type()
        self._wanted = {stream_kind(kind): name for kind, name in (pins or {}).items()}
        self._pinned: dict[str, str] = {}
        self._feeds: dict[str, _Feed] = {}
        self._fusion = Fusion()
        self._sources = Sources()
        self._pace_per_min: float | None = None
        self._coherence: float | None = None
        self._inhales_s: collections.deque[float] = collections.deque(maxlen=_MOST_BREATHS)
        self._rsa: Reading | None = None
        self._fused_s = -_FUSE_S
        self._lock = threading.Lock()
        self._end = threading.Event()
        self._failure: BaseException | None = None
        self._thread: threading.Thread | None = None

    # -- from any thread ---------------------------------------------------------------------------------

    def start(self) -> None:
        """Begin to read. `sensors.lsl.configure` must have been called."""
        if self._thread is not None:
            raise IngestStopped("ingest must be started once, was started before")
        self._thread = threading.Thread(target=self._run, name="sensors", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End reading and wait for the thread."""
        self._end.set()
        if self._thread is not None:
            self._thread.join()

    def set_pace(self, per_min: float | None) -> None:
        """Tell the pacer's breaths a minute, the frequency of coherence; `None`: that of its highest peak."""
        self._pace_per_min = per_min

    def rest(self, before: Mapping[str, float]) -> None:
        """Begin a new baseline, with what earlier sessions found at rest, by vital."""
        with self._lock:
            self._fusion = Fusion(before)

    def rest_memory(self) -> dict[str, RestMemory]:
        """Return what another process needs to go on with this session's baseline (`rest_again`)."""
        with self._lock:
            return self._fusion.memory()

    def rest_again(self, memory: Mapping[str, RestMemory]) -> None:
        """Go on with the baseline of the process before this one."""
        with self._lock:
            self._fusion = Fusion.remembered(memory)

    def baseline(self) -> dict[str, float]:
        """Return the patient's values at rest in this session, by vital; none before two minutes of them."""
        with self._lock:
            return self._fusion.baseline()

    def pin(self, kind: str, name: str) -> None:
        """Let the stream with this name or source id steer for its LSL type, now or once it is found."""
        with self._lock:
            self._wanted[stream_kind(kind)] = name
            for feed in self._feeds.values():
                if feed.kind == stream_kind(kind) and name in (feed.source.name, feed.source.source_id):
                    self._pinned[feed.kind] = feed.source.key

    def state(self, now_s: float) -> PatientState:
        """Return what is known of the patient at `now_s`.

        Raises:
            IngestStopped: the reading thread ended by itself; the cause is attached.
        """
        if self._failure is not None:
            raise IngestStopped(f"ingest must be running, ended with {self._failure!r}") from self._failure
        with self._lock:
            vitals = self._vitals(now_s)
            arousal, confidence = self._fusion.arousal(vitals)
            if self._rsa is not None:
                vitals[self._rsa.vital] = self._rsa
            phase = trust = 0.0
            next_beat_s: float | None = None
            breather = self._breather()
            if breather is not None and isinstance(breather.estimator, KeepsPhase):
                phase, trust = breather.estimator.phase(now_s)
            for feed in self._steering():
                if feed.alive and isinstance(feed.estimator, PredictsBeat):
                    next_beat_s = feed.estimator.next_beat_s(now_s)
            return PatientState(
                at_s=now_s,
                vitals=vitals,
                arousal=arousal,
                arousal_confidence=confidence,
                breath_phase=phase,
                breath_phase_confidence=trust,
                breath_rate_per_min=steering_breath(vitals),
                next_beat_s=next_beat_s,
                coherence=self._coherence if vitals["heart_rate"].value is not None else None,
            )

    def streams(self, now_s: float) -> list[dict[str, Any]]:
        """Return one row a stream for the panel: name, kind, rate_hz, quality, alive, age_s, steers."""
        with self._lock:
            return [
                {
                    "name": feed.source.name,
                    "kind": feed.source.kind,
                    "rate_hz": feed.source.rate_hz,
                    "quality": self._quality(feed, now_s),
                    "alive": feed.alive,
                    "age_s": max(0.0, now_s - feed.heard_s),
                    "steers": self._pinned.get(feed.kind) == feed.source.key,
                }
                for feed in self._feeds.values()
            ]

    # -- in the reading thread ---------------------------------------------------------------------------

    def _run(self) -> None:
        inlets: Inlets | None = None
        try:
            inlets = Inlets(self._accept, clock=local_clock)
            while not self._end.wait(_POLL_S):
                self.feed(inlets.poll(), local_clock())
        except BaseException as error:  # kept for `state`, which raises it in the room's thread
            self._failure = error
            raise
        finally:
            if inlets is not None:
                inlets.close()

    def feed(self, happened: list[Happening], now_s: float) -> None:
        """Take what `Inlets.poll` returned at `now_s`. Public so that tests can do without LSL."""
        events: list[Event] = []
        with self._lock:
            for happening in happened:
                self._take(happening, now_s, events)
            if now_s - self._fused_s >= _FUSE_S:
                self._fused_s = now_s
                vitals = missing(now_s) | self._sources.choose(self._told(now_s), now_s)
                self._fusion.learn(vitals, now_s)
                self._coherence = self._measure_coherence(now_s)
                self._rsa = self._measure_rsa(now_s)
                for feed in self._feeds.values():
                    self._complain(feed, now_s, events)
        for event in events:
            self._on_event(event)

    def _accept(self, source: Source) -> str | None:
        """Return nothing for a stream to read, a reason against it, or `None` for one that is not for us."""
        if self._specs.get(self._kind(source)) is None:
            return None
        if source.value_format == "string":
            return "its values must be numbers, are strings"
        if not 1 <= source.channels <= MOST_CHANNELS:
            return f"its channels must be 1…{MOST_CHANNELS}, are {source.channels}"
        try:
            self._built(source)
        except BadStream as error:
            return str(error)
        return ""

    def _kind(self, source: Source) -> str:
        """Return the kind that `source` is read as; empty for none."""
        kind = self._kind_of(source)
        return "" if kind is None else stream_kind(kind)

    def _built(self, source: Source) -> tuple[Estimator, npt.NDArray[np.intp]]:
        """Return an estimator for `source` and the columns of its samples to give to it."""
        spec = self._specs[self._kind(source)]
        labels = padded(source.labels, source.channels)
        columns = spec.choose(labels)
        estimator = spec.build(source.rate_hz, tuple(labels[i] for i in columns))
        return estimator, np.asarray(columns, dtype=np.intp)

    def _take(self, happening: Happening, now_s: float, events: list[Event]) -> None:
        match happening:
            case Found(source=source):
                self._found(source, now_s)
                events.append(
                    StreamFound(
                        at_s=now_s,
                        stream=source.name,
                        kind=source.kind,
                        rate_hz=source.rate_hz,
                        channels=source.channels,
                    )
                )
            case Chunk():
                self._chunk(happening, now_s, events)
            case Lost(source=source, reason=reason):
                self._feeds[source.key].alive = False
                events.append(StreamLost(at_s=now_s, stream=source.name, reason=reason))
            case Recovered(source=source, gap_s=gap_s):
                self._feeds[source.key].alive = True
                events.append(StreamRecovered(at_s=now_s, stream=source.name, gap_s=gap_s))
            case Changed(was=was, source=source):
                feed = self._feeds.get(was.key)
                if feed is not None:
                    feed.alive = False
                events.append(
                    StreamChanged(at_s=now_s, stream=source.name, was=_shape(was), now=_shape(source))
                )
            case Refused(source=source, why=why):
                events.append(BadInput(at_s=now_s, source=source.name, what=why))
            case Offset():
                pass  # each chunk carries the offset that holds for it
            case _:
                assert_never(happening)

    def _found(self, source: Source, now_s: float) -> None:
        kind = self._kind(source)
        estimator, columns = self._built(source)
        self._feeds[source.key] = _Feed(
            source=source, kind=kind, columns=columns, estimator=estimator, heard_s=now_s
        )
        wanted = self._wanted.get(kind)
        if wanted is None:
            self._pinned.setdefault(kind, source.key)
        elif wanted in (source.name, source.source_id):
            self._pinned[kind] = source.key

    def _chunk(self, chunk: Chunk, now_s: float, events: list[Event]) -> None:
        feed = self._feeds[chunk.source.key]
        feed.heard_s = now_s
        stamps_s = self._session_times(feed, chunk.raw_stamps_s + chunk.offset_s, now_s)
        decided = feed.estimator.push(chunk.samples[:, feed.columns], stamps_s)
        if isinstance(feed.estimator, CountsBadSamples):
            new = feed.estimator.bad_samples - feed.bad_samples
            if new:
                feed.bad_samples += new
                feed.held_back += new
                feed.complaint = "samples must be finite, in range and in time order"
        if self._pinned.get(feed.kind) == feed.source.key:
            if isinstance(feed.estimator, KeepsPhase) and feed is not self._breather():
                return  # one breath, told by one
            self._inhales_s += [event.at_s for event in decided if isinstance(event, Breath)]
            events += [
                dataclasses.replace(event, stream=feed.source.name)
                for event in decided
                if isinstance(event, Beat | Breath)
            ]

    def _session_times(self, feed: _Feed, stamps_s: Floats, now_s: float) -> Floats:
        """Return `stamps_s` on the session clock. Stamps of another clock are shifted, and told."""
        newest = float(stamps_s[-1]) + feed.shift_s
        if not -_LATE_S <= newest - now_s <= _EARLY_S and np.isfinite(newest):
            feed.shift_s += now_s - newest
            feed.complaint = f"stamps must be LSL's local_clock, were {newest - now_s:+.1f} s off: shifted"
            feed.held_back += 1
        shifted: npt.NDArray[np.float64] = stamps_s + feed.shift_s
        return shifted

    def _complain(self, feed: _Feed, now_s: float, events: list[Event]) -> None:
        if feed.held_back and now_s - feed.complained_s >= _BAD_INPUT_EVERY_S:
            what = f"{feed.complaint} ({feed.held_back} held out)"
            events.append(BadInput(at_s=now_s, source=feed.source.name, what=what))
            feed.complained_s, feed.held_back = now_s, 0

    def _steering(self) -> list[_Feed]:
        return [self._feeds[key] for key in self._pinned.values() if key in self._feeds]

    def _breather(self) -> _Feed | None:
        """Return the stream whose breaths count: the one that tells the rate, else the first that could."""
        feeds = [feed for feed in self._steering() if isinstance(feed.estimator, KeepsPhase)]
        chosen = self._sources.source("breath_rate")
        return next((feed for feed in feeds if feed.source.key == chosen), feeds[0] if feeds else None)

    def _told(self, now_s: float) -> dict[str, list[Reading]]:
        """Return the readings of each stream that steers."""
        return {feed.source.key: feed.estimator.readings(now_s) for feed in self._steering()}

    def _vitals(self, now_s: float) -> dict[str, Reading]:
        return missing(now_s) | self._sources.pick(self._told(now_s))

    def _quality(self, feed: _Feed, now_s: float) -> float:
        if not feed.alive:
            return 0.0
        return max((reading.quality for reading in feed.estimator.readings(now_s)), default=0.0)

    def _measure_coherence(self, now_s: float) -> float | None:
        for feed in self._steering():
            if isinstance(feed.estimator, PredictsBeat):
                return coherence(feed.estimator.intervals(now_s, WINDOW_S), now_s, self._pace_per_min)
        return None

    def _measure_rsa(self, now_s: float) -> Reading | None:
        """Return the swing of the heart with the breath; `None` unless streams of both steer."""
        hearts = [f.estimator for f in self._steering() if isinstance(f.estimator, PredictsBeat)]
        if not hearts or not any(isinstance(f.estimator, KeepsPhase) for f in self._steering()):
            return None
        vitals = self._vitals(now_s)
        intervals = hearts[0].intervals(now_s, rsa.WINDOW_S)
        return rsa.reading(
            intervals, list(self._inhales_s), now_s, vitals["heart_rate"], vitals["breath_rate"]
        )


def stream_kind(lsl_type: str) -> str:
    """Return the kind that an LSL type means: upper case, one spelling."""
    upper = lsl_type.upper()
    return _SAME_KIND.get(upper, upper)


def _shape(source: Source) -> str:
    return f"{source.channels} channels of {source.value_format} at {source.rate_hz:g} Hz"
