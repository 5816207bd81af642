"""`stillwater guide`: the guide in a terminal, or one line of JSON for each line of a file."""

from __future__ import annotations

import concurrent.futures
import contextlib
import json
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer
from rich.console import Console

from therapy.errors import BadValue
from therapy.talk import ApprovedLine, Briefing, GuideMode

if TYPE_CHECKING:
    from voice_guide.embed import SentenceModel
    from voice_guide.terminal import TerminalGuide
    from voice_guide.think import Mind, Thought

__all__ = ["guide"]

#: Longest line of a file that is read; the rest of it is cut and told.
LONGEST_INPUT: Final = 20_000
#: How long a model is waited for: a line is due within two seconds.
THINK_S: Final = 1.2
_MODES: Final = ", ".join(mode.value for mode in GuideMode)
_MINILM: Final = "minilm"
_TALK_HELP: Final = "Type what a patient may say. /release ends an open case, /new begins again, Ctrl-D ends."


def guide(  # each is an option
    file: Annotated[
        Path | None, typer.Option(metavar="LINES.txt", help="one utterance a line; - or a pipe is read too")
    ] = None,
    mode: Annotated[str, typer.Option(help=_MODES)] = GuideMode.SCRIPTED.value,
    language: Annotated[str, typer.Option(help="of the lines and of the patient: en, de")] = "en",
    backend: Annotated[str, typer.Option(help="what thinks in free and approved")] = "packaged",
    lines: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="other approved lines than those that ship")
    ] = None,
    conversation: Annotated[  # noqa: FBT002  # a flag
        bool, typer.Option("--conversation", help="the lines of a file are one talk, not one each")
    ] = False,
    model: Annotated[  # noqa: FBT002  # a flag
        bool, typer.Option(help="use the sentence model for meaning and risk where it is installed")
    ] = True,
) -> None:
    """Talk with the guide; with a file or a pipe, print one line of JSON for each utterance."""
    talk = _open(_mode(mode), language, backend, lines, model=model)
    piped = file is not None or not sys.stdin.isatty()
    if not piped:
        return _converse(talk)
    for text in _utterances(file):
        if not conversation:
            talk.new_talk()
        begun_s = time.monotonic()
        answer = talk.answer(text, begun_s).as_json()
        answer["took_ms"] = round((time.monotonic() - begun_s) * 1e3, 1)
        print(json.dumps(answer, ensure_ascii=False), flush=True)  # noqa: T201  # the command's output
    return None


def _mode(text: str) -> GuideMode:
    try:
        return GuideMode(text)
    except ValueError:
        raise BadValue("--mode", f"one of {_MODES}", text) from None


def _utterances(file: Path | None) -> Iterator[str]:
    """Yield the lines that are not empty; what is not UTF-8 is read with replacements."""
    raw = sys.stdin.buffer if file is None or str(file) == "-" else file.open("rb")
    with raw:
        for line in raw:
            text = line[:LONGEST_INPUT].decode("utf-8", errors="replace").strip()
            if text:
                yield text


def _open(mode: GuideMode, language: str, backend: str, lines: Path | None, *, model: bool) -> TerminalGuide:
    from therapy.discover import declared
    from therapy.gate import open_places
    from therapy.personal import NOTHING_CHOSEN
    from therapy.plan import PLANS
    from therapy.specs import SceneSpec
    from voice_guide.choose import Chooser
    from voice_guide.linebank import LINES, load_lines
    from voice_guide.risk import RiskScreen, load_risk_book
    from voice_guide.terminal import TerminalGuide

    bank, book = load_lines(language, lines or LINES), load_risk_book(language)
    embedder = _embedder() if model and bank.similar else None
    plan = next(iter(PLANS.values()))
    open_to_all = open_places(declared("scenes", "SCENE", SceneSpec), NOTHING_CHOSEN)
    here = plan.stages[0].scene
    return TerminalGuide(
        chooser=Chooser(bank, embedder),
        book=book,
        screen=RiskScreen(book, embedder),
        mode=mode,
        mind=_mind(backend) if mode in {GuideMode.FREE, GuideMode.APPROVED} else None,
        places=(here, *sorted(open_to_all - {here})),
        limits=plan.limits,
    )


def _embedder() -> SentenceModel | None:
    """Return the sentence model, or `None` and say what is missing: rules and words then judge alone."""
    from voice_guide.embed import load_embedder
    from voice_guide.errors import NoVoiceStack
    from voice_guide.models import find

    os.environ.setdefault("OMP_NUM_THREADS", "1")  # one sentence at a time: more threads only wait
    folder = find(_MINILM)
    if folder is None:
        _note(f"sentence model {_MINILM} is not installed (stillwater models install): rules and words alone")
        return None
    try:
        return load_embedder(folder)
    except NoVoiceStack as missing:
        _note(f"{missing}: rules and words alone")
        return None


def _mind(backend: str) -> Mind | None:
    """Return what thinks, or `None` and say why: the scripted lines then answer."""
    from voice_guide.think import NoMind, ThinkSettings, backends

    spec = backends().get(backend)
    if spec is None:
        raise BadValue("--backend", f"one of {', '.join(backends())}", backend)
    try:
        return _Punctual(spec.open(ThinkSettings(backend=backend, speak_by_s=1.0, deadline_s=THINK_S)))
    except NoMind as why:
        _note(f"{why}: scripted lines")
        return None


class _Punctual:
    """A mind that is not waited for longer than `THINK_S`; while it is still busy it is not asked."""

    def __init__(self, mind: Mind) -> None:
        self._mind = mind
        self._pool = concurrent.futures.ThreadPoolExecutor(1, "mind")
        self._busy: concurrent.futures.Future[list[Thought]] | None = None

    def think(
        self, briefing: Briefing, *, cancelled: Callable[[], bool] = lambda: False
    ) -> Iterator[Thought]:
        """Yield what it thinks, or at `THINK_S` that nothing of it may be used."""
        from voice_guide.think import NotUsable

        if self._busy is None or self._busy.done():
            late_s = time.monotonic() + THINK_S

            def given_up() -> bool:
                return cancelled() or time.monotonic() > late_s

            self._busy = self._pool.submit(lambda: list(self._mind.think(briefing, cancelled=given_up)))
            with contextlib.suppress(concurrent.futures.TimeoutError):
                yield from self._busy.result(THINK_S)
                return
        yield NotUsable(turn=briefing.turn, reason=f"no answer within {THINK_S:g} s")

    def prepare(self, lines: Sequence[ApprovedLine]) -> None:
        """Do ahead what can be done for lines that will be offered."""
        self._pool.submit(self._mind.prepare, lines)

    def close(self) -> None:
        """Let go of the model."""
        self._pool.shutdown(wait=False, cancel_futures=True)
        self._mind.close()


def _note(text: str) -> None:
    print(f"stillwater guide: {text}", file=sys.stderr)  # noqa: T201  # beside the output


def _converse(talk: TerminalGuide) -> None:
    console = Console(highlight=False)
    console.print(_TALK_HELP)
    while True:
        try:
            text = console.input("> ").strip()
        except EOFError:
            return
        if text == "/release":
            talk.release(time.monotonic())
        elif text == "/new":
            talk.new_talk()
        elif text:
            answer = talk.answer(text, time.monotonic())
            if answer.risk.kind:
                console.print(f"  risk: {answer.risk.level.value}, {answer.risk.kind}", style="bold")
            for done in answer.done:
                console.print(f"  {done.verdict}: {done.action or done.wanted} {done.reason}", style="dim")
            console.print(f"  ({answer.reason})", style="dim")
            console.print(answer.said or "(silent)")
