"""The veil between the scene and the dark-warm safe picture: how thick it is at any moment. Pure."""

from __future__ import annotations

from typing import Final

__all__ = ["SAFE_WITHIN_S", "SCENE_CLOSE_S", "SCENE_OPEN_S", "Veil"]

#: One place becomes the next behind a closed veil: never a cut, and never longer than three seconds.
SCENE_CLOSE_S: Final = 1.4
SCENE_OPEN_S: Final = 1.0

#: The safe picture is there within 250 ms of the word; the fade itself leaves 60 ms for the frame's own way.
SAFE_WITHIN_S: Final = 0.19
#: Even the quickest fade is not a cut.
_CLOSE_AT_LEAST_S: Final = 0.05
#: Coming back is never quicker than this, so that repeated calls cannot make the picture flash.
_BACK_AT_LEAST_S: Final = 1.0


class Veil:
    """0 = the scene is seen, 1 = the safe picture alone. Begins at 1 and opens when told."""

    def __init__(self) -> None:
        self._start = 1.0
        self._target = 1.0
        self._since_s = 0.0
        self._for_s = 1.0

    def close(self, now_s: float, fade_s: float) -> None:
        """Go to the safe picture in `fade_s`, sooner if it is already on the way and nearer than that."""
        self._go(now_s, 1.0, max(fade_s, _CLOSE_AT_LEAST_S))

    def open(self, now_s: float, fade_s: float) -> None:
        """Go to the scene in `fade_s`, at least one second."""
        self._go(now_s, 0.0, max(fade_s, _BACK_AT_LEAST_S))

    def at(self, now_s: float) -> float:
        """Return how thick the veil is, 0 … 1, eased at both ends."""
        share = min(max((now_s - self._since_s) / self._for_s, 0.0), 1.0)
        if share >= 1.0:
            return self._target
        eased = share * share * (3.0 - 2.0 * share)
        return self._start + (self._target - self._start) * eased

    def wait(self, seconds: float) -> None:
        """Let `seconds` pass that nobody saw: a picture that came late must not make the fade a step."""
        self._since_s += seconds

    @property
    def closing(self) -> bool:
        """Whether the safe picture is the aim."""
        return self._target == 1.0

    def _go(self, now_s: float, target: float, fade_s: float) -> None:
        if target == self._target and self._since_s + self._for_s <= now_s + fade_s:
            return  # already there or nearer; a repeated word must not slow it down
        self._start = self.at(now_s)
        self._target = target
        self._since_s = now_s
        self._for_s = fade_s
