"""What the panel's wire says of the voice guide, as types; `clinic.messages` holds the rest."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

from therapy.talk import GuideMode, RiskLevel, Source

__all__ = ["GuideChoiceBody", "GuideInfo", "GuideProposal", "GuideRisk", "GuideState", "Rating", "Said"]


class GuideChoiceBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How the guide of a session is to be: at most as free as GET /api/guide allows.

    `free`: a model's own words, each sentence screened; `approved`: the lines in the files, the model
    chooses; `scripted`: the same without a model; `off`: silent. `approval`: each answer waits for you.
    """

    mode: GuideMode
    approval: bool = False
    language: Annotated[str, Meta(min_length=2, max_length=35)] = "en"


class GuideInfo(Struct, frozen=True, kw_only=True):
    """What guide sessions here may have: `modes` from the strictest to the freest, `usual` if none is named.

    `rules_only`: languages in which danger is found by rules alone, for no sentence model reads them. Without
    `on` this server runs none, and every other field is empty.
    """

    on: bool
    modes: list[GuideMode] = []
    usual: GuideMode | None = None
    languages: list[str] = []
    rules_only: list[str] = []


class Said(Struct, frozen=True, kw_only=True):
    """One turn of the talk. Of words that were `interrupted`, the patient heard only the beginning."""

    who: Literal["patient", "guide", "therapist"]
    text: str
    at_s: float
    source: Source | None = None
    confidence: float | None = None
    interrupted: bool = False


class GuideProposal(Struct, frozen=True, kw_only=True):
    """What the guide would say and do, waiting for you until `until_s`; then it is dropped."""

    turn: int
    text: str
    line_id: str
    actions: list[str]
    reason: str
    backend: str
    until_s: float


class GuideRisk(Struct, frozen=True, kw_only=True):
    """What the risk screen found; until a human releases it, the guide speaks approved safety lines only."""

    level: RiskLevel
    kind: str
    evidence: list[str]
    at_s: float
    words: str
    acknowledged: bool = False


class Rating(Struct, frozen=True, kw_only=True):
    """A number that the patient gave."""

    scale: Literal["suds", "mood"]
    value: float
    at_s: float


class GuideState(Struct, frozen=True, kw_only=True):
    """What the guide is doing. `mode` is how free it is now, `wanted_mode` how free it may be.

    `missing` says what keeps it from that, one line each. `met`: the patient has heard in this session what
    the guide is. `notes`: what could be remembered of it, where the patient agrees (POST /api/guide-memory).
    """

    mode: GuideMode
    wanted_mode: GuideMode
    approval: bool
    missing: list[str]
    state: Literal["off", "idle", "listening", "thinking", "speaking", "held", "crisis"]
    language: str
    transcript: list[Said]
    partial: str
    proposal: GuideProposal | None
    risk: GuideRisk | None
    ratings: list[Rating]
    met: bool = False
    notes: list[str] = []
    microphone: str
