"""Boards that BrainFlow drives (OpenBCI, Muse, EmotiBit …): each kind of channel becomes an LSL stream."""

from __future__ import annotations

import dataclasses
import importlib.util
import threading
import time
import warnings
from collections.abc import Mapping
from typing import Any, Final, Self

import numpy as np
import numpy.typing as npt

from sensors.errors import BadDevice
from sensors.lsl import Outlet, local_clock
from sensors.quality import Floats
from therapy.specs import DeviceSpec

__all__ = ["DEVICE", "Board", "Channels", "publish"]

_TICK_S: Final = 0.02
#: Our kinds, and what BrainFlow calls the rows of each.
_KINDS: Final[Mapping[str, str]] = {
    "EEG": "eeg_channels",
    "ECG": "ecg_channels",
    "PPG": "ppg_channels",
    "EDA": "eda_channels",
}
_UNITS: Final[Mapping[str, str]] = {
    "EEG": "microvolts",
    "ECG": "microvolts",
    "PPG": "count",
    "EDA": "microsiemens",
}


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Channels:
    """The rows of one kind in a board's data."""

    kind: str
    rows: tuple[int, ...]
    labels: tuple[str, ...]


class Board:
    """A running BrainFlow board; `read` what came since the last call. Use as a context.

    Args:
        what: `BOARD` or `BOARD,PORT` with a name of BrainFlow's `BoardIds` (`_BOARD` may be left out),
            such as `synthetic` or `cyton,/dev/ttyUSB0`.

    Raises:
        BadDevice: no such board, or it cannot be started.
    """

    def __init__(self, what: str) -> None:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "pkg_resources is deprecated")  # asked for at its first board
            self._start(what)

    def _start(self, what: str) -> None:
        from brainflow.board_shim import BoardIds, BoardShim, BrainFlowInputParams  # noqa: PLC0415  # an extra

        name, _, port = (what or "synthetic").partition(",")
        upper = name.strip().upper().removesuffix("_BOARD") + "_BOARD"
        if upper not in BoardIds.__members__:
            known = ", ".join(sorted(each.removesuffix("_BOARD").lower() for each in BoardIds.__members__))
            raise BadDevice("BrainFlow board", f"one of {known}", name)
        BoardShim.disable_board_logger()
        self.name = upper.removesuffix("_BOARD").lower()
        self._id = BoardIds[upper].value
        params = BrainFlowInputParams()
        params.serial_port = port.strip()
        self._board: Any = BoardShim(self._id, params)
        about: dict[str, Any] = BoardShim.get_board_descr(self._id)
        self.rate_hz = float(about["sampling_rate"])
        self._stamp_row = int(about["timestamp_channel"])
        names = [n.strip() for n in str(about.get("eeg_names", "")).split(",") if n.strip()]
        self.kinds = [
            Channels(
                kind=kind,
                rows=tuple(about[key]),
                labels=tuple(
                    names[i] if kind == "EEG" and i < len(names) else f"{kind}{i + 1}"
                    for i in range(len(about[key]))
                ),
            )
            for kind, key in _KINDS.items()
            if about.get(key) and not (kind == "ECG" and about.get("eeg_channels") == about[key])
        ]

    def __enter__(self) -> Self:
        """Start the board's stream.

        Raises:
            BadDevice: it does not answer.
        """
        from brainflow.exit_codes import BrainFlowError  # noqa: PLC0415

        try:
            self._board.prepare_session()
            self._board.start_stream()
        except BrainFlowError as error:
            raise BadDevice(f"board {self.name}", "connected and switched on", str(error)) from error
        return self

    def __exit__(self, *_: object) -> None:
        """Stop and let go."""
        self._board.stop_stream()
        self._board.release_session()

    def read(self) -> tuple[npt.NDArray[np.float64], Floats]:
        """Return the new data (n, rows) and its session times (n,). BrainFlow stamps with the wall clock."""
        data = self._board.get_board_data().T
        wall_to_session_s = local_clock() - time.time()
        return data, data[:, self._stamp_row] + wall_to_session_s


def publish(what: str, stop: threading.Event) -> None:
    """Publish a board's EEG, ECG, PPG and EDA channels until `stop`."""
    with Board(what) as board:
        outlets = [
            (
                channels,
                Outlet(
                    name=f"{board.name} {channels.kind}",
                    kind=channels.kind,
                    labels=channels.labels,
                    rate_hz=board.rate_hz,
                    source_id=f"brainflow-{board.name}-{channels.kind}",
                    unit=_UNITS[channels.kind],
                ),
            )
            for channels in board.kinds
        ]
        while not stop.wait(_TICK_S):
            data, stamps_s = board.read()
            for channels, outlet in outlets:
                outlet.push(data[:, channels.rows].astype(np.float32), stamps_s)


def _available() -> str:
    if importlib.util.find_spec("brainflow"):
        return ""
    return "needs the extra 'devices' (pip install stillwater[devices])"


DEVICE: Final = DeviceSpec(
    name="brainflow",
    title="A board that BrainFlow drives (OpenBCI, Muse, EmotiBit …)",
    help="brainflow:BOARD or brainflow:BOARD,PORT; brainflow:synthetic needs no hardware",
    available=_available,
    publish=publish,
)
