"""A room's sound dose: counts what its patient hears, warns, and eases the level down at the limit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from therapy.dose import ADULT, SENSITIVE, DoseCounter
from therapy.events import AlarmRaised, Event, SoundDoseReached

__all__ = ["EASED_GAIN", "SoundDose"]

#: Fade gain once the week's allowance is used: 10 dB down (gains are squared), a tenth of the dose a minute.
EASED_GAIN: Final = 10.0 ** (-10.0 / 40.0)
#: A heartbeat that comes later than this says nothing of the time before it.
_LONGEST_STEP_S: Final = 1.0


class SoundDose:
    """Counts one session after the other.

    Args:
        sensitive: count against the allowance of children and sensitive ears.
        full_scale_dba: level at the ear of sound at 0 LUFS, dBA.
        on_event: told the warning, the limit, and their alarms.
    """

    def __init__(self, *, sensitive: bool, full_scale_dba: float, on_event: Callable[[Event], None]) -> None:
        self._allowance = SENSITIVE if sensitive else ADULT
        self._full_scale_dba = full_scale_dba
        self._on_event = on_event
        self._counter = DoseCounter(self._allowance, full_scale_dba)
        self._heard_s: float | None = None
        self.eased = False

    def open(self, before: float, *, session: float = 0.0) -> None:
        """Begin a session of a patient who has used the share `before` of this week.

        `session` is what the session has used already, where its room was started again.
        """
        self._counter = DoseCounter(self._allowance, self._full_scale_dba, before, session=session)
        self._heard_s = None
        self.eased = False

    def hear(self, lufs: float, at_s: float) -> None:
        """Count the time since the last call at the loudness of now."""
        seconds = 0.0 if self._heard_s is None else min(max(at_s - self._heard_s, 0.0), _LONGEST_STEP_S)
        self._heard_s = at_s
        step = self._counter.hear(lufs, seconds)
        if step is None:
            return
        self.eased = self.eased or step.limit_reached
        self._on_event(
            SoundDoseReached(
                at_s=at_s,
                session_percent=100.0 * step.session,
                week_percent=100.0 * step.week,
                eased=step.limit_reached,
            )
        )
        used = f"the patient's sound dose is {100.0 * step.week:.0f} % of a week's ({self._allowance.name})"
        then = "; the sound is eased down by 10 dB" if step.limit_reached else ""
        self._on_event(AlarmRaised(at_s=at_s, level="watch", what=used + then))

    def memory(self) -> dict[str, float]:
        """Return what `open` needs to go on in another process."""
        return {"before": self._counter.week - self._counter.session, "session": self._counter.session}

    def state(self) -> dict[str, Any]:
        """Return what the panel shows."""
        level_dba = self._counter.level_dba
        return {
            "level_dba": level_dba if level_dba > 0.0 else None,
            "session": self._counter.session,
            "week": self._counter.week,
            "eased": self.eased,
        }
