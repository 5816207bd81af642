"""The guide's gate: whether an action may happen, and how much of it. Pure, and property-tested.

`admit` weighs one `GuideAction` at a time. What passes lies inside the table, the plan's limits and what the
patient's triggers leave, and moves a control by no more than its largest step; `bound` then adds the slopes.
Everything else is refused with a reason for the panel. Who made the action (a model, a skill, an approved
line) plays no part: the gate trusts none of them.
"""

from __future__ import annotations

import dataclasses
import math
import types
import unicodedata
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from typing import Final, TypeAlias, assert_never

from therapy.actions import (
    Advance,
    AskRating,
    CallTherapist,
    Dim,
    GuideAction,
    Hold,
    PaceBreath,
    Say,
    ShiftMusic,
    ShiftScene,
)
from therapy.bounds import allowed_range, within
from therapy.controls import NEUTRAL, TABLE, Controls
from therapy.errors import BadPlan
from therapy.may_say import LONGEST_LINE, UNSPEAKABLE, MaySay, fills, unsayable
from therapy.personal import Personal, look_for
from therapy.plan import Limits, Range, StageKind
from therapy.specs import SceneSpec
from therapy.talk import GuideMode

__all__ = [
    "DARKEST",
    "LONGEST_HOLD_S",
    "MUSIC_CONTROLS",
    "SCENE_CONTROLS",
    "Admitted",
    "Clamped",
    "Refused",
    "Verdict",
    "admit",
    "guide_controls",
    "guide_range",
    "largest_step",
    "open_places",
]

#: What the guide may move, by action. Not among them: the pacer's phase and the shape of a breath (the fast
#: path's), the form (the plan's), a binaural beat (comes only where a plan asks).
SCENE_CONTROLS: Final = (
    "light",
    "colour_temperature_k",
    "weather",
    "density",
    "time_of_day_h",
    "swell",
)
MUSIC_CONTROLS: Final = (
    "tempo_bpm",
    "notes_per_s",
    "brightness",
    "tension",
    "register",
    "pulse",
    "music_lufs",
    "ocean",
    "wind",
    "rain",
    "fire",
    "birds",
    "melody",
    "dynamics",
    "space",
    "silence",
)

#: The most that one action may move a control: this share of its range, or what stands in `_STEPS`, in the
#: control's own unit. Ours: a change that is noticed, and that a wrong one does not frighten.
_STEP_SHARE: Final = 0.25
_STEPS: Final[Mapping[str, float]] = types.MappingProxyType(
    {"breath_pace_per_min": 2.0, "music_lufs": 4.0, "time_of_day_h": 2.0, "tempo_bpm": 8.0}
)
#: The guide never makes it darker than this, unless the plan is darker still: black is for the stop.
DARKEST: Final = 0.15
#: Longest silence that the guide may promise.
LONGEST_HOLD_S: Final = 120.0
#: Most characters of the reason of a call.
_LONGEST_REASON: Final = 200


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Admitted:
    """The action may happen as it is."""

    action: GuideAction


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Clamped:
    """`action` may happen; it is less than what was wanted, because of `reason`."""

    action: GuideAction
    reason: str


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """Nothing happens, because of `reason`."""

    reason: str


Verdict: TypeAlias = Admitted | Clamped | Refused


_NO_WORDS: Final = MaySay()


def admit(  # noqa: PLR0911, PLR0913  # each is one thing that the gate weighs; a branch for each action
    action: GuideAction,
    *,
    mode: GuideMode,
    limits: Limits,
    controls: Controls,
    places: AbstractSet[str],
    may_say: MaySay = _NO_WORDS,
    risk_held: bool = False,
    fastest_breath_per_min: float | None = None,
    stage: StageKind | None = None,
) -> Verdict:
    """Return whether `action` may happen, or how much of it, and why.

    Args:
        action: anything; NaN, infinities and absurd numbers and names included.
        mode: how freely the guide may speak. OFF refuses all but a call for the therapist.
        limits: the plan's, with the patient's triggers.
        controls: what the patient has now, as `therapy.safety.bound` returned it.
        places: where the patient may go (`open_places`).
        may_say: approved lines, and the screen of a model's words.
        risk_held: whether a risk was found that no human has released: then only approved risk lines, a
            `Hold` and a call pass.
        fastest_breath_per_min: the patient's baseline; the pacer is never led faster. Unknown (`None`, not
            finite): never faster than now.
        stage: the present stage; on the way out there are no new places and no second way out.
    """
    if isinstance(action, CallTherapist):  # a call for a human is never refused
        return _call(action)
    if mode is GuideMode.OFF:
        return Refused(reason="the guide is off")
    if risk_held and not isinstance(action, Say | Hold):
        return Refused(reason="a risk is not released: only its approved lines, silence and a call")
    match action:
        case Say():
            return _say(action, mode, may_say, risk_held=risk_held)
        case ShiftScene() if action.place or not action.control:
            return _place(action, places, stage)
        case PaceBreath() | Dim() | ShiftScene() | ShiftMusic():
            return _movement(action, limits, controls, _fastest(fastest_breath_per_min, controls))
        case Hold():
            return _hold(action)
        case Advance() | AskRating():
            return _course(action, stage)
        case _:
            assert_never(action)


