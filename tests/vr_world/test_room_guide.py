"""A room's guide as a list of calls: no process, no socket. What is heard, shown, done, and who is called."""

import asyncio
import dataclasses
import functools
import itertools

import pytest

from therapy.discover import declared
from therapy.errors import BadValue, NotNotified
from therapy.events import AlarmRaised, GuideActed, PatientSaid, TherapistCalled
from therapy.guide import GuideChoice
from therapy.patient import PatientState
from therapy.plan import PLANS
from therapy.ports import HelpCall
from therapy.specs import SceneSpec
from therapy.steer import Wishes
from therapy.talk import NO_RISK, GuideMode, Heard, Risk, RiskLevel
from voice_guide.conversation import Conversation
from voice_guide.messages import (
    HeardNow,
    Hush,
    Listen,
    Prepare,
    Sound,
    Speak,
    SpeechStarted,
    Spoken,
    Status,
    Think,
)
from voice_guide.riskbook import load_risk_book
from vr_world import room_guide
from vr_world.guide_link import GONE
from vr_world.loop import TICK_S, World
from vr_world.room_guide import CALM, LEAST_LEAD_S, RoomGuide
from vr_world.streaming import control

SCENES = declared("scenes", "SCENE", SceneSpec)
SELF_HARM = Risk(level=RiskLevel.URGENT, kind="self_harm", evidence=("rule: no will to live",), score=0.9)


class Body:
    """Somebody of whom nothing is known."""

    def state(self, now_s: float) -> PatientState:
        return PatientState(at_s=now_s)


class Room:
    """Both ends of a guide that has no service: its room, and what it would have told the service."""

    def __init__(self, notifier=None, choice: GuideChoice | None = None, *, headset: bool = True) -> None:
        self.now_s = 100.0
        self.told, self.packets, self.ducks, self.events, self.stops, self.sent = [], [], [], [], [], []
        self.lines, self.scenes, self.silences = [], [], 0
        self.baseline = {}
        self.world = World(Body(), self)
        self.guide = RoomGuide(
            "1",
            "",
            self,
            scenes=SCENES,
            notifier=notifier,
            stop=self.stopped,
            baseline=lambda: self.baseline,
            now_s=lambda: self.now_s,
        )
        self.guide._link = self  # in the place of the socket
        self.turn = 0
        if headset:
            self.guide.headset_here()
        if choice is not None:
            self.begin(choice)

    def begin(self, choice: GuideChoice) -> None:
        self.world.open("s1", PLANS["first-visit"], "0142", self.now_s)
        self.guide.open(choice)
        self.world.order("begin", self.now_s, by="therapist")
        self.live(0.1)

    # the link
    def send(self, message) -> bool:
        self.sent.append(message)
        return True

    # the guide's outputs
    def guide_tells(self, message) -> None:
        self.told.append(message)

    def guide_speaks(self, packet) -> None:
        self.packets.append(packet)

    def guide_silent(self) -> None:
        self.silences += 1

    def guide_ducks(self, from_s, until_s) -> None:
        self.ducks.append((from_s, until_s))

    def event(self, event) -> None:
        self.events.append(event)

    def stopped(self, why) -> None:
        self.stops.append(why)
        self.world.order("stop", self.now_s, by=why)

    # the world's outputs
    def controls(self, _controls, _at_s) -> None: ...

    def picture(self, *, safe, fade_s) -> None: ...

    def sound(self, _gain, _fade_s) -> None: ...

    def scene(self, name) -> None:
        self.scenes.append(name)

    def changed(self, changes) -> None:
        self.lines += changes

    # what happens
    def live(self, seconds: float) -> None:
        for _ in range(round(seconds / TICK_S)):
            self.now_s += TICK_S
            self.world.tick(self.now_s)
            self.guide.tick(self.now_s)

    def told_by_service(self, message) -> None:
        self.guide._from_service(message)

    def well(self) -> None:
        self.told_by_service(Status())

    def hears(self, text: str, risk: Risk = NO_RISK) -> None:
        self.turn += 1
        heard = Heard(
            turn=self.turn,
            text=text,
            confidence=0.95,
            from_s=self.now_s - 1.0,
            until_s=self.now_s - 0.1,
            final=True,
        )
        self.told_by_service(HeardNow(heard=heard, risk=risk))

    def of(self, kind) -> list:
        return [event for event in self.events if isinstance(event, kind)]

    def captions(self) -> list[str]:
        return [message.text for message in self.told if isinstance(message, control.Caption)]

    def spoken(self) -> list[Speak]:
        return [message for message in self.sent if isinstance(message, Speak)]

    def packet(self, seq: int, *, last: bool = False, words: str = "") -> None:
        utterance = self.spoken()[-1].utterance.utterance
        self.told_by_service(
            Spoken(utterance=utterance, seq=seq, offset_s=0.02 * seq, payload=b"opus", last=last, words=words)
        )


