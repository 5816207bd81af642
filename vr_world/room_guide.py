"""The guide of one room: between conversation, voice service, headset, loop and panel. Nothing here waits.

```
microphone ─▶ voice service ─▶ Conversation ─▶ words ─▶ voice service ─▶ headset ─▶ what was heard
                                    └▶ admitted actions ─▶ World      └▶ music steps back
```
"""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Callable, Mapping
from typing import Any, Final, Literal, Protocol

import msgspec

from therapy.actions import Advance, CallTherapist, Dim, GuideAction, PaceBreath, ShiftMusic, ShiftScene
from therapy.errors import BadValue, NotNotified, TherapyError
from therapy.escalation import Call, Escalation, EscalationCommand, MakeSafe, PanelAlarm, PanelNotice
from therapy.events import AlarmRaised, Event, TherapistCalled
from therapy.gate import open_places
from therapy.guide import GuideChoice
from therapy.plan import Limits, StageKind
from therapy.ports import HelpCall, Notifier
from therapy.specs import SceneSpec
from therapy.talk import GuideMode, Risk
from voice_guide.choose import Chooser
from voice_guide.conversation import Conversation
from voice_guide.dialogue import (
    Act,
    Ask,
    CancelAsk,
    Command,
    ConversationMemory,
    ConversationSettings,
    Decide,
    Escalate,
    HoldNow,
    HushNow,
    Input,
    ListenNow,
    Played,
    Release,
    SessionEnded,
    SetMode,
    Soften,
    Somebody,
    SpeakNow,
    StageBegan,
    StopSession,
    Surroundings,
    Tell,
    Unwell,
    Whisper,
)
from voice_guide.linebank import load_lines
from voice_guide.messages import (
    CancelThinking,
    FromService,
    HeardNow,
    HoldTurn,
    Hush,
    Join,
    Listen,
    NotSpoken,
    Prepare,
    Sound,
    Speak,
    SpeechStarted,
    Spoken,
    Status,
    Think,
)
from voice_guide.mouth import PACKET_S, heard_text
from voice_guide.risk import RiskScreen
from voice_guide.riskbook import load_risk_book
from voice_guide.say_screen import SayScreen, by_risk
from voice_guide.skill import skills
from vr_world.guide_link import GONE, GuideLink
from vr_world.loop import World
from vr_world.streaming import control, protocol
from vr_world.streaming.headset import Headset

__all__ = ["GuideOutputs", "RoomGuide"]

#: A packet of speech that comes late is heard late, but not sooner than this from now.
LEAST_LEAD_S: Final = 0.08
#: How long a caption stays after its last word.
_CAPTION_STAYS_S: Final = 1.5
#: The music steps back for the patient too, and until an answer to them can have begun.
_LISTENS_S: Final = 3.0
#: The music comes back this long after the words.
_AFTER_S: Final = 0.6
#: Lines that a patient meets at once are rendered ahead.
_AHEAD_INTENTS: Final = ("acknowledge", "moment", "listening", "unclear", "less_waves", "anxious")
#: States of a microphone from which no sound comes.
_CLOSED: Final = ("off", "denied", "missing")
#: So often a talk that failed begins anew in a session.
_FAILURES: Final = 3
#: While a human is being called the place is held calm: control → value.
CALM: Final = {
    "weather": 0.08,
    "density": 0.12,
    "brightness": 0.25,
    "notes_per_s": 0.4,
    "tension": 0.08,
    "tempo_bpm": 50.0,
}
#: Breaths a minute: adults at rest have 12 … 20; trained slow breathing is below 10 (therapy standards).
_SLOW, _QUICK = 10.0, 20.0
_CALM_WHY: Final = "a human is being called: the place is held calm"


class GuideOutputs(Protocol):
    """What the guide reaches in its room."""

    world: World

    def guide_tells(self, message: control.ServerText) -> None:
        """Send a text to the headsets."""
        ...

    def guide_speaks(self, packet: protocol.Speech) -> None:
        """Send 20 ms of speech to the headsets."""
        ...

    def guide_silent(self) -> None:
        """Forget speech that was not sent."""
        ...

    def guide_ducks(self, from_s: float, until_s: float) -> None:
        """Let the music step back."""
        ...

    def event(self, event: Event) -> None:
        """Record and show an event."""
        ...


