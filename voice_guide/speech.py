"""What the guide says, one utterance at a time: what waits, what is being said, what was cut. Pure."""

from __future__ import annotations

import dataclasses
from collections import deque
from collections.abc import Callable
from typing import Final

from therapy.events import GuideHeard, GuideSaid
from therapy.talk import Source, Utterance
from voice_guide.dialogue import Command, GuideView, HushNow, Played, SpeakNow, Tell
from voice_guide.skill import SkillStep

__all__ = ["AHEAD_S", "AT_ONCE_S", "Speech", "Words", "length_s"]

#: The music needs this long to step back before words of the guide; words at once wait for nothing.
AHEAD_S: Final = 0.45
AT_ONCE_S: Final = 0.1
#: Of calm speech, for words whose sound nobody reports: characters a second, and the least.
_LETTERS_PER_S: Final = 12.0
_LEAST_S: Final = 1.5
#: A played-back report that is this late will not come.
_NO_REPORT_S: Final = 4.0
#: Pause between two things that the guide says by itself.
BREATH_S: Final = 0.4
#: How long an "mm" takes, where no report of it comes.
_MM_S: Final = 0.8
#: The same after "mm": the answer that it stood for is awaited.
_AFTER_MM_S: Final = 0.1
#: Line ids that count as said lately.
_SAID: Final = 12


@dataclasses.dataclass(slots=True, eq=False)
class Words:
    """Words that wait or are being said."""

    text: str
    source: Source
    line_id: str = ""
    turn: int = 0
    safety: bool = False
    ahead_s: float = AHEAD_S
    not_before_s: float = 0.0
    step: SkillStep | None = None
    utterance: int = 0
    heard: str = ""
    began_s: float = 0.0
    over_s: float = 0.0


