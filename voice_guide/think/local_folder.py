"""Any model in a local folder in the format of transformers, held to the schema by llguidance."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from therapy.talk import ApprovedLine, Briefing, GuideMode
from voice_guide.think._mind import BackendSpec, Mind, NoMind, NotUsable, Thought, never_cancelled
from voice_guide.think._prompt import fixed, messages
from voice_guide.think._reader import read_along
from voice_guide.think._schema import schema, unaskable
from voice_guide.think._settings import ThinkSettings

if TYPE_CHECKING:
    from voice_guide.think._torch import LoadedModel

__all__ = ["BACKEND", "FolderMind"]

_NAME: Final = "local_folder"


class FolderMind:
    """A `Mind` of a loaded model: it writes an answer that fits the schema, a token at a time."""

    def __init__(self, model: LoadedModel, settings: ThinkSettings) -> None:
        self._model = model
        self._settings = settings

    def think(
        self, briefing: Briefing, *, cancelled: Callable[[], bool] = never_cancelled
    ) -> Iterator[Thought]:
        """Yield sentences and the proposal as they are written."""
        began_s = self._settings.now_s()
        refused = unaskable(briefing)
        if refused:
            yield NotUsable(turn=briefing.turn, reason=refused, backend=_NAME)
            return
        pieces = self._model.write(
            self._model.prompt(messages(briefing)),
            schema(briefing),
            most=self._settings.max_tokens,
            temperature=self._settings.temperature,
            seed=self._settings.seed,
        )
        try:
            yield from read_along(
                pieces, briefing, self._settings, backend=_NAME, cancelled=cancelled, began_s=began_s
            )
        except NoMind as error:  # a schema that the decoder does not take
            yield NotUsable(turn=briefing.turn, reason=str(error), backend=_NAME)

    def prepare(self, lines: Sequence[ApprovedLine]) -> None:
        """Read the part of the prompt that stays, in the language of `lines`."""
        if lines:
            self._model.read(self._model.prompt([fixed(GuideMode.APPROVED, lines[0].language)]))

    def close(self) -> None:
        """Nothing is held open."""


def _open(settings: ThinkSettings) -> Mind:
    folder = Path(settings.folder)
    if not settings.folder or not (folder / "config.json").is_file():
        raise NoMind(f"folder must hold a model (config.json and weights), is {settings.folder!r}")
    try:
        from voice_guide.think._torch import LoadedModel  # noqa: PLC0415  # only who opens it needs torch
    except ImportError as error:
        raise NoMind(f"the extra `voice` must be installed: {error}") from error
    return FolderMind(LoadedModel(folder, threads=settings.threads), settings)


BACKEND: Final = BackendSpec(
    name=_NAME,
    doc="a model in a local folder, in the format of transformers (folder)",
    open=_open,
)
