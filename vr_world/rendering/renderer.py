"""Panda3D without a screen: one engine, two eyes side by side in one buffer, one picture at a time.

A process has one global engine that lives in one thread. Make one `Renderer` (or one `PanoramaRenderer`)
per process, and call it from the thread that made it.
"""

from __future__ import annotations

import ctypes.util
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from panda3d import core

from therapy.controls import Controls
from therapy.discover import declared
from therapy.errors import BadPlugin
from therapy.personal import PLAIN, SceneLook, dressed
from therapy.specs import Scene, SceneSpec
from vr_world.clock import session_now_s
from vr_world.rendering import shaders
from vr_world.rendering.encoder import Picture
from vr_world.rendering.errors import NoPipe
from vr_world.rendering.thrift import give_back
from vr_world.rendering.view import STRAIGHT_AHEAD, Quad, View, orientation_to_panda, position_to_panda
from vr_world.streaming.depth import NEAREST_M, NODES, Grid, behind_mirror, calmed

__all__ = ["PanoramaRenderer", "Renderer", "open_pipe"]

#: Nothing in a scene is nearer than half a metre; the sky's dome lies inside the far plane.
_NEAR_M: Final = 0.1
_FAR_M: Final = 20_000.0
#: A scene whose water is a mirror says its height with this tag on its root: what it mirrors is far away.
MIRROR_TAG: Final = "mirror_height_m"
#: The driver lets go of a place's textures and meshes with the pictures after it.
_LET_GO_PICTURES: Final = 3
_SETTINGS: Final = """
load-display p3headlessgl
audio-library-name null
sync-video 0
notify-level-display error
notify-level-gobj error
textures-power-2 none
"""


def open_pipe() -> tuple[Any, Any, Any]:
    """Return the engine, its headless pipe and a small host buffer that owns the graphics state.

    Raises:
        NoPipe: no pipe or no buffer; says which system package is missing.
    """
    core.load_prc_file_data("stillwater", _SETTINGS)
    engine = core.GraphicsEngine.get_global_ptr()
    pipe = core.GraphicsPipeSelection.get_global_ptr().make_module_pipe("p3headlessgl")
    if pipe is None:
        missing = [
            package
            for package, library in (("libegl1", "EGL"), ("libgl1", "GL"))
            if ctypes.util.find_library(library) is None
        ]
        wanted = " and ".join(missing) or "libegl1 and libgl1 (both are found; is /proc mounted?)"
        raise NoPipe(f"drawing without a screen needs the system packages {wanted}; got no graphics pipe")
    host = _output(engine, pipe, "host", 16, 16, host=None)
    return engine, pipe, host


class Stage:
    """Holds the scene and hands the engine's inputs to it. May be built in any thread, beside a running one.

    Raises:
        therapy.errors.BadPlugin: no such scene.
    """

    def __init__(self, scene: str, seed: int) -> None:
        specs = declared("scenes", "SCENE", SceneSpec)
        if scene not in specs:
            raise BadPlugin(f"the scene must be one of {', '.join(specs)}, got {scene!r}")
        self.root = core.NodePath("stage")
        self._spec = specs[scene]
        self._look = PLAIN
        self._cold: list[Any] | None = None
        self.scene: Scene = self._spec.build(seed)
        self.scene.root.reparent_to(self.root)

    def dress(self, look: SceneLook) -> None:
        """Show the place as chosen; a look without options leaves it as it is."""
        if self._spec.dress is not None and look.options and look.options != self._look.options:
            self._spec.dress(self.scene, look.options)
        self._look = look

    def update(self, controls: Controls, scene_s: float, pixel_tan: float) -> None:
        """Move the scene. `pixel_tan` is the tangent of one pixel's angle, for sizes that hang on it."""
        self.scene.root.set_shader_input("pixel_tan", pixel_tan)
        self.scene.update(dressed(controls, self._look), scene_s)

    def warm(self, gsg: Any) -> bool:
        """Prepare the next node for `gsg`; return whether there is none left."""
        if self._cold is None:
            self._cold = list(self.scene.root.find_all_matches("**/+GeomNode"))
        if self._cold:
            self._cold.pop().prepare_scene(gsg)
        return not self._cold

    @property
    def mirror_m(self) -> float | None:
        """Height of the place's mirror (still water) from the eye at rest, metres; negative below it."""
        tag = self.scene.root.get_tag(MIRROR_TAG)
        return float(tag) if tag else None

    def close(self) -> None:
        """Let the place go."""
        self.scene.root.remove_node()


