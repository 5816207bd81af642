"""LSL, set up to stay on this machine, behind types. Nothing else of this project imports pylsl.

Call `configure` first in every process; LSL reads its configuration once, at its first use.
"""

from __future__ import annotations

import dataclasses
import re
import time
import uuid
from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pylsl

from sensors.errors import BadClock, LslError
from sensors.quality import Floats

__all__ = [
    "Inlet",
    "Outlet",
    "Resolver",
    "Source",
    "check_clock",
    "configure",
    "library_version",
    "local_clock",
    "visible_streams",
]

#: Ports an outlet may listen on, from 16572 up; two are used by each outlet of a machine.
_PORTS: Final = 256
_CLOCKS_APART_S: Final = 1e-3
_FORGET_S: Final = 3.0

_MACHINE: Final = """[multicast]
ResolveScope = machine
ListenAddress = 127.0.0.1
[lab]
KnownPeers = {{127.0.0.1}}
SessionID = {session}
[ports]
IPv6 = disable
PortRange = {ports}
[log]
level = -3
"""

_LAN: Final = """[multicast]
ResolveScope = site
[lab]
SessionID = {session}
[ports]
PortRange = {ports}
[log]
level = -3
"""


def configure(session_id: str, *, lan: bool = False) -> None:
    """Keep LSL to streams of `session_id`: on this machine, or with `lan` on the local network.

    Must come before every other LSL call of the process. Calling it again with the same id does nothing.

    Raises:
        LslError: `session_id` is not 1–64 letters, digits, `-`, `_` or `.`; or LSL is in use with another id.
    """
    if not re.fullmatch(r"[A-Za-z0-9._-]{1,64}", session_id):
        raise LslError("LSL session id", "1–64 letters, digits, '-', '_' or '.'", session_id)
    pylsl.set_config_content((_LAN if lan else _MACHINE).format(session=session_id, ports=_PORTS))
    # only an outlet knows which session it is in
    probe = pylsl.StreamOutlet(
        pylsl.StreamInfo("stillwater-probe", "Probe", 1, 0.0, "float32", uuid.uuid4().hex)
    )
    active = probe.get_info().session_id()
    if active != session_id:
        raise LslError("LSL session id", f"{active!r}, which this process already uses", session_id)


def local_clock() -> float:
    """Return session time: LSL's clock, which is the monotonic clock (`check_clock`)."""
    return float(pylsl.local_clock())


def check_clock() -> float:
    """Return by how many seconds LSL's clock differs from `time.monotonic`.

    Raises:
        BadClock: more than a millisecond; stamps of other processes would be wrong by that.
    """
    apart = min((local_clock() - time.monotonic() for _ in range(5)), key=abs)
    if abs(apart) > _CLOCKS_APART_S:
        raise BadClock("LSL clock minus monotonic clock", f"within ±{_CLOCKS_APART_S:g} s", apart)
    return apart


def library_version() -> str:
    """Return the version of liblsl, such as `1.18`."""
    number = int(pylsl.library_version())
    return f"{number // 100}.{number % 100}"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """An LSL stream as its outlet describes it.

    Attributes:
        key: the same for a device that comes back: its source id, or name, type and host where it has none.
        uid: another one each time an outlet is made.
        name: stream name.
        kind: LSL type, such as `ECG`.
        source_id: the device's own id, may be empty.
        host: machine that sends.
        channels: number of channels.
        rate_hz: nominal sampling rate; 0 for irregular.
        value_format: `float32`, `double64`, `string`, `int32`, `int16`, `int8` or `int64`.
        labels: channel labels, empty where the outlet gives none (or was not asked yet).
        xml: the whole description; only short before the inlet is open.
    """

    key: str
    uid: str
    name: str
    kind: str
    source_id: str
    host: str
    channels: int
    rate_hz: float
    value_format: str
    labels: tuple[str, ...] = ()
    xml: str = ""

    @property
    def shape(self) -> tuple[int, float, str]:
        """What must stay the same for a stream to be the same: channels, rate, format."""
        return self.channels, self.rate_hz, self.value_format


_FORMATS: Final = ("undefined", "float32", "double64", "string", "int32", "int16", "int8", "int64")


