"""Change notifications: what moves in the job store, told to whoever subscribed.

2026-07-28 clients open `subscriptions/listen`, which the SDK serves from a bus; this is that bus.
2025-11-25 clients send `resources/subscribe`, which the SDK does not serve; the handlers are here.
The store is opened and looked at only while somebody is subscribed.
"""

import logging
from collections.abc import Callable
from contextlib import aclosing
from typing import Any

import anyio
from mcp.server.connection import Connection
from mcp.server.context import ServerRequestContext
from mcp.server.mcpserver import MCPServer
from mcp.server.subscriptions import InMemorySubscriptionBus
from mcp.shared.subscriptions import ResourcesListChanged, ResourceUpdated, ServerEvent
from mcp.types import EmptyResult, SubscribeRequestParams, UnsubscribeRequestParams

from mcp_relight.service.following import JobChange
from mcp_relight.service.handle import ServiceHandle

JOB_URI = "relight://jobs/"

Listener = Callable[[ServerEvent], None]

_AFTER_TROUBLE_S = 5.0
_SLOW_CLIENT_S = 2.0
_MAX_URIS_PER_CONNECTION = 1000

_log = logging.getLogger(__name__)


class Changes:
    """A `SubscriptionBus` fed by the job store, for both protocol eras."""

    def __init__(self, handle: ServiceHandle) -> None:
        self._handle = handle
        self._fan_out = InMemorySubscriptionBus()
        self._listeners = 0
        self._handshake: dict[Connection, set[str]] = {}
        self._wanted = anyio.Event()
        self._following: anyio.CancelScope | None = None

    async def publish(self, event: ServerEvent) -> None:
        await self._fan_out.publish(event)
        if isinstance(event, ResourceUpdated):
            await self._tell_handshake(event.uri)

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        stop = self._fan_out.subscribe(listener)
        self._listeners += 1
        self._wanted.set()
        is_over = False

        def unsubscribe() -> None:
            nonlocal is_over
            if not is_over:
                is_over = True
                stop()
                self._listeners -= 1
                self._rest_if_unwanted()

        return unsubscribe

    async def run(self) -> None:
        """Follow the job store while anybody is subscribed. Runs as long as the server."""
        while True:
            await self._wanted.wait()
            if not self._is_wanted():  # they left before this task woke up
                continue
            with anyio.CancelScope() as self._following:
                await self._follow()

    def serve_handshake_era(self, server: MCPServer[Any]) -> None:
        """Serve `resources/subscribe` and `resources/unsubscribe` of 2025-11-25."""
        lowlevel = server._lowlevel_server  # pyright: ignore[reportPrivateUsage] - no public way in 2.3
        lowlevel.add_request_handler("resources/subscribe", SubscribeRequestParams, self._add)
        lowlevel.add_request_handler("resources/unsubscribe", UnsubscribeRequestParams, self._drop)

    async def _follow(self) -> None:
        try:
            service = await self._handle.service()
            async with aclosing(service.changes()) as changes:
                async for change in changes:
                    await self._tell(change)
        except Exception:  # noqa: BLE001 - outermost: trouble here must not end the server
            _log.exception("Following the job store failed; trying again.")
            await anyio.sleep(_AFTER_TROUBLE_S)

    async def _tell(self, change: JobChange) -> None:
        await self.publish(ResourceUpdated(uri=JOB_URI + change.job_id))
        if change.brought_picture:
            await self.publish(ResourcesListChanged())

    async def _tell_handshake(self, uri: str) -> None:
        for connection, uris in list(self._handshake.items()):
            if uri in uris:
                with anyio.move_on_after(_SLOW_CLIENT_S):
                    await connection.send_resource_updated(uri)

    async def _add(
        self, ctx: ServerRequestContext[Any, Any], params: SubscribeRequestParams
    ) -> EmptyResult:
        connection = _connection(ctx)
        if connection not in self._handshake:
            self._handshake[connection] = set()
            connection.exit_stack.callback(self._forget, connection)
        uris = self._handshake[connection]
        if len(uris) < _MAX_URIS_PER_CONNECTION:
            uris.add(params.uri)
        self._wanted.set()
        return EmptyResult()

    async def _drop(
        self, ctx: ServerRequestContext[Any, Any], params: UnsubscribeRequestParams
    ) -> EmptyResult:
        self._handshake.get(_connection(ctx), set()).discard(params.uri)
        self._rest_if_unwanted()
        return EmptyResult()

    def _forget(self, connection: Connection) -> None:
        self._handshake.pop(connection, None)
        self._rest_if_unwanted()

    def _is_wanted(self) -> bool:
        return self._listeners > 0 or any(self._handshake.values())

    def _rest_if_unwanted(self) -> None:
        if self._is_wanted():
            return
        self._wanted = anyio.Event()
        if self._following is not None:
            self._following.cancel()


def _connection(ctx: ServerRequestContext[Any, Any]) -> Connection:
    # `ctx.session` is made anew for every request; the connection is what lasts.
    return ctx.session._connection  # pyright: ignore[reportPrivateUsage] - no public way in 2.3