class Renderer:
    """Draws a scene for two eyes. Not thread-safe: one thread makes it and calls it.

    Args:
        scene: name of a declared `SceneSpec`.
        seed: of the place.
        eye_px: side of one eye's picture.

    Raises:
        NoPipe: no graphics pipe or buffer.
        therapy.errors.BadPlugin: no such scene.
    """

    def __init__(self, scene: str, seed: int, eye_px: int, eye_height_px: int | None = None) -> None:
        self._engine, self._pipe, self._host = open_pipe()
        self._stage = Stage(scene, seed)
        self._rig = self._stage.root.attach_new_node("rig")
        self._eyes = [_eye(self._rig, name) for name in ("left", "right")]
        self._veil = _veil()
        self._buffer: Any = None
        self._texture: Any = None
        self._round: _Round | None = None
        self._depth = _DepthGrid(self._engine, self._pipe, self._host)
        self._view = STRAIGHT_AHEAD
        self._eye_lift_m = 0.0
        self._left_behind = 0
        self.eye_px = 0
        self.eye_height_px = 0
        self.resize(eye_px, eye_height_px)

    @property
    def device(self) -> str:
        """The driver's name for what draws, e.g. `llvmpipe (LLVM 15.0.6, 256 bits)`."""
        return str(self._host.get_gsg().get_driver_renderer())

    @property
    def software(self) -> bool:
        """Whether the processor draws, and not a graphics card."""
        return any(name in self.device.lower() for name in ("llvmpipe", "softpipe", "swrast"))

    @property
    def scene(self) -> Scene:
        """The place that is drawn now."""
        return self._stage.scene

    def resize(self, eye_px: int, eye_height_px: int | None = None) -> None:
        """Draw `eye_px` × `eye_height_px` (square without it) per eye from now on.

        Raises:
            NoPipe: the driver has no such buffer.
        """
        height = eye_px if eye_height_px is None else eye_height_px
        self._look_ahead()
        if (eye_px, height) == (self.eye_px, self.eye_height_px):
            return
        if self._buffer is not None:
            self._engine.remove_window(self._buffer)
        self._buffer = _output(self._engine, self._pipe, "eyes", 2 * eye_px, height, host=self._host)
        self._texture = core.Texture("eyes")
        self._buffer.add_render_texture(self._texture, core.GraphicsOutput.RTM_copy_ram)
        self._depth.watch(self._buffer)
        for index, eye in enumerate(self._eyes):
            span = (0.5 * index, 0.5 * index + 0.5, 0.0, 1.0)
            region = self._buffer.make_display_region(*span)
            region.set_camera(eye)
            over = self._buffer.make_display_region(*span)
            over.set_sort(10)
            over.set_camera(self._veil[1])
        self.eye_px, self.eye_height_px = eye_px, height

    def look_round(self, width_px: int) -> None:
        """Draw all round, `width_px` × half of it, from now on; `resize` looks ahead again.

        Raises:
            NoPipe: the driver has no such buffer, or no cube map.
        """
        if self._round is not None and self._round.width_px == width_px:
            return
        self._look_ahead()
        self._round = _Round(self._engine, self._pipe, self._host, self._rig, width_px)
        self._round.show(self._stage.root)
        self._round.veil(self._veil[1])
        for output in (self._buffer, self._depth.buffer):
            output.set_active(False)

    @property
    def picture_shape(self) -> tuple[int, int, int]:
        """Shape of the picture that `copy_into` gives."""
        if self._round is not None:
            return self._round.width_px // 2, self._round.width_px, 4
        return self.eye_height_px, 2 * self.eye_px, 4

    def warm(self, stage: Stage, within_s: float) -> bool:
        """Hand some of `stage` to the graphics driver with the next picture; return whether all is there.

        Shaders are compiled and textures uploaded node by node for `within_s`: no picture waits for all.
        """
        until_s = session_now_s() + within_s
        while not stage.warm(self._host.get_gsg()):
            if session_now_s() >= until_s:
                return False
        return True

    def enter(self, stage: Stage) -> None:
        """Put another place in the old one's stead."""
        self._stage.close()
        self._rig.reparent_to(stage.root)
        self._stage = stage
        self._left_behind = _LET_GO_PICTURES
        if self._round is not None:
            self._round.show(stage.root)

    def dress(self, look: SceneLook) -> None:
        """Dress the place and put the eye at its height, from the next picture on."""
        self._stage.dress(look)
        self._eye_lift_m = look.eye_lift_m

    def draw(self, view: View, controls: Controls, scene_s: float, veil: float = 0.0) -> None:
        """Draw a `checked` view. `veil` 0 … 1: how thick the safe picture lies over the scene.

        All round, only the place of rest counts: a panorama is the same for every head.
        """
        if self._round is not None:
            view = STRAIGHT_AHEAD
            pixel_tan = 2.0 / self._round.face_px
        else:
            pixel_tan = (view.tan_left[0] + view.tan_left[1]) / self.eye_px
        self._stage.update(controls, scene_s, pixel_tan)
        self._look(view)
        hidden = veil >= 1.0
        for eye in self._eyes if self._round is None else self._round.cameras:
            eye.node().set_active(not hidden)
        self._veil[0].set_shader_input("veil", core.LVecBase4f(*shaders.SAFE_SRGB, veil))
        self._veil[1].node().set_active(veil > 0.0)
        self._engine.render_frame()
        self._tidy()

    def copy_into(self, picture: Picture) -> None:
        """Copy the drawn picture, top row first, into `picture` (eye height, 2 · eye_px, 4), B G R A.

        The engine writes the next picture where this one lies, so another thread needs its own copy.

        Raises:
            NoPipe: nothing has been drawn, or the driver gave another size or layout than was asked for.
        """
        drawn = _pixels(self._texture if self._round is None else self._round.texture)
        if drawn.shape != picture.shape:
            raise NoPipe(f"the driver must give a picture of {picture.shape}, gave {drawn.shape}")
        np.copyto(picture, drawn[::-1])

    def depth(self) -> Grid:
        """Return the coarse depth of the drawn picture, (2, nodes, nodes): left eye, right eye.

        Raises:
            NoPipe: nothing has been drawn.
        """
        inverse_m = self._depth.inverse_m()
        view, mirror_m = self._view, self._stage.mirror_m
        frusta = (view.tan_left, view.tan_right)
        if mirror_m is not None:
            x, y, z, w = view.orientation
            up = (2.0 * (x * y + z * w), 1.0 - 2.0 * (x * x + z * z), 2.0 * (y * z - x * w))
            inverse_m = behind_mirror(inverse_m, frusta, up, view.position[1] + self._eye_lift_m - mirror_m)
        return calmed(inverse_m, tuple((t[0] + t[1], t[2] + t[3]) for t in frusta))

    def _tidy(self) -> None:
        """Give back what the place before this one held, once the driver has let it go."""
        if self._left_behind:
            self._left_behind -= 1
            if not self._left_behind:
                give_back()

    def _look_ahead(self) -> None:
        if self._round is None:
            return
        self._round.close()
        self._round = None
        for output in (self._buffer, self._depth.buffer):
            output.set_active(True)

    def _look(self, view: View) -> None:
        x, y, z = position_to_panda(view.position)
        self._rig.set_pos(x, y, z + self._eye_lift_m)
        self._rig.set_quat(core.LQuaternionf(*orientation_to_panda(view.orientation)))
        for eye, tan, side in zip(self._eyes, (view.tan_left, view.tan_right), (-0.5, 0.5), strict=True):
            eye.set_x(side * view.ipd_m)
            _aim(eye.node().get_lens(), tan)
        self._view = view


