"""How true the pulse rate of a PPG is on recordings, as they are and spoilt, and what its quality said.

The truth is the ECG that was recorded beside it, in the stretches in which two offline methods agree on its
beats (`benchmarks._accuracy`). A heart sends the same number of pulses to a finger as it beats.
"""

from __future__ import annotations

import dataclasses
import importlib.util
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import numpy as np

from benchmarks._accuracy import GOOD, Case, far_off, recorded, true_rate
from benchmarks._kit import Figure, Progress
from benchmarks._noise import LEVELS_DB, NOISES, noisy
from sensors.estimators.ppg import PpgEstimator
from sensors.quality import Floats
from sensors.recordings import load_recording

__all__ = ["Rates", "pulse_rates", "rated"]

#: Recording, and the lead of its ECG whose beats are the truth.
RECORDINGS: Final = (("a103l.hea", 0), ("v102s.hea", 1))
_EVERY_S: Final = 1.0


@dataclasses.dataclass(slots=True, kw_only=True)
class Rates:
    """Seconds in which the truth is known, and (quality, wrong) of each rate told in them."""

    seconds: int = 0
    told: list[tuple[float, bool]] = dataclasses.field(default_factory=list)

    def add(self, other: Rates) -> None:
        """Take the sums of `other` in."""
        self.seconds += other.seconds
        self.told += other.told


def rated(truth: Case, x: Floats, rate_hz: float) -> Rates:
    """Run the live estimator over the PPG `x` (n,) and hold each second's rate against the ECG of `truth`."""
    estimator, rates = PpgEstimator(rate_hz), Rates()
    stamps_s, size = np.arange(x.size) / rate_hz, round(_EVERY_S * rate_hz)
    for at in range(0, x.size - size + 1, size):
        estimator.push(x[at : at + size], stamps_s[at : at + size])
        now_s = float(stamps_s[at + size - 1])
        told = estimator.readings(now_s)[0]
        true = true_rate(truth, now_s, told.window_s)
        if true is not None:
            rates.seconds += 1
            if told.value is not None:
                rates.told.append((told.quality, far_off(told.value, true)))
    return rates


def pulse_rates(progress: Progress, levels_db: Sequence[float] = LEVELS_DB) -> list[Figure]:
    """Return a row a recording, a row for each noise at each level, and one for all noise."""
    data = os.environ.get("STILLWATER_DATA")
    if data is None or importlib.util.find_spec("neurokit2") is None:
        return []
    known = list(_pairs(Path(data) / "biosignals"))
    figures: list[Figure] = []
    for truth, x, rate_hz in known:
        progress(f"pulse rate: {truth.name}")
        figures += _row(f"PPG {truth.name}", rated(truth, x, rate_hz))
    spoilt = Rates()
    for kind in NOISES:
        for level in levels_db:
            progress(f"pulse rate: {kind}, {level:g} dB")
            one = Rates()
            for truth, x, rate_hz in known:
                height = float(np.median(np.ptp(x[: x.size // 250 * 250].reshape(-1, 250), axis=1)))
                one.add(rated(truth, noisy(x, rate_hz, kind, level, height), rate_hz))
            figures += _row(f"PPG {kind}, {level:g} dB", one)
            spoilt.add(one)
    return [*figures, *_row("PPG all, noisy", spoilt)]


def _pairs(folder: Path) -> Iterator[tuple[Case, Floats, float]]:
    for name, lead in RECORDINGS:
        if (folder / name).is_file():
            stream = next(s for s in load_recording(folder / name).streams if s.kind == "PPG")
            x = stream.samples[:, 0]
            x = np.where(np.isfinite(x), x, float(np.nanmedian(x)))
            yield recorded(folder / name, lead, ""), x, stream.rate_hz


def _row(name: str, rates: Rates) -> list[Figure]:
    good = [wrong for quality, wrong in rates.told if quality >= GOOD]
    wrong = sum(wrong for _, wrong in rates.told)
    return [
        Figure(
            name=f"{name}: rates told that are wrong",
            value=wrong / max(len(rates.told), 1),
            unit="1",
            note=f"told: {len(rates.told)} of {rates.seconds}",
        ),
        Figure(
            name=f"{name}: rates called good that are wrong",
            value=sum(good) / max(len(good), 1),
            unit="1",
            limit=0.01,
            note=f"called good: {len(good)} of {rates.seconds}",
        ),
    ]
