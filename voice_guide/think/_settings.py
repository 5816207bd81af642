"""What an operator may set about thinking."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable

__all__ = ["ThinkSettings"]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ThinkSettings:
    """Which backend thinks, and within what bounds.

    Attributes:
        backend: name of one of `voice_guide.think.backends()`.
        folder: of a model in the format of transformers (`packaged` finds its own when empty).
        server_url: base address of an OpenAI-compatible server, `http://127.0.0.1:8000/v1`.
        server_model: name of the model there.
        server_key: sent as a bearer token when not empty; never shown.
        connect_s: longest time until a server takes the request.
        speak_by_s: when something that can be said has to be there; a scripted line needs the rest of 2.0 s.
        stall_s: longest time without a token.
        slowest_per_s: tokens per second below which a model counts as too slow, seen over `stall_s`.
        deadline_s: when a thought has to be complete.
        max_tokens: most tokens of an answer.
        temperature: 0 is greedy.
        seed: of the sampling when the temperature is above 0.
        threads: of the processor that torch may use.
        now_s: monotonic clock.
    """

    backend: str = "packaged"
    folder: str = ""
    server_url: str = ""
    server_model: str = ""
    server_key: str = dataclasses.field(default="", repr=False)
    connect_s: float = 1.0
    speak_by_s: float = 1.7
    stall_s: float = 1.0
    slowest_per_s: float = 2.0
    deadline_s: float = 8.0
    max_tokens: int = 200
    temperature: float = 0.0
    seed: int = 1
    threads: int = 1
    now_s: Callable[[], float] = time.monotonic
