"""One request and its answer: bounded while it is read, marked on its way out, and one log line."""

import itertools
import logging
import re
import secrets
import time
from collections.abc import Callable, MutableMapping
from contextvars import ContextVar
from typing import Any

import anyio
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .refused import Refused

_GIVEN_ID = re.compile(rb"[A-Za-z0-9_.-]{8,64}")
_ALWAYS = (
    (b"x-content-type-options", b"nosniff"),
    # Addresses may be secrets: no page tells another where its visitor came from.
    (b"referrer-policy", b"no-referrer"),
)

InPlace = Callable[[], Refused | None]

_OF_PROCESS, _numbers = secrets.token_hex(4), itertools.count()
"""Of ids made here. They tell requests apart, and keep no secret."""

_request_id: ContextVar[str] = ContextVar("request_id", default="")
_log = logging.getLogger("mcp_relight.access")


def current_request_id() -> str:
    """Of the request under way; empty outside of one."""
    return _request_id.get()


class Exchange:
    """`receive` and `send` for the app behind the guard."""

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.scope = scope
        self.template = "-"
        self.owner = "-"
        self._receive, self._send = receive, send
        self._began = time.monotonic()
        self._request_id = _id_of(scope)
        self._status: int | None = None
        self._left = 0
        self._within_s = 0.0
        self._ends_at: float | None = None
        self._whole = False
        self._body_refused: Refused | None = None
        self._in_place: InPlace | None = None
        self._held: Message | None = None
        self._is_replaced = False

    def bound(self, max_bytes: int, within_s: float) -> None:
        """Raises Refused for a body that says itself that it is too long; what says nothing is
        counted while it is read."""
        self._left, self._within_s = max_bytes, within_s
        for name, value in self.scope["headers"]:
            if name == b"content-length" and not 0 <= _number(value) <= max_bytes:
                raise _too_long()

    def instead(self, in_place: "InPlace") -> None:
        """Asked as the first piece of the answer comes: what is sent in its place, if anything."""
        self._in_place = in_place

    async def run(self, app: ASGIApp) -> None:
        token = _request_id.set(self._request_id)
        try:
            await app(self.scope, self._bounded, self.send)
        except Exception:
            if self._body_refused is None:
                raise
        finally:
            _request_id.reset(token)
        if self._body_refused is not None and self._status is None:
            refused, self._body_refused = self._body_refused, None
            await self.refuse(refused)

    async def refuse(self, refused: Refused) -> None:
        await refused.response()(self.scope, self._receive, self._pass)

    async def send(self, message: Message) -> None:
        if self._body_refused is not None or self._is_replaced:
            return  # the app's word on a body it did not get, or one that is replaced
        if self._in_place is not None:
            await self._hold(message, self._in_place)
            return
        await self._pass(message)

    async def _hold(self, message: Message, in_place: "InPlace") -> None:
        """Keep the head until the call has said whether it lacked something."""
        if message["type"] == "http.response.start":
            self._held = message
            return
        self._in_place = None
        refused = in_place()
        if refused is not None:
            await refused.response()(self.scope, self._receive, self._pass)
            self._is_replaced = True
            return
        if self._held is not None:
            await self._pass(self._held)
        await self._pass(message)

    async def _pass(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._status = message["status"]
            headers = [*message.get("headers", ()), (b"x-request-id", self._request_id.encode())]
            message = {**message, "headers": [*headers, *_missing(headers)]}
        await self._send(message)

    def log(self) -> None:
        took_ms = (time.monotonic() - self._began) * 1000
        _log.info(
            "%s %s %s %s %.0f ms owner=%s",
            self._request_id,
            self.scope["method"],
            self.template,
            self._status or "-",
            took_ms,
            self.owner,
            extra={
                "may_wait": True,
                "facts": {
                    "request_id": self._request_id,
                    "method": self.scope["method"],
                    "path": self.template,
                    "status": self._status,
                    "took_ms": round(took_ms),
                    "owner": self.owner,
                },
            },
        )

    async def _bounded(self) -> Message:
        if self._whole:
            return await self._receive()
        if self._ends_at is None:
            self._ends_at = anyio.current_time() + self._within_s
        message: Message | None = None
        with anyio.move_on_after(self._ends_at - anyio.current_time()):
            message = await self._receive()
        if message is None:
            raise self._give_up(Refused(408, "timeout", "The body did not arrive in time."))
        return self._counted(message)

    def _counted(self, message: Message) -> Message:
        self._left -= len(message.get("body", b""))
        self._whole = message["type"] != "http.request" or not message.get("more_body", False)
        if self._left < 0:
            raise self._give_up(_too_long())
        return message

    def _give_up(self, refused: Refused) -> Refused:
        self._body_refused = refused
        return refused


def _too_long() -> Refused:
    return Refused(413, "too_large", "The body is longer than this address takes.")


def _number(text: bytes) -> int:
    return int(text) if text.isdigit() else -1


def _missing(headers: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    there = {name.lower() for name, _ in headers}
    return [(name, value) for name, value in _ALWAYS if name not in there]


def _id_of(scope: MutableMapping[str, Any]) -> str:
    """A proxy's id, where it gave a plain one."""
    given = next((value for name, value in scope["headers"] if name == b"x-request-id"), b"")
    return given.decode() if _GIVEN_ID.fullmatch(given) else _new_id()


def _new_id() -> str:
    return f"{_OF_PROCESS}{next(_numbers):08x}"
