"""Any Bluetooth heart-rate strap or watch: its RR intervals as an LSL stream of type `RR`."""

from __future__ import annotations

import threading
from typing import Any, Final

from sensors.devices._ble import BeatTimes, bluetooth_available, listen, parse_heart_rate
from sensors.errors import BadNotification
from sensors.lsl import Outlet, local_clock
from therapy.specs import DeviceSpec

__all__ = ["DEVICE", "StrapOutlet", "publish"]

_SERVICE: Final = "0000180d-0000-1000-8000-00805f9b34fb"
_MEASUREMENT: Final = "00002a37-0000-1000-8000-00805f9b34fb"


class StrapOutlet:
    """Publishes what notifications say. `bad` counts those that said nothing."""

    def __init__(self, name: str) -> None:
        self._beats = BeatTimes()
        self.bad = 0
        self.outlet = Outlet(
            name=f"Heart strap {name}",
            kind="RR",
            labels=("interval", "contact"),
            rate_hz=0.0,
            source_id=f"ble-heart-rate-{name}",
            unit="s",
            notes="RR intervals; stamps are rebuilt from them, the strap gives none",
        )

    def notified(self, data: bytes, arrived_s: float) -> None:
        """Take one notification."""
        try:
            heard = parse_heart_rate(data)
        except BadNotification:
            self.bad += 1
            return
        contact = 0.0 if heard.contact is False else 1.0
        for at_s, length_s in self._beats.add(heard.intervals_s, arrived_s):
            self.outlet.push_one((length_s, contact), at_s)


def publish(what: str, stop: threading.Event) -> None:
    """Publish the strap with the address or name `what`, or the first one found, until `stop`."""

    async def begin(client: Any) -> None:
        outlet = StrapOutlet(client.address)
        await client.start_notify(
            _MEASUREMENT, lambda _sender, data: outlet.notified(bytes(data), local_clock())
        )

    listen(_SERVICE, what, begin, stop)


DEVICE: Final = DeviceSpec(
    name="ble-heart-rate",
    title="A Bluetooth heart-rate strap",
    help="a strap with the standard Heart Rate service; ble-heart-rate:ADDRESS for a certain one",
    available=bluetooth_available,
    publish=publish,
)
