"""Real Chromium for the browser tests, and the pages as they are now.

`browser` is module-scoped on purpose: Playwright's sync API keeps an event loop running in this thread while
it is open, and asyncio tests of other modules could not run beside it.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

HERE = Path(__file__).parent
if str(HERE) not in sys.path:  # test folders are not packages; the chart server is this folder's own module
    sys.path.insert(0, str(HERE))

from chart_server import ChartServer, MakeChart  # noqa: E402 - needs the path above
from watching import CHROMIUM_FLAGS, fresh_context, watched_page  # noqa: E402 - needs the path above

WEB = HERE.parents[1] / "web"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session")
def pages(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """The built pages of the sources as they are now, in a folder of their own; once for all workers."""
    base = tmp_path_factory.getbasetemp()
    out = (base if worker_id == "master" else base.parent) / "pages"
    built = out.with_suffix(".built")
    with out.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not built.exists():
            _build(out)
            built.touch()
    return out


def _build(out: Path) -> None:
    npx = shutil.which("npx")
    assert npx, "the browser tests build the pages: npx must be on PATH"
    command = [npx, "vite", "build", "--outDir", str(out), "--emptyOutDir", "--logLevel", "warn"]
    run = subprocess.run(command, cwd=WEB, capture_output=True, text=True, check=False, timeout=100)
    assert run.returncode == 0, f"vite build failed:\n{run.stdout}{run.stderr}"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    executable = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    assert executable, "the browser tests need Chromium: install it or name it in CHROMIUM"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, headless=True, args=CHROMIUM_FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    """A fresh browser profile."""
    with fresh_context(browser) as context:
        yield context


@pytest.fixture
def page(context: BrowserContext) -> Iterator[Page]:
    """A `watched_page` of the test's own."""
    with watched_page(context) as page:
        yield page


@pytest.fixture
def make_chart(pages: Path) -> Iterator[MakeChart]:
    """Start chart servers; they end with the test."""
    servers: list[ChartServer] = []

    def make(**options: object) -> ChartServer:
        servers.append(ChartServer(pages, **options))  # type: ignore[arg-type]
        return servers[-1]

    yield make
    for server in servers:
        server.stop()


@pytest.fixture
def chart(make_chart: MakeChart) -> ChartServer:
    return make_chart()