def guide_range(
    control: str, limits: Limits, controls: Controls, fastest_breath_per_min: float | None = None
) -> Range:
    """Return where the guide may move `control` in one action: bounds, plan, triggers and largest step."""
    allowed = _allowed_to_guide(control, limits, controls)
    if control == "breath_pace_per_min":
        fastest = max(_fastest(fastest_breath_per_min, controls), allowed.low)
        allowed = Range(low=allowed.low, high=min(allowed.high, fastest))
    now: float = getattr(controls, control)
    step = largest_step(control)
    low, high = max(allowed.low, now - step), min(allowed.high, now + step)
    if low > high:  # outside of what is allowed: only the way in is open
        low = high = within(now, TABLE[control], allowed)
    return Range(low=low, high=high)


def guide_controls(
    limits: Limits, controls: Controls, fastest_breath_per_min: float | None = None
) -> tuple[tuple[str, float, float], ...]:
    """Return what the guide may move now and between what, as a `Briefing` tells it to a model.

    What is held at one value (by a trigger, by the plan) is not told.
    """
    ranges = {
        name: guide_range(name, limits, controls, fastest_breath_per_min)
        for name in (*SCENE_CONTROLS, *MUSIC_CONTROLS, "breath_pace_per_min")
    }
    return tuple((name, r.low, r.high) for name, r in ranges.items() if r.low < r.high)


def largest_step(control: str) -> float:
    """Return the most that one action may move `control`, in its unit."""
    limit = TABLE[control]
    return _STEPS.get(control, _STEP_SHARE * (limit.high - limit.low))


def open_places(scenes: Mapping[str, SceneSpec], personal: Personal) -> frozenset[str]:
    """Return the places that this patient may be shown: none that cannot do without a trigger of theirs."""
    found = set()
    for name, scene in scenes.items():
        try:
            look_for(scene, personal)
        except BadPlan:
            continue
        found.add(name)
    return frozenset(found)


def _call(action: CallTherapist) -> Verdict:
    level = action.level if action.level in ("watch", "urgent") else "urgent"
    reason = "".join(c if unicodedata.category(c) not in UNSPEAKABLE else " " for c in str(action.reason))
    passed = CallTherapist(level=level, reason=reason[:_LONGEST_REASON])
    if passed == action:
        return Admitted(action=action)
    return Clamped(action=passed, reason=f"a call is watch or urgent, in {_LONGEST_REASON} plain characters")


def _say(action: Say, mode: GuideMode, may_say: MaySay, *, risk_held: bool) -> Verdict:
    text, line_id = action.text, action.line_id
    if risk_held and line_id not in may_say.risk_lines:
        return Refused(reason="a risk is not released: only its approved lines are said")
    if line_id:
        return _line(action, may_say)
    if mode is not GuideMode.FREE:
        return Refused(reason=f"in mode {mode.value} only approved lines are said")
    because = unsayable(text) or may_say.screen(text)
    return Refused(reason=because) if because else Admitted(action=action)


def _line(action: Say, may_say: MaySay) -> Verdict:
    approved = may_say.lines.get(action.line_id)
    if approved is None:
        return Refused(reason=f"line must be an approved one, got {_shown(action.line_id)}")
    if not 0 < len(action.text) <= LONGEST_LINE or not fills(action.text, approved, may_say.slots):
        return Refused(reason=f"{_shown(action.line_id)} must be said as it is approved")
    return Admitted(action=action)


def _fastest(baseline_per_min: float | None, controls: Controls) -> float:
    if baseline_per_min is None or not math.isfinite(baseline_per_min):
        return controls.breath_pace_per_min
    return TABLE["breath_pace_per_min"].clamp(baseline_per_min)


def _movement(
    action: PaceBreath | Dim | ShiftScene | ShiftMusic,
    limits: Limits,
    controls: Controls,
    fastest_per_min: float,
) -> Verdict:
    match action:
        case PaceBreath():
            return _pace(action, limits, controls, fastest_per_min)
        case Dim():
            got = _moved(
                "light", action.light, controls, limits, _allowed_to_guide("light", limits, controls)
            )
            return got if isinstance(got, Refused) else _verdict(action, Dim(light=got[0]), got[1])
        case ShiftScene():
            may_move: tuple[str, ...] = SCENE_CONTROLS
        case ShiftMusic():
            may_move = MUSIC_CONTROLS
        case _:
            assert_never(action)
    if action.control not in may_move:
        return Refused(reason=f"control must be one of {', '.join(may_move)}, got {_shown(action.control)}")
    allowed = _allowed_to_guide(action.control, limits, controls)
    got = _moved(action.control, action.value, controls, limits, allowed)
    if isinstance(got, Refused):
        return got
    return _verdict(action, dataclasses.replace(action, value=got[0]), got[1])


