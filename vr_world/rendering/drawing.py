"""The drawing thread: waits for its moment, takes the newest look, draws, hands over."""

from __future__ import annotations

import threading
from typing import Final

import numpy as np

from vr_world.clock import session_now_s
from vr_world.rendering.desk import Desk, Look
from vr_world.rendering.encoder import Picture
from vr_world.rendering.messages import RendererConfig
from vr_world.rendering.quality import Ladder, panorama_px
from vr_world.rendering.renderer import Renderer, Stage
from vr_world.rendering.sending import Drawn, Sending

__all__ = ["Drawing"]

_SOFTWARE_HZ: Final = 30.0
_HARDWARE_HZ: Final = 72.0
#: One picture is drawn, one waits, one is encoded.
_PICTURES: Final = 3
#: So long each picture may be kept waiting for what the next place hands to the graphics driver.
_WARM_S: Final = 0.004
#: Longest sleep, so that the drawing thread shows that it lives.
_NAP_S: Final = 0.1


class Drawing:
    """Owns the engine. Make it and call `run` in the same thread, the only one that may touch the engine.

    Args:
        desk: what to draw.
        sending: who takes the pictures.
        config: scene, sizes, rates.

    Raises:
        NoPipe: this machine cannot draw.
        therapy.errors.BadPlugin: no such scene.
    """

    def __init__(self, desk: Desk, sending: Sending, config: RendererConfig) -> None:
        self._desk = desk
        self._sending = sending
        self._config = config
        self._scene, self._dress = config.scene, config.look
        self._renderer = Renderer(config.scene, config.seed, config.eye_px, foveated=True)
        self._renderer.dress(config.look)
        rate_hz = config.frame_rate_hz or (_SOFTWARE_HZ if self._renderer.software else _HARDWARE_HZ)
        self._ladder = Ladder(
            eye_px=config.eye_px, min_eye_px=config.min_eye_px, max_eye_px=config.max_eye_px, rate_hz=rate_hz
        )
        self._building: _Building | None = None
        self._pictures: list[Picture] = []
        self._frame_id = 0

    def run(self) -> None:
        """Draw until the desk says stop."""
        started_s = session_now_s() - self._config.scene_s
        due_s = session_now_s()
        self._desk.begin(due_s, self._scene, self._dress)
        while not self._desk.stopped:
            now_s = session_now_s()
            self._sending.drawing_lives(now_s, now_s - started_s, self._ladder.rung)
            looked_at = self._desk.looked_at
            if now_s < due_s:
                self._desk.wait(min(due_s - now_s, _NAP_S))
            elif looked_at and not self._desk.may_send(now_s):
                self._desk.wait(_NAP_S)
            elif self._sending.wait_for_room(_NAP_S):
                interval_s = 1.0 / (self._ladder.rung.rate_hz if looked_at else self._config.idle_hz)
                # A late frame is not made up for: what is missed is missed.
                due_s = max(due_s + interval_s, now_s)
                self._draw(looked_at, started_s)

    def _draw(self, looked_at: bool, started_s: float) -> None:  # noqa: FBT001  # one caller, above
        began_s = session_now_s()
        look = self._desk.look(began_s)
        self._change_scene(look, began_s)
        eye_px = self._ladder.allow(self._desk.allowance().eye_px).eye_px
        all_round = look.stream == "panorama"
        if all_round:
            self._renderer.look_round(panorama_px(eye_px))
        else:
            self._renderer.resize(eye_px)
        self._renderer.draw(look.view, look.controls, began_s - started_s, look.veil)
        drawn_s = session_now_s()
        picture = self._next_picture()
        self._renderer.copy_into(picture)
        depth = self._renderer.depth() if looked_at and not all_round else None
        copied_s = session_now_s()
        self._frame_id += 1
        if looked_at:
            self._desk.sent(self._frame_id, copied_s)
            slowest_s = max(copied_s - began_s, self._sending.busy_s)
            self._ladder.saw(slowest_s, copied_s)
        self._sending.offer(
            Drawn(
                frame_id=self._frame_id,
                look=look,
                picture=picture,
                depth=depth,
                eye_px=eye_px,
                parts=self._renderer.parts,
                render_at_s=began_s,
                draw_s=drawn_s - began_s,
                copy_s=copied_s - drawn_s,
                to_headset=looked_at,
            )
        )

    def _change_scene(self, look: Look, now_s: float) -> None:
        """Go over to the place that is wanted: built beside this one, entered behind the veil."""
        if self._building is not None and self._building.name != look.scene:
            self._building = None  # nobody wants it any more
        if (look.scene, look.dress) == (self._scene, self._dress):
            self._desk.reopen(now_s)
            return
        if look.scene != self._scene and not self._is_built(look, now_s):
            return
        if look.veil < 1.0:
            self._desk.veil(now_s)
            return
        if self._building is not None and self._building.stage is not None:
            self._renderer.enter(self._building.stage)
        self._building = None
        self._scene, self._dress = look.scene, look.dress
        self._renderer.dress(look.dress)
        self._desk.begin(now_s, look.scene, look.dress)

    def _is_built(self, look: Look, now_s: float) -> bool:
        """Whether the place that is wanted stands beside this one; begin to build it if not."""
        if self._building is None:
            self._building = _Building(look.scene, self._config.seed)
            self._building.start()
        if self._building.is_alive():
            return False
        if self._building.stage is None:
            self._desk.refuse(self._building.trouble)
            self._desk.stay(now_s, self._scene, self._dress)
            self._building = None
            return False
        return self._renderer.warm(self._building.stage, _WARM_S)

    def _next_picture(self) -> Picture:
        shape = self._renderer.picture_shape
        if not self._pictures or self._pictures[0].shape != shape:
            self._pictures = [np.empty(shape, np.uint8) for _ in range(_PICTURES)]
        self._pictures.append(self._pictures.pop(0))
        return self._pictures[-1]


class _Building(threading.Thread):
    """Builds a place while another is drawn."""

    def __init__(self, name: str, seed: int) -> None:
        super().__init__(name=name, daemon=True)
        self.stage: Stage | None = None
        self.trouble = ""
        self._seed = seed

    def run(self) -> None:
        """Build it, or say why it cannot be."""
        try:
            self.stage = Stage(self.name, self._seed)
        except Exception as error:  # noqa: BLE001  # whatever a place's builder makes of it: told as a refusal
            self.trouble = f"place {self.name!r} must be buildable, got {type(error).__name__}: {error}"
