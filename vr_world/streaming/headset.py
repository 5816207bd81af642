"""The room's end of one headset: two sockets, told apart from what they mean by `vr_world.streaming`.

Pictures go down as the renderer makes them (it keeps at most three in flight, so that a slow link gets fewer
and never older pictures); texts go before sound, and sound that cannot be sent in a second is dropped, the
oldest first. What comes up is validated by `protocol` and `control`; the third bad message closes the socket.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable
from typing import Final, Protocol

from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed

from vr_world.streaming.control import (
    MAX_TEXT_UP_BYTES,
    Bye,
    Clock,
    Hello,
    Mic,
    Ping,
    Played,
    Pong,
    Refusal,
    ServerText,
    Stats,
    Stop,
    Unwell,
    pack_text,
    parse_text,
)
from vr_world.streaming.errors import BadMessage
from vr_world.streaming.protocol import (
    MAX_VIDEO_UP_BYTES,
    Ack,
    Audio,
    AudioPlace,
    Frame,
    KeyRequest,
    Microphone,
    Pose,
    Shown,
    Speech,
    pack_audio,
    pack_audio_place,
    pack_frame,
    pack_speech,
    parse_microphone,
    parse_up,
)

__all__ = ["Headset", "HeadsetEvents"]

HELLO_WITHIN_S: Final = 5.0
BAD_MESSAGES_ALLOWED: Final = 2
FRAMES_WAITING: Final = 4
AUDIO_WAITING: Final = 100
#: Words of the guide that may wait: a minute.
SPEECH_WAITING: Final = 3000
#: Packets of a microphone in a second, and as many more at once after a pause of the link.
MIC_PER_S: Final = 55.0
MIC_AT_ONCE: Final = 150.0

BAD_MESSAGE: Final = 4400
REPLACED: Final = 4409
TOO_BIG: Final = 4413


class HeadsetEvents(Protocol):
    """What a room does with what a headset says. Nothing here waits."""

    def headset_here(self, headset: Headset, hello: Hello) -> None:
        """It said hello: picture and sound may flow."""
        ...

    def headset_gone(self, headset: Headset, reason: str) -> None:
        """Its control socket ended."""
        ...

    def headset_pose(self, headset: Headset, pose: Pose) -> None:
        """Where the head is."""
        ...

    def headset_ack(self, headset: Headset, ack: Ack) -> None:
        """It decoded a frame."""
        ...

    def headset_needs_key(self, headset: Headset) -> None:
        """It cannot decode on."""
        ...

    def headset_shown(self, headset: Headset, shown: Shown) -> None:
        """It drew a frame for the first time."""
        ...

    def headset_stop(self, headset: Headset, source: str) -> None:
        """The patient stops."""
        ...

    def headset_unwell(self, headset: Headset, level: float) -> None:
        """The patient says how unwell they feel, 0 … 1."""
        ...

    def headset_mic(self, headset: Headset, packet: Microphone) -> None:
        """20 ms of its microphone."""
        ...

    def headset_mic_is(self, headset: Headset, state: str) -> None:
        """What became of its microphone: on, off, denied or missing."""
        ...

    def headset_played(self, headset: Headset, played: Played) -> None:
        """So much of the guide's words was heard."""
        ...

    def headset_bad(self, headset: Headset, what: str) -> None:
        """It sent something that was refused."""
        ...


