"""MCP's address. What answers at once answers in one piece.

An answer that may come in pieces has two tasks and a stream of its own, is pinged every 15 s, and
ends with its client: all of it for calls that wait or tell how far they are.
"""

import json
from contextvars import ContextVar
from typing import Any, cast

from mcp.server.streamable_http_manager import StreamableHTTPASGIApp
from starlette.types import Message, Receive, Scope, Send

_AT_ONCE = frozenset({b"list_models", b"list_jobs"})
_MAY_WAIT = b"get_job"
_SHORT_BYTES = 4096

_is_whole: ContextVar[bool] = ContextVar("is_whole", default=False)


class _AsTheCallIs:
    """Stands where the SDK takes a constant, and is asked for each call."""

    def __bool__(self) -> bool:
        return _is_whole.get()


AS_THE_CALL_IS = cast(bool, _AsTheCallIs())
"""Whether the answer comes in one piece."""


class OnePiece:
    """`app`, told of each call whether it answers at once. That its name is that of the body is
    checked by the SDK."""

    def __init__(self, app: StreamableHTTPASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        name = _called(scope)
        is_whole = name in _AT_ONCE
        if name == _MAY_WAIT:
            body = await _beginning(receive)
            is_whole = _waits_not(body)
            receive = _again(body, receive)
        token = _is_whole.set(is_whole)
        try:
            await self._app(scope, receive, send)
        finally:
            _is_whole.reset(token)


def _called(scope: Scope) -> bytes | None:
    """The tool, by the headers of 2026-07-28."""
    name: bytes | None = None
    is_call = False
    for key, value in scope["headers"]:
        if key == b"mcp-name":
            name = value
        elif key == b"mcp-method":
            is_call = value == b"tools/call"
    return name if is_call else None


async def _beginning(receive: Receive) -> list[Message]:
    """What comes of the body: all, or more than a short one has."""
    messages = [await receive()]
    left = _SHORT_BYTES - len(messages[-1].get("body", b""))
    while messages[-1].get("more_body", False) and left > 0:
        messages.append(await receive())
        left -= len(messages[-1].get("body", b""))
    return messages


def _waits_not(messages: list[Message]) -> bool:
    """Whether this is all of a body, and says to wait 0 s."""
    if messages[-1].get("more_body", False):
        return False
    try:
        body: Any = json.loads(b"".join(one.get("body", b"") for one in messages))
        return bool(body["params"]["arguments"]["wait_s"] == 0)
    except (ValueError, KeyError, TypeError, RecursionError):
        return False  # whoever answers says what is wrong


def _again(messages: list[Message], receive: Receive) -> Receive:
    """`receive` as it was before these were taken from it."""
    left = messages[::-1]

    async def next_one() -> Message:
        return left.pop() if left else await receive()

    return next_one
