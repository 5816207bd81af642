"""A briefing, the gate's usual settings, and a mind that replays what a model once wrote."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator

from therapy.actions import GuideAction, Say, ShiftScene
from therapy.controls import NEUTRAL
from therapy.gate import guide_controls
from therapy.may_say import MaySay
from therapy.plan import Limits, Range, StageKind
from therapy.safety import Verdict, admit
from therapy.talk import ApprovedLine, Briefing, GuideMode, Proposal
from voice_guide.say_screen import SayScreen
from voice_guide.think import ThinkSettings, Thought
from voice_guide.think._mind import never_cancelled
from voice_guide.think._reader import read_along

LIMITS = Limits(
    ranges={"music_lufs": Range(low=-40.0, high=-23.0), "light": Range(low=0.3, high=0.8)},
    triggers=frozenset({"fire"}),
)
PLACES = ("forest", "ocean")
LINES = (
    ApprovedLine(
        line_id="less_waves.calmer",
        language="en",
        text="Of course. The waves grow softer.",
        intent="less_waves",
        actions=(ShiftScene(control="weather", value=0.1),),
    ),
    ApprovedLine(line_id="anxious.here", language="en", text="Take your time.", intent="anxious"),
    ApprovedLine(line_id="go.there", language="en", text="We could go to the forest.", intent="go"),
    ApprovedLine(line_id="go.there", language="en", text="We could go to the sea.", intent="go"),
    ApprovedLine(line_id="open.slot", language="en", text="Go to {place}.", intent="go"),
)
APPROVED_TEXTS = {
    "less_waves.calmer": LINES[0].text,
    "anxious.here": LINES[1].text,
    "go.there": "We could go to the {place}.",
    "open.slot": LINES[4].text,
}
MAY_SAY = MaySay(
    lines=APPROVED_TEXTS, slots={"place": frozenset({"forest", "sea"})}, screen=SayScreen(language="en")
)
BASELINE_PER_MIN = 9.0


def briefing(mode: GuideMode = GuideMode.APPROVED, **changes: object) -> Briefing:
    usual = Briefing(
        turn=7,
        mode=mode,
        language="en",
        words="The waves are a bit too much for me.",
        stage="SETTLE: settle into the place",
        state="a little more aroused than at the start (confidence 0.6)",
        limits="no fire; soft music",
        lines=LINES,
        controls=guide_controls(LIMITS, NEUTRAL, BASELINE_PER_MIN),
        places=PLACES,
    )
    return dataclasses.replace(usual, **changes)  # type: ignore[arg-type]


def gate(action: GuideAction, mode: GuideMode = GuideMode.FREE) -> Verdict:
    return admit(
        action,
        mode=mode,
        limits=LIMITS,
        controls=NEUTRAL,
        places=frozenset(PLACES),
        may_say=MAY_SAY,
        fastest_breath_per_min=BASELINE_PER_MIN,
        stage=StageKind.SETTLE,
    )


def decided(proposal: Proposal, mode: GuideMode) -> list[Verdict]:
    """Return what the gate says of all that a proposal would say and do."""
    say = Say(text=proposal.say, line_id=proposal.line_id)
    return [gate(action, mode) for action in (say, *proposal.actions)]


class ReplayMind:
    """A `Mind` of tests alone: it says what it is given, piece by piece, one in each tenth of a second."""

    def __init__(self, texts: Iterable[str], piece: int = 40, **settings: object) -> None:
        self._texts = iter(texts)
        self._piece = piece
        self.now_s = 0.0
        usual = {"stall_s": 0.5, "deadline_s": 8.0, "now_s": lambda: self.now_s}
        self._settings = ThinkSettings(**{**usual, **settings})  # type: ignore[arg-type]

    def think(self, asked: Briefing, *, cancelled: Callable[[], bool] = never_cancelled) -> Iterator[Thought]:
        text = next(self._texts)
        return read_along(
            self._pieces(text),
            asked,
            self._settings,
            backend="replay",
            cancelled=cancelled,
            began_s=self.now_s,
        )

    def _pieces(self, text: str) -> Iterator[str]:
        for at in range(0, len(text), self._piece):
            self.now_s += 0.1
            yield text[at : at + self._piece]

    def close(self) -> None:
        pass