def _source(info: Any, *, full: bool) -> Source:
    name, kind, source_id, host = info.name(), info.type(), info.source_id(), info.hostname()
    return Source(
        key=source_id or f"{name}|{kind}|{host}",
        uid=info.uid(),
        name=name,
        kind=kind,
        source_id=source_id,
        host=host,
        channels=int(info.channel_count()),
        rate_hz=float(info.nominal_srate()),
        value_format=_FORMATS[int(info.channel_format())],
        labels=tuple(label or "" for label in info.get_channel_labels() or ()) if full else (),
        xml=info.as_xml() if full else "",
    )


class Outlet:
    """A stream that this process publishes.

    `source_id` must be stable and not empty: only then do readers find the stream again after a restart.
    """

    def __init__(  # noqa: PLR0913  # a stream's description has so many parts
        self,
        *,
        name: str,
        kind: str,
        labels: Sequence[str],
        rate_hz: float,
        source_id: str,
        value_format: str = "float32",
        unit: str = "",
        notes: str = "",
        buffered_s: int = 30,
    ) -> None:
        info = pylsl.StreamInfo(name, kind, len(labels), rate_hz, value_format, source_id)
        channels = info.desc().append_child("channels")
        for label in labels:
            channel = channels.append_child("channel")
            channel.append_child_value("label", label)
            channel.append_child_value("unit", unit)
        if notes:
            info.desc().append_child_value("notes", notes)
        self._outlet = pylsl.StreamOutlet(info, max_buffered=buffered_s)

    def push(self, samples: npt.NDArray[Any], stamps_s: Floats) -> None:
        """Send samples (n, channels) with their session times (n,)."""
        if len(stamps_s):
            self._outlet.push_chunk(np.ascontiguousarray(samples), stamps_s.tolist())

    def push_one(self, sample: Sequence[float] | Sequence[str], at_s: float) -> None:
        """Send one sample (channels,) stamped `at_s`."""
        self._outlet.push_sample(list(sample), at_s)

    def has_readers(self) -> bool:
        """Tell whether somebody reads; nothing pushed before that arrives anywhere."""
        return bool(self._outlet.have_consumers())


class Inlet:
    """A stream to read, with the sender's stamps. `open` may take seconds, `pull` never waits."""

    def __init__(self, info: Any, *, buffer_s: int) -> None:
        self._inlet = pylsl.StreamInlet(info, max_buflen=buffer_s, recover=True, processing_flags=0)

    def open(self, timeout_s: float) -> Source | None:
        """Fetch the description and subscribe; `None` if the sender does not answer."""
        try:
            source = _source(self._inlet.info(timeout_s), full=True)
            self._inlet.open_stream(timeout_s)
        except (pylsl.util.TimeoutError, pylsl.util.LostError):
            return None
        return source

    def offset_s(self, timeout_s: float) -> float | None:
        """Return what to add to the sender's stamps to have ours, or `None` while unknown. Waits."""
        try:
            return float(self._inlet.time_correction(timeout_s))
        except (pylsl.util.TimeoutError, pylsl.util.LostError):
            return None

    def pull(self) -> tuple[npt.NDArray[Any], Floats] | None:
        """Return what arrived: samples (n, channels) and raw stamps (n,); `None` when the stream broke."""
        try:
            samples, stamps = self._inlet.pull_chunk(timeout=0.0, max_samples=4096, as_numpy=True)
        except pylsl.util.LostError:
            return None
        return samples, stamps


class Resolver:
    """The streams in sight, looked for all the time in LSL's own threads."""

    def __init__(self) -> None:
        self._resolver = pylsl.ContinuousResolver(forget_after=_FORGET_S)

    def streams(self) -> list[tuple[Source, Callable[[int], Inlet]]]:
        """Return streams in sight by name, each with a builder of inlets (argument: seconds to buffer)."""
        infos = [(_source(info, full=False), info) for info in self._resolver.results()]
        infos.sort(key=lambda pair: (pair[0].name, pair[0].key, pair[0].uid))
        return [(source, _opener(info)) for source, info in infos]


def _opener(info: Any) -> Callable[[int], Inlet]:
    return lambda buffer_s: Inlet(info, buffer_s=buffer_s)


def visible_streams(look_s: float) -> list[Source]:
    """Return the streams that can be seen after looking for `look_s` seconds. Waits; for command lines."""
    resolver = Resolver()
    time.sleep(look_s)
    return [source for source, _ in resolver.streams()]
