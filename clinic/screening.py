"""What must be asked before anybody puts a headset on, and the rule that blocks a start.

The list follows public consent forms and the makers' warnings (epilepsy and light, vestibular disorders,
acute psychiatric states, implants near magnets, recent concussion, age). It asks; it does not diagnose.
"""

from __future__ import annotations

import dataclasses
import types
from collections.abc import Mapping
from typing import Final

from clinic.errors import BadRequest, Refused

__all__ = ["CONTRAINDICATIONS", "Screening", "check"]

#: Identifier → what the therapist reads.
CONTRAINDICATIONS: Final[Mapping[str, str]] = types.MappingProxyType(
    {
        "seizures": "Epilepsy or a past seizure",
        "migraine_aura": "Migraine with aura",
        "vestibular": "Severe vestibular disorder or vertigo",
        "acute_psychiatric": "Acute psychosis, mania or dissociation",
        "suicidal": "Acute suicidal intent",
        "eye": "Serious eye disease or recent eye surgery",
        "implant": "Implanted device that magnets can disturb",
        "concussion": "Concussion in the last weeks",
        "intoxication": "Alcohol or drugs today",
        "nausea": "Nausea now, pregnancy included",
        "under_13": "Younger than 13 without guardian and paediatric protocol",
    }
)
#: An override that says nothing explains nothing.
MIN_REASON: Final = 10


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Screening:
    """What the therapist found: `present` (keys of `CONTRAINDICATIONS`) and why they go on all the same."""

    present: tuple[str, ...] = ()
    override_reason: str = ""


def check(screening: Screening) -> None:
    """Let `screening` through, or say why a session may not start.

    Raises:
        BadRequest: an entry that is not on the list.
        Refused: a contraindication without a reason to go on.
    """
    for key in screening.present:
        if key not in CONTRAINDICATIONS:
            raise BadRequest(
                f"screening.present: must be among {', '.join(CONTRAINDICATIONS)}, got {key[:40]!r}"
            )
    if screening.present and len(screening.override_reason.strip()) < MIN_REASON:
        named = "; ".join(CONTRAINDICATIONS[key] for key in screening.present)
        raise Refused(
            f"contraindicated ({named}): going on needs a reason of {MIN_REASON} or more characters,"
            f" got {len(screening.override_reason.strip())}"
        )
