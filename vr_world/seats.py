"""Who looks at a room: one headset, or the headsets of a group, which share one stream.

To the renderer a group is one headset named `GROUP`: a frame is acknowledged by the first that has it, so
that the fastest sets the pace. Each headset has at most `CAP` frames under way; one that has not acknowledged
them is left out until the next key frame, and the others see nothing of it. Nothing here waits.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection
from typing import Final

from vr_world.rendering.flight import Flight
from vr_world.rendering.messages import Stream
from vr_world.streaming import protocol
from vr_world.streaming.control import Hello, Listen, ServerText
from vr_world.streaming.headset import Headset, HeadsetEvents

__all__ = ["GROUP", "KEY_FOR_ONE_EVERY_S", "Lane", "Seats"]

GROUP: Final = "group"
#: A key frame is for all and weighs some three others. One that has fallen behind waits so long for its next.
KEY_FOR_ONE_EVERY_S: Final = 2.0


class Lane:
    """What one headset of a group has under way, and whether it waits for a key frame."""

    def __init__(self) -> None:
        self._flight = Flight()
        self._lost = True
        self._asked_at_s = -math.inf

    def begin(self) -> None:
        """It can decode nothing that it has: it waits for a key frame."""
        self._lost = True
        self._flight = Flight()

    def offer(self, frame_id: int, now_s: float, *, key: bool) -> bool:
        """Return whether a frame goes to this headset; after a gap it needs a key frame."""
        if not self._flight.may_send() and not self._flight.lost(now_s):
            self._lost = True
        elif key or not self._lost:
            self._lost = False
            self._flight.sent(frame_id, now_s)
            return True
        return False

    def acked(self, frame_id: int, now_s: float) -> None:
        """It has a frame."""
        self._flight.acked(frame_id, now_s)

    def asks_key(self, now_s: float, *, alone: bool = False) -> bool:
        """Return whether a key frame shall be made for it now.

        Not sooner again than `KEY_FOR_ONE_EVERY_S`, unless it is `alone`: then nobody else pays for it.
        """
        if not (self._lost and self._flight.may_send()):
            return False
        if now_s - self._asked_at_s < KEY_FOR_ONE_EVERY_S and not alone:
            return False
        self._asked_at_s = now_s
        return True


class Seats:
    """The headsets of one room.

    Args:
        events: what they say goes there.
        now_s: the session clock.
    """

    def __init__(self, events: HeadsetEvents, now_s: Callable[[], float]) -> None:
        self.stream: Stream = "view"
        self._events = events
        self._now_s = now_s
        self._headsets: dict[str, Headset] = {}
        self._lanes: dict[str, Lane] = {}
        self._hellos: dict[str, Hello] = {}
        self._newest_acked = 0
        self._out: set[str] = set()

    @property
    def group(self) -> bool:
        """Whether several may look."""
        return self.stream == "panorama"

    @property
    def here(self) -> list[Headset]:
        """The connected headsets, the first that came first."""
        return [self._headsets[name] for name in self._hellos]

    @property
    def looker(self) -> str:
        """The name under which the renderer knows who looks; empty when nobody does."""
        names = list(self._hellos)
        return "" if not names else GROUP if self.group else names[0]

    @property
    def codecs(self) -> tuple[str, ...]:
        """What every connected headset decodes, as the first likes it; the first's without any in common."""
        offers = [hello.codecs for hello in self._hellos.values()]
        if not offers:
            return ("h264",)
        return tuple(c for c in offers[0] if all(c in other for other in offers)) or offers[0]

    @property
    def space(self) -> bool:
        """Whether every connected headset turns the sounds of the place by itself."""
        return bool(self._hellos) and all(hello.space for hello in self._hellos.values())

    def leads(self, headset: Headset) -> bool:
        """Whether this is the one whose head is recorded: the first that is connected."""
        return not headset.out and next(iter(self._hellos), headset.name) == headset.name

    async def named(self, name: str) -> Headset:
        """Return the headset of that name. Outside a group another one before it has to go."""
        found = self._headsets.get(name)
        if found is None:
            gone = [] if self.group else self._clear()
            found = self._headsets[name] = Headset(name, self._events, self._now_s)
            found.out = name in self._out
            self._lanes[name] = Lane()
            for before in gone:
                await before.leave()
        return found

    def change(self, stream: Stream) -> list[Headset]:
        """Be a group, or one headset's, from now on; return those that have to go (`Headset.leave`)."""
        if stream == self.stream:
            return []
        self.stream = stream
        return self._clear()

    def came(self, headset: Headset, hello: Hello) -> bool:
        """A headset said hello; return whether the renderer must be told anew who looks."""
        if self._headsets.get(headset.name) is not headset:
            return False  # it has had to go meanwhile
        if headset.out:
            return False
        before = (self.looker, self.codecs)
        self._hellos[headset.name] = hello
        return not self.group or (self.looker, self.codecs) != before

    def went(self, headset: Headset) -> None:
        """A headset's link ended."""
        self._hellos.pop(headset.name, None)

    def let_go(self, headset: Headset) -> None:
        """A patient of the group has stopped: their headset has no seat any more, also when it comes back."""
        headset.out = True
        headset.drop_speech()
        self._hellos.pop(headset.name, None)
        self._out.add(headset.name)

    @property
    def out(self) -> list[str]:
        """Names of the headsets whose patients have stopped."""
        return sorted(self._out)

    def admit(self, *, but: Collection[str] = ()) -> None:
        """Another session, or another process for this one: all have a seat but those who have stopped."""
        self._out = set(but)
        for headset in self._headsets.values():
            headset.out = headset.name in self._out

    def tell(self, message: ServerText) -> None:
        """Send a text to all that have a seat."""
        for headset in self._headsets.values():
            if not headset.out:
                headset.tell(message)

    def listen(self, *, on: bool) -> None:
        """Say whether the guide listens: of a group, to the first headset's patient alone."""
        for headset in self._headsets.values():
            headset.tell(Listen(on=on and self.leads(headset)))

    def speech(self, packet: protocol.Speech) -> None:
        """Send 20 ms of the guide's words to all."""
        for headset in self._headsets.values():
            headset.speech(packet)

    def drop_speech(self) -> None:
        """Forget words that have not been sent."""
        for headset in self._headsets.values():
            headset.drop_speech()

    def audio(self, packet: protocol.Audio, place: tuple[bytes, bytes] | None) -> None:
        """Send 10 ms of sound to all."""
        for headset in self._headsets.values():
            headset.audio(packet, place)

    def frame(self, frame: protocol.Frame, now_s: float) -> bool:
        """Send a picture, packed once, to each that keeps up.

        Returns:
            Whether to ask the renderer for a key frame, as `asks_key`.
        """
        if not self.group:
            for headset in self._headsets.values():
                headset.frame(frame)
            return False
        if not frame.panorama:  # drawn before the renderer knew of the group
            return False
        data, taken = protocol.pack_frame(frame), False
        for name, headset in self._headsets.items():
            if headset.sees and self._lanes[name].offer(frame.frame_id, now_s, key=frame.key):
                headset.picture(data)
                taken = True
        return self.asks_key(now_s, alone=not taken)

    def acked(self, headset: Headset, frame_id: int, now_s: float) -> bool:
        """A headset has a frame; return whether the renderer shall hear of it: the first word of each."""
        if not self.group:
            return True
        lane = self._lanes.get(headset.name)
        if lane is None:
            return False
        lane.acked(frame_id, now_s)
        first = frame_id > self._newest_acked
        self._newest_acked = max(frame_id, self._newest_acked)
        return first

    def needs_key(self, headset: Headset) -> None:
        """A headset cannot decode on."""
        lane = self._lanes.get(headset.name)
        if lane is not None:
            lane.begin()

    def asks_key(self, now_s: float, *, alone: bool = False) -> bool:
        """Return whether to ask the renderer for a key frame now: one for all that wait."""
        lanes = [self._lanes[name] for name, headset in self._headsets.items() if headset.sees]
        asking = [lane.asks_key(now_s, alone=alone) for lane in lanes]  # all of them are met by one
        return any(asking)

    def _clear(self) -> list[Headset]:
        gone = list(self._headsets.values())
        self._headsets.clear()
        self._lanes.clear()
        self._hellos.clear()
        return gone