class Speech:
    """The guide's words. `out` takes what is to be done, `transcript` what the panel shows.

    Args:
        language: that is spoken.
        out: commands are added to it.
        transcript: lines of the talk are added to it.
        finished: told words that are over, and whether they were heard to their end.
        mode: how freely the guide speaks now, for the record.
        utterances: how many there were before.
    """

    def __init__(  # what it reaches of its conversation
        self,
        *,
        language: str,
        out: list[Command],
        transcript: deque[GuideView],
        finished: Callable[[Words, float, bool], None],
        mode: Callable[[], str],
        utterances: int,
    ) -> None:
        self.waiting: deque[Words] = deque()
        self.now: Words | None = None
        self.cut: Words | None = None
        self.said: deque[str] = deque(maxlen=_SAID)
        self.utterances = utterances
        self._language = language
        self._out = out
        self._transcript = transcript
        self._finished = finished
        self._mode = mode

    def begin(self, now_s: float) -> None:
        """Say the first words that wait."""
        words = self.waiting.popleft()
        self.utterances += 1
        words.utterance, words.began_s = self.utterances, now_s + words.ahead_s
        short = words.source == "acknowledgement"
        words.over_s = words.began_s + (_MM_S if short else length_s(words.text))
        self.now = words
        if words.line_id:
            self.said.append(words.line_id)
        utterance = Utterance(
            utterance=words.utterance,
            turn=words.turn,
            text=words.text,
            source=words.source,
            language=self._language,
            line_id=words.line_id,
        )
        self._out.append(SpeakNow(utterance=utterance, at_s=words.began_s, safety=words.safety))
        said = GuideSaid(
            at_s=words.began_s,
            utterance=words.utterance,
            turn=words.turn,
            text=words.text,
            source=words.source,
            line_id=words.line_id,
            mode=self._mode(),
            language=self._language,
        )
        self._out.append(Tell(event=said))
        who = "therapist" if words.source == "therapist" else "guide"
        line = {"who": who, "text": words.text, "at_s": words.began_s, "source": words.source}
        self._transcript.append({**line, "interrupted": False})

    def played(self, played: Played, now_s: float) -> None:
        """Take what of the present words was heard."""
        words = self.now
        if words is None or played.utterance != words.utterance:
            return
        words.heard = played.heard
        words.over_s = max(words.over_s, now_s + 0.5)
        if played.done:
            words.heard = words.text
            self.finish(now_s, complete=True)

    def soundless(self, utterance: int, now_s: float) -> None:
        """The words have no sound: their caption is read instead, for as long as they would have taken."""
        if self.now is not None and utterance == self.now.utterance:
            self.now.heard = self.now.text
            self.now.over_s = now_s + length_s(self.now.text) - _NO_REPORT_S

    def pass_time(self, now_s: float) -> None:
        """End words of which nobody reports any more."""
        words = self.now
        if words is None:
            return
        # An answer does not wait for the report of a mere "mm".
        late_s = 0.0 if words.source == "acknowledgement" else _NO_REPORT_S
        if now_s >= words.over_s + late_s:
            self.finish(now_s, complete=words.heard == words.text)

    def finish(self, now_s: float, *, complete: bool) -> None:
        """The present words are over."""
        words, self.now = self.now, None
        if words is None:
            return
        heard = GuideHeard(at_s=now_s, utterance=words.utterance, text=words.heard, complete=complete)
        self._out.append(Tell(event=heard))
        if not complete:
            for line in reversed(self._transcript):
                if line["who"] != "patient" and line["text"] == words.text:
                    line["interrupted"] = True
                    break
        self._finished(words, now_s, complete)
        if self.waiting and not self.waiting[0].safety:
            first = self.waiting[0]
            breath_s = _AFTER_MM_S if words.source == "acknowledgement" else BREATH_S
            first.not_before_s = max(first.not_before_s, now_s + breath_s)

    def interrupt(self, now_s: float) -> None:
        """The patient really speaks: end the words, and keep what was cut."""
        self.cut = None if self.now is not None and self.now.source == "acknowledgement" else self.now
        self.finish(now_s, complete=False)
        self._out.append(HushNow())

    def resume(self, now_s: float) -> None:
        """Say again what a mere "mm-hm" or a cough has cut: from the sentence on that was not heard whole."""
        cut, self.cut = self.cut, None
        rest = "" if cut is None else _unheard_rest(cut.text, cut.heard)
        if cut is None or not rest:
            return
        line_id = cut.line_id if rest == cut.text else ""
        again = Words(text=rest, source=cut.source, line_id=line_id, turn=cut.turn, step=cut.step)
        again.not_before_s = now_s + BREATH_S
        self.waiting.appendleft(again)

    def silence(self, now_s: float) -> None:
        """End what is being said, and drop what waits of the guide's own."""
        if self.now is not None:
            self.finish(now_s, complete=False)
            self._out.append(HushNow())
        self.keep("therapist", "risk")

    def keep(self, *sources: Source) -> None:
        """Drop what waits, but for words of `sources`."""
        self.waiting = deque(words for words in self.waiting if words.source in sources)

    def end(self, *, at_once: bool) -> None:
        """The session is over: only safety lines are said; `at_once` others are not even finished."""
        self.cut = None
        self.waiting = deque(words for words in self.waiting if words.safety)
        if at_once and self.now is not None and not self.now.safety:
            self.now = None
            self._out.append(HushNow())


def length_s(text: str) -> float:
    """Return how long calm speech takes for `text`, s."""
    return max(_LEAST_S, len(text) / _LETTERS_PER_S)


def _unheard_rest(text: str, heard: str) -> str:
    """Return `text` from the sentence on whose end was not heard."""
    rest = text
    if text.startswith(heard.strip()):
        ends = [heard.rfind(mark) for mark in (". ", "? ", "! ", "… ")]
        at = max(ends)
        rest = text[at + 2 :] if at >= 0 else text
    return "" if len(heard.strip()) >= len(text.strip()) else rest.strip()
