"""Band powers of EEG channels, the individual alpha peak, frontal theta and alpha asymmetry.

The stream must be in microvolts. Two seconds at a time, one second apart, each channel is judged (flat, eye,
muscle, mains) and its spectrum taken; what is told is the mean over the good ones of the last twenty seconds,
and for the alpha peak of the last minute. Channels are known by their 10-20 labels.

The band of alpha is the individual peak ± 2 Hz where there is one (Klimesch, Brain Res. Rev. 29:169, 1999),
8 … 13 Hz until then.
"""

from __future__ import annotations

import collections
import math
import statistics
from typing import Any, Final

import numpy as np
from scipy import signal

from sensors.errors import BadStream
from sensors.estimators._epochs import Epoch, judge
from sensors.estimators._readings import reading
from sensors.quality import Cleaner, Floats, Segment, ramp
from therapy import units
from therapy.patient import CALIBRATING, LEAD_OFF, NO_SIGNAL, NOISE, STALE, Reading
from therapy.specs import EstimatorSpec

__all__ = ["ESTIMATOR", "NO_CHANNEL", "NO_PEAK", "RATES_HZ", "EegEstimator"]

#: Muscles are told by 30…45 Hz.
RATES_HZ: Final = (100.0, 20000.0)
#: Reasons of this estimator alone.
NO_CHANNEL: Final = "no such channel"
NO_PEAK: Final = "no peak"

_INTERNAL_HZ: Final = 250.0
_HIGH_PASS_HZ: Final = 0.5
_EPOCH_S: Final = 2.0
_HOP_S: Final = 1.0
_SETTLE: Final = 3  # epochs, while the high-pass forgets the offset of the electrodes
_WINDOW: Final = 20
_LEAST: Final = 8
_PEAK_WINDOW: Final = 60
_PEAK_LEAST: Final = 30
_BLOCK_S: Final = 0.25
_FRESH_S: Final = 2.0
_THETA_HZ: Final = (4.0, 8.0)
_ALPHA_HZ: Final = (8.0, 13.0)
_BETA_HZ: Final = (13.0, 30.0)
_PEAK_HZ: Final = (7.0, 13.0)
_HALF_ALPHA_HZ: Final = 2.0
#: Of the peak over the straight line (log–log) through the spectrum around it.
_PROMINENT: Final = 1.6
_FRONTAL: Final = ("FZ", "AFZ", "FCZ", "F3", "F4", "F1", "F2", "FPZ", "AF7", "AF8", "FP1", "FP2")
_PAIRS: Final = (("F3", "F4"), ("F7", "F8"), ("AF7", "AF8"), ("FP1", "FP2"))
_NOT_EEG: Final = ("AUX", "EOG", "EMG", "ECG", "EKG", "TRIG", "STATUS", "MARKER", "ACC", "GYRO", "COUNTER")


