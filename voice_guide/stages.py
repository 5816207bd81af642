"""What the guide says by itself when a stage begins: two sentences, then silence. Pure.

At the first meeting it says that it is a computer voice. RETURN is the skill `session_return`.
"""

from __future__ import annotations

from typing import Literal

from therapy.plan import StageKind
from voice_guide.skill import SkillStep

__all__ = ["RETURN_SKILL", "assessment_steps", "stage_steps"]

#: The skill that leads the way out.
RETURN_SKILL = "session_return"


def stage_steps(kind: StageKind, *, met_before: bool) -> tuple[SkillStep, ...]:
    """Return the lines with which a stage of `kind` begins; after the last one the guide is silent.

    Args:
        kind: of the stage.
        met_before: whether this patient has met the guide in an earlier session.
    """
    match kind:
        case StageKind.ARRIVE if met_before:
            return (SkillStep(line_id="arrive.again", pause_after_s=0.0),)
        case StageKind.ARRIVE:
            return (
                SkillStep(line_id="arrive.computer_voice", pause_after_s=8.0),
                SkillStep(line_id="arrive.stop", pause_after_s=0.0),
            )
        case StageKind.SETTLE:
            return (SkillStep(line_id="settle.breathe", pause_after_s=0.0),)
        case StageKind.DEEPEN:
            return (SkillStep(line_id="deepen.quiet", pause_after_s=0.0),)
        case StageKind.EXPLORE:
            return (SkillStep(line_id="explore.look", pause_after_s=0.0),)
        case StageKind.RETURN:
            return ()


def assessment_steps(what: Literal["began", "found", "ended"]) -> tuple[SkillStep, ...]:
    """Return the lines with which a resonance assessment begins and ends; in between the guide is silent."""
    if what == "began":
        return (
            SkillStep(line_id="assessment.begins", pause_after_s=6.0),
            SkillStep(line_id="assessment.follow", pause_after_s=0.0),
        )
    return (
        SkillStep(line_id="assessment.done" if what == "found" else "assessment.over", pause_after_s=0.0),
    )