class _DepthGrid:
    """Reads the depth of the eyes' buffer at the nodes of a coarse grid, on the graphics side.

    Only the nodes are read back: 2 × 48 × 48 pixels, not the whole depth buffer.
    """

    def __init__(self, engine: Any, pipe: Any, host: Any) -> None:
        self.buffer = _output(engine, pipe, "depth", 2 * NODES, NODES, host=host)
        self.buffer.set_sort(50)  # after the eyes
        self._texture = core.Texture("depth-nodes")
        self.buffer.add_render_texture(self._texture, core.GraphicsOutput.RTM_copy_ram)
        self._card, camera = _full_screen("depth", shaders.DEPTH_FRAGMENT)
        rest = 1.0 / _FAR_M
        self._card.set_shader_input(
            "span", core.LVecBase4f(NODES, 1.0 / _NEAR_M - rest, rest, 1.0 / NEAREST_M)
        )
        self.buffer.make_display_region().set_camera(camera)

    def watch(self, eyes: Any) -> None:
        """Read the depth of what is drawn into `eyes` from now on."""
        drawn = core.Texture("eyes-depth")
        drawn.set_minfilter(core.SamplerState.FT_nearest)
        drawn.set_magfilter(core.SamplerState.FT_nearest)
        drawn.set_wrap_u(core.SamplerState.WM_clamp)
        drawn.set_wrap_v(core.SamplerState.WM_clamp)
        eyes.add_render_texture(drawn, core.GraphicsOutput.RTM_bind_or_copy, core.GraphicsOutput.RTP_depth)
        self._card.set_shader_input("drawn_depth", drawn)

    def inverse_m(self) -> npt.NDArray[np.float32]:
        """Return 1 / m at the nodes, (2, nodes, nodes), rows top first."""
        nodes = _pixels(self._texture)[::-1, :, 0].reshape(NODES, 2, NODES).transpose(1, 0, 2)
        return np.asarray(nodes, np.float32) / np.float32(255.0 * NEAREST_M)


