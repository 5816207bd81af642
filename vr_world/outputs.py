"""Everything that a room's loop reaches: renderer, audio, recorder, LSL, the headset and the panel.

It keeps each child supplied: the newest controls, and for a child that came back what it needs to go on in
place. Frame ids and audio sequence numbers keep counting over such a return, so that the headset never sees
them go back.
"""

from __future__ import annotations

import asyncio
import dataclasses
import itertools
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any, Final

from audio_engine import messages as audio
from therapy.controls import START, Controls
from therapy.discover import declared
from therapy.errors import BadValue
from therapy.events import (
    AlarmRaised,
    BadInput,
    ChildDied,
    ChildReturned,
    Event,
    HeadsetJoined,
    HeadsetLeft,
    MachineMoved,
    MusicRests,
    Note,
    StreamChanged,
    StreamLost,
    TherapistCommand,
)
from therapy.personal import NOTHING_CHOSEN, PLAIN, Personal, SceneLook, look_for
from therapy.session import Phase
from therapy.specs import SceneSpec
from therapy.why import Change
from vr_world.head_sway import HeadSway
from vr_world.loop import World
from vr_world.notifiers import notifier_from
from vr_world.panel_state import Alarm, state_message
from vr_world.rendering import messages as rendering
from vr_world.rendering.fade import SCENE_OPEN_S
from vr_world.rendering.messages import Stream
from vr_world.room_config import RoomConfig
from vr_world.room_guide import RoomGuide
from vr_world.room_sound import RoomSound
from vr_world.seats import Seats
from vr_world.sound_dose import EASED_GAIN, SoundDose
from vr_world.streaming import protocol
from vr_world.streaming.control import (
    Hello,
    Listen,
    PhaseChanged,
    Played,
    SafePicture,
    ServerText,
    Welcome,
)
from vr_world.streaming.headset import Headset
from vr_world.supervise import Child, ChildSpec
from vr_world.tape import Tape

__all__ = ["RoomOutputs"]

RENDERER: Final = "vr_world.rendering.process:main"
#: Longest silence of a living child (a renderer speaks four times a second).
RENDERER_SILENCE_S: Final = 3.0
#: Refusals told per second and source; the rest is counted in the next one.
ALARMS_KEPT: Final = 50
#: Nobody hears 10 dB go in half a minute as a step.
EASE_DOWN_S: Final = 30.0
#: As a stop of a session fades.
_OUT_FADE_S: Final = 0.25