class Pager:
    """Reaches somebody, or nobody."""

    def __init__(self, *, fails: bool = False) -> None:
        self.calls: list[HelpCall] = []
        self.fails = fails

    async def notify(self, call: HelpCall, /) -> None:
        self.calls.append(call)
        if self.fails:
            raise NotNotified("the pager must answer within 5 s, did not")


@pytest.fixture(autouse=True, scope="module")
def books_read_once():
    """Lines and rules are values: reading them takes longer than any of these tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(room_guide, "load_lines", functools.cache(room_guide.load_lines))
        patch.setattr(room_guide, "load_risk_book", functools.cache(room_guide.load_risk_book))
        yield


@pytest.fixture
async def room() -> Room:
    return Room(choice=GuideChoice(met_before=True))


async def test_without_a_voice_the_lines_of_a_stage_are_shown_and_without_a_headset_nothing_is_said() -> None:
    room = Room(choice=GuideChoice(met_before=True))
    room.live(8.0)
    await asyncio.sleep(0)
    assert room.captions(), "the stage's line is due 3 s after the beginning"
    assert not room.packets
    assert room.guide.view(room.now_s)["missing"] == [GONE]

    nobody = Room(choice=GuideChoice(met_before=True), headset=False)
    nobody.live(8.0)
    assert not nobody.captions()


async def test_it_listens_from_the_beginning_and_lines_that_a_crisis_needs_are_rendered_ahead(room) -> None:
    assert [m.on for m in room.sent if isinstance(m, Listen)] == [True]
    assert control.Listen(on=True) in room.told
    (prepared,) = [m for m in room.sent if isinstance(m, Prepare)]
    assert load_risk_book("en").line("self_harm") in prepared.texts
    assert not [m for m in room.sent if isinstance(m, Sound)]


async def test_a_heard_wish_moves_the_world_within_the_gate_and_the_trace_says_who_asked(room) -> None:
    room.well()
    before = room.world.controls.light
    room.hears("It is too bright")
    (acted,) = [event for event in room.of(GuideActed) if event.action == "dim" or "light" in str(event)]
    value, why = room.world.asked["light"]
    assert value < before
    assert before - value <= 0.5, "a step, not a jump"
    assert why.startswith("the guide:")
    assert acted is not None
    room.live(4.0)
    assert room.world.controls.light < before
    assert any(line.control == "light" and line.because == why for line in room.lines)


async def test_the_therapists_wish_outranks_what_the_patient_asked_of_the_guide(room) -> None:
    room.well()
    room.world.wish(dataclasses.replace(Wishes(), light=0.7), room.now_s, "light 0.7")
    room.hears("It is too bright")
    assert "light" not in room.world.asked, "the therapist has said what it is to be"

    other = Room(choice=GuideChoice(met_before=True))
    other.hears("It is too bright")
    assert "light" in other.world.asked
    other.world.wish(dataclasses.replace(Wishes(), light=0.7), other.now_s, "light 0.7")
    assert "light" not in other.world.asked, "said later, it takes the guide's back"


async def test_a_spoken_stop_is_the_stop_button(room) -> None:
    room.hears("stop", Risk(level=RiskLevel.NONE, kind="stop", stop=True))
    assert room.stops == ["the patient said stop"]
    assert room.world.phase == "STOPPED"
    room.live(1.0)
    said = len(room.captions())
    room.hears("hello, are you there")
    room.live(5.0)
    assert len(room.captions()) == said, "after a stop nothing but safety lines"


async def test_the_way_back_is_asked_for_once_and_a_second_time_does_no_harm(room) -> None:
    room.hears("Can we finish now?")
    assert room.world.phase == "RETURNING"
    room.hears("Can we finish now?")
    room.live(1.0)
    assert room.world.phase == "RETURNING"


async def test_a_wish_between_a_stop_and_the_next_tick_breaks_nothing(room) -> None:
    room.world.order("stop", room.now_s, by="therapist")
    room.hears("Can we finish now?")
    assert room.world.phase == "STOPPED"


async def test_a_risk_is_an_alarm_a_calm_place_and_its_line_in_the_same_step(room) -> None:
    room.well()
    room.live(6.0)
    room.hears("I do not want to live any more", SELF_HARM)
    alarms = [event for event in room.of(AlarmRaised) if event.level == "urgent"]
    assert [alarm.what for alarm in alarms] == [
        "the patient may need you now (self harm): rule: no will to live"
    ]
    assert [(call.channel, call.after_s) for call in room.of(TherapistCalled)] == [("panel", 0.0)]
    assert {name: room.world.asked[name][0] for name in CALM} == CALM
    assert room.spoken()[-1].utterance.text == load_risk_book("en").line("self_harm")
    assert room.guide.view(room.now_s)["risk"]["kind"] == "self_harm"

    room.hears("and what about the weather")
    room.live(1.0)
    assert not [message for message in room.sent if isinstance(message, Think)], "no model until a release"
    room.guide.release("dr.b")
    assert not set(CALM) & set(room.world.asked)
    assert room.guide.view(room.now_s)["risk"] is None


async def test_nobody_at_the_panel_the_second_channel_is_called_and_then_the_on_call_plan() -> None:
    pager = Pager()
    room = Room(pager, GuideChoice(met_before=True))
    room.hears("I do not want to live any more", SELF_HARM)
    room.live(29.0)
    assert not pager.calls
    room.live(1.1)
    await asyncio.sleep(0)
    assert [(call.room, call.channel, call.kind) for call in pager.calls] == [("1", "second", "self_harm")]
    room.live(90.0)
    await asyncio.sleep(0)
    assert [call.channel for call in pager.calls] == ["second", "on-call"]
    assert pager.calls[-1].after_s == pytest.approx(120.0, abs=0.2)
    assert [call.channel for call in room.of(TherapistCalled)] == ["panel", "second", "on-call"]


async def test_a_channel_that_reaches_nobody_is_an_alarm_and_the_next_is_called_at_once() -> None:
    pager = Pager(fails=True)
    room = Room(pager, GuideChoice(met_before=True))
    room.hears("I do not want to live any more", SELF_HARM)
    room.live(30.1)
    for _ in range(4):
        await asyncio.sleep(0)
    assert [call.channel for call in pager.calls] == ["second", "on-call"]
    assert any(
        event.what == "nobody was reached: the pager must answer within 5 s, did not"
        for event in room.of(AlarmRaised)
    )


async def test_without_a_second_channel_the_panel_says_so_and_no_call_is_recorded(room) -> None:
    room.hears("I do not want to live any more", SELF_HARM)
    room.live(31.0)
    assert [call.channel for call in room.of(TherapistCalled)] == ["panel"], "nobody else was called"
    assert any("--notify" in event.what for event in room.of(AlarmRaised))


async def test_only_the_acknowledgement_of_its_own_alarm_ends_the_calls() -> None:
    pager = Pager()
    room = Room(pager, GuideChoice(met_before=True))
    room.hears("I do not want to live any more", SELF_HARM)
    (alarm,) = [event.what for event in room.of(AlarmRaised)]
    room.guide.acknowledge("dr.b", "the belt is silent")
    assert not room.guide.view(room.now_s)["risk"]["acknowledged"]
    room.guide.acknowledge("dr.b", alarm)
    assert room.guide.view(room.now_s)["risk"]["acknowledged"]
    room.live(130.0)
    await asyncio.sleep(0)
    assert not pager.calls


async def test_captions_are_told_where_in_their_words_the_sound_is(room) -> None:
    room.well()
    room.guide.whisper("A calm sea, a calm sky.")
    for seq, word in enumerate(("A", "calm", "sea,", "[what?]", "a", "calm", "sky.")):
        room.packet(seq, words=word)
    cues = [message for message in room.told if isinstance(message, control.Cue)]
    assert [cue.at for cue in cues] == [0, 2, 7, 11, 12, 14, 19]
    assert cues[-1].ms == pytest.approx(120.0)


async def test_speech_is_due_in_time_the_music_steps_back_and_late_packets_are_not_lost(room) -> None:
    room.well()
    room.guide.whisper("You are safe here.")
    (spoken,) = room.spoken()
    assert room.captions()[-1] == spoken.utterance.text == "You are safe here."
    assert room.ducks[-1][0] <= room.now_s + 0.15
    for seq in range(30):
        room.packet(seq, words="You" if seq == 0 else "")
    assert room.told[-1] == control.Cue(utterance=spoken.utterance.utterance, at=0, ms=0.0)
    due = [packet.play_at_s for packet in room.packets]
    assert due[0] >= room.now_s + LEAST_LEAD_S - 1e-9
    assert all(later - sooner == pytest.approx(0.02) for sooner, later in itertools.pairwise(due))
    room.now_s += 3.0  # the renderer stalls
    room.packet(30, last=True)
    assert room.packets[-1].play_at_s >= room.now_s + LEAST_LEAD_S - 1e-9
    assert room.ducks[-1][1] > room.packets[-1].play_at_s, "until after the last word"


async def test_real_speech_of_the_patient_hushes_the_guide_and_drops_the_rest(room) -> None:
    room.well()
    room.guide.whisper("You are safe here, and there is nothing to do.")
    room.packet(0)
    room.told_by_service(SpeechStarted(at_s=room.now_s))
    assert control.Soften(on=True) in room.told
    assert not [message for message in room.told if isinstance(message, control.Hush)]
    room.live(0.4)
    assert control.Hush() in room.told
    assert Hush() in room.sent
    assert room.silences == 1
    sent = len(room.packets)
    room.packet(1)
    assert len(room.packets) == sent, "what was on its way is not sent"


async def test_what_a_patient_said_is_an_event_and_nothing_of_it_goes_to_the_next_process(room) -> None:
    room.hears("My brother is called Oskar")
    assert [event.text for event in room.of(PatientSaid)] == ["My brother is called Oskar"]
    assert "Oskar" not in str(room.guide.memory())


async def test_a_crisis_is_one_for_the_next_process_too_also_when_it_begins_in_a_pause(room) -> None:
    room.hears("I do not want to live any more", SELF_HARM)
    room.world.order("pause", room.now_s, by="therapist")
    room.live(0.1)
    talk, world = room.guide.memory(), room.world.memory()

    pager = Pager()
    after = Room(pager)
    after.now_s = room.now_s
    after.world.restore(world, PLANS["first-visit"], after.now_s)
    after.guide.go_on(talk)
    after.live(0.1)
    assert after.world.phase == "PAUSED"
    assert after.guide.view(after.now_s)["risk"]["kind"] == "self_harm"
    assert [event.level for event in after.of(AlarmRaised)] == ["urgent"]
    assert set(CALM) <= set(after.world.asked)
    assert [message.on for message in after.sent if isinstance(message, Listen)] == [True], (
        "who pauses may still need somebody"
    )
    after.world.order("resume", after.now_s, by="therapist")
    after.hears("stop", Risk(level=RiskLevel.NONE, kind="stop", stop=True))
    assert after.stops, "what is said is heard"
    after.live(31.0)
    await asyncio.sleep(0)
    assert [call.channel for call in pager.calls] == ["second"], "a human is called anew"


async def test_without_a_session_the_panel_is_refused_and_there_is_nothing_to_hand_on() -> None:
    room = Room()
    assert room.guide.memory() is None
    assert room.guide.view(0.0) is None
    with pytest.raises(BadValue, match="session"):
        room.guide.whisper("Hello.")
    room.guide.tick(1.0)
    room.hears("hello")
    assert not room.events


async def test_an_unsure_wish_asks_the_model_and_a_dead_service_costs_no_answer(room) -> None:
    room.well()
    room.live(8.0)
    room.told_by_service(Status(ears=GONE, mind=GONE, mouth=GONE))
    said = len(room.captions())
    room.hears("I do not really know what to say about this week.")
    room.live(2.5)
    await asyncio.sleep(0)
    room.live(8.0)
    assert len(room.captions()) > said
    assert room.guide.view(room.now_s)["mode"] == GuideMode.SCRIPTED.value


@pytest.mark.parametrize("place", ["forest", "reef"])
async def test_another_place_is_gone_to_because_the_patient_asked(room, place) -> None:
    room.well()
    room.hears(f"Can we go to the {place}?")
    assert room.scenes[-1] == place
    assert room.world.why[0].because == "the patient asked for it"


async def test_a_microphone_that_is_closed_ends_the_turn_and_one_that_opens_is_heard(room) -> None:
    room.sent.clear()
    room.guide.headset_mic_is("on")
    assert not [m for m in room.sent if isinstance(m, Listen)], "it was wanted already"
    for state, heard in (("off", False), ("on", True)):
        room.guide.headset_mic_is(state)
        assert [m.on for m in room.sent if isinstance(m, Listen)][-1] is heard
    room.guide.headset_gone(others=False)
    assert [m.on for m in room.sent if isinstance(m, Listen)][-1] is False
    room.guide.headset_here()
    assert [m.on for m in room.sent if isinstance(m, Listen)][-1] is True
    assert room.told[-1] == control.Listen(on=True)


async def test_the_pacer_is_never_led_faster_than_the_patients_own_rest(room) -> None:
    assert room.guide._surroundings().baseline_breath_per_min is None
    room.baseline = {"breath_rate": 13.0}
    assert room.guide._surroundings().baseline_breath_per_min == 13.0


async def test_the_next_process_says_no_stage_twice_and_knows_what_is_not_for_this_patient(room) -> None:
    room.live(6.0)
    room.guide._choice = dataclasses.replace(room.guide._choice, flags=frozenset({"psychosis"}))
    after = Room()
    after.now_s = room.now_s
    after.world.restore(room.world.memory(), PLANS["first-visit"], after.now_s)
    after.guide.go_on(room.guide.memory())
    after.live(6.0)
    assert not after.captions()
    assert after.guide._choice.flags == {"psychosis"}


async def test_a_guide_that_fails_begins_anew_and_is_given_up_and_its_room_goes_on(room, monkeypatch) -> None:
    def broken(*_args, **_more):
        raise ValueError("My brother is called Oskar")

    listens = [m.on for m in room.sent if isinstance(m, Listen)]
    with monkeypatch.context() as once:
        once.setattr(room.guide._talk._settings.chooser, "choose", broken, raising=False)
        room.hears("My brother is called Oskar")
    (alarm,) = [alarm for alarm in room.of(AlarmRaised) if "failed" in alarm.what]
    assert (alarm.level, "ValueError" in alarm.what, "Oskar" in alarm.what) == ("urgent", True, False)
    room.live(0.2)
    assert [m.on for m in room.sent if isinstance(m, Listen)] == [*listens, True], "the new ear is told"
    room.hears("It is too bright")
    assert "light" in room.world.asked, "it goes on"

    monkeypatch.setattr(Conversation, "tick", broken)
    room.live(1.0)
    assert room.guide.view(room.now_s) is None
    assert "off for this session" in room.of(AlarmRaised)[-1].what
    assert len([a for a in room.of(AlarmRaised) if "failed" in a.what]) == 4
    assert room.told[-1] == control.Listen(on=False)
    assert room.world.going_on
