"""The one way every request goes: count, read, note, answer, spoil, send."""

import hashlib

import anyio
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mcp_relight.simulator import wire
from mcp_relight.simulator.api import RESULT, Api
from mcp_relight.simulator.faults import KINDS, ON_REQUEST, Phase
from mcp_relight.simulator.refusals import refuse
from mcp_relight.simulator.spoiled_files import spoil_file
from mcp_relight.simulator.spoiled_replies import picture_as_json, spoil

MAX_BODY_BYTES = 40_000_000


def route(api: Api, phase: Phase, path: str, endpoint: object, *methods: str) -> Route:
    """A route whose endpoint answers honestly and whose requests the fault book may hit."""
    faults = Middleware(FaultMiddleware, api=api, phase=phase)
    return Route(path, endpoint, methods=methods or ("GET",), middleware=[faults])  # type: ignore[arg-type]


class FaultMiddleware:
    """Around one endpoint of `api`, whose requests belong to `phase`."""

    def __init__(self, app: ASGIApp, api: Api, phase: Phase) -> None:
        self._app = app
        self._api = api
        self._sim = api.sim
        self._phase = phase

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._sim.ledger.count(self._api.name, self._phase)
        kind = self._sim.faults.take(self._api.name, self._phase, ON_REQUEST)
        response, kind = await self._exchange(Request(scope, receive), kind)
        if kind and KINDS[kind].family == "connection":
            line = wire.Line(scope, receive, send, self._sim.settings.drip_s)
            await line.send_badly(response, kind)
        else:
            await response(scope, receive, send)

    async def _exchange(self, request: Request, kind: str | None) -> tuple[Response, str | None]:
        """The response, and the fault that hits it on its way."""
        if kind in wire.BEFORE_BODY:
            if kind == "reset_during_body":
                await request.receive()
            self._note(request, None, kind)
            return Response(), kind
        try:
            body = await _body(request)
        except ClientDisconnect:
            return Response(), "close_without_reply"
        if body is None:
            return self._api.error(413), None
        self._note(request, body, kind)
        if self._sim.settings.reply_delay_s:
            await anyio.sleep(self._sim.settings.reply_delay_s / self._sim.settings.speed)
        return await self._answer(request, body, kind)

    async def _answer(
        self, request: Request, body: bytes, kind: str | None
    ) -> tuple[Response, str | None]:
        """A fault scripted for the phase comes before one for the outcome of a job."""
        if kind in wire.UNACCEPTED:
            return Response(), kind
        if kind and KINDS[kind].family == "refusal" and not kind.startswith("charged_"):
            return refuse(kind, self._api, request), kind
        response = await self._honest(request, body)
        if kind is None and getattr(request.state, "phase", None) == RESULT:
            kind = self._sim.faults.take(self._api.name, RESULT, ON_REQUEST)
        return (await self._spoiled(request, response, kind) if kind else response), kind

    async def _honest(self, request: Request, body: bytes) -> Response:
        """What the endpoint answers, whole."""
        key = self._api.key_of(request.headers)
        until = self._sim.throttled_until(self._api.name, key) if key else None
        if until is not None:
            return self._api.throttled(until)
        sent: list[Message] = []

        async def receive() -> Message:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: Message) -> None:
            sent.append(message)

        await self._app(request.scope, receive, send)
        start, *pieces = sent
        response = Response(b"".join(piece.get("body", b"") for piece in pieces), start["status"])
        response.raw_headers = list(start["headers"])
        return response

    async def _spoiled(self, request: Request, response: Response, kind: str) -> Response:
        family = KINDS[kind].family
        if family == "refusal":
            return refuse(kind, self._api, request)
        if family == "file":
            return await spoil_file(kind, response, request)
        if kind.startswith("v1_json"):
            return picture_as_json(kind, response, self._api, request)
        if family == "reply":
            return spoil(kind, response, self._api, request)
        return response

    def _note(self, request: Request, body: bytes | None, kind: str | None) -> None:
        if request.method != "POST":
            return
        self._sim.ledger.note_post(
            path=request.url.path,
            phase=self._phase,
            bytes=None if body is None else len(body),
            sha256=None if body is None else hashlib.sha256(body).hexdigest(),
            fault=kind,
            at=self._sim.now(),
        )


async def _body(request: Request) -> bytes | None:
    """The body; None when it is over the cap."""
    read = bytearray()
    async for piece in request.stream():
        read += piece
        if len(read) > MAX_BODY_BYTES:
            return None
    return bytes(read)
