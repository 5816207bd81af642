"""Care for a patient whom the pictures make unwell: detail and motion soften, at once and for a while. Pure.

Two things are listened to: what the patient says ("I feel unwell", 0 … 1), and the head's sway against the
patient's own baseline in this session. Postural sway grows before and with motion sickness (Riccio &
Stoffregen, Ecological Psychology 3, 1991; Stoffregen & Smart, Brain Research Bulletin 47, 1998), also at the
head of those who wear a headset (Munafo, Diedrick & Stoffregen, Experimental Brain Research 235, 2017). What
is taken back is what moves in the picture without the head, for such flow drives vection (Dichgans & Brandt
1978): waves, wind, drift, swell. No vignette: a seated patient under a still horizon makes no journey that
would have to be hidden.

The figures (half as much sway again is nothing yet, two and a half times is full care) are ours: no norm
exists for a seated patient; they stand in one place, here, to be corrected by data.
"""

from __future__ import annotations

import dataclasses
import math
import types
from collections.abc import Mapping
from typing import Final

from therapy.controls import Controls
from therapy.steer import Reason, Steering

__all__ = ["BASELINE_S", "CEILINGS", "RESTED", "Care", "cared", "said_unwell", "softened"]

#: How much sway must have been seen before there is a baseline, and over what it is averaged.
BASELINE_S: Final = 60.0
#: Sway over baseline at which care begins, and at which it is full.
_SWAY_BEGINS, _SWAY_FULL = 1.5, 2.5
#: A head is never stiller than this: below lies the tracker's own trembling.
_STILLEST_MM: Final = 1.5
#: Above this it is not sway: the patient looks for something or gets up.
_NOT_SWAY_MM: Final = 150.0
_SMOOTH_S: Final = 6.0
#: What was said counts in full for so long, and then fades with this time constant.
_SAID_HOLDS_S: Final = 60.0
_SAID_TAU_S: Final = 60.0
#: Care comes within seconds and goes over minutes.
_COMES_PER_S: Final = 0.25
_GOES_PER_S: Final = 1.0 / 180.0
#: From here on the therapist is told; once, until care has gone below the second figure.
_TELL_AT, _TELL_AGAIN_BELOW = 0.3, 0.1

#: Control → the most that is left of it when care begins, and when it is full. The breath stays visible.
CEILINGS: Final[Mapping[str, tuple[float, float]]] = types.MappingProxyType(
    {"weather": (0.65, 0.05), "density": (0.55, 0.06), "swell": (0.75, 0.25)}
)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Care:
    """What is remembered between two steps.

    Attributes:
        amount: how much care is taken, 0 … 1.
        said: what the patient said, 0 … 1, as far as it still counts.
        said_s: how long ago.
        sway_mm: smoothed sway of the head, `None` while it is not known.
        baseline_mm: the patient's own, `None` before `BASELINE_S` of sway were seen.
        seen_s: how much sway was seen so far.
        log_sum: sum of the logarithm of the sway over `seen_s`, of which the baseline is made.
        told: whether the therapist was told of this spell.
    """

    amount: float = 0.0
    said: float = 0.0
    said_s: float = 0.0
    sway_mm: float | None = None
    baseline_mm: float | None = None
    seen_s: float = 0.0
    log_sum: float = 0.0
    told: bool = False

    @property
    def because(self) -> str:
        """Why care is taken, for the panel; empty without care."""
        if self.amount <= 0.0:
            return ""
        if self._counted >= self._swaying and self._counted > 0.0:
            return "the patient feels unwell: less motion and detail"
        if self._swaying > 0.0 and self.sway_mm is not None and self.baseline_mm is not None:
            times = self.sway_mm / self.baseline_mm
            return f"the head sways {times:.1f} times as much as at the start: less motion and detail"
        return "after feeling unwell: motion and detail come back slowly"

    @property
    def wanted(self) -> float:
        """How much care the patient needs now, 0 … 1; `amount` follows it."""
        return max(self._counted, self._swaying)

    @property
    def _counted(self) -> float:
        faded = math.exp(-max(self.said_s - _SAID_HOLDS_S, 0.0) / _SAID_TAU_S)
        return self.said * faded if self.said * faded > 0.02 else 0.0

    @property
    def _swaying(self) -> float:
        if self.sway_mm is None or self.baseline_mm is None:
            return 0.0
        share = (self.sway_mm / self.baseline_mm - _SWAY_BEGINS) / (_SWAY_FULL - _SWAY_BEGINS)
        return min(max(share, 0.0), 1.0)


