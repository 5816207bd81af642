"""A phase that keeps running: corrected where the signal tells, free where it does not."""

from __future__ import annotations

import math
from typing import Final

__all__ = ["Oscillator"]

_SLEW_S: Final = 0.8
_FORGET_S: Final = 12.0
_RATES_HZ: Final = (0.04, 0.7)


class Oscillator:
    """The phase of something periodic, 0 … 1, as a function of time alone between corrections.

    A correction is not a jump: it is worked in over `_SLEW_S`.
    """

    def __init__(self) -> None:
        self._from_s: float | None = None
        self._phase = 0.0
        self._rate_hz = 0.2
        self._pull = 0.0
        self._trust = 0.0
        self._seen_s = -math.inf

    def _turns(self, at_s: float) -> float:
        """Return the phase, not wrapped, at `at_s`."""
        since = at_s - (self._from_s if self._from_s is not None else at_s)
        return self._phase + self._rate_hz * since + self._pull * min(max(since / _SLEW_S, 0.0), 1.0)

    def correct(
        self, true_s: float, known_s: float, phase: float, rate_hz: float | None, gain: float
    ) -> None:
        """Take note, at `known_s`, that the phase was `phase` at `true_s` (not later than `known_s`)."""
        if rate_hz is not None:
            rate_hz = min(max(rate_hz, _RATES_HZ[0]), _RATES_HZ[1])
        if self._from_s is None or known_s - self._seen_s > 30.0:
            self._rate_hz = rate_hz if rate_hz is not None else self._rate_hz
            self._from_s, self._pull = known_s, 0.0
            self._phase = phase + self._rate_hz * (known_s - true_s)
            self._trust = 0.2
        else:
            now = self._turns(known_s)
            rate = self._rate_hz + (0.6 * (rate_hz - self._rate_hz) if rate_hz is not None else 0.0)
            error = math.remainder(phase - (now - rate * (known_s - true_s)), 1.0)
            self._from_s, self._phase = known_s, now
            self._rate_hz, self._pull = rate, gain * error
            self._trust += 0.3 * (1.0 - min(1.0, 4.0 * abs(error)) - self._trust)
        self._seen_s = known_s

    def at(self, now_s: float) -> tuple[float, float]:
        """Return the phase 0 … 1 at `now_s`, and the trust 0 … 1, which falls while nothing corrects it."""
        if self._from_s is None:
            return 0.0, 0.0
        phase = self._turns(now_s) % 1.0
        alone = max(0.0, now_s - self._seen_s - 1.0 / self._rate_hz)
        return (phase if phase < 1.0 else 0.0), self._trust * math.exp(-alone / _FORGET_S)
