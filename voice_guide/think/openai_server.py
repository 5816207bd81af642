"""Any server with OpenAI's chat interface (vLLM, llama.cpp, …): JSON schema in, server-sent events out.

`POST {server_url}/chat/completions` with `stream` and `response_format: json_schema`. A patient's words leave
this process, so the address must be this machine or `https`; the server's own logs and storage are the
operator's business (docs/howto/connect-a-language-model.md).
"""

from __future__ import annotations

import contextlib
import http.client
import ipaddress
import queue
import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final
from urllib.parse import SplitResult, urlsplit

import msgspec

from therapy.talk import ApprovedLine, Briefing
from voice_guide.think._mind import BackendSpec, Mind, NoMind, NotUsable, Thought, never_cancelled
from voice_guide.think._prompt import messages
from voice_guide.think._reader import read_along
from voice_guide.think._schema import schema, unaskable
from voice_guide.think._settings import ThinkSettings

__all__ = ["BACKEND", "ServerMind"]

_NAME: Final = "openai_server"
#: How often a waiting thought asks whether it is still wanted.
_ASK_S: Final = 0.05
#: Longest line of an answer; more is not a server of this kind.
_LONGEST_LINE: Final = 65_536
#: Most bytes of a whole answer.
_MOST_BYTES: Final = 1_048_576


class _Delta(msgspec.Struct, frozen=True):
    content: str | None = None


class _Choice(msgspec.Struct, frozen=True):
    delta: _Delta = _Delta()
    finish_reason: str | None = None


class _Chunk(msgspec.Struct, frozen=True):
    choices: tuple[_Choice, ...] = ()


_CHUNK: Final = msgspec.json.Decoder(_Chunk)


class ServerMind:
    """A `Mind` on a server. Opening it connects to nothing; each thought has a connection of its own."""

    def __init__(self, settings: ThinkSettings) -> None:
        self._address = _checked(settings.server_url)
        if not settings.server_model:
            raise NoMind("server_model must name the model of the server, is empty")
        self._settings = settings

    def think(
        self, briefing: Briefing, *, cancelled: Callable[[], bool] = never_cancelled
    ) -> Iterator[Thought]:
        """Yield sentences and the proposal as the server writes them; a server's failure is `NotUsable`."""
        began_s = self._settings.now_s()
        refused = unaskable(briefing)
        if refused:
            yield NotUsable(turn=briefing.turn, reason=refused, backend=_NAME)
            return
        request = _Request(self._address, self._settings, self._body(briefing))
        try:
            yield from read_along(
                request.pieces(),
                briefing,
                self._settings,
                backend=_NAME,
                cancelled=cancelled,
                began_s=began_s,
            )
        except _ServerFailed as error:
            yield NotUsable(turn=briefing.turn, reason=str(error), backend=_NAME)
        finally:
            request.drop()

    def prepare(self, lines: Sequence[ApprovedLine]) -> None:
        """Nothing can be done ahead."""

    def close(self) -> None:
        """Nothing is held open."""

    def _body(self, briefing: Briefing) -> bytes:
        settings = self._settings
        chat = [{"role": message.role, "content": message.content} for message in messages(briefing)]
        asked: dict[str, Any] = {
            "model": settings.server_model,
            "messages": chat,
            "stream": True,
            "max_tokens": settings.max_tokens,
            "temperature": settings.temperature,
            "seed": settings.seed,
            "response_format": {
                "type": "json_schema",
                "json_schema": {"name": "answer", "strict": True, "schema": schema(briefing)},
            },
        }
        return msgspec.json.encode(asked)


class _ServerFailed(Exception):
    """The server did not answer as it should: what, and how."""