#: Nothing known, nothing said.
RESTED: Final = Care()


def said_unwell(care: Care, level: float) -> Care:
    """Return `care` after the patient said how unwell they feel, 0 (well) … 1; what is not finite is 1."""
    level = min(max(level, 0.0), 1.0) if math.isfinite(level) else 1.0
    return dataclasses.replace(care, said=level, said_s=0.0)


def cared(care: Care, sway_mm: float | None, dt_s: float) -> tuple[Care, str]:
    """Return `care` after `dt_s`, and what the therapist must be told now (mostly nothing).

    Args:
        care: before.
        sway_mm: the head's sway now (RMS over ten seconds, `sensors.estimators.motion`), `None` if unknown.
        dt_s: time since; not finite or negative counts as 0.
    """
    dt_s = max(dt_s, 0.0) if math.isfinite(dt_s) else 0.0
    care = _learnt(dataclasses.replace(care, said_s=care.said_s + dt_s), sway_mm, dt_s)
    step = care.wanted - care.amount
    amount = care.amount + min(max(step, -_GOES_PER_S * dt_s), _COMES_PER_S * dt_s)
    care = dataclasses.replace(care, amount=min(max(amount, 0.0), 1.0))
    if care.amount >= _TELL_AT and not care.told:
        return dataclasses.replace(care, told=True), care.because
    if care.amount < _TELL_AGAIN_BELOW:
        care = dataclasses.replace(care, told=False)
    return care, ""


def softened(wanted: Steering, care: Care) -> Steering:
    """Return `wanted` with motion and detail taken back as far as `care` asks, and why. Nothing is raised."""
    if care.amount <= 0.0:
        return wanted
    lowered: dict[str, float] = {}
    why: list[Reason] = []
    for name, (begins, full) in CEILINGS.items():
        most = begins + (full - begins) * care.amount
        was: float = getattr(wanted.controls, name)
        if not was <= most:
            lowered[name] = most
            why.append(Reason(control=name, was=was, target=most, because=care.because, confidence=1.0))
    if not lowered:
        return wanted
    controls: Controls = dataclasses.replace(wanted.controls, **lowered)  # type: ignore[arg-type]  # names above
    return Steering(controls=controls, why=(*wanted.why, *why))


def _learnt(care: Care, sway_mm: float | None, dt_s: float) -> Care:
    """Return `care` with the sway smoothed and the baseline made of the first minute that was seen."""
    if sway_mm is None or not math.isfinite(sway_mm) or sway_mm > _NOT_SWAY_MM:
        return dataclasses.replace(care, sway_mm=None)
    now_mm = max(sway_mm, _STILLEST_MM)
    before_mm = care.sway_mm if care.sway_mm is not None else now_mm
    smooth_mm = before_mm + (now_mm - before_mm) * -math.expm1(-dt_s / _SMOOTH_S)
    care = dataclasses.replace(care, sway_mm=smooth_mm)
    if care.baseline_mm is not None:
        return care
    seen_s, log_sum = care.seen_s + dt_s, care.log_sum + math.log(now_mm) * dt_s
    baseline_mm = math.exp(log_sum / seen_s) if seen_s >= BASELINE_S else None
    return dataclasses.replace(care, seen_s=seen_s, log_sum=log_sum, baseline_mm=baseline_mm)
