"""HTTP at the edge: where a request came from, what it carried, and how errors are said."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final, TypeVar

import msgspec
from starlette.requests import HTTPConnection, Request
from starlette.responses import Response

from clinic.errors import BadRequest, ClinicError, Forbidden, TooBig, TooManyTries
from clinic.messages import ErrorBody

__all__ = [
    "COOKIE",
    "MAX_BODY",
    "address_of",
    "check_origin",
    "check_unsafe",
    "decode",
    "error_response",
    "json_response",
    "read_body",
    "token_of",
]

COOKIE: Final = "stillwater_session"
MAX_BODY: Final = 64 * 1024
_HEADERS: Final[Mapping[str, str]] = {
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
}
_AT: Final = re.compile(r"^(?P<what>.*?)(?: - at `\$(?P<path>.*)`)?$", re.DOTALL)
_STEP: Final = re.compile(r"\.([A-Za-z_]\w*)|\[(\d+)\]")
_SECRETS: Final = frozenset({"password", "setup_code", "code"})
_WEB_SCHEME: Final[Mapping[str, str]] = {"ws": "http", "wss": "https"}

T = TypeVar("T")


def token_of(connection: HTTPConnection) -> str | None:
    """Return the session token that the browser sent."""
    return connection.cookies.get(COOKIE)


def address_of(connection: HTTPConnection) -> str:
    """Return the peer's address; one name for all where the server has none (a unix socket)."""
    return connection.client.host if connection.client else "local"


def check_origin(connection: HTTPConnection) -> None:
    """Let through what our own page sent, or a program (which carries nobody's cookies by accident).

    Browsers send `Origin` with every WebSocket and every unsafe request.

    Raises:
        Forbidden: another site's page.
    """
    url = connection.url
    ours = f"{_WEB_SCHEME.get(url.scheme, url.scheme)}://{url.netloc}".lower()
    origin = connection.headers.get("origin")
    if origin is not None and origin.lower() != ours:
        raise Forbidden(f"Origin must be {ours}, got {origin[:80]!r}")
    site = connection.headers.get("sec-fetch-site")
    if site is not None and site not in {"same-origin", "none"}:
        raise Forbidden(f"Sec-Fetch-Site must be same-origin, got {site[:40]!r}")


def check_unsafe(request: Request) -> None:
    """Let a state-changing request through if no other site's page can have made it.

    Raises:
        Forbidden: without `X-Stillwater: 1` (a form cannot set it), or from another origin.
    """
    if request.headers.get("x-stillwater") != "1":
        raise Forbidden(
            f"header X-Stillwater must be 1, got {request.headers.get('x-stillwater', '')[:40]!r}"
        )
    check_origin(request)


async def read_body(request: Request) -> bytes:
    """Return the whole body.

    Raises:
        TooBig: more than `MAX_BODY` bytes; the rest is not read.
        BadRequest: not declared as JSON.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise BadRequest(f"Content-Type must be application/json, got {kind[:60]!r}")
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY:
            raise TooBig(f"body must have at most {MAX_BODY} bytes, got more")
    return bytes(body)


def decode(body: bytes | str, kind: type[T]) -> T:
    """Return `body` as a `kind`.

    Raises:
        BadRequest: with path, limit and value.
    """
    try:
        raw = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadRequest(f"body must be JSON: {error}") from error
    try:
        return msgspec.convert(raw, kind)
    except msgspec.ValidationError as error:
        raise BadRequest(explain(error, raw)) from error


def explain(error: msgspec.ValidationError, raw: object) -> str:
    """Return `error` as `path: limit, got value`; secrets are never repeated."""
    match = _AT.match(str(error))
    what, path = (match["what"], match["path"] or "") if match else (str(error), "")
    value: Any = raw
    named = "body"
    for field, index in _STEP.findall(path):
        try:
            value = value[field] if field else value[int(index)]
        except (LookupError, TypeError):
            break
        named = field or named
    shown = "something secret" if named in _SECRETS or named == "body" else _short(value)
    where = path.lstrip(".") or "body"
    return f"{where}: {what}" if named == "body" else f"{where}: {what}, got {shown}"


def json_response(value: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Return `value` as JSON; a NaN or an infinity goes out as `null`."""
    return Response(
        msgspec.json.encode(value), status, {**_HEADERS, **(headers or {})}, media_type="application/json"
    )


def error_response(error: ClinicError) -> Response:
    """Return the answer for `error`."""
    if isinstance(error, TooManyTries):
        body = ErrorBody(error=str(error), retry_after_s=error.retry_after_s)
        return json_response(body, error.status, {"retry-after": str(error.retry_after_s)})
    return json_response(ErrorBody(error=str(error)), error.status)


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}…"
