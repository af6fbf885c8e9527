"""A client's half of the Tasks extension, as far as tests need it: the SDK has none."""

from typing import Any, Literal

import anyio
from mcp import Client
from mcp.client.extension import (
    ClaimContext,
    ClientExtension,
    NotificationBinding,
    ResultClaim,
)
from mcp.types import (
    CallToolResult,
    NotificationParams,
    Request,
    RequestParams,
    Result,
    SubscriptionFilter,
    SubscriptionsListenRequest,
    SubscriptionsListenRequestParams,
)
from pydantic import ConfigDict

EXTENSION = "io.modelcontextprotocol/tasks"
ENDED = {"completed", "failed", "cancelled"}


class Wire(Result):
    """Whatever came back."""

    model_config = ConfigDict(extra="allow")

    @property
    def facts(self) -> dict[str, Any]:
        return self.model_dump(by_alias=True, mode="json", exclude_none=True)


class CreatedTask(Wire):
    result_type: Literal["task"] = "task"


class _Params(RequestParams):
    model_config = ConfigDict(extra="allow")
    task_id: str


class _Told(NotificationParams):
    model_config = ConfigDict(extra="allow")


class _Call(Request[_Params, str]):
    name_param = "taskId"


class TasksExtension(ClientExtension):
    """Makes `call_tool(..., allow_claimed=True)` return tasks as they come."""

    identifier = EXTENSION

    def __init__(self) -> None:
        self.told: list[dict[str, Any]] = []
        self.has_ended = anyio.Event()

    def notifications(self) -> list[NotificationBinding[Any]]:
        return [
            NotificationBinding(method="notifications/tasks", params_type=_Told, handler=self._hear)
        ]

    async def _hear(self, told: "_Told") -> None:
        self.told.append(told.model_dump(by_alias=True, mode="json", exclude_none=True))
        if self.told[-1]["status"] in ENDED:
            self.has_ended.set()

    def claims(self) -> list[ResultClaim[Any]]:
        return [ResultClaim(result_type="task", model=CreatedTask, resolve=_never)]


async def _never(task: CreatedTask, context: ClaimContext) -> CallToolResult:
    raise AssertionError("these tests follow tasks themselves")


async def call_for_task(client: Client, name: str, arguments: dict[str, Any]) -> dict[str, Any]:
    """The task a call became. Fails when it became none."""
    created = await client.session.call_tool(name, arguments, allow_claimed=True)
    assert isinstance(created, CreatedTask), created
    return created.facts


async def ask(client: Client, method: str, task_id: str, **more: Any) -> dict[str, Any]:
    params = _Params.model_validate({"taskId": task_id, **more})
    answer = await client.session.send_request(_Call(method=method, params=params), Wire)
    return answer.facts


async def ended(client: Client, task_id: str, *, within_s: float = 60) -> dict[str, Any]:
    with anyio.fail_after(within_s):
        while True:
            task = await ask(client, "tasks/get", task_id)
            if task["status"] in ENDED:
                return task
            await anyio.sleep(0.1)


async def listen(client: Client, *task_ids: str) -> None:
    """Open a stream that follows these tasks; runs until it is cancelled."""
    wanted = SubscriptionFilter.model_validate({"taskIds": list(task_ids)})
    params = SubscriptionsListenRequestParams(notifications=wanted)
    await client.session.send_request(SubscriptionsListenRequest(params=params), Wire)
