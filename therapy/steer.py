"""`steer`: from the patient's state to what the world should do next, and why. Pure.

The slow path is the iso-principle (Altshuler 1948): the world first matches the patient's arousal, then
leads towards the stage's aim by the stage's strength. With little confidence it leads blindly, towards the
aim alone; every value moves towards its target exponentially, so that nothing jumps when a signal comes or
goes. A pacer whose patient's breath is lost goes on from the pace it has and leads as slowly as before; one
that never heard a breath eases to six a minute (decision 0043). The fast path is the pacer's phase,
an oscillator that runs by itself and is only nudged towards the patient's breath.

What comes out is what is *wanted*: `therapy.safety.bound` decides what the patient gets.
"""

from __future__ import annotations

import dataclasses
import math
import types
from collections.abc import Mapping
from typing import Final

from therapy.controls import NEUTRAL, TABLE, Controls
from therapy.patient import PatientState
from therapy.plan import Condition, Stage, StageKind

__all__ = [
    "NO_WISHES",
    "WISH_TAU_S",
    "Reason",
    "Steering",
    "Wishes",
    "hold",
    "seen_under",
    "steer",
    "toward",
]

#: Below this confidence in the arousal the body does not steer (it still blends in above, linearly).
TRUSTED: Final = 0.3
#: Time constants towards a target: 63 % after it, 95 % after three of them. Signals that die are therefore
#: forgotten within 10–30 s (acceptance figure 11 of the safety page).
SCENE_TAU_S: Final = 6.0
MUSIC_TAU_S: Final = 8.0
#: A wish of the therapist is seen within two seconds.
WISH_TAU_S: Final = 0.8
#: How fast the pacer may lead the patient down: one breath a minute, each minute; twice that while the
#: patient breathes in step with it, for then it is no burden.
LEAD_PER_MIN_PER_S: Final = 1.0 / 60.0
IN_STEP: Final = 2.0
#: The pacer is a little slower than the patient is now.
SLOWER: Final = 0.92
#: Pull of the pacer towards the patient's own phase when a stage hardly leads, in breaths per second.
PHASE_PULL_PER_S: Final = 0.08


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """Why a control is on its way from `was` to `target`."""

    control: str
    was: float
    target: float
    because: str
    confidence: float


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Steering:
    """What is wanted next, with a reason for each control that is on its way."""

    controls: Controls
    why: tuple[Reason, ...]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """What the therapist wants; `None` leaves a control to the steering.

    `arousal` moves the stage's aim: −1 much calmer … +1 much livelier.
    """

    arousal: float = 0.0
    music_lufs: float | None = None
    breath_pace_per_min: float | None = None
    time_of_day_h: float | None = None
    light: float | None = None
    swell: float | None = None


NO_WISHES: Final = Wishes()

#: Why a control moves that follows neither the body nor a wish.
_OWN_REASONS: Final[Mapping[str, str]] = types.MappingProxyType(
    {
        "arc": "the music's form follows the session's stages",
        "silence": "pauses on purpose: a deep stage has them, the more the calmer",
        "binaural": "off unless a plan asks for it",
    }
)

#: Stages that lead down, never up: who is already calmer than the aim is left there.
SETTLING: Final = (StageKind.ARRIVE, StageKind.SETTLE, StageKind.DEEPEN)

#: Control → its value in the calmest (arousal −1) and in the liveliest (+1) world.
CALM_TO_LIVELY: Final[Mapping[str, tuple[float, float]]] = types.MappingProxyType(
    {
        "colour_temperature_k": (3400.0, 5400.0),
        "weather": (0.08, 0.62),
        "density": (0.12, 0.48),
        "tempo_bpm": (48.0, 78.0),
        "notes_per_s": (0.3, 1.7),
        "brightness": (0.22, 0.66),
        "tension": (0.08, 0.45),
        "register": (58.0, 66.0),
        "pulse": (0.1, 0.5),
        "melody": (0.3, 0.85),
        "dynamics": (0.2, 0.6),
        "space": (0.75, 0.35),
        "ocean": (0.45, 0.8),
        "wind": (0.06, 0.38),
    }
)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class _Setting:
    """What a kind of stage looks and sounds like, apart from arousal."""

    light: float
    time_of_day_h: float
    swell: float
    music_lufs: float
    birds: float
    mode: str
    arc: float
    silence: float


