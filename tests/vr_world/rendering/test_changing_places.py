"""The drawing thread's change of place, step by step, with places that are only names."""

import dataclasses
from typing import Any

import pytest

from therapy.personal import PLAIN
from vr_world.rendering import drawing
from vr_world.rendering.desk import Desk
from vr_world.rendering.fade import SCENE_OPEN_S
from vr_world.rendering.messages import RendererConfig, RendererHeartbeat, Safe, SetScene
from vr_world.rendering.quality import Rung
from vr_world.rendering.sending import Sending
from vr_world.room_sound import PLACE_BUILD_S, PLACE_FADE_S

LIFTED = dataclasses.replace(PLAIN, eye_lift_m=0.1)


class Named:
    def __init__(self, name: str, _seed: int) -> None:
        if name == "broken":
            raise ZeroDivisionError("hills")
        self.name = name


class Painter:
    """Stands for the renderer: knows the place and the dress that it would draw."""

    def __init__(self) -> None:
        self.place, self.look, self.warmed = "ocean", PLAIN, 0

    def warm(self, _stage: Named, within_s: float) -> bool:
        assert 0.0 < within_s <= 0.005, "no picture waits for it"
        self.warmed += 1
        return self.warmed % 3 == 0

    def enter(self, stage: Named) -> None:
        self.place = stage.name

    def dress(self, look: Any) -> None:
        self.look = look


class Show:
    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(drawing, "Stage", Named)
        config = RendererConfig(scene="ocean", fade_in_s=SCENE_OPEN_S)
        self.desk, self.painter, self.now_s = Desk(config, 0.0), Painter(), 0.0
        self.thread = drawing.Drawing.__new__(drawing.Drawing)
        self.thread._desk, self.thread._config, self.thread._renderer = self.desk, config, self.painter
        self.thread._building, self.thread._scene, self.thread._dress = None, "ocean", PLAIN
        self.desk.begin(0.0, "ocean", PLAIN)
        self.told: list[tuple[float, RendererHeartbeat]] = []
        self.sending = Sending(self, self.desk, config)
        self.seen: list[tuple[str, float]] = []
        self.go(2.0)

    def go(self, seconds: float) -> None:
        for _ in range(round(30 * seconds)):
            self.now_s += 1 / 30
            look = self.desk.look(self.now_s)
            self.thread._change_scene(look, self.now_s)
            if self.thread._building is not None:
                self.thread._building.join()
            self.seen.append((self.painter.place, look.veil))
            self.sending.drawing_lives(self.now_s, self.now_s, Rung(eye_px=320, rate_hz=30.0))
            self.sending._beat(self.now_s)

    def send(self, message: RendererHeartbeat) -> None:
        """Stand for the pipe to the room."""
        self.told.append((self.now_s, message))

    def want(self, scene: str, look: Any = PLAIN) -> None:
        self.desk.take(SetScene(name=scene, look=look), self.now_s)


@pytest.fixture
def show(monkeypatch: pytest.MonkeyPatch) -> Show:
    return Show(monkeypatch)


def test_a_place_changes_behind_the_closed_veil_within_three_seconds(show: Show) -> None:
    show.seen.clear()
    show.want("forest", LIFTED)
    show.go(3.0)
    changed = next(i for i, (place, _) in enumerate(show.seen) if place == "forest")
    assert show.seen[changed][1] == 1.0
    assert show.seen[-1] == ("forest", 0.0)
    assert show.painter.look == LIFTED
    assert show.desk.shown == "forest"


def test_sound_and_picture_of_a_change_of_place_begin_and_end_together_within_three_seconds(
    show: Show,
) -> None:
    show.told.clear()
    asked_s = show.now_s
    first = len(show.seen)
    show.want("forest")
    show.go(4.0)
    veils = [veil for _, veil in show.seen[first:]]
    began_s = asked_s + next(i for i, veil in enumerate(veils) if veil > 0.0) / 30
    ended_s = asked_s + (1 + max(i for i, veil in enumerate(veils) if veil > 0.0)) / 30
    # the room turns the sound when it is told that the picture changes; `test_places` hears the rest
    turned_s = next(at_s for at_s, message in show.told if message.scene == "forest")
    assert ended_s - began_s <= 3.0
    assert abs(turned_s - began_s) <= 0.1, "it is told at once, not with the next heartbeat"
    faded_s = turned_s + PLACE_BUILD_S + PLACE_FADE_S
    assert abs(faded_s - ended_s) <= 0.2
    assert faded_s - began_s <= 3.0


def test_going_back_while_the_veil_closes_opens_it_again_on_the_old_place(show: Show) -> None:
    show.want("forest")
    show.go(0.7)
    assert 0.0 < show.seen[-1][1] < 1.0
    show.want("ocean")
    show.go(3.0)
    assert show.seen[-1] == ("ocean", 0.0)
    assert {place for place, _ in show.seen} == {"ocean"}


def test_going_back_in_another_dress_never_shows_the_place_in_between(show: Show) -> None:
    show.want("forest")
    show.go(0.7)
    show.want("ocean", LIFTED)
    show.go(4.0)
    assert {place for place, _ in show.seen} == {"ocean"}
    assert show.painter.look == LIFTED
    assert show.seen[-1] == ("ocean", 0.0)


def test_a_stop_while_the_veil_closes_stays_safe(show: Show) -> None:
    show.want("forest")
    show.go(0.7)
    show.desk.take(Safe(on=True, fade_s=0.2), show.now_s)
    show.go(4.0)
    assert show.seen[-1][1] == 1.0


def test_a_place_that_cannot_be_built_is_told_and_the_old_one_stays(show: Show) -> None:
    show.want("broken")
    show.go(3.0)
    assert show.seen[-1] == ("ocean", 0.0)
    count, reason = show.desk.refusals()
    assert count == 1
    assert "'broken' must be buildable, got ZeroDivisionError: hills" in reason
