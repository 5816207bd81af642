"""Who plays what: the roles of the score and their usual instruments; more in the package's docstring."""

from __future__ import annotations

import types
from collections.abc import Mapping
from typing import Final

__all__ = ["SUSTAINED", "USUAL"]

#: Role → instrument of a palette that does not name another.
USUAL: Final[Mapping[str, str]] = types.MappingProxyType(
    {
        "pad": "pad",
        "drone": "drone",
        "bell": "bell",
        "answer": "bell",
        "texture": "bell",
        "pulse": "pulse",
    }
)
#: Roles whose notes sound until they are released; the others are struck and ring out.
SUSTAINED: Final = frozenset({"pad", "drone"})
