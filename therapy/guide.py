"""How a session's guide is to be: chosen when the session is opened, within the clinic's policy."""

from __future__ import annotations

import dataclasses
from typing import Final

from therapy.errors import BadPlan
from therapy.plan import SessionPlan
from therapy.talk import GuideMode

__all__ = ["FREEDOM", "GuideChoice", "stricter", "within_policy"]

#: From the strictest to the freest.
FREEDOM: Final = (GuideMode.OFF, GuideMode.SCRIPTED, GuideMode.APPROVED, GuideMode.FREE)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class GuideChoice:
    """How freely the guide may speak in a session, and to whom.

    Attributes:
        mode: how freely.
        approval: whether the therapist approves each answer before it is said.
        language: BCP 47 tag.
        met_before: whether this patient knows already that the guide is a computer.
        remembered: what this patient allowed to be remembered.
        flags: what was found of the patient that some exercises are not for.
    """

    mode: GuideMode = GuideMode.APPROVED
    approval: bool = False
    language: str = "en"
    met_before: bool = False
    remembered: tuple[str, ...] = ()
    flags: frozenset[str] = frozenset()


def stricter(one: GuideMode, other: GuideMode) -> GuideMode:
    """Return the one of two modes that is less free."""
    return min(one, other, key=FREEDOM.index)


def within_policy(mode: GuideMode, policy: GuideMode, plan: SessionPlan | None = None) -> None:
    """Check that `mode` is no freer than `policy`, nor than `plan` allows.

    Raises:
        BadPlan: it is.
    """
    told = [(policy, "by this clinic's policy")]
    if plan is not None:
        told.append((plan.guide, f"in plan {plan.plan_id!r}"))
    for most, by in told:
        if FREEDOM.index(mode) > FREEDOM.index(most):
            raise BadPlan(f"the guide may be at most {most.value!r} {by}, {mode.value!r} was wanted")
