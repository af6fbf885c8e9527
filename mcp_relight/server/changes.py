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

from mcp_relight.domain.caller import Caller, acting_as, current_caller
from mcp_relight.service.following import JobChange
from mcp_relight.service.handle import ServiceHandle

JOB_URI = "relight://jobs/"

Listener = Callable[[ServerEvent], None]

_AFTER_TROUBLE_S = 5.0
_SLOW_CLIENT_S = 2.0
_MAX_URIS_PER_CONNECTION = 1000

_log = logging.getLogger(__name__)


class Changes:
    """A `SubscriptionBus` fed by the job store, for both protocol eras. Whoever subscribes is told
    of what is theirs."""

    def __init__(self, handle: ServiceHandle) -> None:
        self._handle = handle
        self._feeds: dict[str, _Feed] = {}
        self._new: list[_Feed] = []
        self._wanted = anyio.Event()

    async def publish(self, event: ServerEvent) -> None:
        """Tell everybody."""
        for feed in list(self._feeds.values()):
            await feed.publish(event)

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        return self._feed().subscribe(listener)

    async def run(self) -> None:
        """Follow the job store for those who are subscribed. Runs as long as the server."""
        async with anyio.create_task_group() as tasks:
            while True:
                await self._wanted.wait()
                self._wanted = anyio.Event()
                for feed in self._new:
                    tasks.start_soon(feed.run)
                self._new.clear()

    def serve_handshake_era(self, server: MCPServer[Any]) -> None:
        """Serve `resources/subscribe` and `resources/unsubscribe` of 2025-11-25."""
        lowlevel = server._lowlevel_server  # pyright: ignore[reportPrivateUsage] - no public way in 2.3
        lowlevel.add_request_handler("resources/subscribe", SubscribeRequestParams, self._add)
        lowlevel.add_request_handler("resources/unsubscribe", UnsubscribeRequestParams, self._drop)

    async def _add(
        self, ctx: ServerRequestContext[Any, Any], params: SubscribeRequestParams
    ) -> EmptyResult:
        self._feed().add(_connection(ctx), params.uri)
        return EmptyResult()

    async def _drop(
        self, ctx: ServerRequestContext[Any, Any], params: UnsubscribeRequestParams
    ) -> EmptyResult:
        feed = self._feeds.get(current_caller().owner)
        if feed is not None:
            feed.drop(_connection(ctx), params.uri)
        return EmptyResult()

    def _feed(self) -> "_Feed":
        owner = current_caller().owner
        feed = self._feeds.get(owner)
        if feed is None:
            feed = _Feed(self._handle, owner, at_rest=lambda: self._feeds.pop(owner, None))
            self._feeds[owner] = feed
            self._new.append(feed)
            self._wanted.set()
        return feed


class _Feed:
    """What one owner's subscribers are told, from the first to the last of them."""

    def __init__(self, handle: ServiceHandle, owner: str, *, at_rest: Callable[[], object]) -> None:
        self._handle = handle
        self._owner = owner
        self._at_rest = at_rest
        self._fan_out = InMemorySubscriptionBus()
        self._listeners = 0
        self._handshake: dict[Connection, set[str]] = {}
        self._scope = anyio.CancelScope()

    async def run(self) -> None:
        with self._scope, acting_as(Caller(self._owner)):
            while True:
                await self._follow()

    async def publish(self, event: ServerEvent) -> None:
        await self._fan_out.publish(event)
        if isinstance(event, ResourceUpdated):
            await self._tell_handshake(event.uri)

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        stop = self._fan_out.subscribe(listener)
        self._listeners += 1
        is_over = False

        def unsubscribe() -> None:
            nonlocal is_over
            if not is_over:
                is_over = True
                stop()
                self._listeners -= 1
                self._rest_if_unwanted()

        return unsubscribe

    def add(self, connection: Connection, uri: str) -> None:
        if connection not in self._handshake:
            self._handshake[connection] = set()
            connection.exit_stack.callback(self._forget, connection)
        uris = self._handshake[connection]
        if len(uris) < _MAX_URIS_PER_CONNECTION:
            uris.add(uri)

    def drop(self, connection: Connection, uri: str) -> None:
        self._handshake.get(connection, set()).discard(uri)
        self._rest_if_unwanted()

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

    def _forget(self, connection: Connection) -> None:
        self._handshake.pop(connection, None)
        self._rest_if_unwanted()

    def _rest_if_unwanted(self) -> None:
        if self._listeners == 0 and not any(self._handshake.values()):
            self._scope.cancel()
            self._at_rest()


def _connection(ctx: ServerRequestContext[Any, Any]) -> Connection:
    # `ctx.session` is made anew for every request; the connection is what lasts.
    return ctx.session._connection  # pyright: ignore[reportPrivateUsage] - no public way in 2.3
