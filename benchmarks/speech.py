"""How well and how fast the guide hears: errors in words, in quiet and in noise, and time, on one core."""

from __future__ import annotations

import dataclasses
import os
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from benchmarks._kit import Benchmark, BenchmarkFailed, Figure, Progress
from voice_guide.errors import VoiceError
from voice_guide.listen._words import distance, spoken_words
from voice_guide.listen.ear import Ear
from voice_guide.listen.recordings import read_wav
from voice_guide.listen.transcript import RATE_HZ, Samples, Transcriber
from voice_guide.listen.vad import CHUNK, CHUNK_S, load_vad
from voice_guide.listen.whisper import load_transcriber
from voice_guide.models import need

__all__ = ["BENCH", "SAID", "Clip", "Heard", "figures", "noisy"]

#: What is said in the shared recordings.
SAID: Final[Mapping[str, str]] = {
    "librivox-0870": "and mister john dashwood had then leisure to consider how much there might be "
    "prudently in his power to do for them",
    "librivox-0880": "he was not an ill disposed young man",
    "cards-001": "ten of clubs",
    "cards-004": "five five",
}
#: Signal above noise, dB; each clip with this many different noises.
LEVELS_DB: Final = (20, 10, 5)
NOISES: Final = 3
VAD_CHUNKS: Final = 1000
_ERRORS_LIMIT: Final = 0.10
_QUICK_S: Final = 0.5
#: 20 ms, as from a headset.
_PACKET: Final = RATE_HZ // 50


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Clip:
    """A recording and what is said in it."""

    pcm: Samples
    said: str

    @property
    def seconds(self) -> float:
        """Its length."""
        return len(self.pcm) / RATE_HZ


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """What was heard in a clip, and how long that took."""

    clip: Clip
    text: str
    took_s: float


def noisy(pcm: Samples, above_db: float, seed: int) -> Samples:
    """Return `pcm` in pink noise (as rooms have), the signal `above_db` over it by power."""
    random = np.random.default_rng(seed)
    spectrum = np.fft.rfft(random.standard_normal(len(pcm)))
    pink = np.fft.irfft(spectrum / np.sqrt(np.maximum(np.arange(len(spectrum)), 1.0)), len(pcm))
    gain = np.sqrt((pcm**2).mean() / (pink**2).mean() / 10 ** (above_db / 10))
    mixed: Samples = (pcm + gain * pink).astype(np.float32)
    return mixed


def figures(
    runs: Mapping[str, Sequence[Heard]], plain: Sequence[Heard], vad_s: Sequence[float], ear_share: float
) -> list[Figure]:
    """Return the figures.

    Args:
        runs: what we heard, by name; `quiet` is one of them.
        plain: what the plain pipeline heard.
        vad_s: how long the detector took for each chunk.
        ear_share: seconds of processor for a second of talk with its pauses, all of an ear's work.
    """
    told = [
        Figure(
            name=f"word error rate, {name}",
            value=_error_rate(heard),
            unit="",
            limit=_ERRORS_LIMIT if name == "quiet" else None,
            note=f"{sum(len(spoken_words(one.clip.said)) for one in heard)} words",
        )
        for name, heard in runs.items()
    ]
    ours = runs["quiet"]
    took_s = [one.took_s for one in ours]
    told += [
        Figure(name="word error rate, plain", value=_error_rate(plain), unit="", note=_PLAIN),
        Figure(name="time for a sentence, p50", value=_percentile(took_s, 50), unit="s", limit=_QUICK_S),
        Figure(name="time for a sentence, p95", value=_percentile(took_s, 95), unit="s"),
        Figure(
            name="time for a second of speech",
            value=_per_second(ours),
            unit="s",
            limit=_per_second(plain),
            note=f"limit: {_PLAIN}, same run",
        ),
        Figure(
            name="voice activity, a chunk",
            value=1000 * _percentile(vad_s, 50),
            unit="ms",
            limit=1000 * CHUNK_S,
            note="limit: real time",
        ),
        Figure(
            name="an ear while the patient talks",
            value=100 * ear_share,
            unit="% of a core",
            limit=100.0,
            note="detector, partial words every second, final words; half of the time is pauses",
        ),
        Figure(name="voice activity, a chunk, p99", value=1000 * _percentile(vad_s, 99), unit="ms"),
    ]
    return told


_PLAIN: Final = "transformers' own generate, 30 s window, float32"


