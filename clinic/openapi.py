"""The API's description, made from the same table of operations that makes the routes."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final, Literal

import msgspec
from starlette.requests import Request

from clinic.messages import ErrorBody, RoomState, SocketCommand

__all__ = ["Answer", "Call", "Operation", "document"]

_ERRORS: Final[Mapping[int, str]] = {
    400: "not what this operation takes; the text has path, limit and value",
    401: "not signed in, or a wrong secret",
    403: "not from our own page (header X-Stillwater, Origin)",
    404: "no such room",
    409: "not now; the text says why",
    413: "more than 64 kB",
    429: "too many wrong tries; wait Retry-After seconds",
}


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One request, checked: its decoded body (or `None`), the room of its path, who asks."""

    request: Request
    body: Any
    actor: str

    @property
    def room(self) -> str:
        """The room in the path."""
        return str(self.request.path_params["room"])


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What goes back. `token`: a new session cookie; empty takes the cookie away, `None` leaves it."""

    value: object
    token: str | None = None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One row of the API. `body` and `reply` are types of `clinic.messages`."""

    method: Literal["GET", "POST"]
    path: str
    summary: str
    handler: Callable[[Call], Awaitable[Answer]]
    reply: Any
    body: Any = None
    signed_in: bool = True
    errors: Sequence[int] = ()

    @property
    def statuses(self) -> list[int]:
        """Every error status that this operation can answer with."""
        found = set(self.errors)
        if self.signed_in:
            found.add(401)
        if self.method == "POST":
            found.add(403)
        if self.body is not None:
            found |= {400, 413}
        if "{room}" in self.path:
            found.add(404)
        return sorted(found)


def document(operations: Sequence[Operation], version: str) -> dict[str, Any]:
    """Return the OpenAPI 3.1 document for `operations`, JSON-ready."""
    kinds: list[Any] = [ErrorBody, RoomState, SocketCommand]
    for operation in operations:
        kinds += [kind for kind in (operation.body, operation.reply) if kind not in (None, *kinds)]
    schemas, components = msgspec.json.schema_components(kinds, ref_template="#/components/schemas/{name}")
    schema_of = dict(zip(map(repr, kinds), schemas, strict=True))
    paths: dict[str, dict[str, Any]] = {}
    for operation in operations:
        entry = _operation(operation, lambda kind: schema_of[repr(kind)])
        paths.setdefault(operation.path, {})[operation.method.lower()] = entry
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Stillwater panel API",
            "version": version,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
            "description": "Everything that the panel can do. Live state: WebSocket /ws/panel/{room}, which"
            " sends RoomState as text and JPEG pictures as binary, and takes SocketCommand.",
        },
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {
                "session": {"type": "apiKey", "in": "cookie", "name": "stillwater_session"},
            },
        },
    }


def _operation(operation: Operation, schema_of: Callable[[Any], Any]) -> dict[str, Any]:
    json = "application/json"
    entry: dict[str, Any] = {
        "summary": operation.summary,
        "operationId": _name(operation),
        "responses": {
            "200": {"description": "done", "content": {json: {"schema": schema_of(operation.reply)}}},
            **{
                str(status): {
                    "description": _ERRORS[status],
                    "content": {json: {"schema": schema_of(ErrorBody)}},
                }
                for status in operation.statuses
            },
        },
        "security": [{"session": []}] if operation.signed_in else [],
    }
    parameters = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in re.findall(r"{(\w+)}", operation.path)
    ]
    if operation.method == "POST":
        parameters.append(
            {
                "name": "X-Stillwater",
                "in": "header",
                "required": True,
                "schema": {"type": "string", "enum": ["1"]},
            }
        )
    if parameters:
        entry["parameters"] = parameters
    if operation.body is not None:
        entry["requestBody"] = {"required": True, "content": {json: {"schema": schema_of(operation.body)}}}
    return entry


def _name(operation: Operation) -> str:
    words = re.sub(r"[{}]", "", operation.path.removeprefix("/api/")).replace(".json", "")
    return "_".join([operation.method.lower(), *re.split(r"[/-]", words)])
