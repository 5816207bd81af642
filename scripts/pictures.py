"""Take the documentation's pictures from a running Stillwater: `make pictures`.

docs/pictures/ocean.png     the sea at dusk, left eye
docs/pictures/panel.png     the therapist's panel, two minutes into a simulated session
docs/pictures/headset.png   the headset page, asking for its code
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import IO, cast

from playwright.sync_api import sync_playwright

ROOT = Path(__file__).resolve().parents[1]
PICTURES = ROOT / "docs" / "pictures"
STILLWATER = [sys.executable, "-c", "from vr_world.cli import main; main()"]
#: Long enough for RMSSD (60 s) and for curves that say something.
LIVED_S = 120


def main() -> None:
    """Write all pictures."""
    PICTURES.mkdir(exist_ok=True)
    ocean = [*STILLWATER, "render", "ocean", "--at", "24", "--size", "1280x720", "--eyes", "left"]
    subprocess.run([*ocean, "--set", "time_of_day_h=19.4", "--out", str(PICTURES / "ocean.png")], check=True)
    with tempfile.TemporaryDirectory() as home:
        demo = subprocess.Popen(
            [*STILLWATER, "demo", "--port", "0", "--no-tls", "--seconds", str(LIVED_S + 60)],
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "STILLWATER_HOME": home, "NO_COLOR": "1", "COLUMNS": "200"},
        )
        try:
            photograph(demo)
        finally:
            demo.terminate()
            demo.wait(30)


def photograph(demo: subprocess.Popen[str]) -> None:
    """Open both pages of `demo` and save what they show."""
    out = cast("IO[str]", demo.stdout)  # a pipe, as asked for
    said = ""
    while "Ctrl-C" not in said:
        line = out.readline()
        if not line:
            raise SystemExit(f"the demo must start, ended with {demo.wait()}")
        said += line
    origin, password = re.search(r"(http://\S+)/panel/\s+password\s+(\S+)", said).groups()  # type: ignore[union-attr]  # just printed
    code = re.search(r"#code=(\d+)", said)[1]  # type: ignore[index]  # just printed
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"]
        )
        headset = browser.new_page(viewport={"width": 1024, "height": 640})
        headset.goto(origin + "/")
        headset.wait_for_timeout(2000)
        headset.screenshot(path=PICTURES / "headset.png")
        headset.goto(f"{origin}/?code={code}")
        headset.get_by_role("button", name="Join").click()
        headset.get_by_role("button", name="Look on this screen").click()
        panel = browser.new_page(viewport={"width": 1440, "height": 1000})
        panel.goto(f"{origin}/panel/")
        panel.get_by_label("Password").fill(password)
        panel.get_by_role("button", name="Sign in").click()
        panel.wait_for_timeout(LIVED_S * 1000)
        panel.screenshot(path=PICTURES / "panel.png")
        browser.close()


if __name__ == "__main__":
    main()