class EegEstimator:
    """Readings from samples in µV of channels called `labels`. `push` what arrived, then ask `readings`."""

    def __init__(self, rate_hz: float, labels: tuple[str, ...]) -> None:
        low, high = RATES_HZ
        if not (math.isfinite(rate_hz) and low <= rate_hz <= high):
            raise BadStream("EEG sampling rate", f"in {low:g}…{high:g} Hz", rate_hz)
        if not labels:
            raise BadStream("EEG channels", "at least 1", 0)
        self._labels = tuple(label.strip().upper().removeprefix("EEG ") for label in labels)
        self._cleaners = [Cleaner(rate_hz) for _ in labels]
        self._each = max(1, int(rate_hz / _INTERNAL_HZ))
        self._rate = rate_hz / self._each
        self._sos = signal.butter(2, _HIGH_PASS_HZ, btype="highpass", fs=self._rate, output="sos")
        self._block = max(1, round(_BLOCK_S * rate_hz))
        self._waiting: list[tuple[Floats, Floats]] = []
        self._waiting_samples = 0
        self._epochs: collections.deque[Epoch] = collections.deque(maxlen=_PEAK_WINDOW)
        self._epochs_seen = 0
        self._told: tuple[int, list[tuple[str, float | None, str, float, float, str]]] | None = None
        self._began_s: float | None = None
        self._last_s: float | None = None
        self._restart()

    def _restart(self) -> None:
        """Forget the signal (there was a hole)."""
        count = len(self._labels)
        self._rest: tuple[Floats, Floats] = (np.empty((0, count)), np.empty((0, count)))
        self._state: Floats | None = None
        self._x = np.empty((0, count))
        self._bad = np.empty((0, count))
        self._settling = _SETTLE

    @property
    def bad_samples(self) -> int:
        """Samples of all channels held out since the start because they cannot be true."""
        return sum(cleaner.bad_samples for cleaner in self._cleaners)

    def push(self, chunk: Any, stamps_s: Any) -> list[Any]:
        """Take samples (n, channels) in µV with their session times (n,); return nothing. Never raises.

        They are worked on a quarter of a second at a time: many channels in tiny chunks would cost too much.
        """
        x = np.asarray(chunk, dtype=np.float64).reshape(-1, len(self._labels))
        t = np.asarray(stamps_s, dtype=np.float64).reshape(-1)
        size = min(len(x), t.size)
        start = 0
        while start < size:
            end = min(size, start + self._block - self._waiting_samples)
            self._waiting.append((x[start:end].copy(), t[start:end].copy()))
            self._waiting_samples += end - start
            start = end
            if self._waiting_samples == self._block:
                xs, ts = (np.concatenate(each) for each in zip(*self._waiting, strict=True))
                self._waiting, self._waiting_samples = [], 0
                self._clean(xs, ts)
        return []

    def _clean(self, x: Floats, t: Floats) -> None:
        parts = [cleaner.push(x[:, k], t) for k, cleaner in enumerate(self._cleaners)]
        for together in zip(*parts, strict=True):  # stamps alone cut, so that all channels are cut alike
            self._stretch(together)

    def _stretch(self, together: tuple[Segment, ...]) -> None:
        first = together[0]
        if first.gap_s > 0.0:
            self._restart()
        if self._began_s is None:
            self._began_s = float(first.stamps_s[0])
        self._last_s = float(first.stamps_s[-1])
        x = np.concatenate((self._rest[0], np.column_stack([p.x for p in together])))
        bad = np.concatenate((self._rest[1], np.column_stack([p.bad for p in together]).astype(np.float64)))
        whole = len(x) // self._each * self._each
        self._rest = (x[whole:], bad[whole:])
        if not whole:
            return
        x, bad = (v[:whole].reshape(-1, self._each, v.shape[1]).mean(axis=1) for v in (x, bad))
        if self._state is None:
            self._state = signal.sosfilt_zi(self._sos)[:, :, None] * x[0]
        y, self._state = signal.sosfilt(self._sos, x, axis=0, zi=self._state)
        self._x, self._bad = np.concatenate((self._x, y)), np.concatenate((self._bad, bad))
        length, hop = round(_EPOCH_S * self._rate), round(_HOP_S * self._rate)
        while len(self._x) >= length:
            if self._settling:
                self._settling -= 1
            else:
                self._epochs.append(judge(self._x[:length], self._bad[:length], self._rate))
                self._epochs_seen += 1
            self._x, self._bad = self._x[hop:], self._bad[hop:]

    # -- what it says ------------------------------------------------------------------------------------

    def channel_quality(self) -> dict[str, float]:
        """Return the trust in each channel by label, 0 … 1, over the last twenty seconds; 0 before any."""
        return dict(zip(self._labels, self._channel_trust().tolist(), strict=True))

    def _channel_trust(self) -> Floats:
        recent = list(self._epochs)[-_WINDOW:]
        if not recent:
            return np.zeros(len(self._labels))
        trust: Floats = np.mean([e.good * e.quiet for e in recent], axis=0)
        return trust

    def readings(self, now_s: float) -> list[Reading]:
        """Return band powers, alpha peak, frontal theta, alpha/theta and alpha asymmetry as of `now_s`."""
        reason = self._trouble(now_s)
        fresh = 0.0
        if self._last_s is not None:
            fresh = 1.0 - ramp(now_s - self._last_s, _FRESH_S, 2.0 * _FRESH_S)
        if self._told is None or self._told[0] != self._epochs_seen:  # a new epoch comes once a second
            self._told = (self._epochs_seen, self._measure())
        return [
            reading(vital, value, unit, now_s, trust * fresh, window_s, reason or why)
            for vital, value, unit, trust, window_s, why in self._told[1]
        ]

    def _trouble(self, now_s: float) -> str:
        if self._last_s is None:
            return NO_SIGNAL
        if now_s - self._last_s > 2.0 * _FRESH_S:
            return STALE
        if self._epochs and bool(np.all(self._epochs[-1].flat)):
            return LEAD_OFF
        return ""

    def _measure(self) -> list[tuple[str, float | None, str, float, float, str]]:
        """Return (vital, value, unit, quality, window, reason) of the epochs kept."""
        recent = list(self._epochs)[-_WINDOW:]
        why = CALIBRATING if len(recent) < _WINDOW else NOISE
        trust = self._channel_trust()
        spectra = self._spectra(recent, _LEAST) if len(recent) >= _LEAST else {}
        peak_hz, peak_why = self._alpha_peak()
        alpha_hz = _ALPHA_HZ
        if peak_hz is not None:
            alpha_hz = (peak_hz - _HALF_ALPHA_HZ, peak_hz + _HALF_ALPHA_HZ)
        powers = {
            name: {k: _power(spectra[k], band) for k in spectra}
            for name, band in (("theta", _THETA_HZ), ("alpha", alpha_hz), ("beta", _BETA_HZ))
        }
        span_s = _WINDOW * _HOP_S
        told: list[tuple[str, float | None, str, float, float, str]] = []

        def tell(vital: str, value: float | None, unit: str, of: list[int], missing: str) -> None:
            quality = float(np.mean(trust[of])) if of else 0.0
            told.append((vital, value, unit, quality, span_s, missing if value is None else ""))

        every = list(spectra)
        for name, each in powers.items():
            tell(f"eeg_{name}", _middle(list(each.values())), units.MICROVOLT2, every, why)
        frontal = [k for k, label in enumerate(self._labels) if label in _FRONTAL]
        seen = [k for k in frontal if k in spectra]
        tell(
            "frontal_theta",
            _middle([powers["theta"][k] for k in seen]),
            units.MICROVOLT2,
            seen,
            why if frontal else NO_CHANNEL,
        )
        ratios = [powers["alpha"][k] / powers["theta"][k] for k in every if powers["theta"][k] > 0.0]
        tell("alpha_theta_ratio", _middle(ratios), units.RATIO, every, why)
        pair = self._pair()
        asymmetry = None
        if pair is not None and all(k in spectra and powers["alpha"][k] > 0.0 for k in pair):
            asymmetry = math.log(powers["alpha"][pair[1]] / powers["alpha"][pair[0]])
        tell(
            "alpha_asymmetry",
            asymmetry,
            units.LN_RATIO,
            list(pair or ()),
            why if pair is not None else NO_CHANNEL,
        )
        told.append(
            (
                "alpha_peak",
                peak_hz,
                units.HZ,
                float(np.max(trust, initial=0.0)),
                _PEAK_WINDOW * _HOP_S,
                peak_why,
            )
        )
        return told

    def _pair(self) -> tuple[int, int] | None:
        """Return the first left and right channel of one place on the forehead."""
        for left, right in _PAIRS:
            if left in self._labels and right in self._labels:
                return self._labels.index(left), self._labels.index(right)
        return None

    def _spectra(self, epochs: list[Epoch], least: int) -> dict[int, Floats]:
        """Return the mean spectrum by channel of those with at least `least` good epochs."""
        good = np.array([e.good * (e.quiet > 0.0) for e in epochs])
        found: dict[int, Floats] = {}
        for k in np.flatnonzero(good.sum(axis=0) >= least).tolist():
            found[k] = np.mean([e.power[:, k] for e, g in zip(epochs, good[:, k], strict=True) if g], axis=0)
        return found

    def _alpha_peak(self) -> tuple[float | None, str]:
        """Return the frequency of the alpha peak or why there is none; the back of the head comes first."""
        if len(self._epochs) < _PEAK_WINDOW:
            return None, CALIBRATING
        spectra = self._spectra(list(self._epochs), _PEAK_LEAST)
        back = [k for k in spectra if self._labels[k].startswith(("O", "PO", "P", "TP"))]
        chosen = back or list(spectra)
        if not chosen:
            return None, NOISE
        power = np.median([np.log(np.maximum(spectra[k], 1e-12)) for k in chosen], axis=0)
        hz = np.arange(power.size) / _EPOCH_S
        around = ((hz >= 2.0) & (hz <= 6.0)) | ((hz >= 15.0) & (hz <= 30.0))
        line = np.polyval(np.polyfit(np.log(hz[around]), power[around], 1), np.log(np.maximum(hz, 0.5)))
        above = power - line
        within = np.flatnonzero((hz >= _PEAK_HZ[0]) & (hz <= _PEAK_HZ[1]))
        k = int(within[np.argmax(above[within])])
        left, top, right = (float(v) for v in above[k - 1 : k + 2])
        if top < math.log(_PROMINENT) or top <= left or top <= right:
            return None, NO_PEAK
        return float(hz[k]) + 0.5 * (left - right) / (left - 2.0 * top + right) / _EPOCH_S, ""


def _power(spectrum: Floats, band_hz: tuple[float, float]) -> float:
    """Return the power within `band_hz`, µV², of a spectrum in µV²/Hz."""
    hz = np.arange(spectrum.size) / _EPOCH_S
    return float(np.sum(spectrum[(hz >= band_hz[0]) & (hz < band_hz[1])])) / _EPOCH_S


def _middle(values: list[float]) -> float | None:
    return statistics.median(values) if values else None


def _choose(labels: tuple[str, ...]) -> tuple[int, ...]:
    """Return all channels but those whose label says that they hold something else."""
    wanted = [k for k, label in enumerate(labels) if not any(word in label.upper() for word in _NOT_EEG)]
    return tuple(wanted or range(len(labels)))


ESTIMATOR: Final = EstimatorSpec(name="eeg", stream_type="EEG", choose=_choose, build=EegEstimator)