class RoomOutputs:
    """A room's outputs (`vr_world.loop.Outputs`) and its headset's words (`HeadsetEvents`)."""

    world: World

    def __init__(
        self,
        config: RoomConfig,
        *,
        publish: Callable[[Controls, float], None],
        stop: Callable[[str], None],
        mirror: Callable[[bytes], None],
        baseline: Callable[[], Mapping[str, float]],
        now_s: Callable[[], float],
    ) -> None:
        self._config = config
        self._publish = publish
        self._stop = stop
        self._mirror = mirror
        self._now_s = now_s
        self._controls = START
        self._scene, self._look = "ocean", PLAIN
        self._triggers: frozenset[str] = frozenset()
        self._scenes = declared("scenes", "SCENE", SceneSpec)
        self._safe = rendering.Safe(on=True, fade_s=0.0)
        self._gain = 0.0
        self._seats = Seats(self, now_s)
        self._leaving: set[asyncio.Task[None]] = set()
        self._head = HeadSway()
        self._pose: rendering.Pose | None = None
        self._frame_base = self._frame_last = 0
        self._picture_beat: rendering.RendererHeartbeat | None = None
        self._alarms: list[Alarm] = []
        self._alarm_ids = itertools.count(1)
        self._last_bad_s: dict[str, float] = {}
        self.tape = Tape(config, on_event=self.event, now_s=now_s)
        self._renderer = Child(
            ChildSpec(
                name="renderer",
                main=RENDERER,
                config=self._renderer_config,
                shutdown=rendering.Shutdown(),
                silence_s=RENDERER_SILENCE_S,
                on_start=self._supply_renderer,
            ),
            on_message=self._from_renderer,
            on_event=self.event,
            now_s=now_s,
        )
        self.dose = SoundDose(
            sensitive=config.sensitive_ears, full_scale_dba=config.full_scale_dba, on_event=self.event
        )
        self.guide = RoomGuide(
            config.room,
            config.voice_socket,
            self,
            scenes=self._scenes,
            notifier=notifier_from(config.notify) if config.notify else None,
            stop=lambda _why: self._voice_stops(),
            baseline=baseline,
            now_s=now_s,
        )
        self.sound_out = RoomSound(
            config.seed, self, standby=config.audio_standby, on_event=self.event, now_s=now_s
        )

    def start(self) -> None:
        """Start the children."""
        self.sound_out.child.start()
        self._renderer.start()
        self.guide.start()

    async def stop(self) -> None:
        """Let the children end, the recording last."""
        await asyncio.gather(self._renderer.stop(), self.sound_out.child.stop(), self.guide.stop())
        await self.tape.stop()

    def check(self, now_s: float) -> None:
        """End children that are silent for too long. Call every tick."""
        self.sound_out.child.check()
        self._renderer.check()
        self.tape.pass_time(now_s)
        self.world.sways(self._head.mm(now_s))
        self.guide.tick(now_s)

    # what the loop reaches ------------------------------------------------------------------------------

    def controls(self, controls: Controls, at_s: float) -> None:
        """Give the bounded controls to picture, sound, LSL and the recording."""
        self._controls = controls
        self._renderer.send(rendering.SetControls(controls=controls, at_s=at_s), key="controls")
        self.sound_out.controls(controls, at_s)
        self._publish(controls, at_s)
        self.tape.controls(controls, at_s)
        self.tape.state(self.world.state)

    def picture(self, *, safe: bool, fade_s: float) -> None:
        """Fade to the safe picture, or back to the place; the headset does it by itself too."""
        self._safe = rendering.Safe(on=safe, fade_s=fade_s)
        self._renderer.send(self._safe)
        self._seats.tell(SafePicture(on=safe, fade_s=fade_s))

    def sound(self, gain: float, fade_s: float) -> None:
        """Fade all sound to `gain` 0…1; less where the patient's sound dose is used up."""
        self._gain = gain
        self.sound_out.fade(gain * (EASED_GAIN if self.dose.eased else 1.0), fade_s)

    def scene(self, name: str) -> None:
        """Show another place, dressed for this patient, and leave out of the music what triggers.

        Raises:
            BadPlan: the place contains what this patient must not meet; everything stays as it is.
            BadValue: no such place.
        """
        machine = self.world.machine
        personal = NOTHING_CHOSEN if machine is None else machine.plan.personal
        look = self.admitted(name, personal)
        if (name, look) != (self._scene, self._look):
            self._scene, self._look = name, look
            self._renderer.send(rendering.SetScene(name=name, look=look))
        if personal.triggers != self._triggers:
            self._triggers = personal.triggers
            self.sound_out.exclude(personal.triggers)

    def admitted(self, name: str, personal: Personal) -> SceneLook:
        """Return how the place `name` would be dressed.

        Raises:
            BadPlan: the place contains what this patient must not meet.
            BadValue: no such place.
        """
        spec = self._scenes.get(name)
        if spec is None:
            raise BadValue("place", f"one of {', '.join(self._scenes)}", name)
        return look_for(spec, personal)

    def event(self, event: Event) -> None:
        """Record an event, and call a human where one should look."""
        self.tape.event(event)
        match event:
            case ChildDied(child=child, reason=reason):
                self._alarm("watch", f"{child} stopped ({reason}) and is being started again")
            case ChildReturned(child="renderer"):
                self._frame_base = self._frame_last
            case StreamLost(stream=stream, reason=reason):
                self._alarm("watch", f"signal {stream} lost: {reason}")
            case StreamChanged(stream=stream, was=was, now=now):
                self._alarm("watch", f"signal {stream} changed from {was} to {now}")
            case MachineMoved():
                self.tell_phase()
            case AlarmRaised(level=level, what=what):
                self._show_alarm(level, what)

    def changed(self, changes: list[Change]) -> None:
        """Record lines of the why-trace."""
        for change in changes:
            self.tape.why(change)

    # what the room asks for -----------------------------------------------------------------------------

    def command(self, name: str, now_s: float) -> None:
        """Record what the therapist did."""
        self.event(TherapistCommand(at_s=now_s, command=name, detail=""))

    def acknowledge(self, alarm: int | None, *, by: str) -> None:
        """A human has seen an alarm."""
        for known in self._alarms:
            if known.id == alarm:
                known.acknowledged = True
                self.guide.acknowledge(by, known.what)

    def tell_phase(self) -> None:
        """Tell the headset where the session is."""
        machine = self.world.machine
        if machine is not None:
            self._seats.tell(PhaseChanged(phase=machine.phase.value, stage=machine.stage.name))

    def state_message(
        self, now_s: float, streams: Iterable[Mapping[str, Any]], baseline: Mapping[str, float]
    ) -> dict[str, Any]:
        """Return what the panel shows."""
        return state_message(
            self._config.room,
            self.world,
            now_s,
            streams=streams,
            headset=_headset_state(next(iter(self._seats.here), None)),
            headsets=[_headset_state(headset) for headset in self._seats.here],
            stream=self._seats.stream,
            processes=self._processes(),
            recording=self.tape.summary(),
            sound=self.dose.state(),
            baseline=baseline,
            alarms=reversed(self._alarms),
            guide=self.guide.view(now_s),
        )

    async def headset_named(self, name: str) -> Headset:
        """Return the room's headset of that name; outside a group another one before it has to go."""
        return await self._seats.named(name)

    @property
    def stream(self) -> Stream:
        """What is sent: the view of one head, or a panorama for a group."""
        return self._seats.stream

    @property
    def out(self) -> list[str]:
        """Names of the headsets of a group whose patients have stopped."""
        return self._seats.out

    def show_stream(self, stream: Stream, *, out: Collection[str] = ()) -> None:
        """Send the view of one head, or a panorama for a group, to all but those who have stopped (`out`)."""
        self._seats.admit(but=out)
        looker = self._seats.looker
        gone = self._seats.change(stream)
        if self._seats.looker != looker:
            self._renderer.send(rendering.HeadsetOff(headset=looker))
        self._renderer.send(rendering.SetStream(stream=stream))
        for headset in gone:
            leaving = asyncio.get_running_loop().create_task(headset.leave())
            self._leaving.add(leaving)
            leaving.add_done_callback(self._leaving.discard)

    # what a headset says --------------------------------------------------------------------------------

    def headset_here(self, headset: Headset, hello: Hello) -> None:
        """Let picture and sound flow, but for somebody who has stopped."""
        if headset.out:
            headset.tell(Welcome(headset=headset.name, session={"phase": Phase.STOPPED.value, "stage": None}))
            self._tell_out(headset)
            return
        anew = self._seats.came(headset, hello)
        machine = self.world.machine
        headset.tell(
            Welcome(
                headset=headset.name,
                session={
                    "phase": None if machine is None else machine.phase.value,
                    "stage": None if machine is None else machine.stage.name,
                },
            )
        )
        self.sound_out.space(on=self._seats.space)
        headset.tell(SafePicture(on=self._safe.on, fade_s=self._safe.fade_s))
        self.tell_phase()
        self.guide.headset_here()
        if anew:
            looker = rendering.HeadsetOn(headset=self._seats.looker, codecs=self._seats.codecs)
            self._renderer.send(looker)
        self.event(HeadsetJoined(at_s=self._now_s(), headset=headset.name, agent=hello.agent))

    def headset_gone(self, headset: Headset, reason: str) -> None:
        """Stop drawing for it."""
        if headset.out:
            return  # it was told when its patient stopped
        looker = self._seats.looker
        self._seats.went(headset)
        self._guide_hears()
        if not self._seats.group or self._seats.looker != looker:
            self._pose = None
            name = looker if self._seats.group else headset.name
            self._renderer.send(rendering.HeadsetOff(headset=name))
        self.event(HeadsetLeft(at_s=self._now_s(), headset=headset.name, reason=reason))
        machine = self.world.machine
        if machine is not None and machine.phase.value in ("RUNNING", "RETURNING"):
            self._alarm("watch", f"the headset's link ended ({reason}); it shows its own calm place")

    def headset_pose(self, headset: Headset, pose: protocol.Pose) -> None:
        """Draw for this pose next; record it. Of a group, the first headset's."""
        if not self._seats.leads(headset):
            return
        self._pose = rendering.Pose(
            headset=headset.name,
            seq=pose.seq,
            client_ms=pose.client_ms,
            position=pose.position,
            orientation=pose.orientation,
            tan_left=pose.tan_left,
            tan_right=pose.tan_right,
            ipd_m=pose.ipd_m,
        )
        if not self._seats.group:
            self._renderer.send(self._pose, key="pose")
        self.tape.pose(pose, self._now_s())
        self._head.take(pose.position, pose.orientation, self._now_s())

    def headset_ack(self, headset: Headset, ack: protocol.Ack) -> None:
        """Let the renderer make another."""
        if (
            not headset.out
            and self._seats.acked(headset, ack.frame_id, self._now_s())
            and ack.frame_id > self._frame_base
        ):
            number = ack.frame_id - self._frame_base
            rtt_ms = headset.clock.rtt_ms or None
            self._renderer.send(
                rendering.Ack(
                    headset=self._seats.looker, frame_id=number, decode_ms=ack.decode_ms, rtt_ms=rtt_ms
                )
            )

    def headset_needs_key(self, headset: Headset) -> None:
        """Make the next picture one that decoding can begin with."""
        if headset.out:
            return
        if self._seats.group:
            self._seats.needs_key(headset)
        if not self._seats.group or self._seats.asks_key(self._now_s()):
            self._ask_key(self._seats.looker if self._seats.group else headset.name)

    def _ask_key(self, looker: str) -> None:
        self._renderer.send(rendering.KeyRequest(headset=looker), key="key")

    def headset_shown(self, headset: Headset, shown: protocol.Shown) -> None:
        """Record when a picture met the eye."""
        if self._seats.leads(headset):
            self.tape.shown(shown, headset.clock.offset_s)

    def headset_stop(self, headset: Headset, source: str) -> None:
        """The patient stops: their session, or their part in it where others of the group are left."""
        others = [other for other in self._seats.here if other is not headset]
        if headset.out:
            return
        if not (self._seats.group and others and self.world.going_on):
            self._stop(source)
            self._alarm("urgent", f"the patient stopped the session ({source}, {headset.name})")
            return
        self._seats.let_go(headset)
        self._tell_out(headset)
        self.sound_out.space(on=self._seats.space)
        self._guide_hears()
        reason = f"the patient stopped ({source})"
        self.event(HeadsetLeft(at_s=self._now_s(), headset=headset.name, reason=reason))
        self._alarm(
            "urgent", f"the patient of {headset.name} stopped ({source}); the others of the group go on"
        )

    def _guide_hears(self) -> None:
        """Let the guide know who is left, and what the microphone does of the one whom it hears."""
        here = self._seats.here
        self.guide.headset_gone(others=bool(here))
        if here:
            self.guide.headset_mic_is(here[0].microphone)

    def _tell_out(self, headset: Headset) -> None:
        """Show a patient who has stopped the safe picture and the way out."""
        machine = self.world.machine
        headset.tell(SafePicture(on=True, fade_s=_OUT_FADE_S))
        stage = "" if machine is None else machine.stage.name
        headset.tell(PhaseChanged(phase=Phase.STOPPED.value, stage=stage))

    def _voice_stops(self) -> None:
        """Somebody said stop: of a group the one whom the guide hears."""
        leader = next(iter(self._seats.here), None)
        if self._seats.group and leader is not None:
            self.headset_stop(leader, "voice")
        else:
            self._stop("voice")

    def headset_unwell(self, headset: Headset, level: float) -> None:
        """The patient feels unwell, or well again: the loop softens the place."""
        if self.world.machine is not None and not headset.out:
            self.world.unwell(level, self._now_s(), source=f"patient: {headset.name}")

    def headset_mic(self, headset: Headset, packet: protocol.Microphone) -> None:
        """Let the guide hear; of a group only the first headset's patient is heard."""
        if self._seats.leads(headset):
            self.guide.headset_mic(headset, packet)

    def headset_mic_is(self, headset: Headset, state: str) -> None:
        """Show what became of its microphone."""
        if self._seats.leads(headset):
            self.guide.headset_mic_is(state)

    def headset_played(self, headset: Headset, played: Played) -> None:
        """Let the guide know what was heard."""
        if self._seats.leads(headset):
            self.guide.headset_played(played)

    # what the guide reaches -----------------------------------------------------------------------------

    def guide_tells(self, message: ServerText) -> None:
        """Send a text of the guide to the headsets."""
        if isinstance(message, Listen):
            self._seats.listen(on=message.on)
        else:
            self._seats.tell(message)

    def guide_speaks(self, packet: protocol.Speech) -> None:
        """Send 20 ms of the guide's words to the headsets."""
        self._seats.speech(packet)

    def guide_silent(self) -> None:
        """Forget the guide's words that were not sent."""
        self._seats.drop_speech()

    def guide_ducks(self, from_s: float, until_s: float) -> None:
        """Let the music step back for words."""
        self.sound_out.duck(from_s, until_s)

    def headset_bad(self, headset: Headset, what: str) -> None:
        """Record a refusal, at most once a second."""
        self._bad(headset.name, what)

    # what the children say ------------------------------------------------------------------------------

    def _renderer_config(self) -> rendering.RendererConfig:
        beat = self._picture_beat
        scene_s = 0.0 if beat is None else beat.scene_s + (self._now_s() - beat.at_s)
        return rendering.RendererConfig(
            scene=self._scene,
            seed=self._config.seed,
            controls=self._controls,
            scene_s=scene_s,
            eye_px=self._config.eye_px if beat is None else beat.eye_px,
            fade_in_s=SCENE_OPEN_S,
            look=self._look,
            stream=self._seats.stream,
        )

    def _supply_renderer(self, renderer: Child) -> None:
        renderer.send(dataclasses.replace(self._safe, fade_s=self._safe.fade_s and 1.0))
        if self._seats.looker:
            renderer.send(rendering.HeadsetOn(headset=self._seats.looker, codecs=self._seats.codecs))
            if self._pose is not None and not self._seats.group:
                renderer.send(self._pose, key="pose")

    def _from_renderer(self, message: rendering.FromRenderer) -> None:
        match message:
            case rendering.Frame():
                self._frame_last = self._frame_base + message.frame_id
                frame = _wire_frame(message, self._frame_last)
                if self._seats.frame(frame, self._now_s()):
                    self._ask_key(self._seats.looker)
                self.tape.frame(frame)
            case rendering.Mirror(jpeg=jpeg):
                self._mirror(jpeg)
            case rendering.RendererHeartbeat():
                before = self._picture_beat
                self._picture_beat = message
                if message.scene == self._scene:  # the picture fades over now: so does the sound
                    self.sound_out.scene(self._scene, self._scenes[self._scene].palette)
                if message.refused and (before is None or message.refused != before.refused):
                    self._bad("renderer", message.refusal)

    def sound_packet(self, seq: int, packet: audio.OpusPacket) -> None:
        """Send 10 ms of sound."""
        self._seats.audio(
            protocol.Audio(seq=seq, play_at_s=packet.play_at_s, payload=packet.data), packet.place
        )
        self.tape.audio(seq, packet.play_at_s, len(packet.data))

    def sound_note(self, note: audio.NotePlayed) -> None:
        """Record a note."""
        self.tape.event(
            Note(
                at_s=note.at_s,
                instrument=note.instrument,
                midi_note=note.midi_note,
                velocity=note.velocity,
                duration_s=note.duration_s,
            )
        )

    def sound_rests(self, rest: audio.MusicRests) -> None:
        """Record a composed pause: it is meant, nothing failed."""
        self.event(MusicRests(at_s=rest.at_s, duration_s=rest.duration_s))

    def sound_beat(self, beat: audio.AudioHeartbeat) -> None:
        """Record how loud it is, count it, and ease it down where it has been enough."""
        self.tape.levels(beat)
        if self.world.going_on:
            before = self.dose.eased
            self.dose.hear(beat.lufs_momentary, beat.at_s)
            if self.dose.eased and not before:
                self.sound(self._gain, EASE_DOWN_S)

    def sound_refused(self, what: str) -> None:
        """Record what the sound refused."""
        self._bad("audio", what)

    # helpers --------------------------------------------------------------------------------------------

    def _bad(self, source: str, what: str) -> None:
        now_s = self._now_s()
        if now_s - self._last_bad_s.get(source, -1.0) >= 1.0:
            self._last_bad_s[source] = now_s
            self.event(BadInput(at_s=now_s, source=source, what=what[:300]))

    def _alarm(self, level: str, what: str) -> None:
        self.event(AlarmRaised(at_s=self._now_s(), level=level, what=what))

    def _show_alarm(self, level: str, what: str) -> None:
        self._alarms.append(Alarm(id=next(self._alarm_ids), at_s=self._now_s(), level=level, what=what))
        del self._alarms[:-ALARMS_KEPT]

    def _processes(self) -> list[dict[str, Any]]:
        beat = self._picture_beat
        recorder = self.tape.child
        details = {
            "renderer": beat and _renderer_detail(beat),
            "audio": self.sound_out.detail(),
            "recorder": self.tape.detail(),
        }
        return [
            {
                "name": child.name,
                "alive": child.alive,
                "restarts": child.restarts,
                "pid": child.pid,
                "detail": details[child.name] or "",
            }
            for child in (self._renderer, self.sound_out.child, *([] if recorder is None else [recorder]))
        ]