@dataclasses.dataclass(slots=True, eq=False)
class _Speaking:
    """An utterance on its way: when it is due, and which words begin where."""

    utterance: int
    begins_s: float
    safety: bool
    text: str
    words: list[tuple[float, str]] = dataclasses.field(default_factory=list)
    length_s: float = 0.0
    found_to: int = 0

    def place_of(self, words: str) -> int:
        """Return where in the text these next words are; where the ones before end if they are not found."""
        first = words.partition(" ")[0]
        at = self.text.find(first, self.found_to)
        if at < 0:
            return self.found_to
        self.found_to = at + len(first)
        return at


class RoomGuide:
    """A room's guide. Belongs to the event loop's thread.

    Args:
        room: its name.
        socket: of the voice service; empty: there is none, the guide is scripted and shows its words.
        outputs: the room.
        scenes: every place.
        notifier: reaches a human who is not at the panel, or `None`.
        stop: stops the session as the patient's button does.
        baseline: the patient's values at rest by vital, as far as they are known.
        now_s: the session clock.
    """

    def __init__(
        self,
        room: str,
        socket: str,
        outputs: GuideOutputs,
        *,
        scenes: dict[str, SceneSpec],
        notifier: Notifier | None,
        stop: Callable[[str], None],
        baseline: Callable[[], Mapping[str, float]],
        now_s: Callable[[], float],
    ) -> None:
        self._room, self._socket, self._out, self._baseline = room, socket, outputs, baseline
        self._scenes, self._notifier, self._stop, self._now_s = scenes, notifier, stop, now_s
        self._choice = GuideChoice()
        self._talk: Conversation | None = None
        self._escalation = Escalation()
        self._status = Status(ears=GONE, mind=GONE, mouth=GONE)
        self._link: GuideLink | None = None
        self._speaking: dict[int, _Speaking] = {}
        self._microphone = "unknown"
        self._listening = self._hears = False
        self._failures = 0
        self._somebody = False
        self._phase = ""
        self._began = False
        self._stage = -1
        self._calls: set[asyncio.Task[None]] = set()
        #: What its alarms of the present risk say.
        self._alarmed: set[str] = set()

    def start(self) -> None:
        """Look for the voice service."""
        if self._socket:
            join = Join(room=self._room, language=self._choice.language)
            self._link = GuideLink(self._socket, join, self._from_service, self._failed)
            self._link.start()

    async def stop(self) -> None:
        """Let go."""
        if self._link is not None:
            await self._link.stop()

    # the session ----------------------------------------------------------------------------------------

    def open(self, choice: GuideChoice) -> None:
        """A session is there: the guide as chosen, whose place the one before it takes."""
        self._failures = 0
        self._open(choice, None)

    def _open(self, choice: GuideChoice, memory: ConversationMemory | None) -> None:
        self._choice = choice
        bank, book = load_lines(choice.language), load_risk_book(choice.language)
        risky = by_risk(RiskScreen(book).assess)

        def screen(text: str, heard: str) -> str:
            return SayScreen(language=choice.language, also=(risky,), heard=heard)(text)

        self._talk = Conversation(
            ConversationSettings(
                chooser=Chooser(bank),
                book=book,
                surroundings=self._surroundings,
                skills=skills(),
                screen=screen,
                mode=choice.mode,
                approval=choice.approval,
                met_before=choice.met_before,
                remembered=choice.remembered,
                flags=choice.flags,
            ),
            memory=memory,
        )
        self._escalation = Escalation()
        self._alarmed.clear()
        self._phase, self._began, self._stage = "", False, -1
        self._listening = self._hears = False  # of a new ear too: nothing is heard before it is said
        self._speaking.clear()
        self._send(Join(room=self._room, language=choice.language))
        self._send(HoldTurn(on=False))  # or a link that comes anew would hold the ear of the session before
        risk_lines = tuple(text for text in book.lines.values() if text)
        ahead = tuple(
            line.text for name in _AHEAD_INTENTS for line in bank.intents[name].lines if not line.slots
        )
        self._send(Prepare(language=choice.language, texts=(*risk_lines, *ahead)))
        self._take(self._status)
        self._take(Somebody(self._somebody))

    def go_on(self, memory: Mapping[str, Any]) -> None:
        """Take up the talk of the room before this one, where a crisis stays one; words are forgotten."""
        fields = dict(memory)
        language, flags = fields.pop("language"), frozenset(fields.pop("flags"))
        kept = msgspec.convert(fields, ConversationMemory)
        mode = GuideMode(kept.mode)
        self._open(GuideChoice(mode=mode, language=language, met_before=True, flags=flags), kept)
        machine = self._out.world.machine
        if machine is not None and machine.stage.kind is not StageKind.RETURN:
            self._stage = machine.stage_index  # its lines were said; the way out is led anew
        if kept.crisis_kind:
            risk = msgspec.convert({"level": "urgent", "kind": kept.crisis_kind}, Risk)
            self._escalate(self._escalation.hit(risk, self._now_s()))

    def memory(self) -> dict[str, Any] | None:
        """Return what the next process of this room needs, without a word that was said."""
        if self._talk is None:
            return None
        kept = dataclasses.asdict(self._talk.memory())
        return {"language": self._choice.language, "flags": sorted(self._choice.flags), **kept}

    def tick(self, now_s: float) -> None:
        """Live one step: follow the session, let time pass."""
        self._guarded(lambda: self._live(now_s))

    def _live(self, now_s: float) -> None:
        self._escalate(self._escalation.tick(now_s))
        if self._talk is not None:
            self._follow(now_s)
        if self._talk is not None:
            self._do(self._talk.tick(now_s))

    def _guarded(self, work: Callable[[], None]) -> None:
        """Do `work`. The guide may fail, its room may not: the talk begins anew, and a human is told."""
        try:
            work()
        except Exception as error:  # noqa: BLE001  # whatever it is, music, picture and stop go on
            self._failed(error)

    def _failed(self, error: BaseException) -> None:
        """Tell what failed, by its kind alone (its text may hold words); begin anew, or give the talk up."""
        self._failures += 1
        gives_up = self._failures > _FAILURES
        then = "it is off for this session" if gives_up else "it begins anew, its memory of words is gone"
        what = f"the guide failed ({type(error).__name__}): {then}"
        self._out.event(AlarmRaised(at_s=self._now_s(), level="urgent", what=what))
        memory = self.memory()
        if gives_up or memory is None:
            self._talk = None
            self._listening = False
            self._tell_listening()
        else:
            self._guarded(lambda: self.go_on(memory))

    def _follow(self, now_s: float) -> None:
        machine = self._out.world.machine
        phase = self._out.world.phase
        talk = self._talk
        if machine is None or talk is None:
            return
        if phase != self._phase:
            self._phase = phase
            if phase in ("ENDED", "STOPPED"):
                self._take(SessionEnded(stopped=phase == "STOPPED"))
            elif phase in ("RUNNING", "RETURNING", "PAUSED") and not self._began:
                self._began = True  # in a pause when the room before this one ended in one
                self._do(talk.begin(now_s))
        if phase in ("RUNNING", "RETURNING") and machine.stage_index != self._stage:
            self._stage = machine.stage_index
            self._take(StageBegan(kind=machine.stage.kind))

    # the panel ------------------------------------------------------------------------------------------

    def set_mode(self, mode: str, approval: bool | None, by: str) -> None:  # noqa: FBT001  # as the panel says it
        """Let the guide speak as freely as `mode`."""
        self._need()
        self._take(SetMode(mode=GuideMode(mode), approval=approval, why=by))

    def whisper(self, text: str) -> None:
        """Say the therapist's words."""
        self._need()
        self._take(Whisper(text=text))

    def decide(self, turn: int, decision: Literal["speak", "edit", "drop"], text: str) -> None:
        """Take the therapist's word on a proposal."""
        self._need()
        self._take(Decide(turn=turn, decision=decision, text=text))

    def acknowledge(self, by: str, what: str) -> None:
        """A human has seen the alarm that says `what`; if it was of a risk, they attend."""
        if what not in self._alarmed:
            return
        self._alarmed.clear()
        self._escalate(self._escalation.acknowledge(by, self._now_s()))

    def release(self, by: str) -> None:
        """A human is with the patient: the guide may go on."""
        self._need()
        self._escalation.release(by, self._now_s())
        for control_name in CALM:
            self._out.world.asked.pop(control_name, None)
        self._take(Release())

    def view(self, now_s: float) -> dict[str, Any] | None:
        """Return what the panel shows of the guide; `None` without a session."""
        if self._talk is None:
            return None
        case = self._escalation.case
        view = self._talk.view(now_s)
        if view["risk"] is not None:
            view["risk"]["acknowledged"] = case is not None and bool(case.acknowledged_by)
        return {**view, "microphone": self._microphone}

    def _need(self) -> Conversation:
        if self._talk is None:
            raise BadValue("guide", "a session that it belongs to", None)
        return self._talk

    # the headset ----------------------------------------------------------------------------------------

    def headset_here(self) -> None:
        """A headset came: words may be said; say whether it is listened to."""
        self._somebody = True
        self._take(Somebody(True))
        self._tell_listening()

    def headset_gone(self, *, others: bool) -> None:
        """A headset went; `others` says whether one is left."""
        self._somebody = others
        self._take(Somebody(others))
        self._tell_listening()

    def headset_mic(self, headset: Headset, packet: protocol.Microphone) -> None:
        """Hand 20 ms of the microphone on, on the session clock."""
        if self._listening:
            at_s = packet.client_ms / 1000.0 + headset.clock.offset_s
            if abs(at_s - self._now_s()) > 5.0:  # its clock is not mapped yet
                at_s = self._now_s() - PACKET_S
            self._send(Sound(seq=packet.seq, at_s=at_s, payload=packet.payload))

    def headset_mic_is(self, state: str) -> None:
        """Take what became of the microphone: one that is closed ends the turn that was being said."""
        self._microphone = state
        self._tell_listening()

    def _tell_listening(self) -> None:
        """Say to the headsets whether a microphone is wanted, and to the service whether sound will come."""
        self._out.guide_tells(control.Listen(on=self._listening))
        hears = self._listening and self._somebody and self._microphone not in _CLOSED
        if hears != self._hears:
            self._hears = hears
            self._send(Listen(on=hears))

    def headset_played(self, played: control.Played) -> None:
        """Take what was heard of the guide's words."""
        words = self._speaking.get(played.utterance)
        if words is None:
            return
        heard = heard_text(words.words, played.ms / 1000.0)
        if played.done:
            del self._speaking[played.utterance]
        self._take(Played(utterance=played.utterance, until_ms=played.ms, done=played.done, heard=heard))

    # the voice service ----------------------------------------------------------------------------------

    def _send(self, message: Any) -> bool:
        return self._link is not None and self._link.send(message)

    def _from_service(self, message: FromService) -> None:
        match message:
            case Spoken():
                self._spoken(message)
            case Status():
                self._status = message
                self._take(message)
            case SpeechStarted() | HeardNow():
                now_s = self._now_s()
                self._out.guide_ducks(now_s, now_s + _LISTENS_S)
                self._take(message)
            case _:
                self._take(message)

    def _spoken(self, packet: Spoken) -> None:
        words = self._speaking.get(packet.utterance)
        if words is None:
            return  # hushed
        now_s = self._now_s()
        if packet.seq == 0:
            words.begins_s = max(words.begins_s, now_s + LEAST_LEAD_S)
        at_s = words.begins_s + packet.offset_s
        if at_s < now_s + PACKET_S:  # rendered too slowly: the rest is later, not lost
            words.begins_s += now_s + LEAST_LEAD_S - at_s
            at_s = now_s + LEAST_LEAD_S
        if packet.words:
            words.words.append((packet.offset_s, packet.words))
            at, ms = words.place_of(packet.words), 1000.0 * packet.offset_s
            self._out.guide_tells(control.Cue(utterance=packet.utterance, at=at, ms=ms))
        words.length_s = packet.offset_s + PACKET_S
        self._out.guide_speaks(
            protocol.Speech(
                utterance=packet.utterance,
                seq=packet.seq,
                play_at_s=at_s,
                payload=packet.payload,
                last=packet.last,
                safety=words.safety,
            )
        )
        if packet.seq % 25 == 0 or packet.last:
            until_s = words.begins_s + words.length_s + (_AFTER_S if packet.last else 1.5)
            self._out.guide_ducks(words.begins_s, until_s)

    # what the conversation wants ------------------------------------------------------------------------

    def _take(self, what: Input) -> None:
        talk = self._talk
        if talk is not None:
            self._guarded(lambda: self._do(talk.take(what, self._now_s())))

    def _do(self, commands: list[Command]) -> None:
        for command in commands:
            self._do_one(command)

    def _do_one(self, command: Command) -> None:  # noqa: C901  # one branch for each command
        match command:
            case SpeakNow():
                self._speak(command)
            case HushNow():
                self._hush()
            case Soften(on=on):
                self._out.guide_tells(control.Soften(on=on))
            case Ask(briefing=briefing, until_s=until_s):
                # When it cannot be asked, the conversation has a line of its own in time.
                self._send(Think(briefing=briefing, until_s=until_s))
            case CancelAsk(turn=turn):
                self._send(CancelThinking(turn=turn))
            case Act(action=action, because=because):
                self._act(action, because)
            case Unwell(level=level):
                self._out.world.unwell(level, self._now_s(), source="patient: said so")
            case Tell(event=event):
                self._out.event(event)
            case StopSession(why=why):
                self._stop(why)
            case Escalate(risk=risk):
                self._escalate(self._escalation.hit(risk, self._now_s()))
            case HoldNow(on=on):
                self._send(HoldTurn(on=on))
            case ListenNow(on=on):
                self._listening = on
                self._tell_listening()

    def _speak(self, command: SpeakNow) -> None:
        utterance = command.utterance
        self._speaking = {
            utterance.utterance: _Speaking(
                utterance=utterance.utterance,
                begins_s=command.at_s,
                safety=command.safety,
                text=utterance.text,
            )
        }
        length_s = max(2.0, len(utterance.text) / 12.0)
        spoken = not self._status.mouth and self._send(Speak(utterance=utterance))
        self._out.guide_tells(
            control.Caption(
                text=utterance.text,
                for_s=length_s + _CAPTION_STAYS_S,
                utterance=utterance.utterance if spoken else 0,
                language=utterance.language,
            )
        )
        if spoken:
            self._out.guide_ducks(command.at_s, command.at_s + 2.0)
        else:
            self._speaking.clear()
            self._take_later(NotSpoken(utterance=utterance.utterance, reason=self._status.mouth or GONE))

    def _take_later(self, what: Input) -> None:
        """Take it when what is being done now has been done."""
        asyncio.get_running_loop().call_soon(self._take, what)

    def _hush(self) -> None:
        self._send(Hush())
        self._out.guide_silent()
        self._out.guide_tells(control.Hush())
        if self._speaking:
            self._speaking.clear()
            now_s = self._now_s()
            self._out.guide_ducks(now_s, now_s + _AFTER_S)

    def _act(self, action: GuideAction, because: str) -> None:
        world = self._out.world
        now_s = self._now_s()
        why = f"the guide: {because}" if because else "the guide"
        match action:
            case Dim(light=light):
                world.ask("light", light, why)
            case PaceBreath(breath_pace_per_min=pace):
                world.ask("breath_pace_per_min", pace, why)
            case ShiftScene(place=place) if place:
                self._go_to(place, now_s)
            case ShiftScene(control=name, value=value) | ShiftMusic(control=name, value=value):
                world.ask(name, value, why)
            case Advance():
                self._return(now_s)
            case CallTherapist(level=level, reason=reason):
                self._out.event(AlarmRaised(at_s=now_s, level=level, what=f"the guide calls you: {reason}"))

    def _return(self, now_s: float) -> None:
        try:
            self._out.world.order("return", now_s, by="guide: the patient asked to end")
        except TherapyError as error:  # the session ended since the last tick
            self._out.event(AlarmRaised(at_s=now_s, level="watch", what=f"the guide could not end: {error}"))

    def _go_to(self, place: str, now_s: float) -> None:
        try:
            self._out.world.go_to(place, now_s, because="the patient asked for it")
        except TherapyError as error:
            self._out.event(AlarmRaised(at_s=now_s, level="watch", what=f"the guide could not go: {error}"))

    # a human is called ----------------------------------------------------------------------------------

    def _escalate(self, commands: list[EscalationCommand]) -> None:
        now_s = self._now_s()
        for command in commands:
            match command:
                case PanelAlarm(kind=kind, evidence=evidence):
                    what = f"the patient may need you now ({_in_words(kind)}): {'; '.join(evidence)}"
                    self._alarmed.add(what)
                    self._out.event(AlarmRaised(at_s=now_s, level="urgent", what=what))
                    self._called("urgent", "panel", kind, 0.0)
                case PanelNotice(kind=kind, evidence=evidence):
                    what = f"please look ({_in_words(kind)}): {'; '.join(evidence)}"
                    self._out.event(AlarmRaised(at_s=now_s, level="watch", what=what))
                case MakeSafe():
                    for name, value in CALM.items():
                        self._out.world.ask(name, value, _CALM_WHY)
                case Call():
                    self._call(command)
                case _:
                    pass  # the conversation speaks, stops and blocks by itself, at once

    def _call(self, call: Call) -> None:
        if self._notifier is None:
            what = f"nobody has acknowledged for {call.after_s:.0f} s, nobody else can be called (--notify)"
            self._alarmed.add(what)
            self._out.event(AlarmRaised(at_s=self._now_s(), level="urgent", what=what))
            return
        self._called("urgent", call.channel, call.kind, call.after_s)
        help_call = HelpCall(room=self._room, kind=call.kind, channel=call.channel, after_s=call.after_s)
        task = asyncio.get_running_loop().create_task(self._notify(self._notifier, help_call, call))
        self._calls.add(task)
        task.add_done_callback(self._calls.discard)

    async def _notify(self, notifier: Notifier, help_call: HelpCall, call: Call) -> None:
        try:
            await notifier.notify(help_call)
        except NotNotified as error:
            now_s = self._now_s()
            what = f"nobody was reached: {error}"
            self._alarmed.add(what)
            self._out.event(AlarmRaised(at_s=now_s, level="urgent", what=what))
            self._escalate(self._escalation.call_failed(call.channel, now_s))

    def _called(self, level: str, channel: str, kind: str, after_s: float) -> None:
        self._out.event(
            TherapistCalled(at_s=self._now_s(), level=level, channel=channel, reason=kind, after_s=after_s)
        )

    def _surroundings(self) -> Surroundings:
        world = self._out.world
        machine = world.machine
        if machine is None:
            return Surroundings(controls=world.controls, limits=Limits())
        left_s = max(machine.plan.duration_s - machine.elapsed_s, 0.0)
        return Surroundings(
            controls=world.controls,
            limits=machine.plan.limits,
            here=machine.stage.scene,
            places=tuple(sorted(open_places(self._scenes, machine.plan.personal))),
            stage=machine.stage.kind,
            stage_name=machine.stage.name,
            stage_left_s=max(machine.stage.duration_s - machine.stage_elapsed_s, 0.0),
            minutes_left=max(round(left_s / 60.0), 0),
            baseline_breath_per_min=self._baseline().get("breath_rate"),
            state=_state_in_words(world),
        )


def _in_words(kind: str) -> str:
    return kind.replace("_", " ")


def _state_in_words(world: World) -> str:
    """Return the body in words, with how sure each is: numbers are the therapist's."""
    state = world.state
    parts = []
    if state.arousal_confidence > 0.0 and (world.machine is None or world.machine.plan.arousal):
        level = "calmer than" if state.arousal < -0.2 else "livelier than" if state.arousal > 0.2 else "as at"
        sure = "sure" if state.arousal_confidence > 0.7 else "not sure"
        parts.append(f"body {level} rest ({sure})")
    if state.breath_rate_per_min is not None:
        rate = state.breath_rate_per_min
        parts.append(f"breathes {'slowly' if rate < _SLOW else 'quickly' if rate > _QUICK else 'calmly'}")
    return ", ".join(parts) or "the body is not known yet"
