"""What is chosen for one patient: how a place is dressed, and what must be neither seen nor heard.

A place, an instrument and a soundscape declare what they contain, in the words of `TRIGGERS`. A place whose
own content is on the patient's list is refused; content that belongs to an option of the place is left out.
What a control brings into a place (rain, fire, mist, the night) is held by `therapy.safety.bound`.
"""

from __future__ import annotations

import dataclasses
import math
import types
from collections.abc import Mapping
from typing import Final

from therapy.controls import TABLE, Controls
from therapy.errors import BadPlan
from therapy.specs import Choice, SceneOption, SceneSpec

__all__ = [
    "EYE_HEIGHT_M",
    "HELD_BY_TRIGGER",
    "NOTHING_CHOSEN",
    "PLAIN",
    "TRIGGERS",
    "Personal",
    "Range",
    "SceneLook",
    "check_choices",
    "dressed",
    "look_for",
]

#: What a list of triggers may hold, and what each word means.
TRIGGERS: Final[Mapping[str, str]] = types.MappingProxyType(
    {
        "water": "open water: sea, lake, pond",
        "under_water": "being under water",
        "heights": "heights: steep peaks, cliffs",
        "fire": "fire and flames, lanterns too",
        "dark": "darkness and night",
        "birds": "birds, seen or heard",
        "insects": "insects, fireflies too",
        "animals": "fish and other animals",
        "rain": "rain",
        "thunder": "thunder and storm",
        "fog": "fog and mist",
        "bells": "bells",
        "voices": "singing or speaking voices in the music",
    }
)

#: Height of the eye above the ground that every place is built for, and how far it may be moved: the seat of
#: a low couch to a person who stands.
EYE_HEIGHT_M: Final = 1.2
_EYE_HEIGHTS_M: Final = (0.9, 1.7)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Range:
    """A narrower range than the table's for one control."""

    low: float
    high: float


_NONE: Final = Range(low=0.0, high=0.0)

#: Trigger → control → what is left of it. `dark` keeps to daylight (the sun is up in every place from 7 to
#: 18 h) and to half of the light and more; `thunder` keeps below a storm.
HELD_BY_TRIGGER: Final[Mapping[str, Mapping[str, Range]]] = types.MappingProxyType(
    {
        "water": {"ocean": _NONE, "rain": _NONE},
        "fire": {"fire": _NONE},
        "dark": {"light": Range(low=0.5, high=1.0), "time_of_day_h": Range(low=7.0, high=18.0)},
        "birds": {"birds": _NONE},
        "rain": {"rain": _NONE},
        "thunder": {"weather": Range(low=0.0, high=0.5), "wind": Range(low=0.0, high=0.5)},
        "fog": {"density": _NONE},
    }
)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Personal:
    """What a therapist chose for this patient.

    Attributes:
        options: choice by option, as the places declare them; an option that a place lacks is passed over.
        triggers: what must be neither seen nor heard, words of `TRIGGERS`.
        eye_height_m: height of the seated eye above the ground.
        soften: whether detail and motion soften when the head sways or the patient feels unwell.
        breath_pace_per_min: the pace at which this patient's heart and breath resonate, in place of those
            that the plan leads to; `None`: the plan's.

    Raises:
        BadPlan: an unknown trigger, or an eye height out of reach.
    """

    options: Mapping[str, str] = dataclasses.field(default_factory=dict)
    triggers: frozenset[str] = frozenset()
    eye_height_m: float = EYE_HEIGHT_M
    soften: bool = True
    breath_pace_per_min: float | None = None

    def __post_init__(self) -> None:
        unknown = sorted(self.triggers - TRIGGERS.keys())
        if unknown:
            raise BadPlan(f"a trigger must be one of {', '.join(TRIGGERS)}, got {unknown[0][:40]!r}")
        low, high = _EYE_HEIGHTS_M
        if not (math.isfinite(self.eye_height_m) and low <= self.eye_height_m <= high):
            raise BadPlan(f"the eye must be {low:g}…{high:g} m above the ground, got {self.eye_height_m!r}")