def _error_rate(heard: Sequence[Heard]) -> float:
    errors = sum(distance(spoken_words(one.clip.said), spoken_words(one.text)) for one in heard)
    return errors / sum(len(spoken_words(one.clip.said)) for one in heard)


def _per_second(heard: Sequence[Heard]) -> float:
    return sum(one.took_s for one in heard) / sum(one.clip.seconds for one in heard)


def _percentile(values: Sequence[float], share: float) -> float:
    return float(np.percentile(values, share))


def _clips() -> list[Clip]:
    folder = os.environ.get("STILLWATER_DATA")
    if folder is None:
        raise BenchmarkFailed("STILLWATER_DATA must name the folder of shared recordings, it is not set")
    return [
        Clip(pcm=read_wav(Path(folder) / "speech" / f"{name}.wav"), said=said) for name, said in SAID.items()
    ]


def _timed(clip: Clip, pcm: Samples, hear: Callable[[Samples], str]) -> Heard:
    began_s = time.perf_counter()
    text = hear(pcm)
    return Heard(clip=clip, text=text, took_s=time.perf_counter() - began_s)


def _plain_pipeline(folder: Path) -> Callable[[Samples], str]:
    """Return what transformers does by itself: everything padded to 30 s, float32, one thread."""
    import torch  # noqa: PLC0415  # an extra, and slow to import
    from transformers import WhisperForConditionalGeneration, WhisperProcessor  # noqa: PLC0415
    from transformers.utils import logging  # noqa: PLC0415

    logging.set_verbosity_error()  # it warns of its own defaults
    processor: Any = WhisperProcessor.from_pretrained(folder, local_files_only=True)
    model: Any = WhisperForConditionalGeneration.from_pretrained(
        folder, local_files_only=True, dtype=torch.float32
    )

    def hear(pcm: Samples) -> str:
        features = processor(pcm, sampling_rate=RATE_HZ, return_tensors="pt").input_features
        with torch.inference_mode():
            tokens = model.generate(features, language="en", task="transcribe")
        (text,) = processor.batch_decode(tokens, skip_special_tokens=True)
        return str(text)

    return hear


def _vad_times(clips: Sequence[Clip]) -> list[float]:
    vad = load_vad(need("silero-vad"))
    sound = np.resize(np.concatenate([clip.pcm for clip in clips]), VAD_CHUNKS * CHUNK).reshape(-1, CHUNK)
    took_s = []
    for chunk in sound:
        began_s = time.perf_counter()
        vad.probability(chunk)
        took_s.append(time.perf_counter() - began_s)
    return took_s


def _ear_share(clips: Sequence[Clip], transcriber: Transcriber) -> float:
    """Return what an ear costs: processor time over the time of talk and pauses."""
    ear = Ear(transcriber, load_vad(need("silero-vad")))
    sound = np.concatenate([part for clip in clips for part in (clip.pcm, np.zeros_like(clip.pcm))])
    began_s = time.process_time()
    for start in range(0, len(sound), _PACKET):
        ear.push(sound[start : start + _PACKET], start / RATE_HZ)
    return (time.process_time() - began_s) / (len(sound) / RATE_HZ)


def _run(progress: Progress) -> list[Figure]:
    clips = _clips()
    try:
        folder = need("whisper-base")
        transcriber = load_transcriber(folder)
        progress("the detector")
        vad_s = _vad_times(clips)
    except VoiceError as error:
        raise BenchmarkFailed(str(error)) from error

    def ours(pcm: Samples) -> str:
        return transcriber.transcribe(pcm).text

    ours(clips[0].pcm)  # the first run allocates
    progress("in quiet")
    runs = {"quiet": [_timed(clip, clip.pcm, ours) for clip in (*clips, *clips)]}
    for level in LEVELS_DB:
        progress(f"in noise {level} dB below")
        runs[f"noise {level} dB below"] = [
            _timed(clip, noisy(clip.pcm, level, seed), ours) for clip in clips for seed in range(NOISES)
        ]
    progress("an ear")
    ear_share = _ear_share(clips, transcriber)
    progress("the plain pipeline")
    plain = _plain_pipeline(folder)
    plain(clips[0].pcm)
    return figures(runs, [_timed(clip, clip.pcm, plain) for clip in clips], vad_s, ear_share)


BENCH = Benchmark(name="speech", title="What the voice guide hears, on one core", run=_run)
