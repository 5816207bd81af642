"""What Bluetooth sensors say, as plain parsers, and the loop that keeps listening to one."""

from __future__ import annotations

import asyncio
import dataclasses
import importlib.util
import struct
import threading
from collections.abc import Awaitable, Callable
from typing import Any, Final

from sensors.errors import BadNotification

__all__ = [
    "BeatTimes",
    "HeartRateNotification",
    "bluetooth_available",
    "listen",
    "parse_ecg_frame",
    "parse_heart_rate",
]

_TICKS_PER_S: Final = 1024.0  # Bluetooth SIG, Heart Rate Service 1.0: RR in 1/1024 s
_FIND_S: Final = 10.0
_AGAIN_S: Final = 2.0
_CHECK_S: Final = 0.2


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class HeartRateNotification:
    """One Heart Rate Measurement (0x2A37). `contact` is `None` where the strap cannot tell."""

    rate_bpm: int
    contact: bool | None
    intervals_s: tuple[float, ...]


def parse_heart_rate(data: bytes) -> HeartRateNotification:
    """Return what a Heart Rate Measurement says (Bluetooth SIG, Heart Rate Service 1.0).

    Raises:
        BadNotification: it is shorter than its flags promise.
    """
    if not data:
        raise BadNotification("heart rate notification", "at least 2 bytes", 0)
    flags, at = data[0], 1
    try:
        (rate,) = struct.unpack_from("<H" if flags & 1 else "<B", data, at)
    except struct.error:
        raise BadNotification("heart rate notification", "long enough for its rate", data.hex()) from None
    at += 2 if flags & 1 else 1
    contact = bool(flags & 2) if flags & 4 else None
    at += 2 if flags & 8 else 0  # energy expended
    rest = data[at:] if flags & 16 else b""
    if len(rest) % 2 or at > len(data):
        raise BadNotification("heart rate notification", "whole intervals of 2 bytes", data.hex())
    intervals = struct.unpack(f"<{len(rest) // 2}H", rest)
    return HeartRateNotification(
        rate_bpm=rate, contact=contact, intervals_s=tuple(ticks / _TICKS_PER_S for ticks in intervals)
    )


class BeatTimes:
    """When the beats were: intervals added up, held to the time of arrival.

    Notifications come about once a second, with 0…n intervals, without stamps, late by an unknown, uneven
    time. Intervals are exact: their sum keeps the rhythm. The sum follows arrival slowly (5 % of the
    difference a beat), and jumps only when more than three seconds are missing.
    """

    _JUMP_S: Final = 3.0
    _FOLLOW: Final = 0.05

    def __init__(self) -> None:
        self._last_s: float | None = None

    def add(self, intervals_s: tuple[float, ...], arrived_s: float) -> list[tuple[float, float]]:
        """Return (time of the beat, interval before it) for a notification that came at `arrived_s`."""
        if not intervals_s:
            return []
        whole_s = sum(intervals_s)
        expected_s = None if self._last_s is None else self._last_s + whole_s
        if expected_s is None or abs(arrived_s - expected_s) > self._JUMP_S:
            end_s = arrived_s
        else:
            end_s = expected_s + self._FOLLOW * (arrived_s - expected_s)
        beats: list[tuple[float, float]] = []
        at_s = end_s - whole_s
        if self._last_s is not None:
            at_s = max(at_s, self._last_s)
        for length_s in intervals_s:
            at_s += length_s
            beats.append((at_s, length_s))
        self._last_s = at_s
        return beats


def parse_ecg_frame(data: bytes) -> tuple[int, tuple[int, ...]]:
    """Return the sensor's stamp of the last sample (ns) and the samples (µV) of a Polar PMD ECG frame.

    Polar Measurement Data: type 0 (ECG), u64 stamp, frame type 0, then signed 24-bit microvolts.

    Raises:
        BadNotification: another measurement, another frame type, or not whole samples.
    """
    header = 10
    if len(data) < header or data[0] != 0 or data[9] != 0 or (len(data) - header) % 3:
        raise BadNotification("Polar ECG frame", "type 0, frame 0, whole samples of 3 bytes", data[:16].hex())
    (stamp_ns,) = struct.unpack_from("<Q", data, 1)
    samples = tuple(
        int.from_bytes(data[at : at + 3], "little", signed=True) for at in range(header, len(data), 3)
    )
    return stamp_ns, samples


def bluetooth_available() -> str:
    """Return nothing, or what is missing for Bluetooth."""
    return (
        ""
        if importlib.util.find_spec("bleak")
        else "needs the extra 'devices' (pip install stillwater[devices])"
    )


async def _serve(
    service: str, what: str, begin: Callable[[Any], Awaitable[None]], stop: threading.Event
) -> None:
    from bleak import BleakClient, BleakScanner  # noqa: PLC0415  # an extra; needs a Bluetooth service
    from bleak.exc import BleakError  # noqa: PLC0415

    while not stop.is_set():
        found = await BleakScanner.find_device_by_filter(
            lambda device, told: (
                what.lower() in (device.address.lower(), (device.name or "").lower())
                if what
                else service in told.service_uuids
            ),
            timeout=_FIND_S,
        )
        if found is None:
            continue
        try:
            async with BleakClient(found) as client:
                await begin(client)
                while client.is_connected and not stop.is_set():  # noqa: ASYNC110  # set by another thread
                    await asyncio.sleep(_CHECK_S)
        except (BleakError, OSError, TimeoutError):
            await asyncio.sleep(_AGAIN_S)  # out of reach: its stream falls silent, which the room tells


def listen(service: str, what: str, begin: Callable[[Any], Awaitable[None]], stop: threading.Event) -> None:
    """Find the sensor with `service` (or the address or name `what`), `begin(client)`, again after a loss."""
    asyncio.run(_serve(service, what, begin, stop))
