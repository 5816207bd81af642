"""Measure comfort of every place: `python scripts/comfort_report.py [SCENE …]`, docs/reference/comfort.md.

Each place is driven from extreme corner to extreme corner of the controls as fast as `therapy.safety` lets
anything change, its breath at the greatest pace and swell. With names, only those are measured and printed.
"""

from __future__ import annotations

import dataclasses
import itertools
import math
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import numpy as np

from therapy.controls import NEUTRAL, Controls
from therapy.discover import declared
from therapy.plan import Limits
from therapy.safety import bound
from therapy.specs import SceneSpec
from vr_world.rendering.comfort import (
    EXTENDED_S,
    MOST_FLASHES,
    Bytes,
    FlashMeter,
    disparity,
    faults,
    relative_luminance,
    steepest_per_s,
)
from vr_world.rendering.ease import phase_after
from vr_world.rendering.patterns import MOST_STRIPED, stripes
from vr_world.rendering.studio import Studio
from vr_world.rendering.view import View

OUT: Final = Path(__file__).resolve().parents[1] / "docs" / "reference" / "comfort.md"
SEED: Final = 7
RATE_HZ: Final = 15
SMALL_PX, LARGE_PX, EYES_PX = 96, 384, 512
LEG_S: Final = 2.4
NEAREST_M: Final = 0.5
#: Steps of light when all controls run at their greatest slopes at once; each alone is held to 0.1.
STEEPEST_PER_S: Final = 0.2
BUILT_WITHIN_S: Final = 2.0


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What was measured of one place."""

    scene: str
    general: int
    red: int
    extended_s: float
    slope_per_s: float
    darkest: float
    brightest: float
    faults: int
    pictures: int
    striped: float
    least_arcmin: float
    most_arcmin: float
    nearest_m: float
    built_s: float

    @property
    def passed(self) -> bool:
        """Whether all bounds are kept."""
        return (
            max(self.general, self.red) <= MOST_FLASHES
            and self.extended_s < EXTENDED_S
            and self.slope_per_s <= STEEPEST_PER_S
            and self.faults == 0
            and self.striped <= MOST_STRIPED
            and self.nearest_m >= NEAREST_M
            and self.built_s <= BUILT_WITHIN_S
        )


def main(names: list[str]) -> int:
    """Measure; return 1 if a bound is broken."""
    scenes = declared("scenes", "SCENE", SceneSpec)
    unknown = [name for name in names if name not in scenes]
    if unknown:
        print(f"scene must be one of {', '.join(scenes)}, got {unknown[0]!r}", file=sys.stderr)
        return 2
    rows = []
    for name in names or scenes:
        rows.append(measured(scenes[name]))
        print(line(rows[-1]), flush=True)
    if not names:
        OUT.write_text(page(rows), encoding="utf-8")
    return 0 if all(row.passed for row in rows) else 1


def measured(spec: SceneSpec) -> Row:
    """Return the figures of one place."""
    began_s = time.process_time()
    spec.build(SEED)
    built_s = time.process_time() - began_s
    with Studio(spec.name, seed=SEED) as studio:
        general = red = pictures = 0
        slope = extended_s = 0.0
        means = []
        for start, goal in itertools.pairwise(moods()):
            meter, light = _leg(studio, start, goal)
            general, red = max(general, meter.general), max(red, meter.red)
            extended_s = max(extended_s, meter.extended_s)
            slope = max(slope, steepest_per_s(np.array(light), np.arange(len(light)) / RATE_HZ))
            means += light
            pictures += len(light)
        broken, striped = 0, 0.0
        for controls in corners():
            picture = _left(studio.picture(controls, 20.0, eye_px=LARGE_PX))
            broken += bool(faults(picture))
            striped = max(striped, stripes(picture).share)
            means.append(float(relative_luminance(picture).mean()))
            pictures += 1
        least, most = _apart(studio)
    nearest_m = math.inf if most <= 0.0 else View().ipd_m / most
    return Row(
        scene=spec.name,
        general=general,
        red=red,
        extended_s=extended_s,
        slope_per_s=slope,
        darkest=min(means),
        brightest=max(means),
        faults=broken,
        pictures=pictures,
        striped=striped,
        least_arcmin=60.0 * math.degrees(math.atan(least)),
        most_arcmin=60.0 * math.degrees(math.atan(most)),
        nearest_m=nearest_m,
        built_s=built_s,
    )


def moods() -> list[Controls]:
    """Return opposite corners one after the other, the breath as fast and as strong as it may be."""
    fast = dataclasses.replace(NEUTRAL, swell=1.0, breath_pace_per_min=15.0)
    hours = (13.0, 19.9, 6.0, 20.6, 0.0, 19.2, 5.4, 21.0)
    ends = itertools.product((1.0, 0.0), (0.0, 1.0), (1.0, 0.0))
    return [
        dataclasses.replace(
            fast,
            light=light,
            weather=weather,
            density=density,
            time_of_day_h=hour,
            colour_temperature_k=9000.0 if light else 2000.0,
            rain=weather,
            birds=density,
        )
        for (light, weather, density), hour in zip(ends, hours, strict=True)
    ]


def corners() -> Iterator[Controls]:
    """Yield the corners that stand still: light, weather, density, white, by four hours."""
    for light, weather, density, hour, kelvin in itertools.product(
        (0.0, 1.0), (0.0, 1.0), (0.0, 1.0), (0.0, 6.2, 13.0, 19.5), (2000.0, 9000.0)
    ):
        yield dataclasses.replace(
            NEUTRAL,
            light=light,
            weather=weather,
            density=density,
            swell=1.0,
            time_of_day_h=hour,
            colour_temperature_k=kelvin,
        )


def _leg(studio: Studio, start: Controls, goal: Controls) -> tuple[FlashMeter, list[float]]:
    meter, light, now = FlashMeter(), [], start
    for index in range(round(LEG_S * RATE_HZ)):
        wanted = dataclasses.replace(goal, pacer_phase=phase_after(now, 1 / RATE_HZ).pacer_phase)
        now = bound(wanted, now, Limits(), 1 / RATE_HZ).controls
        picture = _left(studio.picture(now, 30.0 + index / RATE_HZ, eye_px=SMALL_PX))
        meter.push(picture, index / RATE_HZ)
        light.append(float(relative_luminance(picture).mean()))
    return meter, light


def _apart(studio: Studio) -> tuple[float, float]:
    """Return the least and the most crossed disparity, as tangents, ahead and 35° down."""
    calm = dataclasses.replace(NEUTRAL, weather=0.0, density=0.0, time_of_day_h=15.0)
    half = math.radians(-35.0) / 2.0
    least, most = math.inf, -math.inf
    for turn in ((0.0, 0.0, 0.0, 1.0), (math.sin(half), 0.0, 0.0, math.cos(half))):
        view = View(orientation=turn)
        pair = studio.picture(calm, 20.0, view=view, eye_px=EYES_PX)
        seen = disparity(_left(pair), pair[:, EYES_PX:], reach_px=40)
        if seen.blocks:
            pixel = 2.0 / EYES_PX
            least, most = min(least, seen.least * pixel), max(most, seen.most * pixel)
    return least, most


def _left(picture: Bytes) -> Bytes:
    return picture[:, : picture.shape[1] // 2]


HEAD: Final = (
    "place",
    "general flashes/s",
    "red flashes/s",
    "extended (s)",
    "luminance slope (/s)",
    "darkest mean",
    "brightest mean",
    "faulty pictures",
    "striped share",
    "disparity (arcmin)",
    "nearest (m)",
    "built (s)",
    "kept",
)


def line(row: Row) -> str:
    """Return one line of the table."""
    cells = (
        row.scene,
        row.general,
        row.red,
        f"{row.extended_s:.1f}",
        f"{row.slope_per_s:.3f}",
        f"{row.darkest:.4f}",
        f"{row.brightest:.3f}",
        f"{row.faults} of {row.pictures}",
        f"{row.striped:.3f}",
        f"{row.least_arcmin:+.0f} … {row.most_arcmin:+.0f}",
        f"{row.nearest_m:.2f}",
        f"{row.built_s:.2f}",
        "yes" if row.passed else "**no**",
    )
    return "| " + " | ".join(map(str, cells)) + " |"


def page(rows: list[Row]) -> str:
    """Return the reference page."""
    head = "| " + " | ".join(HEAD) + " |\n|" + " --- |" * len(HEAD)
    table = "\n".join([head, *map(line, rows)])
    return f"""# Comfort of the places