class Headset:
    """One joined headset. Survives its connections: a new socket replaces the one before."""

    def __init__(self, name: str, events: HeadsetEvents, now_s: Callable[[], float]) -> None:
        self.name = name
        self.clock = Clock(offset_s=0.0, rtt_ms=0.0)
        self.stats = Stats()
        self.connected = False
        #: Its patient has stopped while others of the group go on: texts are all that it still gets.
        self.out = False
        #: What it last told of its microphone.
        self.microphone = "unknown"
        self.last_shown_age_ms: float | None = None
        self._events = events
        self._now_s = now_s
        self._video: ServerConnection | None = None
        self._control: ServerConnection | None = None
        self._frames: asyncio.Queue[bytes] = asyncio.Queue(FRAMES_WAITING)
        self._texts: deque[str] = deque()
        self._audio: deque[tuple[bytes, ...]] = deque(maxlen=AUDIO_WAITING)
        self._speech: deque[bytes] = deque(maxlen=SPEECH_WAITING)
        self._mic_left = MIC_AT_ONCE
        self._mic_at_s: float | None = None
        self._audio_or_text = asyncio.Event()

    @property
    def sees(self) -> bool:
        """Whether its video socket is open, for somebody who looks."""
        return self._video is not None and not self.out

    def frame(self, frame: Frame) -> None:
        """Send a picture. One that cannot wait any more makes the next one a key frame."""
        if self.sees:
            self.picture(pack_frame(frame))

    def picture(self, data: bytes) -> None:
        """Send a picture as `pack_frame` packed it, as with `frame`: a group's is packed once."""
        if not self.sees:
            return
        if self._frames.full():
            while not self._frames.empty():
                self._frames.get_nowait()
            self._events.headset_needs_key(self)
            return
        self._frames.put_nowait(data)

    def audio(self, packet: Audio, place: tuple[bytes, bytes] | None = None) -> None:
        """Send 10 ms of sound, and what of it the headset turns with the head."""
        if self.connected and not self.out:
            data = pack_audio(packet)
            if place is not None:
                first, second = place
                apart = AudioPlace(seq=packet.seq, play_at_s=packet.play_at_s, payload=first, second=second)
                self._audio.append((pack_audio_place(apart), data))
            else:
                self._audio.append((data,))
            self._audio_or_text.set()

    def speech(self, packet: Speech) -> None:
        """Send 20 ms of the guide's words, before any other sound that waits."""
        if self.connected and not self.out:
            self._speech.append(pack_speech(packet))
            self._audio_or_text.set()

    def drop_speech(self) -> None:
        """Forget the guide's words that have not been sent."""
        self._speech.clear()

    def tell(self, message: ServerText) -> None:
        """Send a text, before any sound that waits."""
        if self._control is not None:
            self._texts.append(pack_text(message))
            self._audio_or_text.set()

    async def leave(self) -> None:
        """Close both sockets: another headset has the room."""
        for socket in (self._video, self._control):
            await _replace(socket)

    async def serve_video(self, socket: ServerConnection) -> None:
        """Live as this headset's video socket until it closes."""
        await _replace(self._video)
        self._video = socket
        while not self._frames.empty():
            self._frames.get_nowait()
        self._events.headset_needs_key(self)
        sender = asyncio.create_task(self._send_frames(socket))
        bad = _Patience(self, socket)
        try:
            async for data in socket:
                try:
                    self._take_video(data)
                except BadMessage as error:
                    await bad.tell(error, len(data), MAX_VIDEO_UP_BYTES)
        except ConnectionClosed:
            pass  # ends like a close: the control socket tells the room
        finally:
            sender.cancel()
            if self._video is socket:
                self._video = None

    async def serve_control(self, socket: ServerConnection) -> None:
        """Live as this headset's control socket until it closes."""
        await _replace(self._control)
        self._control = socket
        self._texts.clear()
        self._audio.clear()
        self._speech.clear()
        sender = asyncio.create_task(self._send_control(socket))
        reason = "closed"
        try:
            await self._hello(socket)
            reason = await self._converse(socket)
        except ConnectionClosed as closed:
            reason = f"closed {closed.rcvd.code}" if closed.rcvd else "lost"
        finally:
            sender.cancel()
            if self._control is socket:
                self._control = None
                if self.connected:
                    self.connected = False
                    self._events.headset_gone(self, reason)

    async def _hello(self, socket: ServerConnection) -> None:
        try:
            text = await asyncio.wait_for(socket.recv(), HELLO_WITHIN_S)
            hello = parse_text(text)
            if not isinstance(hello, Hello):
                raise BadMessage(f"first control message must be hello, got {type(hello).__name__.lower()}")
        except (TimeoutError, BadMessage) as error:
            what = str(error) or f"hello must come within {HELLO_WITHIN_S:g} s, got nothing"
            self._events.headset_bad(self, what)
            await socket.send(pack_text(Refusal(what=what)))
            await socket.close(BAD_MESSAGE, what[:120])
            return
        self.connected = True
        self._events.headset_here(self, hello)

    async def _converse(self, socket: ServerConnection) -> str:
        bad = _Patience(self, socket)
        async for text in socket:
            try:
                if isinstance(text, bytes):
                    self._take_mic(text)
                elif self._take_text(text):
                    return "said goodbye"
            except BadMessage as error:
                await bad.tell(error, len(text), MAX_TEXT_UP_BYTES)
        return "closed"

    def _take_video(self, data: str | bytes) -> None:
        if isinstance(data, str):
            raise BadMessage(f"video message must be binary, got {len(data)} characters of text")
        match parse_up(data):
            case Pose() as pose:
                self._events.headset_pose(self, pose)
            case Ack() as ack:
                self._events.headset_ack(self, ack)
            case KeyRequest():
                self._events.headset_needs_key(self)
            case Shown() as shown:
                self.last_shown_age_ms = shown.age_ms
                self._events.headset_shown(self, shown)

    def _take_mic(self, data: bytes) -> None:
        packet = parse_microphone(data)
        now_s = self._now_s()
        since_s = 0.0 if self._mic_at_s is None else max(now_s - self._mic_at_s, 0.0)
        self._mic_at_s = now_s
        self._mic_left = min(self._mic_left + since_s * MIC_PER_S, MIC_AT_ONCE) - 1.0
        if self._mic_left < 0.0:
            self._mic_left = 0.0
            return  # faster than any microphone: what is too much is not heard
        self._events.headset_mic(self, packet)

    def _take_text(self, text: str) -> bool:
        """Act on a text; returns whether the headset is leaving."""
        match parse_text(text):
            case Ping(id=number, client_ms=client_ms):
                self.tell(Pong(id=number, client_ms=client_ms, server_s=self._now_s()))
            case Clock() as clock:
                self.clock = clock
            case Stats() as stats:
                self.stats = stats
            case Stop(source=source):
                self._events.headset_stop(self, source)
            case Unwell(level=level):
                self._events.headset_unwell(self, level)
            case Played() as played:
                self._events.headset_played(self, played)
            case Mic(state=state):
                self.microphone = state
                self._events.headset_mic_is(self, state)
            case Bye():
                return True
            case Hello():
                raise BadMessage("hello must come once, came again")
        return False

    async def _send_frames(self, socket: ServerConnection) -> None:
        with contextlib.suppress(ConnectionClosed):  # the receiver tells
            while True:
                await socket.send(await self._frames.get())

    async def _send_control(self, socket: ServerConnection) -> None:
        with contextlib.suppress(ConnectionClosed):  # the receiver tells
            while True:
                await self._audio_or_text.wait()
                self._audio_or_text.clear()
                while self._texts or self._audio or self._speech:
                    if self._texts:
                        await socket.send(self._texts.popleft())
                    elif self._speech:
                        await socket.send(self._speech.popleft())
                    else:
                        for data in self._audio.popleft():
                            await socket.send(data)


class _Patience:
    """Counts one socket's bad messages and closes it when there are too many, or one is too big."""

    def __init__(self, headset: Headset, socket: ServerConnection) -> None:
        self._headset = headset
        self._socket = socket
        self._bad = 0

    async def tell(self, error: BadMessage, size: int, limit: int) -> None:
        self._bad += 1
        self._headset._events.headset_bad(self._headset, str(error))  # noqa: SLF001  # its own helper
        if size > limit:
            await self._socket.close(TOO_BIG, str(error)[:120])
        elif self._bad > BAD_MESSAGES_ALLOWED:
            await self._socket.close(BAD_MESSAGE, str(error)[:120])


async def _replace(socket: ServerConnection | None) -> None:
    if socket is not None:
        await socket.close(REPLACED, "replaced by a newer connection")
