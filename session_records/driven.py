"""What a session's room did, for one that is yoked to it: its controls by the time since it began."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyxdf

from session_records.folder import JOURNAL, XDF
from therapy.controls import MODES, Controls, numeric_fields
from therapy.errors import BadValue
from therapy.events import Event, MachineMoved, from_line
from therapy.yoke import Trace

__all__ = ["driven"]

#: While a session is in one of these its clock goes on; in a pause it stands, and so does a yoked one's.
_GOING: Final = ("RUNNING", "RETURNING")


def driven(folder: Path) -> Trace:
    """Return the controls of the session in `folder`, at times since it began, pauses left out. Blocking.

    Raises:
        BadValue: a folder without a journal, a session that never began, or a recording that cannot be read,
            has no controls, or not all of them.
    """
    journal = folder / JOURNAL
    if not journal.is_file():
        raise BadValue("session", f"a folder with {JOURNAL}", folder.name)
    events = [from_line(line) for line in journal.read_text(encoding="utf-8").splitlines() if line]
    spans = _going(events)
    if not spans:
        raise BadValue("session to be yoked to", "one that began", folder.name)
    stamps_s, columns = _rows(folder / XDF)
    times: list[float] = []
    controls: list[Controls] = []
    before_s = 0.0
    for start_s, end_s in spans:
        for at in np.flatnonzero((stamps_s >= start_s) & (stamps_s < end_s)).tolist():
            elapsed_s = before_s + float(stamps_s[at]) - start_s
            if not times or elapsed_s > times[-1]:
                times.append(elapsed_s)
                controls.append(_controls(columns, at))
        before_s += end_s - start_s
    return Trace(times_s=tuple(times), controls=tuple(controls))


def _going(events: Sequence[Event]) -> list[tuple[float, float]]:
    """Return from when to when the session's clock went; a recording that breaks off ends its last span."""
    spans: list[tuple[float, float]] = []
    since_s: float | None = None
    for event in events:
        if not isinstance(event, MachineMoved):
            continue
        if since_s is None and event.now in _GOING:
            since_s = event.at_s
        elif since_s is not None and event.now not in _GOING:
            spans.append((since_s, event.at_s))
            since_s = None
    if since_s is not None:
        spans.append((since_s, np.inf))
    return spans


def _rows(xdf: Path) -> tuple[Any, dict[str, Any]]:
    """Return the stamps (n,) of the controls and their values (n,) by name."""
    what = f"{XDF} of {xdf.parent.name}"
    if not xdf.is_file():
        raise BadValue(what, "there", "no such file")
    with xdf.open("rb") as file:
        magic = file.read(4)
    if magic != b"XDF:":  # said before pyxdf opens it: that leaves what it cannot read open
        raise BadValue(what, "an XDF file", magic)
    try:
        streams, _ = pyxdf.load_xdf(
            str(xdf),
            select_streams=[{"name": "stillwater-controls"}],
            synchronize_clocks=False,
            dejitter_timestamps=False,
        )
    except Exception as error:  # it raises anything on broken files
        raise BadValue(what, "readable", f"{type(error).__name__}: {error}"[:200]) from error
    if not streams or len(streams[0]["time_stamps"]) == 0:
        raise BadValue(what, "one with controls", "no row of them")
    channels = streams[0]["info"]["desc"][0]["channels"][0]["channel"]
    columns = {channel["label"][0]: streams[0]["time_series"][:, k] for k, channel in enumerate(channels)}
    missing = [name for name in (*numeric_fields(), "mode_index") if name not in columns]
    if missing:
        raise BadValue(f"controls of {xdf.parent.name}", "all recorded", f"no {missing[0]}")
    return np.asarray(streams[0]["time_stamps"], dtype=np.float64), columns


def _controls(columns: dict[str, Any], at: int) -> Controls:
    modes = list(MODES)
    mode = modes[min(max(round(float(columns["mode_index"][at])), 0), len(modes) - 1)]
    return Controls(mode=mode, **{name: float(columns[name][at]) for name in numeric_fields()})
