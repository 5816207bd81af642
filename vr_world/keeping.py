"""What a session leaves in the clinic's database: sound dose, values at rest, the guide's notes, its end.

    a room's states ─▶ Keeping.take ─▶ newest of each kind ─▶ one thread at a time ─▶ database

Nothing here waits for the disk, and nothing is dropped: what could not be written waits until it can be.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import logging
from collections.abc import Callable, Mapping
from typing import Any, Final

from sqlalchemy.exc import SQLAlchemyError

from clinic.doses import SoundDoses
from clinic.errors import BadRequest
from clinic.figures import PatientFigures
from clinic.memory import GuideMemory
from clinic.sessions import SessionIndex

__all__ = ["Keeping"]

log = logging.getLogger(__name__)

#: Share of a week's allowance of sound that may be lost with the gateway: about two minutes at 80 dBA.
DOSE_STEP: Final = 0.001
#: A disk that refused is asked again after this.
AGAIN_S: Final = 5.0
OVER: Final = ("ENDED", "STOPPED")


class Keeping:
    """Keeps what sessions leave. Belongs to one event loop.

    Args:
        sessions: how each session ended.
        doses: sound by session.
        figures: what was measured of patients.
        memory: what the guide may remember.
        utc_s: the wall clock.
    """

    def __init__(
        self,
        sessions: SessionIndex,
        doses: SoundDoses,
        figures: PatientFigures,
        memory: GuideMemory,
        *,
        utc_s: Callable[[], float],
    ) -> None:
        self._sessions, self._doses, self._figures, self._memory = sessions, doses, figures, memory
        self._utc_s = utc_s
        self._going_on: dict[str, str] = {}
        self._dose_noted: dict[str, float] = {}
        self._noted: set[str] = set()
        self._waiting: dict[str, Callable[[], object]] = {}
        self._waits = asyncio.Event()

    def began(self, room: str, session_id: str) -> None:
        """From now on `room` lives this session."""
        self._going_on[room] = session_id
        self._dose_noted.pop(room, None)

    def take(self, room: str, state: Mapping[str, Any]) -> None:
        """Keep what is new in a room's state message."""
        session_id = self._going_on.get(room)
        if session_id is None:
            return
        over = state["phase"] in OVER
        if patient := str(state["patient"]):
            self._dose(room, session_id, patient, float(state["sound"]["session"]), over=over)
            self._rest(session_id, patient, state.get("baseline") or {})
            self._guide(session_id, patient, state.get("guide"), over=over)
        if over:
            del self._going_on[room]
            self._noted = {what for what in self._noted if not what.endswith(session_id)}
            ended = functools.partial(
                self._sessions.ended, session_id, outcome=state["phase"], at_utc_s=self._utc_s()
            )
            self._keep(f"end of {session_id}", ended)

    async def run(self) -> None:
        """Write what waits, one after another; what the disk refuses again later. Runs until cancelled."""
        while True:
            await self._waits.wait()
            self._waits.clear()
            if not await self._write():
                asyncio.get_running_loop().call_later(AGAIN_S, self._waits.set)

    async def finish(self) -> None:
        """Write what still waits, once: the server is ending."""
        await self._write()

    async def _write(self) -> bool:
        """Write what waits; return whether all of it is on the disk."""
        well = True
        for what, work in list(self._waiting.items()):
            try:
                await asyncio.to_thread(work)
            except (SQLAlchemyError, OSError) as error:
                well = False
                log.error("%s could not be kept (%s); it is tried again", what, type(error).__name__)  # noqa: TRY400  # its text may hold values of a patient
                continue
            except BadRequest as error:  # it never will be
                log.error("%s cannot be kept (%s)", what, type(error).__name__)  # noqa: TRY400  # as above
            if self._waiting.get(what) is work:
                del self._waiting[what]
        return well

    def _keep(self, what: str, work: Callable[[], object]) -> None:
        self._waiting[what] = work
        self._waits.set()

    def _dose(self, room: str, session_id: str, patient: str, share: float, *, over: bool) -> None:
        """Keep the session's sound dose: each thousandth of a week's allowance, and at the end."""
        if not (over or share - self._dose_noted.get(room, 0.0) >= DOSE_STEP):
            return
        self._dose_noted[room] = share
        note = functools.partial(
            self._doses.note, session_id, patient=patient, share=share, at_utc_s=self._utc_s()
        )
        self._keep(f"the sound dose of {session_id}", note)

    def _rest(self, session_id: str, patient: str, baseline: Mapping[str, float]) -> None:
        """Keep the patient's values at rest of this session, once they are known."""
        what = f"the values at rest of {session_id}"
        if not baseline or what in self._noted:
            return
        self._noted.add(what)
        values = dict(baseline)

        def note() -> None:
            for kind, value in values.items():
                with contextlib.suppress(BadRequest):  # no value that a body has: nothing to begin with later
                    self._figures.note(session_id, patient=patient, kind=kind, value=value)

        self._keep(what, note)

    def _guide(self, session_id: str, patient: str, guide: Mapping[str, Any] | None, *, over: bool) -> None:
        """Keep that the guide has said what it is, and at the end propose what it may remember."""
        if guide is None:
            return
        what = f"the guide's first words of {session_id}"
        if guide["met"] and what not in self._noted:
            self._noted.add(what)
            self._keep(what, functools.partial(self._memory.met, patient))
        if over and guide["notes"]:
            notes = functools.partial(self._memory.propose, patient, guide["notes"])
            self._keep(f"the guide's notes of {session_id}", notes)
