"""A room's sound: the audio process, the one that waits to take over, and how both are kept supplied.

Sequence numbers keep counting over a return, so that the headset never sees them go back.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any, Final, Protocol

from audio_engine import messages as audio
from therapy.controls import START, Controls
from therapy.events import ChildReturned, Event
from therapy.specs import PLAIN, Palette
from vr_world.rendering.fade import SCENE_CLOSE_S, SCENE_OPEN_S
from vr_world.supervise import Child, ChildSpec, Standby

__all__ = ["PLACE_BUILD_S", "PLACE_FADE_S", "SILENCE_S", "RoomSound", "SoundHeard"]

AUDIO: Final = "audio_engine.process:main"
#: What the next place's instruments take to be built, before the fade to them begins.
PLACE_BUILD_S: Final = 0.2
#: The sound of one place has become that of the next when the picture has.
PLACE_FADE_S: Final = SCENE_CLOSE_S + SCENE_OPEN_S - PLACE_BUILD_S
#: Sound speaks every 10 ms; its standby plays within a tenth of a second.
SILENCE_S: Final = 0.3


class SoundHeard(Protocol):
    """What a room does with what its sound says. Nothing here waits."""

    def sound_packet(self, seq: int, packet: audio.OpusPacket) -> None:
        """10 ms of sound, numbered over all processes."""
        ...

    def sound_note(self, note: audio.NotePlayed) -> None:
        """A note starts."""
        ...

    def sound_rests(self, rest: audio.MusicRests) -> None:
        """A composed pause begins."""
        ...

    def sound_beat(self, beat: audio.AudioHeartbeat) -> None:
        """How loud it is, and how well the process is."""
        ...

    def sound_refused(self, what: str) -> None:
        """Something that was sent to it was refused."""
        ...


class RoomSound:
    """The sound of one room. All methods belong to the event loop's thread.

    Args:
        seed: of the music.
        standby: keep a second process ready.
        heard: what to do with what it says.
        on_event: told deaths and returns.
        now_s: session time.
    """

    def __init__(
        self,
        seed: int,
        heard: SoundHeard,
        *,
        standby: bool,
        on_event: Callable[[Event], None],
        now_s: Callable[[], float],
    ) -> None:
        self.beat: audio.AudioHeartbeat | None = None
        self._seed = seed
        self._heard = heard
        self._on_event = on_event
        self._controls, self._scene, self._palette = START, "ocean", PLAIN
        self._gain, self._space = 0.0, False
        self._excluded: frozenset[str] = frozenset()
        self._duck: audio.Duck | None = None
        self._ready: audio.AudioReady | None = None
        self._base = self._last = 0
        self.child = Child(
            ChildSpec(
                name="audio",
                main=AUDIO,
                config=self._config,
                shutdown=audio.Shutdown(),
                silence_s=SILENCE_S,
                on_start=self._supply,
                standby=self._standby() if standby else None,
            ),
            on_message=self._said,
            on_event=self._event,
            now_s=now_s,
        )

    def controls(self, controls: Controls, at_s: float) -> None:
        """Follow the bounded controls."""
        self._controls = controls
        self.child.send(audio.SetControls(controls=controls, at_s=at_s), key="controls")

    def fade(self, gain: float, fade_s: float) -> None:
        """Fade all sound to `gain` 0 … 1."""
        self._gain = gain
        self.child.send(audio.Fade(gain=gain, seconds=fade_s))

    def duck(self, from_s: float, until_s: float, depth_db: float = 10.0) -> None:
        """Step back for words from `from_s` until `until_s`; say it half a second ahead."""
        self._duck = audio.Duck(from_s=from_s, until_s=until_s, depth_db=depth_db)
        self.child.send(self._duck, key="duck")

    def space(self, *, on: bool) -> None:
        """Send the place apart, for a headset that turns it with the head, or fold it into two channels."""
        self._space = on
        self.child.send(audio.Space(on=on), key="space")

    def exclude(self, tags: frozenset[str]) -> None:
        """Let nothing be heard that contains one of `tags` (of `therapy.personal.TRIGGERS`)."""
        self._excluded = tags
        self.child.send(audio.Exclude(tags=tags), key="exclude")
        self.child.prepare()

    def scene(self, name: str, palette: Palette) -> None:
        """Go over to the sound of another place; the one that is heard already changes nothing."""
        if name == self._scene and palette == self._palette:
            return
        self._scene, self._palette = name, palette
        self.child.send(audio.SetPlace(palette=palette, fade_s=PLACE_FADE_S), key="place")
        self.child.prepare()

    @property
    def standby_mb(self) -> float | None:
        """Memory that the waiting process alone holds, MB; `None` while none is ready."""
        return None if self._ready is None or self.child.standby_pid is None else self._ready.memory_mb

    def detail(self) -> str:
        """Return one line on how the process is doing, "" before it has said so."""
        beat = self.beat
        if beat is None:
            return ""
        memory_mb = self.standby_mb
        standby = "no standby" if memory_mb is None else f"standby ready ({memory_mb:.0f} MB)"
        return f"{beat.late_blocks} of {beat.blocks} blocks late, {beat.priority}, {standby}"

    def _config(self) -> audio.AudioConfig:
        beat = self.beat
        config = audio.AudioConfig(
            seed=self._seed,
            scene=self._scene,
            palette=self._palette,
            controls=self._controls,
            gain=self._gain,
            space=self._space,
            excluded=self._excluded,
        )
        if beat is None:
            return config
        return dataclasses.replace(
            config,
            start_bar=beat.bar,
            start_bar_at_s=beat.bar_at_s,
            start_tempo_bpm=beat.tempo_bpm,
            correction_db=beat.correction_db,
        )

    def _standby(self) -> Standby:
        def ready(message: audio.AudioReady) -> None:
            self._ready = message

        return Standby(
            config=lambda: dataclasses.replace(self._config(), standby=True),
            prepare=lambda: audio.Prepare(config=self._config()),
            take_over=lambda: audio.TakeOver(config=self._config()),
            on_ready=ready,
        )

    def _supply(self, child: Child) -> None:
        if self._duck is not None:
            child.send(self._duck, key="duck")

    def _event(self, event: Event) -> None:
        if isinstance(event, ChildReturned):
            self._base = self._last
        self._on_event(event)

    def _said(self, message: Any) -> None:
        match message:
            case audio.OpusPacket(seq=seq):
                self._last = self._base + seq + 1
                self._heard.sound_packet(self._last, message)
            case audio.NotePlayed():
                self._heard.sound_note(message)
            case audio.MusicRests():
                self._heard.sound_rests(message)
            case audio.AudioHeartbeat():
                self.beat = message
                self._heard.sound_beat(message)
            case audio.AudioRefused(what=what):
                self._heard.sound_refused(what)
