"""How a human is called who is not at the panel: a web hook, or a program of this machine.

What is sent is one JSON object, the same for both: `{"service": "stillwater", "room": …, "kind": …,
"channel": …, "after_s": …}`. No word of a patient and no name is in it.
"""

from __future__ import annotations

import asyncio
import http.client
import json
import shlex
import shutil
import ssl
import urllib.parse
from typing import Final

from therapy.errors import BadValue, NotNotified
from therapy.ports import HelpCall, Notifier

__all__ = ["LocalCommand", "Webhook", "notifier_from"]

#: One attempt may take this long.
TIMEOUT_S: Final = 5.0
#: How often a web hook is tried before nobody was reached.
ATTEMPTS: Final = 2
_COMMAND: Final = "command:"
_LOOPBACK: Final = ("127.0.0.1", "::1", "localhost")


class Webhook:
    """Sends a call by POST to an address that a clinic's pager, chat or telephone gateway gives.

    TLS with the system's certificates; plain http only to this machine itself. Redirects are not followed.

    Args:
        url: where to.
        timeout_s: what one attempt may take.

    Raises:
        BadValue: not an https address, or one with a user name.
    """

    def __init__(self, url: str, *, timeout_s: float = TIMEOUT_S) -> None:
        parts = urllib.parse.urlsplit(url)
        local = parts.scheme == "http" and parts.hostname in _LOOPBACK
        if not parts.hostname or not (parts.scheme == "https" or local) or parts.username is not None:
            shown = f"{parts.scheme}://{parts.hostname or ''}"
            raise BadValue("web hook", "https://HOST/… (http only to this machine), no user name", shown)
        self._host, self._port, self._tls = parts.hostname, parts.port, parts.scheme == "https"
        self._target = urllib.parse.urlunsplit(("", "", parts.path or "/", parts.query, ""))
        self._timeout_s = timeout_s

    async def notify(self, call: HelpCall, /) -> None:
        """Send `call`, twice if the first attempt fails.

        Raises:
            NotNotified: no answer of 2xx; says the host and why, never the address, which may hold a secret.
        """
        body = _json(call)
        why = ""
        for _ in range(ATTEMPTS):
            try:
                why = await asyncio.wait_for(asyncio.to_thread(self._post, body), 2.0 * self._timeout_s)
            except (OSError, TimeoutError, http.client.HTTPException) as fault:
                why = str(fault) or type(fault).__name__
            if not why:
                return
        raise NotNotified(f"web hook at {self._host} must answer 2xx, after {ATTEMPTS} attempts: {why}")

    def _post(self, body: bytes) -> str:
        if self._tls:
            link: http.client.HTTPConnection = http.client.HTTPSConnection(
                self._host, self._port, timeout=self._timeout_s, context=ssl.create_default_context()
            )
        else:
            link = http.client.HTTPConnection(self._host, self._port, timeout=self._timeout_s)
        try:
            link.request("POST", self._target, body=body, headers={"Content-Type": "application/json"})
            status = link.getresponse().status
        finally:
            link.close()
        return "" if 200 <= status < 300 else f"status {status}"


class LocalCommand:
    """Runs a program of this machine with the call on its standard input: a siren, a light, a modem.

    Args:
        arguments: the program and its arguments; no shell reads them.
        timeout_s: it is killed after this long.

    Raises:
        BadValue: there is no such program.
    """

    def __init__(self, arguments: tuple[str, ...], *, timeout_s: float = TIMEOUT_S) -> None:
        if not arguments or shutil.which(arguments[0]) is None:
            raise BadValue("command of the second channel", "a program that can be run", arguments[:1])
        self._arguments = arguments
        self._timeout_s = timeout_s

    async def notify(self, call: HelpCall, /) -> None:
        """Run the program.

        Raises:
            NotNotified: it cannot be started, fails, or takes too long.
        """
        name = self._arguments[0]
        try:
            child = await asyncio.create_subprocess_exec(
                *self._arguments,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.DEVNULL,
                stderr=asyncio.subprocess.DEVNULL,
            )
        except OSError as fault:
            raise NotNotified(f"{name} cannot be started: {fault}") from fault
        try:
            await asyncio.wait_for(child.communicate(_json(call)), self._timeout_s)
        except TimeoutError as late:
            child.kill()
            await child.wait()
            raise NotNotified(f"{name} must end within {self._timeout_s:g} s, and was killed") from late
        if child.returncode != 0:
            raise NotNotified(f"{name} must exit with 0, got {child.returncode}")


def notifier_from(text: str) -> Notifier:
    """Return the notifier that a setting means: `https://…` or `command:PROGRAM ARGUMENT …`.

    Raises:
        BadValue: neither.
    """
    if text.startswith(_COMMAND):
        try:
            arguments = shlex.split(text.removeprefix(_COMMAND))
        except ValueError as fault:
            raise BadValue("command of the second channel", f"well quoted ({fault})", text) from fault
        return LocalCommand(tuple(arguments))
    return Webhook(text)


def _json(call: HelpCall) -> bytes:
    said = {
        "service": "stillwater",
        "room": call.room,
        "kind": call.kind,
        "channel": call.channel,
        "after_s": round(call.after_s, 1),
    }
    return json.dumps(said).encode()