def _headset_state(headset: Headset | None) -> dict[str, Any]:
    if headset is None:
        return {"connected": False}
    stats = headset.stats
    age_ms = stats.frame_age_ms_p50 if stats.frame_age_ms_p50 is not None else headset.last_shown_age_ms
    return {
        "connected": True,
        "name": headset.name,
        "fps": stats.fps,
        "frame_age_ms": age_ms,
        "rtt_ms": headset.clock.rtt_ms,
    }


def _renderer_detail(beat: rendering.RendererHeartbeat) -> str:
    drawing = f"{beat.fps:.0f} frames/s at {beat.eye_px} px"
    if not beat.encoder:
        return drawing
    return f"{drawing}, up to {beat.bitrate_bps / 1e6:.3g} Mbit/s by {beat.encoder}"


def _wire_frame(frame: rendering.Frame, frame_id: int) -> protocol.Frame:
    return protocol.Frame(
        frame_id=frame_id,
        pose_seq=frame.pose_seq,
        eye_width=frame.eye_width,
        eye_height=frame.eye_height,
        render_at_s=frame.render_at_s,
        sent_at_s=frame.sent_at_s,
        pose_client_ms=frame.pose_client_ms,
        position=frame.position,
        orientation=frame.orientation,
        tan_left=frame.tan_left,
        tan_right=frame.tan_right,
        ipd_m=frame.ipd_m,
        key=frame.key,
        payload=frame.payload,
        codec="vp9" if frame.codec == "vp9" else "h264",
        safe=frame.safe,
        depth=frame.depth,
        panorama=frame.panorama,
        foveation=frame.foveation,
    )