Written by `python scripts/comfort_report.py`; the same bounds are tests in `tests/contracts/test_scenes.py`.
The checkers are `vr_world/rendering/comfort.py` and `vr_world/rendering/patterns.py`, tested on synthetic
flashes and gratings.

Each place is driven between extreme corners of the controls as fast as `therapy.safety` lets anything
change, breathing at 15 a minute with full swell ({RATE_HZ} pictures a second, {SMALL_PX} px an eye), and is
looked at in 64 corners at rest ({LARGE_PX} px). Seed {SEED}, software rendering.

{table}

- **Flashes**: the most in any second in any of 144 cells of the picture; bound {MOST_FLASHES}. A general
  flash is a pair of opposing changes of relative luminance of 0.1, the darker below 0.8 (WCAG 2.3.1), a red
  flash one of 20 in (R − G − B) · 320, whether saturated or not. No area is too small to count: stricter than
  WCAG's quarter of 10° and IRIS's quarter of the screen.
- **Extended**: how long any cell kept flashing twice a second or more; bound {EXTENDED_S:g} s (IRIS).
- **Luminance slope**: of the whole picture, all controls moving at once; bound {STEEPEST_PER_S:g}/s.
  One alone keeps 0.1/s.
- **Faulty pictures**: too dark, blown out, blank, or with holes, which is how a pixel that is not a number
  shows; bound 0.
- **Striped share**: of the picture in which one spatial frequency with more than five light-dark pairs rules
  (BT.1702, IRIS); bound {MOST_STRIPED:g}, theirs is 0.25.
- **Disparity**: positive is crossed, nearer than infinity; negative would be beyond it (−13′ is one pixel of
  the measurement). Ahead and 35° down.
- **Nearest**: what the most crossed disparity means for eyes {1000 * View().ipd_m:.0f} mm apart; bound
  {NEAREST_M:g} m.
- **Built**: processor time from seed to scene on the machine that wrote this; bound {BUILT_WITHIN_S:g} s.
"""


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
