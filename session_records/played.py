"""What a session's music was: its notes from the journal, its tempo from the recorded controls."""

from __future__ import annotations

import dataclasses
import itertools
from pathlib import Path

import pyxdf

from session_records.errors import NotXdf
from session_records.folder import JOURNAL, XDF
from therapy.errors import BadValue
from therapy.events import MusicRests, Note, from_line

__all__ = ["Played", "played"]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Played:
    """The music of a session, on the session clock.

    Attributes:
        notes: in the order in which they were recorded.
        rests: the composed pauses.
        tempo: (from this time on in seconds, beats a minute), as the controls were sent.
    """

    notes: tuple[Note, ...]
    rests: tuple[MusicRests, ...]
    tempo: tuple[tuple[float, float], ...]


def played(folder: Path) -> Played:
    """Return what was played in the session in `folder`.

    Raises:
        BadValue: a journal line that is none, or a folder without a journal.
        NotXdf: a folder whose recording has no controls.
    """
    journal = folder / JOURNAL
    if not journal.is_file():
        raise BadValue("session", f"a folder with {JOURNAL}", folder.name)
    lines = journal.read_text(encoding="utf-8").splitlines()
    events = [from_line(line) for line in lines if line]
    return Played(
        notes=tuple(event for event in events if isinstance(event, Note)),
        rests=tuple(event for event in events if isinstance(event, MusicRests)),
        tempo=_tempo(folder / XDF),
    )


def _tempo(xdf: Path) -> tuple[tuple[float, float], ...]:
    """Return when the tempo changed and to what."""
    if not xdf.is_file():
        raise NotXdf(f"a session must have a {XDF}, {xdf.parent.name} has none")
    streams, _ = pyxdf.load_xdf(
        str(xdf),
        select_streams=[{"name": "stillwater-controls"}],
        synchronize_clocks=False,
        dejitter_timestamps=False,
    )
    if not streams or len(streams[0]["time_stamps"]) == 0:
        raise NotXdf(f"{XDF} must have the stream stillwater-controls, {xdf.parent.name} has no row of it")
    channels = streams[0]["info"]["desc"][0]["channels"][0]["channel"]
    column = [channel["label"][0] for channel in channels].index("tempo_bpm")
    rows = zip(streams[0]["time_stamps"].tolist(), streams[0]["time_series"][:, column].tolist(), strict=True)
    tempo = [(float(at_s), float(bpm)) for at_s, bpm in rows]
    return (tempo[0], *(now for was, now in itertools.pairwise(tempo) if now[1] != was[1]))
