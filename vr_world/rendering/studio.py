"""A renderer in a process of its own, for whoever needs pictures and may not own an engine: tests, tools.

A process can hold one graphics engine, and only in one thread; a studio can be made anywhere, many times.
"""

from __future__ import annotations

import dataclasses
import multiprocessing
import signal
from multiprocessing.connection import Connection
from types import TracebackType
from typing import Self

import numpy as np

from therapy.controls import Controls
from therapy.personal import PLAIN, SceneLook
from vr_world.rendering.encoder import Picture
from vr_world.rendering.errors import RenderingError
from vr_world.rendering.renderer import Renderer
from vr_world.rendering.view import STRAIGHT_AHEAD, View, checked

__all__ = ["Studio"]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class _Order:
    controls: Controls
    at_s: float
    view: View
    veil: float
    eye_px: int
    look: SceneLook


class Studio:
    """Draws on order in a child process. Use it as a context manager.

    Args:
        scene: name of a declared scene.
        seed: of the place.

    Raises:
        RenderingError: the child could not draw; says why.
    """

    def __init__(self, scene: str = "ocean", seed: int = 0) -> None:
        self.scene = scene
        context = multiprocessing.get_context("spawn")
        self._conn, theirs = context.Pipe()
        self._child = context.Process(target=_main, args=(theirs, scene, seed), daemon=True)
        self._child.start()
        theirs.close()
        self.device = str(self._answer())

    def picture(
        self,
        controls: Controls,
        at_s: float,
        *,
        view: View = STRAIGHT_AHEAD,
        veil: float = 0.0,
        eye_px: int = 320,
        look: SceneLook = PLAIN,
    ) -> Picture:
        """Return both eyes side by side, (eye_px, 2 · eye_px, 4), top row first, B G R A.

        Raises:
            BadView: a view outside its limits.
            RenderingError: the child could not draw.
        """
        self._conn.send(
            _Order(controls=controls, at_s=at_s, view=checked(view), veil=veil, eye_px=eye_px, look=look)
        )
        picture: Picture = self._answer()
        return picture

    def close(self) -> None:
        """End the child."""
        self._conn.close()
        self._child.join(5.0)
        if self._child.is_alive():
            self._child.kill()
            self._child.join()
        self._child.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _answer(self) -> Picture:
        try:
            good, answer = self._conn.recv()
        except EOFError as error:
            raise RenderingError("the studio's process must answer, it ended") from error
        if not good:
            raise RenderingError(answer)
        drawn: Picture = answer
        return drawn


def _main(conn: Connection, scene: str, seed: int) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        renderer = Renderer(scene, seed, 320)
    except (RenderingError, LookupError) as error:
        conn.send((False, str(error)))
        return
    conn.send((True, renderer.device))
    while True:
        try:
            order: _Order = conn.recv()
        except EOFError:
            return
        renderer.resize(order.eye_px)
        renderer.dress(order.look)
        renderer.draw(order.view, order.controls, order.at_s, order.veil)
        picture = np.empty((order.eye_px, 2 * order.eye_px, 4), np.uint8)
        renderer.copy_into(picture)
        conn.send((True, picture))
