"""What a conversation says of itself to the chooser, to a model and to the gate. Pure."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Final

from therapy.actions import AskRating, GuideAction
from therapy.gate import Verdict, admit, guide_controls
from therapy.may_say import MaySay
from therapy.talk import Briefing, GuideMode, Heard, Turn
from voice_guide.bank import LineBank
from voice_guide.choose import Present
from voice_guide.dialogue import ConversationSettings, Surroundings

__all__ = ["Context", "action_in_words"]

#: Lines that a model may choose from.
_CHOICES: Final = 6


class Context:
    """The session around a conversation, as far as each of its partners may know it."""

    def __init__(self, settings: ConversationSettings) -> None:
        self._settings = settings
        self._may_say = _may_say(settings)

    def around(self) -> Surroundings:
        """Return what the session is like now."""
        return self._settings.surroundings()

    def admitted(self, action: GuideAction, mode: GuideMode, *, heard: str, risk_held: bool) -> Verdict:
        """Return what the gate lets through of `action`, where the patient's last words were `heard`."""
        around = self.around()

        def screen(text: str) -> str:
            return self._settings.screen(text, heard)

        return admit(
            action,
            mode=mode,
            limits=around.limits,
            controls=around.controls,
            places=frozenset(around.places),
            may_say=dataclasses.replace(self._may_say, screen=screen),
            risk_held=risk_held,
            fastest_breath_per_min=around.baseline_breath_per_min,
            stage=around.stage,
        )

    def present(self, said: Sequence[str], awaiting: AskRating | None, *, asked_again: bool) -> Present:
        """Return what a choice of lines depends on."""
        around = self.around()
        return Present(
            controls=around.controls,
            here=around.here,
            places=around.places,
            minutes_left=around.minutes_left,
            said=tuple(said),
            awaiting=None if awaiting is None else awaiting.scale,
            asked_again=asked_again,
        )

    def briefing(self, heard: Heard, mode: GuideMode, history: Sequence[Turn], present: Present) -> Briefing:
        """Return what a model may know to answer `heard`; `history` ends with it."""
        around = self.around()
        scored = self._settings.chooser.lines(heard.text, present, k=_CHOICES)
        limits = ", ".join(f"{name} {r.low:g}…{r.high:g}" for name, r in around.limits.ranges.items())
        return Briefing(
            turn=heard.turn,
            mode=mode,
            language=self._settings.language,
            words=heard.text,
            history=tuple(history)[:-1],
            stage=f"{around.stage_name} ({around.stage.value.lower()})" if around.stage else "",
            state=around.state,
            limits=limits,
            lines=tuple(line for line, _ in scored),
            controls=guide_controls(around.limits, around.controls, around.baseline_breath_per_min),
            places=tuple(place for place in around.places if place != around.here),
            remembered=self._settings.remembered,
        )


def action_in_words(action: GuideAction) -> str:
    """Return an action as the panel and the record tell it: `ShiftScene control=weather value=0.2`."""
    fields = (f"{f.name}={getattr(action, f.name)}" for f in dataclasses.fields(action))
    shown = (field for field in fields if not field.endswith("="))
    return " ".join((type(action).__name__, *shown))


def _may_say(settings: ConversationSettings) -> MaySay:
    bank: LineBank = settings.chooser.bank
    slots = {
        "place": frozenset(place.title for place in bank.places.values()),
        "minutes": frozenset(str(count) for count in range(121)),
        "count": frozenset(str(count) for count in range(101)),
    }
    lines = {line_id: line.text for line_id, line in bank.lines.items()}
    return MaySay(lines=lines, slots=slots)
