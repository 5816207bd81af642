"""Where the music is at home: two sections in the home key, one away, one back, by way of common tones."""

from __future__ import annotations

from typing import Final

from audio_engine.composer.chance import chance
from audio_engine.composer.theory import chord_on, roots
from therapy.controls import Controls

__all__ = ["Keys", "pivot"]

#: Tonics to draw from: C to A around MIDI 48 … 57, where pads are warm and bells above them are soft.
_TONICS: Final = (48, 50, 52, 53, 55, 57)
_LOWEST: Final = 45
_SECTIONS_PER_ROUND: Final = 4
_AWAY: Final = 2
#: Under this tension, and in arrival and return, the music stays at home.
_LEAST_TENSION: Final = 0.1
_ARRIVED: Final = 0.15
_RETURNING: Final = 0.8
#: Fifths up and down share all but one tone of a scale; with more tension a whole tone up shares all but two.
_NEAR: Final = (7, 5)
_FURTHER: Final = (7, 5, 2)
_FURTHER_TENSION: Final = 0.35
#: Tones that the chord between two keys has in common with the home that is left.
_LEAST_COMMON: Final = 2


class Keys:
    """The keys of a piece.

    Args:
        seed: any text; the same text, the same keys.
    """

    def __init__(self, seed: str) -> None:
        self._seed = seed
        self.home: int = chance(seed, "tonic").choice(_TONICS)

    def tonic(self, section: int, controls: Controls) -> int:
        """Return the MIDI note of the tonic in `section` (asked when it begins)."""
        away = section % _SECTIONS_PER_ROUND == _AWAY
        if not away or controls.tension < _LEAST_TENSION or not _ARRIVED < controls.arc < _RETURNING:
            return self.home
        ways = _NEAR if controls.tension < _FURTHER_TENSION else _FURTHER
        known = [up for up in ways if _common(self.home, self.home + up, controls.mode) >= _LEAST_COMMON]
        tonic = self.home + chance(self._seed, "key", section).choice(known)
        return tonic if tonic < _LOWEST + 12 else tonic - 12


def pivot(old_tonic: int, new_tonic: int, mode: str) -> int:
    """Return the root (a step of the new key) whose triad has most tones in common with the old home's."""
    return max(roots(mode), key=lambda root: (_shared(old_tonic, new_tonic, mode, root), -root))


def _shared(old_tonic: int, new_tonic: int, mode: str, root: int) -> int:
    old = set(chord_on(old_tonic, mode, 0, 0.0).classes)
    return len(old & set(chord_on(new_tonic, mode, root, 0.0).classes))


def _common(old_tonic: int, new_tonic: int, mode: str) -> int:
    """Return how many tones of the old home's triad the pivot keeps."""
    return _shared(old_tonic, new_tonic, mode, pivot(old_tonic, new_tonic, mode))
