"""The body of the simulated patient: a model without I/O, steered by what the room shows.

    breath      an oscillator whose rate adapts to the pacer and whose phase is pulled to it (Kuramoto), as
                far as the patient complies and the pacer can be seen
    heart       rate = resting + stress + vagal gain × (respiratory sinus arrhythmia + a resonant baroreflex,
                second order, that the breath's depth drives) + slow noise; beats by integral pulse
                frequency modulation
    comfort     the pace that the body is used to follows its breath in 90 s (carbon dioxide that the body
                stores takes minutes to settle). The further a pacer is from it, the less it is followed, and
                a pacer that is seen and cannot be followed strains
    stress      relaxes in 45 s to what the scene asks and the strain adds; slow breathing in step with the
                pacer lowers it, by as much as the baroreflex answers at that pace: most at its resonance
    signals     ECG as five Gaussian waves a beat, belt as the chest's width, both with noise

Plausible, not physiologically validated: made to test closed loops, says nothing about people.
"""

from __future__ import annotations

import dataclasses
import math
from typing import Final

import numpy as np

from sensors.quality import Floats, ramp

__all__ = ["BELT_HZ", "ECG_HZ", "Body", "PatientTraits", "RoomView", "SimulatedPatient", "Span"]

BELT_HZ: Final = 50.0
ECG_HZ: Final = 250.0
_PER_TICK: Final = int(ECG_HZ / BELT_HZ)
_TICK_S: Final = 1.0 / BELT_HZ
_STRESS_S: Final = 45.0
_ADAPT_S: Final = 4.0
_USED_S: Final = 90.0
_STRAIN: Final = 0.15
#: Damping of the baroreflex, and its gain at resonance.
_DAMPING: Final = 0.25
_PEAK: Final = 1.0 / (2.0 * _DAMPING * math.sqrt(1.0 - _DAMPING**2))
_PULL_PER_S: Final = 0.8
_INHALE: Final = 0.4
#: Height (mV), centre and width of each wave, seconds from R; P and T stretch with the interval.
_QRS: Final = ((-0.12, -0.028, 0.010), (1.1, 0.0, 0.011), (-0.22, 0.028, 0.011))
_P: Final = (0.12, -0.19, 0.022)
_T: Final = (0.28, 0.32, 0.045)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class RoomView:
    """What a patient perceives of the room: `therapy.controls`; `present` is false without a room."""

    present: bool = False
    pacer_phase: float = 0.0
    breath_pace_per_min: float = 6.0
    swell: float = 0.5
    weather: float = 0.3
    tempo_bpm: float = 60.0
    light: float = 0.5


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class PatientTraits:
    """Who is simulated.

    Attributes:
        seed: of all noise.
        compliance: 0 does not follow the pacer … 1 follows at once.
        breaths_per_min: natural rate.
        resonance_per_min: the baroreflex's frequency, in breaths a minute (adults 4.5…6.5, Lehrer 2003).
        heart_rate: at rest, beats a minute.
        stress: at the start, 0 … 1.
        age_years: the vagal gain falls by a tenth in seven years after thirty (it halves by 65).
        reactivity: how strongly the room's calm and unrest move the stress; 1 is usual.
        ectopy_per_min: premature beats; each is followed by a pause.
        reach_per_min: how far from the breath that the body is used to a pacer may be to be followed (the
            standard deviation of the fall-off). An assumption: with it, who is met where they are follows
            better than who is not. Infinite: any pacer is followed, and none strains.
    """

    seed: int = 1
    compliance: float = 0.9
    breaths_per_min: float = 14.0
    resonance_per_min: float = 6.0
    heart_rate: float = 64.0
    stress: float = 0.55
    age_years: float = 30.0
    reactivity: float = 1.0
    ectopy_per_min: float = 0.0
    reach_per_min: float = math.inf


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Body:
    """The true state at one instant; breath phase 0 is the start of the inhale."""

    breath_phase: float
    breaths_per_min: float
    heart_rate: float
    stress: float


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """What one `step` produced; times are seconds since the patient was made.

    Attributes:
        ecg: (n·5,) mV at `ECG_HZ`; `ecg_s` their times.
        belt: (n,) chest width, arbitrary unit, at `BELT_HZ`; `belt_s` their times.
        beats_s: true times of R peaks.
        inhales_s: true times of inhale starts.
        body: the state at the end.
    """

    ecg: Floats
    ecg_s: Floats
    belt: Floats
    belt_s: Floats
    beats_s: tuple[float, ...]
    inhales_s: tuple[float, ...]
    body: Body