NOTHING_CHOSEN: Final = Personal()


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class SceneLook:
    """How one place is dressed for one patient, resolved: what crosses to the renderer.

    Attributes:
        options: the choice of every option that the place declares; empty: as built.
        shifts: by how much a control is moved for the picture alone.
        eye_lift_m: how much higher than `EYE_HEIGHT_M` the eye is.
    """

    options: Mapping[str, str] = dataclasses.field(default_factory=dict)
    shifts: Mapping[str, float] = dataclasses.field(default_factory=dict)
    eye_lift_m: float = 0.0


PLAIN: Final = SceneLook()


def look_for(scene: SceneSpec, personal: Personal) -> SceneLook:
    """Return how `scene` is dressed for a patient; what triggers is left out where the place can do without.

    Raises:
        BadPlan: the place contains a trigger that it cannot do without, or a choice was made that is on the
            list of triggers or that the place does not offer. The message names place and trigger.
    """
    present = sorted(scene.contains & personal.triggers)
    if present:
        raise BadPlan(
            f"place {scene.name!r} must not contain what this patient must not meet, contains {present[0]!r}"
        )
    chosen = {option.name: _choice(scene, option, personal) for option in scene.options}
    shifts: dict[str, float] = {}
    for choice in chosen.values():
        for control, by in choice.shifts.items():
            shifts[control] = shifts.get(control, 0.0) + by
    return SceneLook(
        options={name: choice.name for name, choice in chosen.items()},
        shifts=shifts,
        eye_lift_m=personal.eye_height_m - EYE_HEIGHT_M,
    )


def check_choices(scenes: Mapping[str, SceneSpec], names: tuple[str, ...], personal: Personal) -> None:
    """Check that every place of `names` may be shown to a patient, and every chosen option has a place.

    Raises:
        BadPlan: as `look_for`; a place that does not exist; or an option that none of the places has.
    """
    for name in names:
        if name not in scenes:
            raise BadPlan(f"place must be one of {', '.join(scenes)}, got {name[:40]!r}")
        look_for(scenes[name], personal)
    offered = {option.name for name in names for option in scenes[name].options}
    for name in personal.options:
        if name not in offered:
            known = ", ".join(sorted(offered)) or "none"
            raise BadPlan(
                f"option of {', '.join(dict.fromkeys(names))} must be one of {known}, got {name[:40]!r}"
            )


def dressed(controls: Controls, look: SceneLook) -> Controls:
    """Return `controls` as the picture shows them: moved by the look's shifts, within the table."""
    if not look.shifts:
        return controls
    moved = {name: TABLE[name].clamp(getattr(controls, name) + by) for name, by in look.shifts.items()}
    return dataclasses.replace(controls, **moved)  # type: ignore[arg-type]  # numeric names of the table


def _choice(scene: SceneSpec, option: SceneOption, personal: Personal) -> Choice:
    wanted = personal.options.get(option.name)
    free = [choice for choice in option.choices if not choice.contains & personal.triggers]
    if wanted is None:
        if not free:
            tags = sorted(option.choices[0].contains & personal.triggers)
            raise BadPlan(
                f"place {scene.name!r} cannot do without its {option.name}, which contains {tags[0]!r}"
            )
        return free[0]
    for choice in option.choices:
        if choice.name == wanted:
            tags = sorted(choice.contains & personal.triggers)
            if tags:
                raise BadPlan(
                    f"{option.name} of place {scene.name!r} must not contain what this patient must not "
                    f"meet, {wanted!r} contains {tags[0]!r}"
                )
            return choice
    offered = ", ".join(choice.name for choice in option.choices)
    raise BadPlan(f"{option.name} of place {scene.name!r} must be one of {offered}, got {wanted[:40]!r}")
