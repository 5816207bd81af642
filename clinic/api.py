"""The panel's HTTP API and its socket, as Starlette routes.

One table says every operation; the routes and the OpenAPI document are made from it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any, Final

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.requests import HTTPConnection, Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route, WebSocketRoute

from clinic import messages, wire
from clinic.accounts import LONGEST_S, Accounts
from clinic.errors import BadRequest, ClinicError
from clinic.figures import PatientFigures
from clinic.guide_messages import GuideChoiceBody, GuideInfo
from clinic.live import LiveSocket
from clinic.memory import GuideMemory
from clinic.openapi import Answer, Call, Operation, document
from clinic.ports import RoomsPort, SessionStart
from clinic.screening import CONTRAINDICATIONS, Screening, check
from clinic.sessions import SessionIndex
from clinic.slow import SlowChannel
from therapy.errors import BadPlan
from therapy.guide import GuideChoice
from therapy.personal import Personal

__all__ = ["PanelApi", "panel_routes", "signed_in_as"]

_SHOWN_SESSIONS: Final = 100


def panel_routes(
    *,
    accounts: Accounts,
    sessions: SessionIndex,
    context: SlowChannel,
    rooms: RoomsPort,
    version: str,
    memory: GuideMemory | None = None,
    figures: PatientFigures | None = None,
    check_every_s: float = 5.0,
) -> list[BaseRoute]:
    """Return the routes under `/api/` and `/ws/panel/` of the panel.

    Args:
        accounts: who may sign in.
        sessions: the index of sessions, written by whoever implements `rooms`.
        context: what wearables know.
        rooms: the rooms of this server.
        version: Stillwater's version, for the OpenAPI document.
        memory: what the guide may remember; without it the operations on it are not there.
        figures: what earlier sessions measured; without it the two operations on them are not there.
        check_every_s: how often an open socket looks whether its session is still valid.
    """
    api = PanelApi(
        accounts=accounts, sessions=sessions, context=context, rooms=rooms, memory=memory, figures=figures
    )
    operations = api.operations()
    described = document(operations, version)

    async def openapi(_request: Request) -> Response:
        return wire.json_response(described)

    live = LiveSocket(accounts=accounts, rooms=rooms, check_every_s=check_every_s)
    return [
        *(Route(op.path, _endpoint(op, accounts), methods=[op.method]) for op in operations),
        Route("/api/openapi.json", openapi, methods=["GET"]),
        WebSocketRoute("/ws/panel/{room}", live.serve),
    ]


async def signed_in_as(accounts: Accounts, connection: HTTPConnection) -> str:
    """Return the account of `connection`: for routes of other packages that need a signed-in therapist.

    Raises:
        NotSignedIn: answer with `wire.error_response`.
    """
    found = await run_in_threadpool(accounts.session, wire.token_of(connection))
    return found.account


class PanelApi:
    """The operations of the panel."""

    def __init__(
        self,
        *,
        accounts: Accounts,
        sessions: SessionIndex,
        context: SlowChannel,
        rooms: RoomsPort,
        memory: GuideMemory | None = None,
        figures: PatientFigures | None = None,
    ) -> None:
        self._accounts = accounts
        self._context = context
        self._sessions = sessions
        self._rooms = rooms
        self._memory = memory
        self._figures = figures

    def operations(self) -> list[Operation]:
        """Return the table: every operation once."""
        return [
            Operation(
                method="GET",
                path="/api/account",
                summary="Whether there is an account, and whether this browser is signed in",
                handler=self._account,
                reply=messages.AccountInfo,
                signed_in=False,
            ),
            Operation(
                method="POST",
                path="/api/account/setup",
                summary="Make the account, once, with the code that the server printed",
                handler=self._set_up,
                body=messages.SetUpBody,
                reply=messages.Done,
                signed_in=False,
                errors=(401, 409, 429),
            ),
            Operation(
                method="POST",
                path="/api/account/sign-in",
                summary="Sign in; sets the session cookie",
                handler=self._sign_in,
                body=messages.SignInBody,
                reply=messages.Done,
                signed_in=False,
                errors=(401, 409, 429),
            ),
            Operation(
                method="POST",
                path="/api/account/sign-out",
                summary="End this browser's session",
                handler=self._sign_out,
                reply=messages.Done,
                signed_in=False,
            ),
            Operation(
                method="GET",
                path="/api/screening",
                summary="What to ask before a session",
                handler=self._screening,
                reply=list[messages.ScreeningItem],
            ),
            Operation(
                method="GET",
                path="/api/plans",
                summary="Plans that can be started",
                handler=self._plans,
                reply=list[messages.PlanInfo],
            ),
            Operation(
                method="GET",
                path="/api/scenes",
                summary="Places that plans may use",
                handler=self._scenes,
                reply=list[messages.SceneInfo],
            ),
            Operation(
                method="GET",
                path="/api/triggers",
                summary="What a patient may have to be kept from",
                handler=self._triggers,
                reply=list[messages.TriggerInfo],
            ),
            Operation(
                method="GET",
                path="/api/guide",
                summary="What voice guide sessions here may have",
                handler=self._guide,
                reply=GuideInfo,
            ),
            Operation(
                method="GET",
                path="/api/sessions",
                summary=f"The newest {_SHOWN_SESSIONS} sessions",
                handler=self._past,
                reply=list[messages.SessionInfo],
            ),
            Operation(
                method="POST",
                path="/api/context",
                summary="Keep what a wearable or phone knows of a patient (heart rate, sleep, steps …)",
                handler=self._add_context,
                body=messages.ContextBody,
                reply=messages.ContextAdded,
            ),
            Operation(
                method="POST",
                path="/api/context/newest",
                summary="The newest of these values, newest first (a patient's label is never in an address)",
                handler=self._newest_context,
                body=messages.ContextOf,
                reply=list[messages.ContextValue],
            ),
            Operation(
                method="GET",
                path="/api/rooms",
                summary="The rooms and their phases",
                handler=self._list_rooms,
                reply=list[messages.RoomInfo],
            ),
            Operation(
                method="GET",
                path="/api/rooms/{room}",
                summary="The room's whole state, as on the socket",
                handler=self._state,
                reply=messages.RoomState,
            ),
            Operation(
                method="POST",
                path="/api/rooms/{room}/session",
                summary="Start a session: it is READY, and the join code is in the state",
                handler=self._start,
                body=messages.StartBody,
                reply=messages.RoomState,
                errors=(409,),
            ),
            Operation(
                method="POST",
                path="/api/rooms/{room}/commands",
                summary="Begin, pause, resume, return, stop, steer, place, unwell, code, acknowledge, guide",
                handler=self._command,
                body=messages.CommandBody,
                reply=messages.Phase,
                errors=(409,),
            ),
            *([] if self._memory is None else _memory_operations(self._memory)),
            *([] if self._figures is None else self._figure_operations(self._figures)),
        ]

    def _figure_operations(self, figures: PatientFigures) -> list[Operation]:
        async def keep(call: Call) -> Answer:
            return Answer(value=await run_in_threadpool(figures.keep, call.body))

        async def of(call: Call) -> Answer:
            return Answer(value=await run_in_threadpool(figures.of, call.body.patient))

        return [
            Operation(
                method="POST",
                path="/api/figures",
                summary="Keep a patient's resonance or a value at rest, for the sessions to come",
                handler=keep,
                body=messages.FigureBody,
                reply=messages.Figure,
            ),
            Operation(
                method="POST",
                path="/api/figures/of",
                summary="What sessions measured of a patient, newest first (a label is never in an address)",
                handler=of,
                body=messages.FigureOf,
                reply=list[messages.Figure],
            ),
        ]

    async def _account(self, call: Call) -> Answer:
        def look() -> messages.AccountInfo:
            return messages.AccountInfo(
                set_up=self._accounts.is_set_up(),
                signed_in=self._accounts.peek(wire.token_of(call.request)),
                idle_s=self._accounts.idle_s,
            )

        return Answer(value=await run_in_threadpool(look))

    async def _set_up(self, call: Call) -> Answer:
        body: messages.SetUpBody = call.body
        address = wire.address_of(call.request)
        token = await run_in_threadpool(self._accounts.set_up, body.setup_code, body.password, address)
        return Answer(value=messages.Done(), token=token)

    async def _sign_in(self, call: Call) -> Answer:
        body: messages.SignInBody = call.body
        address = wire.address_of(call.request)
        token = await run_in_threadpool(self._accounts.sign_in, body.password, address)
        return Answer(value=messages.Done(), token=token)

    async def _sign_out(self, call: Call) -> Answer:
        await run_in_threadpool(self._accounts.sign_out, wire.token_of(call.request))
        return Answer(value=messages.Done(), token="")

    async def _screening(self, _call: Call) -> Answer:
        return Answer(value=[messages.ScreeningItem(id=k, text=v) for k, v in CONTRAINDICATIONS.items()])

    async def _plans(self, _call: Call) -> Answer:
        return Answer(value=await self._rooms.plans())

    async def _scenes(self, _call: Call) -> Answer:
        return Answer(value=await self._rooms.scenes())

    async def _triggers(self, _call: Call) -> Answer:
        return Answer(value=await self._rooms.triggers())

    async def _guide(self, _call: Call) -> Answer:
        return Answer(value=await self._rooms.guide())

    async def _past(self, _call: Call) -> Answer:
        return Answer(value=await run_in_threadpool(self._sessions.recent, _SHOWN_SESSIONS))

    async def _add_context(self, call: Call) -> Answer:
        return Answer(value=await run_in_threadpool(self._context.add, call.body))

    async def _newest_context(self, call: Call) -> Answer:
        return Answer(value=await run_in_threadpool(self._context.newest, call.body.patient))

    async def _list_rooms(self, _call: Call) -> Answer:
        return Answer(value=await self._rooms.rooms())

    async def _state(self, call: Call) -> Answer:
        return Answer(value=await self._rooms.state(call.room))

    async def _start(self, call: Call) -> Answer:
        body: messages.StartBody = call.body
        screening = Screening(
            present=body.screening.present, override_reason=body.screening.override_reason.strip()
        )
        check(screening)
        try:
            personal = Personal(
                options=dict(body.options),
                triggers=frozenset(body.triggers),
                eye_height_m=body.eye_height_m,
                soften=body.soften,
            )
        except BadPlan as error:
            raise BadRequest(f"body: {error}") from error
        start = SessionStart(
            plan_id=body.plan_id,
            patient=body.patient.strip(),
            screening=screening,
            actor=call.actor,
            scene=body.scene or "",
            personal=personal,
            stream=body.stream,
            condition=body.condition,
            yoked_to=body.yoked_to or "",
            blind=body.blind,
            guide=_guide_of(body.guide),
        )
        if self._memory is not None:
            known = await run_in_threadpool(self._memory.for_guide, start.patient)
            start = dataclasses.replace(start, remembered=known[0], met_before=known[1])
        return Answer(value=await self._rooms.start_session(call.room, start))

    async def _command(self, call: Call) -> Answer:
        try:
            command = messages.to_command(call.body, call.actor)
        except msgspec.ValidationError as error:
            raise BadRequest(f"body: {error}") from error
        return Answer(value=await self._rooms.command(call.room, command))


def _guide_of(body: GuideChoiceBody | None) -> GuideChoice | None:
    if body is None:
        return None
    return GuideChoice(mode=body.mode, approval=body.approval, language=body.language)


def _memory_operations(memory: GuideMemory) -> list[Operation]:
    """Return the operations on what the guide remembers. A patient's label is never in an address."""

    async def show(call: Call) -> Answer:
        return Answer(value=await run_in_threadpool(memory.of, call.body.patient.strip(), actor=call.actor))

    async def keep(call: Call) -> Answer:
        body = msgspec.structs.replace(call.body, patient=call.body.patient.strip())
        return Answer(value=await run_in_threadpool(memory.keep, body, actor=call.actor))

    async def erase(call: Call) -> Answer:
        return Answer(
            value=await run_in_threadpool(memory.erase, call.body.patient.strip(), actor=call.actor)
        )

    return [
        Operation(
            method="POST",
            path="/api/guide-memory/of",
            summary="What the guide may remember of a patient, what is proposed, and who looked",
            handler=show,
            body=messages.GuideMemoryOf,
            reply=messages.GuideMemoryInfo,
        ),
        Operation(
            method="POST",
            path="/api/guide-memory",
            summary="Set the patient's consent and the notes that are kept",
            handler=keep,
            body=messages.GuideMemoryBody,
            reply=messages.GuideMemoryInfo,
            errors=(409,),
        ),
        Operation(
            method="POST",
            path="/api/guide-memory/erase",
            summary="Forget a patient: notes, consent, and that they met the guide",
            handler=erase,
            body=messages.GuideMemoryOf,
            reply=messages.GuideMemoryInfo,
        ),
    ]


def _endpoint(operation: Operation, accounts: Accounts) -> Callable[[Request], Any]:
    """Return the Starlette endpoint of `operation`: guard, decode, handle, answer."""

    async def endpoint(request: Request) -> Response:
        try:
            if operation.method == "POST":
                wire.check_unsafe(request)
            actor = await signed_in_as(accounts, request) if operation.signed_in else ""
            body = None
            if operation.body is not None:
                body = wire.decode(await wire.read_body(request), operation.body)
            answer = await operation.handler(Call(request=request, body=body, actor=actor))
        except ClinicError as error:
            return wire.error_response(error)
        response = wire.json_response(answer.value)
        if answer.token is not None:
            _set_cookie(response, answer.token, secure=request.url.scheme == "https")
        return response

    return endpoint


def _set_cookie(response: Response, token: str, *, secure: bool) -> None:
    """Give the browser `token` until it has to sign in again, or take the cookie away if it is empty."""
    response.set_cookie(
        wire.COOKIE,
        token,
        max_age=int(LONGEST_S) if token else 0,
        path="/",
        secure=secure,
        httponly=True,
        samesite="strict",
    )
