"""How many frames are on their way, and when to wait, resend from a key frame, or go on. Pure."""

from __future__ import annotations

from typing import Final

__all__ = ["CAP", "SILENT_AFTER_S", "Flight"]

#: Frames sent and not yet acknowledged; one more would only grow old in a queue.
CAP: Final = 3
#: Without an acknowledgement for so long, what was in flight is taken for lost.
SILENT_AFTER_S: Final = 1.0


class Flight:
    """Frames in flight to one headset. Call `may_send` before drawing, `sent` and `acked` as they happen."""

    def __init__(self) -> None:
        self._ids: list[int] = []
        self._heard_at_s = 0.0

    def __len__(self) -> int:
        return len(self._ids)

    def may_send(self) -> bool:
        """Whether there is room for a frame."""
        return len(self._ids) < CAP

    def lost(self, now_s: float) -> bool:
        """Whether the headset has been silent for too long; then all is forgotten and a key frame is due."""
        if len(self._ids) < CAP or now_s - self._heard_at_s < SILENT_AFTER_S:
            return False
        self._ids.clear()
        self._heard_at_s = now_s
        return True

    def sent(self, frame_id: int, now_s: float) -> None:
        """A frame goes out."""
        if not self._ids:
            self._heard_at_s = now_s
        self._ids.append(frame_id)

    def acked(self, frame_id: int, now_s: float) -> None:
        """The headset has `frame_id`, and so everything before it. An unknown id changes nothing."""
        if frame_id in self._ids:
            self._ids = [i for i in self._ids if i > frame_id]
            self._heard_at_s = now_s