class _Round:
    """All round from a rig: six faces of a cube, laid out as one equirectangular picture.

    Raises:
        NoPipe: the driver has no such buffer, or no cube map.
    """

    def __init__(self, engine: Any, pipe: Any, host: Any, rig: Any, width_px: int) -> None:
        self._engine = engine
        self.width_px = width_px
        self.face_px = max(16, width_px // 4)
        self._own = rig.attach_new_node("round")
        self._cube = host.make_cube_map("surroundings", self.face_px, self._own)
        if self._cube is None:
            raise NoPipe(f"a cube map of {self.face_px} px is needed for a panorama; the driver has none")
        self.cameras = list(self._own.find_all_matches("**/+Camera"))
        for camera in self.cameras:
            camera.node().get_lens().set_near_far(_NEAR_M, _FAR_M)
        surroundings = self._cube.get_texture()
        surroundings.set_minfilter(core.SamplerState.FT_linear)
        surroundings.set_magfilter(core.SamplerState.FT_linear)
        self._buffer = _output(engine, pipe, "panorama", width_px, width_px // 2, host=host)
        self._buffer.set_sort(100)
        self.texture = core.Texture("panorama")
        self._buffer.add_render_texture(self.texture, core.GraphicsOutput.RTM_copy_ram)
        self._card, camera = _full_screen("panorama", shaders.PANORAMA_FRAGMENT)
        self._card.set_shader_input("surroundings", surroundings)
        self._buffer.make_display_region().set_camera(camera)

    def show(self, root: Any) -> None:
        """Draw the place under `root`."""
        for camera in self.cameras:
            camera.node().set_scene(root)

    def veil(self, camera: Any) -> None:
        """Lay what `camera` sees over the picture."""
        over = self._buffer.make_display_region()
        over.set_sort(10)
        over.set_camera(camera)

    def close(self) -> None:
        """Let the buffers go."""
        self._engine.remove_window(self._buffer)
        self._engine.remove_window(self._cube)
        self._own.remove_node()


class PanoramaRenderer:
    """Draws all round at once: equirectangular, twice as wide as high, straight ahead in the middle.

    Args:
        scene: name of a declared `SceneSpec`.
        seed: of the place.
        width_px: of the picture; its height is half of it.

    Raises:
        NoPipe: no graphics pipe or buffer.
        therapy.errors.BadPlugin: no such scene.
    """

    def __init__(self, scene: str, seed: int, width_px: int) -> None:
        self._engine, pipe, host = open_pipe()
        self._stage = Stage(scene, seed)
        self._rig = self._stage.root.attach_new_node("rig")
        self._round = _Round(self._engine, pipe, host, self._rig, width_px)
        self._round.show(self._stage.root)

    def dress(self, look: SceneLook) -> None:
        """Dress the place and put the eye at its height, from the next picture on."""
        self._stage.dress(look)
        self._rig.set_z(look.eye_lift_m)

    def draw(self, controls: Controls, scene_s: float) -> None:
        """Draw one picture."""
        self._stage.update(controls, scene_s, 2.0 / self._round.face_px)
        self._engine.render_frame()

    def copy_into(self, picture: Picture) -> None:
        """Copy the drawn picture, top row first, into `picture` of shape (height, width, 4), B G R A."""
        np.copyto(picture, _pixels(self._round.texture)[::-1])


def _output(engine: Any, pipe: Any, name: str, width: int, height: int, *, host: Any) -> Any:
    wanted = core.FrameBufferProperties()
    wanted.set_rgba_bits(8, 8, 8, 8)
    wanted.set_depth_bits(24)
    size = core.WindowProperties.size(width, height)
    flags = core.GraphicsPipe.BF_refuse_window
    if host is None:
        buffer = engine.make_output(pipe, name, -100, wanted, size, flags)
    else:
        buffer = engine.make_output(pipe, name, 0, wanted, size, flags, host.get_gsg(), host)
    if buffer is None:
        raise NoPipe(f"the graphics driver must make a buffer of {width}x{height} px, made none")
    engine.open_windows()
    buffer.set_clear_color((*shaders.SAFE_SRGB, 1.0))
    return buffer


def _eye(rig: Any, name: str) -> Any:
    lens = core.PerspectiveLens()
    lens.set_near_far(_NEAR_M, _FAR_M)
    return rig.attach_new_node(core.Camera(name, lens))


def _aim(lens: Any, tan: Quad) -> None:
    left, right, up, down = tan
    lens.set_film_size(left + right, up + down)
    lens.set_focal_length(1.0)
    lens.set_film_offset((right - left) / 2.0, (up - down) / 2.0)


def _full_screen(name: str, fragment: str) -> tuple[Any, Any]:
    """Return a card that fills its display region and the camera that sees it."""
    maker = core.CardMaker(name)
    maker.set_frame(-1.0, 1.0, -1.0, 1.0)
    root = core.NodePath(f"{name}-root")
    card = root.attach_new_node(maker.generate())
    card.set_shader(core.Shader.make(core.Shader.SL_GLSL, shaders.FULL_SCREEN_VERTEX, fragment))
    card.set_depth_test(False)
    card.set_depth_write(False)
    card.node().set_bounds(core.OmniBoundingVolume())
    card.node().set_final(True)
    return card, root.attach_new_node(core.Camera(name, core.OrthographicLens()))


def _veil() -> tuple[Any, Any]:
    card, camera = _full_screen("veil", shaders.VEIL_FRAGMENT)
    card.set_transparency(core.TransparencyAttrib.M_alpha)
    return card, camera


def _pixels(texture: Any) -> Picture:
    if not texture.has_ram_image():
        raise NoPipe("a picture must be drawn before it is read, none was")
    parts = texture.get_num_components()
    if parts != 4:
        raise NoPipe(f"the driver must give 4 components a pixel, gave {parts}")
    height, width = texture.get_y_size(), texture.get_x_size()
    return np.frombuffer(memoryview(texture.get_ram_image()), np.uint8).reshape(height, width, 4)
