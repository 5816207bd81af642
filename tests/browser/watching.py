"""Browser profiles and pages that tell the test what went wrong in them."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Final

from playwright.sync_api import Browser, BrowserContext, Page

CHROMIUM_FLAGS: Final = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--autoplay-policy=user-gesture-required",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
]


@contextlib.contextmanager
def fresh_context(browser: Browser) -> Iterator[BrowserContext]:
    """A fresh browser profile, 1024 × 640."""
    context = browser.new_context(viewport={"width": 1024, "height": 640}, device_scale_factor=1)
    context.set_default_timeout(60_000)  # another browser may have the machine
    yield context
    context.close()


@contextlib.contextmanager
def watched_page(context: BrowserContext) -> Iterator[Page]:
    """A page that must end without an uncaught error, a breach of the content policy or a foreign request."""
    page = context.new_page()
    errors: list[str] = []
    hosts: set[str] = set()
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on(
        "console", lambda message: errors.append(message.text) if "Content Security" in message.text else None
    )
    page.on("request", lambda request: hosts.add(request.url.split("/")[2].split(":")[0]))
    page.on("websocket", lambda ws: hosts.add(ws.url.split("/")[2].split(":")[0]))
    yield page
    assert errors == []
    assert hosts <= {"127.0.0.1", "localhost"}