_SETTINGS: Final[Mapping[StageKind, _Setting]] = types.MappingProxyType(
    {
        StageKind.ARRIVE: _Setting(
            light=0.5,
            time_of_day_h=19.0,
            swell=0.35,
            music_lufs=-29.0,
            birds=0.0,
            mode="dorian",
            arc=0.0,
            silence=0.0,
        ),
        StageKind.SETTLE: _Setting(
            light=0.5,
            time_of_day_h=19.4,
            swell=0.6,
            music_lufs=-27.0,
            birds=0.0,
            mode="dorian",
            arc=0.25,
            silence=0.15,
        ),
        StageKind.DEEPEN: _Setting(
            light=0.42,
            time_of_day_h=20.4,
            swell=0.7,
            music_lufs=-28.0,
            birds=0.0,
            mode="lydian",
            arc=0.5,
            silence=0.4,
        ),
        StageKind.EXPLORE: _Setting(
            light=0.55,
            time_of_day_h=19.2,
            swell=0.5,
            music_lufs=-27.0,
            birds=0.1,
            mode="mixolydian",
            arc=0.6,
            silence=0.1,
        ),
        StageKind.RETURN: _Setting(
            light=0.62,
            time_of_day_h=19.2,
            swell=0.3,
            music_lufs=-27.0,
            birds=0.35,
            mode="major_pentatonic",
            arc=1.0,
            silence=0.0,
        ),
    }
)


def seen_under(condition: Condition, state: PatientState, *, arousal: bool = True) -> PatientState:
    """Return what the steering may see of `state` under a study's `condition`: all of it, or nothing.

    Under OFF the pacer does not show either: the caller asks for no swell (`Wishes.swell`). Without `arousal`
    (a plan's or a law's choice) breath and coherence still steer.
    """
    if condition is not Condition.CONTINGENT:
        return PatientState(at_s=state.at_s)
    return state if arousal else dataclasses.replace(state, arousal=0.0, arousal_confidence=0.0)


def steer(
    state: PatientState,
    stage: Stage,
    previous: Controls,
    dt_s: float,
    wishes: Wishes = NO_WISHES,
    *,
    strength: float | None = None,
) -> Steering:
    """Return what the world should do `dt_s` after `previous`, and why.

    Args:
        state: the patient now. Nothing in it has to be known.
        stage: the plan's present stage.
        previous: what the patient has now.
        dt_s: time since `previous`.
        wishes: the therapist's; they outrank the body and the plan.
        strength: how much of the way to the aim is asked for now (`therapy.iso`); `None`: the stage's own.
    """
    trust = max(0.0, (state.arousal_confidence - TRUSTED) / (1.0 - TRUSTED))
    aim = min(max(stage.aim.arousal + wishes.arousal, -1.0), 1.0)
    if stage.kind in SETTLING and not wishes.arousal:  # calmer than planned is not a fault to be mended
        aim = min(aim, trust * state.arousal + (1.0 - trust) * aim)
    strength = 1.0 if wishes.arousal else stage.aim.strength if strength is None else strength
    matched = trust * state.arousal + (1.0 - trust) * aim
    energy = matched + (aim - matched) * strength
    targets = _targets(stage.kind, energy, state)
    because = _because(state, trust, aim, wishes)

    wanted: dict[str, float] = {}
    why: list[Reason] = []
    for name, target in targets.items():
        wish: float | None = getattr(wishes, name, None)
        tau_s = WISH_TAU_S if wish is not None or wishes.arousal else _tau_s(name)
        goal = target if wish is None else wish
        value = toward(name, getattr(previous, name), goal, dt_s, tau_s)
        wanted[name] = value
        if abs(TABLE[name].distance(getattr(previous, name), goal)) > _notable(name):
            reason = "the therapist asked for it" if wish is not None else _OWN_REASONS.get(name, because)
            why.append(
                Reason(
                    control=name, was=getattr(previous, name), target=goal, because=reason, confidence=trust
                )
            )
    pace, pace_why = _pace(state, stage, previous, dt_s, wishes)
    wanted["breath_pace_per_min"] = pace
    wanted["pacer_phase"] = _phase(state, stage, previous, pace, dt_s)
    controls = dataclasses.replace(
        previous, mode=_SETTINGS[stage.kind].mode, inhale_fraction=NEUTRAL.inhale_fraction, **wanted
    )
    return Steering(controls=controls, why=(*why, *pace_why))


def hold(previous: Controls, dt_s: float) -> Steering:
    """Return the world as it is, still breathing: nothing but the pacer's phase goes on."""
    phase = (previous.pacer_phase + previous.breath_pace_per_min / 60.0 * dt_s) % 1.0
    return Steering(controls=dataclasses.replace(previous, pacer_phase=phase), why=())


