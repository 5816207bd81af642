"""The rooms as processes of this machine, started and kept alive, and the voice service that they share."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from sensors.pins import Pins
from therapy.events import ChildDied, ChildReturned, Event
from voice_guide.service import ServiceConfig, ServiceState
from voice_guide.service import Shutdown as VoiceShutdown
from vr_world.room_config import RoomConfig
from vr_world.settings import ServerSettings
from vr_world.supervise import Child, ChildSpec

__all__ = ["LocalRoomHost"]

log = logging.getLogger(__name__)

ROOM: Final = "vr_world.room:main"
ROOM_SILENCE_S: Final = 4.0
#: A fade, then the children one after another, the recording last.
ROOM_LEAVES_S: Final = 15.0
CHECK_S: Final = 0.5
VOICE: Final = "voice_guide.service:main"
VOICE_NAME: Final = "voice"
VOICE_SOCKET: Final = "voice.sock"
#: It beats twice a second from the start; its workers take care of each other.
VOICE_SILENCE_S: Final = 10.0


class LocalRoomHost:
    """Rooms as processes of this machine (`therapy.ports.RoomHost`)."""

    def __init__(self, settings: ServerSettings, run_folder: Path, now_s: Callable[[], float]) -> None:
        self._settings = settings
        self._run_folder = run_folder
        self._now_s = now_s
        self._rooms: dict[str, Child] = {}
        self._died_s: dict[str, float] = {}
        self._voice: Child | None = None
        self.voice_state: ServiceState | None = None
        self._checking = asyncio.create_task(self._check())

    def start_voice(self) -> None:
        """Start the voice service that this machine's rooms share, and keep it alive."""
        settings = self._settings
        spec = ChildSpec(
            name=VOICE_NAME,
            main=VOICE,
            config=lambda: ServiceConfig(
                socket=str(self._run_folder / VOICE_SOCKET),
                think=settings.guide_think,
                voice=settings.guide_voice,
                languages=settings.guide_languages,
            ),
            shutdown=VoiceShutdown(),
            silence_s=VOICE_SILENCE_S,
            on_start=lambda _child: None,
        )
        self._voice = Child(spec, on_message=self._voice_says, on_event=self._tell, now_s=self._now_s)
        self._voice.start()

    def start(self, room: str, snapshot: Callable[[], dict[str, Any] | None]) -> None:
        """Start `room` and keep it alive."""
        spec = ChildSpec(
            name=room,
            main=ROOM,
            config=lambda: self._config(room, snapshot()),
            shutdown="leave",
            silence_s=ROOM_SILENCE_S,
            leaves_within_s=ROOM_LEAVES_S,
            on_start=lambda _child: None,
        )
        child = Child(spec, on_message=lambda _: None, on_event=self._tell, now_s=self._now_s)
        self._rooms[room] = child
        child.start()

    def endpoint(self, room: str) -> str:
        """Return the unix socket that `room` listens on."""
        return str(self._run_folder / f"room-{room}.sock")

    def restarts(self, room: str) -> int:
        """Return how often `room` had to be started again."""
        return self._rooms[room].restarts

    def pid(self, room: str) -> int | None:
        """Return the room's process id."""
        return self._rooms[room].pid

    async def stop(self) -> None:
        """Let every room leave."""
        self._checking.cancel()
        voice = () if self._voice is None else (self._voice,)
        await asyncio.gather(*(child.stop() for child in (*self._rooms.values(), *voice)))

    @property
    def voice_pids(self) -> Mapping[str, int | None]:
        """Process ids of the voice service and its workers, for `doctor`, tests and benchmarks."""
        own = None if self._voice is None else self._voice.pid
        return {"voice": own, **(self.voice_state.pids if self.voice_state is not None else {})}

    def _voice_says(self, state: ServiceState) -> None:
        self.voice_state = state

    def _config(self, room: str, snapshot: dict[str, Any] | None) -> RoomConfig:
        Path(self.endpoint(room)).unlink(missing_ok=True)
        return RoomConfig(
            room=room,
            socket=self.endpoint(room),
            sessions=str(self._settings.home / "sessions"),
            lsl_session=self._settings.lsl_session,
            lan=self._settings.lan,
            pins=Pins(lines=self._settings.pins, room=room, strict=self._settings.lan),
            seed=1 + self._settings.rooms.index(room),
            eye_px=self._settings.eye_px,
            full_scale_dba=self._settings.full_scale_dba,
            sensitive_ears=self._settings.sensitive_ears,
            audio_standby=self._settings.audio_standby,
            guide=self._settings.guide,
            voice_socket=str(self._run_folder / VOICE_SOCKET),
            notify=self._settings.notify,
            snapshot=snapshot,
            died_at_s=self._died_s.get(room),
        )

    def _tell(self, event: Event) -> None:
        match event:
            case ChildDied(at_s=at_s, child=room, reason=reason):
                self._died_s.setdefault(room, at_s)
                log.warning("%s stopped (%s) and is being started again", _named(room), reason)
            case ChildReturned(child=room, gap_s=gap_s):
                self._died_s.pop(room, None)
                log.warning("%s is back after %.1f s", _named(room), gap_s)

    async def _check(self) -> None:
        while True:
            await asyncio.sleep(CHECK_S)
            for child in self._rooms.values():
                child.check()
            if self._voice is not None:
                self._voice.check()


def _named(child: str) -> str:
    return "the voice service" if child == VOICE_NAME else f"room {child}"
