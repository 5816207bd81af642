"""One JSON schema for all backends, made from the briefing, and the only way back from text to a `Proposal`.

`schema` constrains the decoding; `parse` trusts none of it and checks everything again, strictly: whatever is
not exactly as asked for is `NotUsable`. What it returns still has to pass `therapy.safety.admit`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal, TypeAlias, assert_never

import msgspec

from therapy.actions import (
    Advance,
    AskRating,
    CallTherapist,
    Dim,
    GuideAction,
    Hold,
    PaceBreath,
    ShiftMusic,
    ShiftScene,
)
from therapy.gate import LONGEST_HOLD_S, MUSIC_CONTROLS, SCENE_CONTROLS
from therapy.may_say import LONGEST_SAY
from therapy.talk import ApprovedLine, Briefing, GuideMode, Proposal
from voice_guide.think._mind import NotUsable

__all__ = ["MOST_ACTIONS", "MOST_BYTES", "MOST_CHOICES", "choices", "movable", "parse", "schema", "unaskable"]

#: Most actions of one answer.
MOST_ACTIONS: Final = 2
#: Most lines to choose from.
MOST_CHOICES: Final = 16
#: A longer answer is not even parsed; the longest that the schema allows has some 1,500.
MOST_BYTES: Final = 8_192
_LONGEST_WHY: Final = 120
_HIGHEST_RATING: Final = 100


class _Set(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="do", tag="set"):
    control: str
    value: float


class _Go(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="do", tag="go"):
    place: str


class _Hold(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="do", tag="hold"):
    for_s: Annotated[int, msgspec.Meta(ge=1, le=int(LONGEST_HOLD_S))]


class _Return(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="do", tag="return"):
    pass


class _Ask(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="do", tag="ask"):
    scale: Literal["suds", "mood"]


class _Call(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="do", tag="call"):
    why: Annotated[str, msgspec.Meta(max_length=_LONGEST_WHY)]


_Act: TypeAlias = _Set | _Go | _Hold | _Return | _Ask | _Call
_Acts: TypeAlias = Annotated[tuple[_Act, ...], msgspec.Meta(max_length=MOST_ACTIONS)]
_Rating: TypeAlias = Annotated[int, msgspec.Meta(ge=0, le=_HIGHEST_RATING)] | None


class _Free(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    say: Annotated[str, msgspec.Meta(min_length=1, max_length=LONGEST_SAY)]
    actions: _Acts
    rating: _Rating = None


class _Chosen(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    line: str
    actions: _Acts
    rating: _Rating = None


_FREE: Final = msgspec.json.Decoder(_Free, strict=True)
_CHOSEN: Final = msgspec.json.Decoder(_Chosen, strict=True)


def unaskable(briefing: Briefing) -> str:
    """Return why no model may be asked for `briefing`, or ""."""
    if briefing.mode not in (GuideMode.FREE, GuideMode.APPROVED):
        return f"mode must be free or approved for a model to be asked, is {briefing.mode.value}"
    if briefing.mode is GuideMode.APPROVED and not choices(briefing):
        return "there must be an approved line to choose from, there is none"
    return ""


def choices(briefing: Briefing) -> dict[str, ApprovedLine]:
    """Return the lines that may be chosen, by the name that a model uses, best first.

    A line with slots comes once for each filling that the briefing offers, named `line_id#2`, `line_id#3`, …
    after the first; a line whose slots are still open cannot be said and is left out. `MOST_CHOICES` at most.
    """
    found: dict[str, ApprovedLine] = {}
    for line in briefing.lines:
        if "{" in line.text or not line.text.strip():
            continue
        name, count = line.line_id, 1
        while name in found:
            count += 1
            name = f"{line.line_id}#{count}"
        found[name] = line
        if len(found) == MOST_CHOICES:
            break
    return found


def movable(briefing: Briefing) -> dict[str, tuple[float, float]]:
    """Return the range of every control of `briefing` that a model may move."""
    known = {*SCENE_CONTROLS, *MUSIC_CONTROLS, "breath_pace_per_min"}
    return {
        name: (low, high)
        for name, low, high in briefing.controls
        if name in known and math.isfinite(low) and math.isfinite(high) and low <= high
    }


def schema(briefing: Briefing) -> dict[str, Any]:
    """Return the JSON schema of an answer to `briefing`; what is said comes first, so that it can be spoken.

    `briefing` must be askable (`unaskable`).
    """
    first: dict[str, Any]
    if briefing.mode is GuideMode.FREE:
        name, first = "say", {"type": "string", "minLength": 1, "maxLength": LONGEST_SAY}
    else:
        name, first = "line", {"type": "string", "enum": list(choices(briefing))}
    actions = {"type": "array", "maxItems": MOST_ACTIONS, "items": {"anyOf": _variants(briefing)}}
    return {
        "type": "object",
        "properties": {
            name: first,
            "actions": actions,
            "rating": {"type": "integer", "minimum": 0, "maximum": _HIGHEST_RATING},
        },
        "required": [name, "actions"],
        "additionalProperties": False,
    }


def parse(text: str, briefing: Briefing, backend: str = "") -> Proposal | NotUsable:
    """Return what a model proposes, or why its `text` cannot be used. It raises nothing, whatever the text.

    Args:
        text: everything that the model wrote.
        briefing: what it was asked.
        backend: name of the backend, for the record.
    """
    refused = unaskable(briefing)
    if refused:
        return NotUsable(turn=briefing.turn, reason=refused, backend=backend)
    try:
        raw = text.encode()
        if len(raw) > MOST_BYTES:
            raise ValueError(f"an answer has at most {MOST_BYTES} bytes, has {len(raw)}")
        if briefing.mode is GuideMode.FREE:
            answer = _FREE.decode(raw)
            actions = _actions(answer.actions, briefing)
            return Proposal(
                turn=briefing.turn,
                say=answer.say,
                actions=actions,
                rating=answer.rating,
                backend=backend,
                reason="words of the model",
            )
        chosen = _CHOSEN.decode(raw)
        return _of_line(chosen, briefing, backend)
    except (ValueError, RecursionError, MemoryError) as error:  # msgspec's errors are ValueErrors
        reason = f"not an answer as asked for: {str(error)[:160]}"
        return NotUsable(turn=briefing.turn, reason=reason, backend=backend)


def _of_line(chosen: _Chosen, briefing: Briefing, backend: str) -> Proposal:
    offered = choices(briefing)
    line = offered.get(chosen.line)
    if line is None:
        raise ValueError(f"line must be one of the {len(offered)} offered, is {chosen.line[:40]!r}")
    # what a clinician approved with the line outranks what the model would add
    actions = line.actions or _actions(chosen.actions, briefing)
    return Proposal(
        turn=briefing.turn,
        say=line.text,
        line_id=line.line_id,
        actions=actions,
        rating=chosen.rating,
        backend=backend,
        reason=f"chosen by the model from {len(offered)} approved lines",
    )


def _actions(acts: tuple[_Act, ...], briefing: Briefing) -> tuple[GuideAction, ...]:
    return tuple(_action(act, briefing) for act in acts)


def _action(act: _Act, briefing: Briefing) -> GuideAction:
    match act:
        case _Set():
            return _set(act, movable(briefing))
        case _Go():
            return _go(act, briefing.places)
        case _Hold():
            return Hold(for_s=float(act.for_s))
        case _Return():
            return Advance()
        case _Ask():
            return AskRating(scale=act.scale)
        case _Call():
            return CallTherapist(level="watch", reason=f"the model asks for it: {act.why}")
        case _:
            assert_never(act)


def _go(act: _Go, places: tuple[str, ...]) -> GuideAction:
    if act.place not in places:
        raise ValueError(f"place must be one of those offered, is {act.place[:40]!r}")
    return ShiftScene(place=act.place)


def _set(act: _Set, ranges: Mapping[str, tuple[float, float]]) -> GuideAction:
    allowed = ranges.get(act.control)
    if allowed is None:
        raise ValueError(f"control must be one of those offered, is {act.control[:40]!r}")
    low, high = allowed
    if not low <= act.value <= high:
        raise ValueError(f"{act.control} must be in {low:g}…{high:g}, is {act.value!r}")
    if act.control == "light":
        return Dim(light=act.value)
    if act.control == "breath_pace_per_min":
        return PaceBreath(breath_pace_per_min=act.value)
    if act.control in SCENE_CONTROLS:
        return ShiftScene(control=act.control, value=act.value)
    return ShiftMusic(control=act.control, value=act.value)


def _variants(briefing: Briefing) -> list[dict[str, Any]]:
    variants = [
        _variant("set", control={"const": name}, value={"type": "number", "minimum": low, "maximum": high})
        for name, (low, high) in movable(briefing).items()
    ]
    if briefing.places:
        variants.append(_variant("go", place={"type": "string", "enum": list(briefing.places)}))
    return [
        *variants,
        _variant("hold", for_s={"type": "integer", "minimum": 1, "maximum": int(LONGEST_HOLD_S)}),
        _variant("return"),
        _variant("ask", scale={"type": "string", "enum": ["suds", "mood"]}),
        _variant("call", why={"type": "string", "maxLength": _LONGEST_WHY}),
    ]


def _variant(do: str, **fields: dict[str, Any]) -> dict[str, Any]:
    properties = {"do": {"const": do}, **fields}
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }
