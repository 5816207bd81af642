"""What a room publishes: its controls, so that any LSL tool (and the simulated patient) can follow them."""

from __future__ import annotations

from typing import Final

from sensors.lsl import Outlet
from therapy.controls import Controls, numeric_fields

__all__ = ["CONTROLS_KIND", "ControlsOutlet", "controls_source_id"]

CONTROLS_KIND: Final = "StillwaterControls"
_NAME: Final = "stillwater-room"


def controls_source_id(room: str) -> str:
    """Return the source id of the controls of `room`."""
    return f"{_NAME}-{room}"


class ControlsOutlet:
    """The numeric `Controls` of one room as an irregular LSL stream; channels are labelled by field."""

    def __init__(self, room: str) -> None:
        self._names = numeric_fields()
        self._outlet = Outlet(
            name=_NAME,
            kind=CONTROLS_KIND,
            labels=self._names,
            rate_hz=0.0,
            source_id=controls_source_id(room),
            value_format="double64",
        )

    def push(self, controls: Controls, at_s: float) -> None:
        """Publish `controls` as of session time `at_s`."""
        self._outlet.push_one([float(getattr(controls, name)) for name in self._names], at_s)