def _targets(kind: StageKind, energy: float, state: PatientState) -> dict[str, float]:
    """Return where each control should go in a world of `energy` −1 … 1."""
    share = (energy + 1.0) / 2.0
    targets = {name: calm + (lively - calm) * share for name, (calm, lively) in CALM_TO_LIVELY.items()}
    setting = _SETTINGS[kind]
    targets["light"] = setting.light
    targets["time_of_day_h"] = setting.time_of_day_h
    targets["swell"] = setting.swell
    targets["music_lufs"] = setting.music_lufs
    targets["birds"] = setting.birds
    targets["arc"] = setting.arc
    targets["silence"] = setting.silence * (1.0 - share)  # pauses are for the calm: they come as it grows
    targets["binaural"] = 0.0
    targets["rain"] = 0.0
    targets["fire"] = 0.0
    if kind is StageKind.ARRIVE:  # the place breathes with the patient as far as it knows how
        targets["swell"] *= state.breath_phase_confidence
    if state.coherence is not None:  # as breath and heart come together the mist clears; else it waits
        targets["density"] *= 1.0 - 0.6 * min(max(state.coherence, 0.0), 1.0)
    return targets


def _because(state: PatientState, trust: float, aim: float, wishes: Wishes) -> str:
    if wishes.arousal:
        return (
            "the therapist asked for a calmer world"
            if wishes.arousal < 0
            else "the therapist asked for more life"
        )
    if trust <= 0.0:
        return "the body is not known well enough: following the plan"
    if state.arousal > aim + 0.1:
        return "arousal above the aim: matching it, then leading down"
    if state.arousal < aim - 0.1:
        return "arousal below the aim: matching it, then leading up"
    return "arousal at the aim: staying there"


def _tau_s(name: str) -> float:
    return (
        SCENE_TAU_S
        if name in ("light", "colour_temperature_k", "weather", "density", "swell")
        else MUSIC_TAU_S
    )


def _notable(name: str) -> float:
    """Return the distance from a target under which a control counts as arrived: 0.2 % of its range."""
    limit = TABLE[name]
    return 0.002 * (limit.high - limit.low)


def toward(name: str, now: float, goal: float, dt_s: float, tau_s: float) -> float:
    """Return where the control `name` is `dt_s` after it was `now`, on its way to `goal` with `tau_s`."""
    limit = TABLE[name]
    moved = now + limit.distance(now, goal) * -math.expm1(-dt_s / tau_s)
    return limit.clamp(moved) if limit.cyclic else moved


def _pace(
    state: PatientState, stage: Stage, previous: Controls, dt_s: float, wishes: Wishes
) -> tuple[float, tuple[Reason, ...]]:
    """Return the pacer's next pace: the wish, else a little slower than the patient, else by the plan."""
    now = previous.breath_pace_per_min
    own = state.breath_rate_per_min
    aim = stage.aim.breath_pace_per_min
    if wishes.breath_pace_per_min is not None:
        goal, because, slope = wishes.breath_pace_per_min, "the therapist asked for it", math.inf
    elif own is None and (stage.kind is StageKind.ARRIVE or (state.breath_lost and aim is None)):
        return now, ()  # listening first: the place does not breathe yet either; or nowhere to lead to
    elif own is None and state.breath_lost and aim is not None:
        goal, because, slope = aim, "the breath is lost: going on from here, slowly", LEAD_PER_MIN_PER_S
    elif own is None:
        goal, because, slope = (
            NEUTRAL.breath_pace_per_min,
            "the breath is not known: easing to six a minute",
            math.inf,
        )
    elif aim is None:
        goal, because, slope = own, "going with the patient's own breath", math.inf
    else:
        goal, because, slope = (
            max(aim, SLOWER * own),
            "a little slower than the patient breathes",
            LEAD_PER_MIN_PER_S * (1.0 + (IN_STEP - 1.0) * _in_step(state, previous)),
        )
    moved = toward("breath_pace_per_min", now, goal, dt_s, MUSIC_TAU_S)
    step = min(max(moved - now, -slope * dt_s), slope * dt_s) if math.isfinite(slope) else moved - now
    if abs(goal - now) <= 0.25:
        return now + step, ()
    reason = Reason(
        control="breath_pace_per_min",
        was=now,
        target=goal,
        because=because,
        confidence=state.breath_phase_confidence,
    )
    return now + step, (reason,)


def _in_step(state: PatientState, previous: Controls) -> float:
    """Return how surely the patient breathes in step with the pacer, 0 (apart or unknown) … 1."""
    apart = state.breath_phase - previous.pacer_phase
    return state.breath_phase_confidence * max(0.0, math.cos(2.0 * math.pi * apart))


def _phase(state: PatientState, stage: Stage, previous: Controls, pace_per_min: float, dt_s: float) -> float:
    """Return the pacer's next phase: it runs at its pace, nudged where the stage hardly leads.

    A stage that leads by half or more is not nudged: two that give way to each other would both go faster
    than the pace that is meant.
    """
    follow = max(1.0 - 2.0 * stage.aim.strength, 0.0) * state.breath_phase_confidence
    apart = math.remainder(state.breath_phase - previous.pacer_phase, 1.0)
    pull_per_s = PHASE_PULL_PER_S * follow * math.sin(2.0 * math.pi * apart)
    return (previous.pacer_phase + (pace_per_min / 60.0 + pull_per_s) * dt_s) % 1.0
