"""The state message of a room, as `clinic.messages.RoomState` describes it. Pure."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from typing import Any

from therapy.controls import TABLE
from therapy.patient import PatientState
from vr_world.assessing import view
from vr_world.loop import World

__all__ = ["Alarm", "state_message"]

#: Lines of the why-trace that a panel shows.
LINES_SHOWN = 20
#: What a panel shows as the condition of a blind session; the recording has the true one.
HIDDEN = "hidden"


@dataclasses.dataclass(slots=True, kw_only=True)
class Alarm:
    """Something that a human should look at, until acknowledged."""

    id: int
    at_s: float
    level: str
    what: str
    acknowledged: bool = False


def state_message(  # noqa: PLR0913  # each part of the panel has its own source
    room: str,
    world: World,
    now_s: float,
    *,
    streams: Iterable[Mapping[str, Any]],
    headset: Mapping[str, Any],
    headsets: Iterable[Mapping[str, Any]],
    stream: str,
    processes: Iterable[Mapping[str, Any]],
    recording: Mapping[str, Any],
    sound: Mapping[str, Any],
    baseline: Mapping[str, float],
    alarms: Iterable[Alarm],
    guide: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Return what the panel shows of `room` now, without the join code."""
    machine = world.machine
    plan = None if machine is None else machine.plan
    return {
        "type": "state",
        "at_s": now_s,
        "room": room,
        "phase": None if machine is None else machine.phase.value,
        "scene": None if machine is None else machine.stage.scene,
        "condition": None if plan is None else HIDDEN if plan.blind else plan.condition.value,
        "plan": plan
        and {
            "plan_id": plan.plan_id,
            "title": plan.title,
            "duration_s": plan.duration_s,
            "guide": plan.guide.value,
        },
        "patient": world.patient,
        "elapsed_s": 0.0 if machine is None else machine.elapsed_s,
        "stage": machine
        and {
            "name": machine.stage.name,
            "kind": machine.stage.kind.value,
            "index": machine.stage_index,
            "elapsed_s": machine.stage_elapsed_s,
            "duration_s": machine.stage.duration_s,
        },
        **_body(world.state, now_s, arousal=plan is None or plan.arousal),
        "iso_path": _iso_path(world, now_s),
        "pacer_phase": world.controls.pacer_phase,
        "controls": {name: getattr(world.controls, name) for name in (*TABLE, "mode")},
        "wishes": {
            name: value for name, value in dataclasses.asdict(world.wishes).items() if name != "swell"
        },
        # why a control moves tells the condition
        "why": []
        if plan is not None and plan.blind
        else [dataclasses.asdict(line) for _, line in zip(range(LINES_SHOWN), world.why, strict=False)],
        "streams": list(streams),
        "headset": dict(headset),
        "headsets": [dict(each) for each in headsets],
        "stream": stream,
        "processes": list(processes),
        "recording": dict(recording),
        "sound": dict(sound),
        "baseline": dict(baseline),
        "join": None,
        "alarms": [dataclasses.asdict(alarm) for alarm in alarms],
        "assessment": view(world.assessment, world.assessment_ended),
        "guide": guide,
    }


def _iso_path(world: World, now_s: float) -> dict[str, Any] | None:
    path = world.iso_path
    if path is None or world.machine is None or world.machine.over or not world.machine.plan.arousal:
        return None
    return {
        "points": [dataclasses.asdict(point) for point in path.points()],
        "now": {"at_s": now_s, "arousal": path.arousal(now_s)},
    }


def _body(state: PatientState, now_s: float, *, arousal: bool) -> dict[str, Any]:
    vitals = {
        name: {
            "value": reading.value,
            "unit": reading.unit,
            "quality": reading.quality,
            "age_s": max(now_s - reading.at_s, 0.0),
            "window_s": reading.window_s,
            "reason": reading.reason,
        }
        for name, reading in state.vitals.items()
    }
    return {
        "vitals": vitals,
        "arousal": {
            "value": state.arousal if arousal else 0.0,
            "confidence": state.arousal_confidence if arousal else 0.0,
        },
        "coherence": state.coherence,
        "breath_phase": state.breath_phase if state.breath_phase_confidence > 0.0 else None,
    }
