"""`notifications/tasks` on a `subscriptions/listen` stream whose filter names `taskIds`.

Streams without task ids stay with the SDK's own handler, which knows nothing of tasks.
"""

from typing import Any, Literal

import anyio
from mcp.server.context import ServerRequestContext
from mcp.server.mcpserver import MCPServer
from mcp.server.subscriptions import ListenHandler, SubscriptionBus
from mcp.shared.exceptions import MCPError
from mcp.shared.subscriptions import (
    SUBSCRIPTION_ID_META_KEY,
    ResourceUpdated,
    ServerEvent,
    event_matches,
    event_to_notification,
)
from mcp.types import (
    Notification,
    NotificationParams,
    SubscriptionFilter,
    SubscriptionsAcknowledgedNotification,
    SubscriptionsAcknowledgedNotificationParams,
    SubscriptionsListenRequestParams,
    SubscriptionsListenResult,
)
from pydantic import ConfigDict

from .extension import Tasks, knows_tasks

_FILTER = "taskIds"
_MAX_TASKS = 50
_MAX_WAITING = 256
_INVALID_REQUEST = -32600


class TaskNotificationParams(NotificationParams):
    """A task in full, as `tasks/get` shows it."""

    model_config = ConfigDict(extra="allow")


class TaskNotification(Notification[TaskNotificationParams, Literal["notifications/tasks"]]):
    method: Literal["notifications/tasks"] = "notifications/tasks"
    params: TaskNotificationParams


def listen_for_tasks(server: MCPServer[Any], tasks: Tasks, bus: SubscriptionBus) -> None:
    """Serve listen streams that follow tasks, beside those that do not."""
    plain = ListenHandler(bus)

    async def listen(
        ctx: ServerRequestContext[Any, Any], params: SubscriptionsListenRequestParams
    ) -> SubscriptionsListenResult:
        task_ids = _task_ids(params.notifications)
        if not task_ids or not knows_tasks(ctx):
            return await plain(ctx, params)
        return await _Stream(ctx, params.notifications, task_ids, tasks).run(bus)

    lowlevel = server._lowlevel_server  # pyright: ignore[reportPrivateUsage] - no public way in 2.3
    lowlevel.add_request_handler("subscriptions/listen", SubscriptionsListenRequestParams, listen)


class _Stream:
    """One listen stream. It ends when its client stops reading; whoever comes back looks anew."""

    def __init__(
        self,
        ctx: ServerRequestContext[Any, Any],
        wanted: SubscriptionFilter,
        task_ids: tuple[str, ...],
        tasks: Tasks,
    ) -> None:
        if ctx.request_id is None:
            raise MCPError(_INVALID_REQUEST, "subscriptions/listen needs a request id.")
        self._ctx = ctx
        self._id = ctx.request_id
        self._meta: dict[str, Any] = {SUBSCRIPTION_ID_META_KEY: ctx.request_id}
        self._wanted = wanted.model_copy(update={_FILTER: list(task_ids)})
        self._uris = frozenset(wanted.resource_subscriptions or ())
        self._task_ids = task_ids
        self._tasks = tasks
        self._told: dict[str, dict[str, Any]] = {}

    async def run(self, bus: SubscriptionBus) -> SubscriptionsListenResult:
        send, receive = anyio.create_memory_object_stream[ServerEvent](_MAX_WAITING)

        def deliver(event: ServerEvent) -> None:
            try:
                send.send_nowait(event)
            except anyio.WouldBlock:
                send.close()
            except anyio.ClosedResourceError:
                return

        stop = bus.subscribe(deliver)
        try:
            await self._acknowledge()
            async for event in receive:
                await self._tell(event)
        finally:
            stop()
            send.close()
            receive.close()
        return SubscriptionsListenResult(_meta=self._meta)

    async def _acknowledge(self) -> None:
        params = SubscriptionsAcknowledgedNotificationParams(
            notifications=self._wanted, _meta=self._meta
        )
        await self._send(SubscriptionsAcknowledgedNotification(params=params))
        await self._tell_tasks()

    async def _tell(self, event: ServerEvent) -> None:
        if event_matches(self._wanted, self._uris, event):
            await self._send(event_to_notification(event, self._meta))
        if isinstance(event, ResourceUpdated):
            await self._tell_tasks()

    async def _tell_tasks(self) -> None:
        """Every followed task that shows something new."""
        for task_id in self._task_ids:
            task = await self._tasks.find(task_id)
            facts = task.details() if task is not None else {}
            if facts and self._told.get(task_id) != facts:
                self._told[task_id] = facts
                params = TaskNotificationParams.model_validate(facts | {"_meta": self._meta})
                await self._send(TaskNotification(params=params))

    async def _send(self, notification: Any) -> None:
        await self._ctx.session.send_notification(notification, related_request_id=self._id)


def _task_ids(wanted: SubscriptionFilter) -> tuple[str, ...]:
    given: Any = (wanted.model_extra or {}).get(_FILTER)
    if not isinstance(given, list):
        return ()
    ids: list[Any] = given  # pyright: ignore[reportUnknownVariableType] - straight from the wire
    return tuple(one for one in ids if isinstance(one, str))[:_MAX_TASKS]