class _Request:
    """One request. A thread reads, so that the thought can be dropped while the server is silent."""

    def __init__(self, address: SplitResult, settings: ThinkSettings, body: bytes) -> None:
        self._settings = settings
        self._path = f"{address.path.rstrip('/')}/chat/completions"
        self._body = body

        port, timeout_s = address.port, settings.connect_s
        self._connection: http.client.HTTPConnection
        if address.scheme == "https":
            context = ssl.create_default_context()
            self._connection = http.client.HTTPSConnection(
                str(address.hostname), port, timeout=timeout_s, context=context
            )
        else:
            self._connection = http.client.HTTPConnection(str(address.hostname), port, timeout=timeout_s)
        #: Pieces; an error; `None` at the end.
        self._came: queue.Queue[str | _ServerFailed | None] = queue.Queue()
        self._dropped = threading.Event()
        #: Our own reference: the connection lets go of its socket once an answer has begun.
        self._socket: socket.socket | None = None
        self._thread = threading.Thread(target=self._read, name="language model server", daemon=True)

    def pieces(self) -> Iterator[str]:
        """Yield pieces of text as they come, and an empty one while there is none."""
        self._thread.start()
        while True:
            try:
                came = self._came.get(timeout=_ASK_S)
            except queue.Empty:
                yield ""
                continue
            if came is None:
                return
            if isinstance(came, _ServerFailed):
                raise came
            yield came

    def drop(self) -> None:
        """End the request, whatever it waits for; the thread is gone when this returns."""
        self._dropped.set()
        if self._socket is not None:
            with contextlib.suppress(OSError):  # gone already: that is what was wanted
                self._socket.shutdown(socket.SHUT_RDWR)  # wakes a blocked read, which closing does not
        if self._thread.ident is not None:
            self._thread.join(timeout=2.0 * self._settings.connect_s)
        self._connection.close()
        if self._socket is not None:
            self._socket.close()

    def _read(self) -> None:
        try:
            response = self._ask()
            if response is None:
                return
            with contextlib.closing(response):
                for piece in _contents(response):
                    if self._dropped.is_set():
                        return
                    self._came.put(piece)
            self._came.put(None)
        except (OSError, http.client.HTTPException, ValueError) as error:
            reason = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
            self._came.put(_ServerFailed(f"the language model's server failed: {reason[:160]}"))
        except _ServerFailed as error:
            self._came.put(error)

    def _ask(self) -> http.client.HTTPResponse | None:
        """Send the request and return its answer, `None` if it was dropped before it was sent."""
        headers = {"Content-Type": "application/json", "Accept": "text/event-stream"}
        if self._settings.server_key:
            headers["Authorization"] = f"Bearer {self._settings.server_key}"
        connection = self._connection
        connection.connect()
        self._socket = connection.sock
        if self._dropped.is_set():
            return None
        self._socket.settimeout(self._settings.deadline_s)
        connection.request("POST", self._path, self._body, headers)
        return connection.getresponse()


def _contents(response: http.client.HTTPResponse) -> Iterator[str]:
    """Yield what the model writes, from an answer's server-sent events."""
    if response.status != http.client.OK:
        raise _ServerFailed(f"the language model's server must answer 200, answers {response.status}")
    left = _MOST_BYTES
    while line := response.readline(_LONGEST_LINE):
        left -= len(line)
        if left < 0:
            raise _ServerFailed(f"the server's answer must have at most {_MOST_BYTES} bytes, has more")
        if not line.startswith(b"data:"):
            continue  # empty lines, comments, names of events
        data = line[5:].strip()
        if data == b"[DONE]":
            return
        for choice in _CHUNK.decode(data).choices[:1]:
            if choice.delta.content:
                yield choice.delta.content
            if choice.finish_reason == "length":
                raise _ServerFailed("the server's answer was cut at max_tokens")


def _checked(url: str) -> SplitResult:
    address = urlsplit(url)
    try:
        known = address.scheme in ("http", "https") and bool(address.hostname) and (address.port or 1) > 0
    except ValueError:  # a port that is none
        known = False
    if not known:
        raise NoMind(f"server_url must be like http://127.0.0.1:8000/v1, is {url[:80]!r}")
    if address.scheme == "http" and not _is_this_machine(str(address.hostname)):
        raise NoMind(f"server_url must be https off this machine (patients' words go there), is {url[:80]!r}")
    return address


def _is_this_machine(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _open(settings: ThinkSettings) -> Mind:
    return ServerMind(settings)


BACKEND: Final = BackendSpec(
    name=_NAME,
    doc="a server with OpenAI's chat interface: vLLM, llama.cpp and others (server_url, server_model)",
    open=_open,
)
