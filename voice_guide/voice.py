"""What a voice is, and how its sound is made calm: level, seams, pauses. No models, no programs here."""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Callable, Iterator
from fractions import Fraction
from typing import Final, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt
from scipy import signal

from therapy.discover import declared
from voice_guide.errors import NoVoice

__all__ = [
    "RATE_HZ",
    "Clause",
    "Pcm",
    "Voice",
    "VoiceSpec",
    "best_voice",
    "clauses",
    "levelled",
    "resampled",
    "voices",
]

RATE_HZ: Final = 48_000
Pcm: TypeAlias = npt.NDArray[np.float32]

#: Loudness of speech against full scale, by the gated mean of its loud parts, and the highest sample. Music
#: steps back 10 dB under it; −23 dB is EBU R 128's −23 LUFS for one voice in the middle.
LEVEL_DB: Final = -23.0
PEAK_DB: Final = -4.0
#: Parts of a voice that are this much below its loudest are pauses, not voice.
_GATE_DB: Final = 25.0
_FRAME_S: Final = 0.05
#: Fade at both ends of a clause: no clicks at seams.
_SEAM_S: Final = 0.005
#: Silence after a clause, a sentence, an ellipsis, at pace 1.
_CLAUSE_S, _SENTENCE_S, _ELLIPSIS_S = 0.25, 0.6, 0.9
#: Longest marked pause inside one utterance.
_LONGEST_PAUSE_S: Final = 20.0
#: A clause longer than this is cut at a space: no engine gets more at once.
_LONGEST_CLAUSE: Final = 240
_PAUSE: Final = re.compile(r"\[pause ([0-9]+(?:\.[0-9]+)?)s\]")
_PART: Final = re.compile(r"[^.!?…,;:]+(?:[.!?…,;:]+|$)", re.DOTALL)


class Voice(Protocol):
    """Speaks. One thread at a time."""

    def render(self, text: str, pace: float) -> tuple[Pcm, int]:
        """Return the sound of one clause, mono −1 … 1, and its rate. `pace` 1 is calm, less is slower.

        Raises:
            NoVoice: it cannot; says why.
        """
        ...

    def close(self) -> None:
        """Let its program go."""
        ...


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class VoiceSpec:
    """A voice.

    Attributes:
        name: as in settings.
        title: for people.
        languages: BCP 47 tags that it speaks, best first.
        rank: which is taken where several can: the highest.
        missing: why it cannot speak on this machine, with what to do, or "".
        open: makes it for a language.
    """

    name: str
    title: str
    languages: tuple[str, ...]
    rank: int
    missing: Callable[[], str]
    open: Callable[[str], Voice]


def voices(package: str = "voice_guide.speak") -> dict[str, VoiceSpec]:
    """Return every voice by its name."""
    return declared(package, "VOICE", VoiceSpec)


def best_voice(language: str, wanted: str = "", package: str = "voice_guide.speak") -> VoiceSpec:
    """Return the voice called `wanted`, or the best that speaks `language` here.

    Raises:
        NoVoice: none can; says what is missing.
    """
    known = voices(package)
    if wanted and wanted not in known:
        raise NoVoice(f"voice must be one of {', '.join(known)}, got {wanted!r}")
    able = [spec for spec in known.values() if language in spec.languages and wanted in ("", spec.name)]
    here = [spec for spec in able if not spec.missing()]
    if not here:
        why = "; ".join(f"{spec.name}: {spec.missing()}" for spec in able) or "none knows the language"
        raise NoVoice(f"no voice speaks {language!r} here ({why})")
    return max(here, key=lambda spec: spec.rank)


@dataclasses.dataclass(frozen=True, slots=True)
class Clause:
    """What is spoken in one breath, and the silence after it at pace 1."""

    text: str
    pause_s: float


def clauses(text: str) -> Iterator[Clause]:
    """Yield the clauses of `text`; `[pause 2s]` is a silence. Characters that nobody speaks are left out."""
    for index, part in enumerate(_PAUSE.split(text)):
        if index % 2:
            yield Clause("", min(float(part), _LONGEST_PAUSE_S))
            continue
        plain = "".join(c if c.isprintable() else " " for c in part)
        for match in _PART.finditer(plain):
            yield from _cut(" ".join(match.group().split()))


def _cut(clause: str) -> Iterator[Clause]:
    while len(clause) > _LONGEST_CLAUSE:
        at = clause.rfind(" ", 0, _LONGEST_CLAUSE)
        at = at if at > 0 else _LONGEST_CLAUSE
        yield Clause(clause[:at], 0.0)
        clause = clause[at:].strip()
    if any(c.isalnum() for c in clause):
        if clause.endswith(("…", "...")):
            pause_s = _ELLIPSIS_S
        else:
            pause_s = _SENTENCE_S if clause[-1] in ".!?" else _CLAUSE_S
        yield Clause(clause, pause_s)


def resampled(sound: Pcm, rate_hz: int) -> Pcm:
    """Return mono `sound` of `rate_hz` at 48 kHz, without the silence that engines put round a clause.

    Raises:
        NoVoice: it holds no number, or nothing at all.
    """
    if sound.size == 0 or not np.isfinite(sound).all():
        raise NoVoice(f"a voice must give finite sound, gave {sound.size} samples")
    ratio = Fraction(RATE_HZ, rate_hz)
    out = signal.resample_poly(sound.astype(np.float64), ratio.numerator, ratio.denominator)
    loud = np.nonzero(np.abs(out) > 10.0 ** (-50.0 / 20.0) * max(float(np.abs(out).max()), 1e-9))[0]
    margin = int(0.02 * RATE_HZ)
    out = out[max(int(loud[0]) - margin, 0) : int(loud[-1]) + margin] if loud.size else out
    seam = min(int(_SEAM_S * RATE_HZ), out.size // 2)
    ramp = 0.5 - 0.5 * np.cos(np.linspace(0.0, math.pi, seam))
    out[:seam] *= ramp
    out[out.size - seam :] *= ramp[::-1]
    return out.astype(np.float32)


def levelled(sound: Pcm) -> Pcm:
    """Return `sound` at the level of all speech, its peaks below the highest."""
    frame = int(_FRAME_S * RATE_HZ)
    whole = sound[: sound.size // frame * frame].reshape(-1, frame) if sound.size >= frame else sound[None, :]
    power = np.mean(whole.astype(np.float64) ** 2, axis=1)
    loudest = float(power.max(initial=0.0))
    if loudest <= 0.0:
        return sound
    voiced = power[power > loudest * 10.0 ** (-_GATE_DB / 10.0)]
    gain = 10.0 ** (LEVEL_DB / 20.0) / math.sqrt(float(voiced.mean()))
    peak = float(np.abs(sound).max()) * gain
    gain *= min(1.0, 10.0 ** (PEAK_DB / 20.0) / peak)
    return (sound * np.float32(gain)).astype(np.float32)