def _pace(action: PaceBreath, limits: Limits, controls: Controls, fastest_per_min: float) -> Verdict:
    allowed = allowed_range("breath_pace_per_min", limits)
    if fastest_per_min < allowed.low:
        return Refused(
            reason=f"the plan paces at {allowed.low:g} a minute and more: faster than the patient's own"
        )
    allowed = Range(low=allowed.low, high=min(allowed.high, fastest_per_min))
    got = _moved("breath_pace_per_min", action.breath_pace_per_min, controls, limits, allowed)
    if isinstance(got, Refused):
        return got
    return _verdict(action, PaceBreath(breath_pace_per_min=got[0]), got[1])


def _place(action: ShiftScene, places: AbstractSet[str], stage: StageKind | None) -> Verdict:
    if action.control or not action.place:
        return Refused(reason="one action moves a control or goes to a place, this is not one of them")
    if stage is StageKind.RETURN:
        return Refused(reason="on the way out there are no new places")
    if action.place not in places:
        known = ", ".join(sorted(places)) or "none"
        return Refused(reason=f"place must be one of {known}, got {_shown(action.place)}")
    return Admitted(action=action)


def _hold(action: Hold) -> Verdict:
    if not _is_finite(action.for_s) or action.for_s <= 0.0:
        return Refused(reason=f"a silence must last 0…{LONGEST_HOLD_S:g} s, got {_shown(action.for_s)}")
    if action.for_s > LONGEST_HOLD_S:
        return Clamped(
            action=Hold(for_s=LONGEST_HOLD_S), reason=f"a silence lasts at most {LONGEST_HOLD_S:g} s"
        )
    return Admitted(action=action)


def _course(action: Advance | AskRating, stage: StageKind | None) -> Verdict:
    if isinstance(action, Advance) and stage is StageKind.RETURN:
        return Refused(reason="this already is the way out")
    if isinstance(action, AskRating) and action.scale not in ("suds", "mood"):
        return Refused(reason=f"scale must be suds or mood, got {_shown(action.scale)}")
    return Admitted(action=action)


def _allowed_to_guide(control: str, limits: Limits, controls: Controls) -> Range:
    """Return what table, plan and triggers leave of `control`, less what the guide may not do with it."""
    allowed = allowed_range(control, limits)
    if control == "light":
        return Range(low=min(max(allowed.low, DARKEST), allowed.high), high=allowed.high)
    if control == "music_lufs" and control not in limits.ranges:  # no plan says how loud: not above the usual
        usual = max(NEUTRAL.music_lufs, controls.music_lufs)
        return Range(low=allowed.low, high=min(allowed.high, usual))
    return allowed


def _moved(
    control: str, wanted: float, controls: Controls, limits: Limits, allowed: Range
) -> tuple[float, str] | Refused:
    """Return how far `control` may go towards `wanted`, and why no further ("" where it goes all the way)."""
    limit = TABLE[control]
    if not _is_finite(wanted):
        return Refused(reason=f"{control} must be a finite number, got {_shown(wanted)}")
    now: float = getattr(controls, control)
    step = largest_step(control)
    inside = limit.clamp(wanted)
    goal = within(inside, limit, allowed)
    way = limit.distance(now, goal)
    got = goal if abs(way) <= step else within(limit.clamp(now + math.copysign(step, way)), limit, allowed)
    if got == wanted:
        return got, ""
    because = f"{control} must be in {allowed.low:g}…{allowed.high:g} {limit.unit}"
    held = sorted(limits.triggers)
    if held and goal != inside:
        because += f" (plan, and triggers {', '.join(held)})"
    if got != goal:
        because = f"{control} moves by at most {step:g} {limit.unit} at once"
    if limit.distance(now, got) * limit.distance(now, inside) <= 0.0 and got != inside:
        return Refused(reason=f"{because}, is {now:g} and was to be {_shown(wanted)}")
    return got, f"{because}, was to be {_shown(wanted)}"


def _verdict(wanted: GuideAction, passed: GuideAction, reason: str) -> Verdict:
    return Clamped(action=passed, reason=reason) if reason else Admitted(action=wanted)


def _is_finite(value: object) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    try:
        return math.isfinite(value)
    except OverflowError:  # an integer beyond every float
        return False


def _shown(value: object) -> str:
    """Return what was received, in few and plain characters."""
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value}" if abs(value) < 10**12 else "a huge number"
    return ascii(value[:40] if isinstance(value, str) else value)[:60]
