"""The ECG of a Polar H10 or H9-like strap (130 Hz), from its measurement data service, as an LSL stream."""

from __future__ import annotations

import threading
from typing import Any, Final

import numpy as np

from sensors.devices._ble import bluetooth_available, listen, parse_ecg_frame
from sensors.errors import BadNotification
from sensors.lsl import Outlet, local_clock
from therapy.specs import DeviceSpec

__all__ = ["DEVICE", "EcgStamps", "publish"]

RATE_HZ: Final = 130.0
_SERVICE: Final = "fb005c80-02e7-f387-1cad-8acd2d8df0c8"
_CONTROL: Final = "fb005c81-02e7-f387-1cad-8acd2d8df0c8"
_DATA: Final = "fb005c82-02e7-f387-1cad-8acd2d8df0c8"
#: Start (2) of ECG (0): sample rate (setting 0, one value) 130 Hz, resolution (setting 1, one value) 14 bit.
_START: Final = bytes((2, 0, 0, 1, 130, 0, 1, 1, 14, 0))


class EcgStamps:
    """The sensor's clock on ours: the least delayed frame tells the offset, drift is followed slowly.

    A frame can arrive late but never early: the smallest difference of the clocks is nearest to the truth. It
    may grow by 100 ppm, more than a crystal drifts, so that an old minimum is forgotten.
    """

    _DRIFT: Final = 1e-4

    def __init__(self) -> None:
        self._offset_s: float | None = None
        self._at_s = 0.0

    def of(self, stamp_ns: int, count: int, arrived_s: float) -> np.ndarray[Any, np.dtype[np.float64]]:
        """Return session times (count,) of a frame whose last sample the sensor stamped `stamp_ns`."""
        last_s = stamp_ns * 1e-9
        seen_s = arrived_s - last_s
        if self._offset_s is None or abs(seen_s - self._offset_s) > 10.0:
            self._offset_s = seen_s  # the first frame, or the sensor was restarted
        else:
            grown_s = self._offset_s + self._DRIFT * (last_s - self._at_s)
            self._offset_s = min(seen_s, grown_s)
        self._at_s = last_s
        return last_s + self._offset_s - np.arange(count - 1, -1, -1) / RATE_HZ


def publish(what: str, stop: threading.Event) -> None:
    """Publish the strap with the address or name `what`, or the first one found, until `stop`."""

    async def begin(client: Any) -> None:
        stamps = EcgStamps()
        outlet = Outlet(
            name=f"Polar ECG {client.address}",
            kind="ECG",
            labels=("ECG",),
            rate_hz=RATE_HZ,
            source_id=f"polar-ecg-{client.address}",
            unit="microvolts",
        )

        def notified(_sender: Any, data: bytearray) -> None:
            try:
                stamp_ns, samples = parse_ecg_frame(bytes(data))
            except BadNotification:
                return  # another measurement's frame; a hole shows as one
            values = np.asarray(samples, dtype=np.float32)[:, None]
            outlet.push(values, stamps.of(stamp_ns, len(samples), local_clock()))

        await client.start_notify(_DATA, notified)
        await client.write_gatt_char(_CONTROL, _START, response=True)

    listen(_SERVICE, what, begin, stop)


DEVICE: Final = DeviceSpec(
    name="polar-ecg",
    title="The ECG of a Polar H10",
    help="a Polar strap with ECG; polar-ecg:ADDRESS for a certain one",
    available=bluetooth_available,
    publish=publish,
)