class SimulatedPatient:
    """A patient that answers to the room. `step` as time passes; same seed and views, same signals.

    Without `waves` the ECG is left at its noise, for policies that need beats only: twice as fast.
    """

    def __init__(self, traits: PatientTraits | None = None, *, waves: bool = True) -> None:
        self.traits = traits if traits is not None else PatientTraits()
        self._waves = waves
        self._ectopics = np.random.default_rng([self.traits.seed, 1])
        self._stretch = 1.0
        self._vagal_share = 0.5 ** (max(self.traits.age_years - 30.0, 0.0) / 35.0)
        self._rng = np.random.default_rng(self.traits.seed)
        self._ticks = 0
        self._owed_s = 0.0
        self._phase = float(self._rng.uniform())
        self._hz = self.traits.breaths_per_min / 60.0
        self._wander = 0.0
        self._stress = self.traits.stress
        self._baro = self._baro_speed = 0.0
        self._slow = 0.0
        self._beat_phase = float(self._rng.uniform())
        self._heart_rate = self.traits.heart_rate
        self._calm = 0.0
        self._used_hz = self._hz

    def step(self, room: RoomView, dt_s: float) -> Span:
        """Live `dt_s` seconds (whole ticks of 20 ms; the rest is owed) in `room`; its pacer runs on."""
        self._owed_s += dt_s
        count = int(self._owed_s / _TICK_S + 1e-9)
        self._owed_s -= count * _TICK_S
        ecg = np.empty(count * _PER_TICK)
        belt = np.empty(count)
        beats: list[float] = []
        inhales: list[float] = []
        first = self._ticks
        noise = self._rng.standard_normal((count, 3))
        for k in range(count):
            pacer = room.pacer_phase + room.breath_pace_per_min / 60.0 * k * _TICK_S
            self._breathe(room, pacer, float(noise[k, 0]), inhales)
            volume = self._volume()
            self._regulate(volume, float(noise[k, 1]), float(noise[k, 2]))
            ecg[k * _PER_TICK : (k + 1) * _PER_TICK] = self._beat(beats) if self._waves else self._bare(beats)
            belt[k] = volume
            self._ticks += 1
        ecg_s = (first * _PER_TICK + 1 + np.arange(ecg.size)) / ECG_HZ
        belt_s = (first + 1 + np.arange(count)) / BELT_HZ
        ecg += 0.012 * self._rng.standard_normal(ecg.size) + 0.05 * np.sin(0.9 * ecg_s)
        belt += 0.01 * self._rng.standard_normal(count) + 0.05 * np.sin(0.05 * belt_s)
        return Span(
            ecg=ecg,
            ecg_s=ecg_s,
            belt=belt,
            belt_s=belt_s,
            beats_s=tuple(beats),
            inhales_s=tuple(inhales),
            body=self.body(),
        )

    def body(self) -> Body:
        """Return the true state now."""
        return Body(
            breath_phase=self._phase,
            breaths_per_min=60.0 * self._hz,
            heart_rate=self._heart_rate,
            stress=self._stress,
        )

    def _breathe(self, room: RoomView, pacer: float, noise: float, inhales: list[float]) -> None:
        """Advance the breath by one tick: rate adapts, phase is pulled, stress follows."""
        shown = ramp(room.swell, 0.0, 0.3) if room.present else 0.0
        apart_per_min = room.breath_pace_per_min - 60.0 * self._used_hz
        near = math.exp(-0.5 * (apart_per_min / self.traits.reach_per_min) ** 2)
        follow = self.traits.compliance * shown * near
        natural = self.traits.breaths_per_min / 60.0 * (1.0 + 0.15 * (self._stress - 0.5))
        self._wander += _TICK_S * (-self._wander / 8.0) + math.sqrt(_TICK_S) * 0.008 * noise
        goal = (
            natural
            + follow * (room.breath_pace_per_min / 60.0 - natural)
            + (1.0 - 0.8 * follow) * self._wander
        )
        self._hz += _TICK_S / _ADAPT_S * (min(max(goal, 0.05), 0.6) - self._hz)
        apart = math.remainder(pacer - self._phase, 1.0)
        pull = _PULL_PER_S * follow**2 * math.sin(2.0 * math.pi * apart) / (2.0 * math.pi)
        speed = max(self._hz + pull, 0.02)
        before = self._phase
        self._phase += speed * _TICK_S
        if self._phase >= 1.0:
            inhales.append(self._ticks * _TICK_S + (1.0 - before) / speed)
            self._phase -= 1.0
        in_step = follow * max(0.0, math.cos(2.0 * math.pi * apart))
        slow = 1.0 - ramp(60.0 * speed, 7.0, 12.0)
        slow *= _answer(60.0 * speed / self.traits.resonance_per_min)
        self._calm += _TICK_S / 10.0 * (in_step * slow - self._calm)
        self._used_hz += _TICK_S / _USED_S * (speed - self._used_hz)
        load = 0.55
        if room.present:
            moved = 0.5 * (room.weather - 0.3) + 0.3 * ramp(room.tempo_bpm, 70.0, 96.0) - 0.5 * self._calm
            load += self.traits.reactivity * (moved + _STRAIN * shown * (1.0 - near))
        self._stress += _TICK_S / _STRESS_S * (min(max(load, 0.0), 1.0) - self._stress)

    def _volume(self) -> float:
        """Return the chest's width: up over the inhale, down over the longer exhale, deeper when slower."""
        if self._phase < _INHALE:
            shape = 0.5 - 0.5 * math.cos(math.pi * self._phase / _INHALE)
        else:
            shape = 0.5 + 0.5 * math.cos(math.pi * (self._phase - _INHALE) / (1.0 - _INHALE))
        return float(shape * (0.2 / max(self._hz, 0.05)) ** 0.2)

    def _regulate(self, volume: float, noise: float, drive: float) -> None:
        """Set the heart rate of this tick."""
        vagal = (1.0 - 0.75 * self._stress) * self._vagal_share
        omega = 2.0 * math.pi * self.traits.resonance_per_min / 60.0
        force = omega**2 * (volume - 0.5) + 0.25 * drive / math.sqrt(_TICK_S) * omega
        self._baro_speed += _TICK_S * (
            force - omega**2 * self._baro - 2.0 * _DAMPING * omega * self._baro_speed
        )
        self._baro += _TICK_S * self._baro_speed
        self._slow += _TICK_S * (-self._slow / 20.0) + math.sqrt(_TICK_S) * 0.3 * noise
        rate = self.traits.heart_rate + 26.0 * self._stress + self._slow
        rate += vagal * (9.0 * (volume - 0.5) + 8.0 * self._baro)
        self._heart_rate = min(max(rate, 38.0), 170.0)

    def _beat(self, beats: list[float]) -> list[float]:
        """Return five samples of ECG and note the R peaks among them."""
        interval = 60.0 / self._heart_rate * self._stretch
        step = 1.0 / (ECG_HZ * interval)
        values: list[float] = []
        for k in range(_PER_TICK):
            self._beat_phase += step
            at_s = (self._ticks * _PER_TICK + 1 + k) / ECG_HZ
            if self._beat_phase >= 1.0:
                self._beat_phase -= 1.0
                beats.append(at_s - self._beat_phase * interval)
                self._stretch = self._next_stretch(interval)
            values.append(_wave(self._beat_phase, interval))
        return values

    def _bare(self, beats: list[float]) -> float:
        """Note an R peak in this tick, in one step; no ECG."""
        interval = 60.0 / self._heart_rate * self._stretch
        self._beat_phase += _TICK_S / interval
        if self._beat_phase >= 1.0:
            self._beat_phase -= 1.0
            beats.append((self._ticks + 1) * _TICK_S - self._beat_phase * interval)
            self._stretch = self._next_stretch(interval)
        return 0.0

    def _next_stretch(self, interval_s: float) -> float:
        """Return how long the next interval is: an ectopic beat comes a third early, a pause follows."""
        if self.traits.ectopy_per_min <= 0.0:
            return 1.0
        if self._stretch < 1.0:
            return 1.35
        early = float(self._ectopics.uniform()) < self.traits.ectopy_per_min * interval_s / 60.0
        return 0.65 if early else 1.0


def _answer(ratio: float) -> float:
    """Return how strongly the baroreflex answers to a breath at `ratio` of its resonance; 1 is most."""
    return 1.0 / (_PEAK * math.hypot(1.0 - ratio * ratio, 2.0 * _DAMPING * ratio))


def _wave(phase: float, interval_s: float) -> float:
    """Return the ECG in mV at `phase` 0 … 1 of a beat of `interval_s`; R is at 0."""
    near = phase - 1.0 if phase > 0.5 else phase
    at_s = near * interval_s
    value = 0.0
    if abs(at_s) < 0.08:
        for height, centre, width in _QRS:
            value += height * math.exp(-0.5 * ((at_s - centre) / width) ** 2)
    scale = math.sqrt(interval_s)
    for height, centre, width in (_P, _T):
        value += height * math.exp(-0.5 * ((at_s - centre * scale) / (width * scale)) ** 2)
    return value
