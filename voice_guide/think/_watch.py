"""Whether a thought is still worth waiting for. Pure: the caller tells the time.

The room never waits for a model longer than `speak_by_s`; a scripted line follows within 2.0 s of the
patient's words. A backend asks after each token; who waits for a backend in another process asks by a timer,
so that a model that hangs inside a library is noticed as well.
"""

from __future__ import annotations

import collections
from typing import Final

from voice_guide.think._settings import ThinkSettings

__all__ = ["MOST_CHARACTERS", "Watch", "goes_round"]

#: More than this is no answer, whatever it is: the schema's longest is far below.
MOST_CHARACTERS: Final = 4_000
#: How much of the end is looked at for repetition, and the least that counts as one: as many characters, and
#: as many times.
_TAIL: Final = 160
_LEAST_ROUND: Final = 30
_LEAST_TIMES: Final = 3


class Watch:
    """Watches one thought from `began_s` on: `token` for each piece of text, `check` at any time.

    >>> watch = Watch(ThinkSettings(stall_s=1.0), began_s=0.0)
    >>> watch.token("Take ", 0.2), watch.check(1.4)
    ('', 'no token for 1.2 s, allowed are 1 s')
    """

    def __init__(self, settings: ThinkSettings, *, began_s: float) -> None:
        self._settings = settings
        self._began_s = began_s
        self._last_s = began_s
        self._spoken = False
        self._text = ""
        self._recent: collections.deque[float] = collections.deque()
        self._first_s: float | None = None
        self._tokens = 0
        self._characters = 0

    @property
    def tokens(self) -> int:
        """How many tokens came."""
        return self._tokens

    def speakable(self) -> None:
        """Note that something can be said: from now on only the whole has a deadline."""
        self._spoken = True

    def token(self, text: str, now_s: float) -> str:
        """Note a token (or a piece of text of a server); return why the thought is not worth more, or ""."""
        late = self.check(now_s)
        self._last_s = max(now_s, self._last_s)
        self._first_s = now_s if self._first_s is None else self._first_s
        self._tokens += 1
        self._characters += len(text)
        self._recent.append(now_s)
        while self._recent and self._recent[0] < now_s - self._settings.stall_s:
            self._recent.popleft()
        self._text = (self._text + text)[-_TAIL:]
        if late:
            return late
        if self._tokens > self._settings.max_tokens:
            return f"more than {self._settings.max_tokens} tokens"
        if self._characters > MOST_CHARACTERS:
            return f"more than {MOST_CHARACTERS} characters"
        return goes_round(self._text)

    def check(self, now_s: float) -> str:
        """Return why the thought is not worth waiting for at `now_s`, or ""."""
        settings = self._settings
        thought_s = now_s - self._began_s
        if not thought_s >= 0.0:  # a clock that went back, or NaN
            return f"the clock must go on, went from {self._began_s:g} to {now_s:g} s"
        if thought_s > settings.deadline_s:
            return f"not complete after {thought_s:.1f} s, allowed are {settings.deadline_s:g} s"
        if not self._spoken and thought_s > settings.speak_by_s:
            return f"nothing to say after {thought_s:.1f} s, allowed are {settings.speak_by_s:g} s"
        quiet_s = now_s - self._last_s
        if self._tokens and quiet_s > settings.stall_s:
            return f"no token for {quiet_s:.1f} s, allowed are {settings.stall_s:g} s"
        rate_per_s = max(len(self._recent) - 1, 0) / settings.stall_s  # as many gaps
        seen = self._first_s is not None and now_s - self._first_s > settings.stall_s
        if seen and rate_per_s < settings.slowest_per_s:
            return f"{rate_per_s:.1f} tokens/s, needed are {settings.slowest_per_s:g}"
        return ""


def goes_round(text: str) -> str:
    """Return what the end of `text` says again and again, or ""."""
    tail = text[-_TAIL:].rstrip('"}]')  # what closes an answer does not hide it
    for period in range(1, len(tail) // _LEAST_TIMES + 1):
        times = max(_LEAST_TIMES, -(-_LEAST_ROUND // period))
        unit = tail[-period:]
        if len(tail) >= period * times and tail.endswith(unit * times):
            return f"goes round: {unit[:40]!r} {times} times"
    return ""
