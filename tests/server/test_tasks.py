"""Jobs as tasks, for the clients that know the extension."""

from typing import Any

import anyio
import pytest
from mcp import Client, MCPError

from mcp_relight.simulator.control import SimulatorHandle
from tests.flows.rig import Paid, facts_of
from tests.server.conftest import Connect
from tests.server.task_client import TasksExtension, ask, call_for_task, ended, listen
from tests.world import World

pytestmark = pytest.mark.anyio

PAID = "segmind/ic-light"


async def nobody(context: Any, params: Any) -> Any:
    raise AssertionError("a task asks inside the task")


@pytest.fixture
def request_of(world: World) -> dict[str, Any]:
    photo = world.photo("mug.jpg", width=96, height=64)
    return {"image": str(photo), "light_from": "left", "wait_s": 0}


def knowing(connect: Connect, **options: Any) -> Client:
    return connect(extensions=[TasksExtension()], **options)


async def test_a_job_that_goes_on_is_a_task_with_the_id_and_result_of_the_job(
    connect: Connect, request_of: dict[str, Any]
) -> None:
    async with knowing(connect) as client:
        task = await call_for_task(client, "relight_image", request_of)
        assert task["status"] == "working"
        assert task["pollIntervalMs"] > 0
        assert "result" not in task
        done = await ended(client, task["taskId"])
        job = facts_of(await client.call_tool("get_job", {"job_id": task["taskId"]}))
    assert done["status"] == "completed"
    assert done["result"]["structuredContent"] == job
    assert job["status"] == "succeeded"


async def test_a_task_outlives_the_server_that_made_it(
    connect: Connect, request_of: dict[str, Any]
) -> None:
    async with knowing(connect) as client:
        task = await call_for_task(client, "relight_image", request_of)
        await ended(client, task["taskId"])
    async with knowing(connect) as another:
        assert (await ask(another, "tasks/get", task["taskId"]))["status"] == "completed"


async def test_a_finished_call_is_no_task(connect: Connect, request_of: dict[str, Any]) -> None:
    async with knowing(connect) as client:
        job = facts_of(await client.call_tool("relight_image", request_of | {"wait_s": 45}))
    assert job["status"] == "succeeded"


async def test_cancelling_the_task_cancels_the_job(
    connect: Connect, request_of: dict[str, Any], simulator: SimulatorHandle
) -> None:
    simulator.settings(polls=100_000)
    arguments = request_of | {"model": PAID, "max_cost_usd": 1.0}
    async with knowing(connect) as client:
        task = await call_for_task(client, "relight_image", arguments)
        for _ in range(2):
            assert (await ask(client, "tasks/cancel", task["taskId"]))["resultType"] == "complete"
        job = facts_of(await client.call_tool("get_job", {"job_id": task["taskId"], "wait_s": 0}))
    assert job["status"] == "cancelled" or "cancel" in " ".join(job["warnings"])


async def test_the_cost_is_asked_inside_the_task(
    connect: Connect, request_of: dict[str, Any], simulator: SimulatorHandle
) -> None:
    async with knowing(connect, elicitation_callback=nobody) as client:
        task = await call_for_task(client, "relight_image", request_of | {"model": PAID})
        assert task["status"] == "input_required"
        open_task = await ask(client, "tasks/get", task["taskId"])
        (key,) = open_task["inputRequests"]
        assert open_task["inputRequests"][key]["method"] == "elicitation/create"
        assert PAID in open_task["inputRequests"][key]["params"]["message"]
        assert Paid.by(simulator).submits == []
        await ask(client, "tasks/update", task["taskId"], inputResponses={"else": {}})
        assert (await ask(client, "tasks/get", task["taskId"]))["status"] == "input_required"
        yes = {"action": "accept", "content": {"confirm": True}}
        for _ in range(2):
            ack = await ask(client, "tasks/update", task["taskId"], inputResponses={key: yes})
            assert set(ack) <= {"resultType", "_meta"}
        done = await ended(client, task["taskId"])
    assert done["result"]["structuredContent"]["status"] == "succeeded"
    assert len(Paid.by(simulator).charges) == 1


@pytest.mark.parametrize(
    "answer",
    [
        {"action": "decline"},
        {"action": "accept", "content": {"confirm": False}},
        {"action": "accept"},
        "nonsense",
    ],
)
async def test_anything_but_a_yes_spends_nothing(
    connect: Connect, request_of: dict[str, Any], simulator: SimulatorHandle, answer: Any
) -> None:
    async with knowing(connect, elicitation_callback=nobody) as client:
        task = await call_for_task(client, "relight_image", request_of | {"model": PAID})
        await ask(client, "tasks/update", task["taskId"], inputResponses={"cost": answer})
        done = await ended(client, task["taskId"])
    assert done["result"]["isError"] is True
    assert done["result"]["_meta"]["mcp-relight/error"]["code"] == "budget_exceeded"
    assert Paid.by(simulator).submits == []


async def test_a_question_can_be_cancelled(
    connect: Connect, request_of: dict[str, Any], simulator: SimulatorHandle
) -> None:
    async with knowing(connect, elicitation_callback=nobody) as client:
        task = await call_for_task(client, "relight_image", request_of | {"model": PAID})
        await ask(client, "tasks/cancel", task["taskId"])
        yes = {"action": "accept", "content": {"confirm": True}}
        await ask(client, "tasks/update", task["taskId"], inputResponses={"cost": yes})
        assert (await ask(client, "tasks/get", task["taskId"]))["status"] == "cancelled"
    assert Paid.by(simulator).submits == []


async def test_a_listener_is_told_of_its_task_until_it_has_ended(
    connect: Connect, request_of: dict[str, Any]
) -> None:
    ours = TasksExtension()
    async with connect(extensions=[ours]) as client, anyio.create_task_group() as group:
        task = await call_for_task(client, "relight_image", request_of)
        group.start_soon(listen, client, task["taskId"], "job_" + "0" * 32)
        with anyio.fail_after(60):
            await ours.has_ended.wait()
        group.cancel_scope.cancel()
    assert {told["taskId"] for told in ours.told} == {task["taskId"]}
    last = ours.told[-1]
    assert last["status"] == "completed"
    assert last["result"]["structuredContent"]["status"] == "succeeded"
    assert "io.modelcontextprotocol/subscriptionId" in last["_meta"]
    assert len({str(told) for told in ours.told}) == len(ours.told)


@pytest.mark.parametrize("method", ["tasks/get", "tasks/update", "tasks/cancel"])
async def test_an_unknown_task_is_an_invalid_parameter(connect: Connect, method: str) -> None:
    async with knowing(connect) as client:
        with pytest.raises(MCPError) as refused:
            await ask(client, method, "job_" + "0" * 32)
    assert refused.value.code == -32602


async def test_clients_that_do_not_know_tasks_get_jobs_and_no_task_methods(
    connect: Connect, mode: Any, request_of: dict[str, Any]
) -> None:
    async with connect(mode) as client:
        job = facts_of(await client.call_tool("relight_image", request_of))
        with pytest.raises(MCPError) as refused:
            await ask(client, "tasks/get", job["job_id"])
    assert job["status"] in {"queued", "running", "succeeded"}
    assert refused.value.code in {-32021, -32601}
