"""Which answers come in one piece, seen by a client that takes no other."""

from typing import Any

import httpx2
import pytest

from tests.server.web.site import visiting
from tests.server.web.team import Team, call_body, call_headers, team
from tests.world import World

pytestmark = pytest.mark.anyio

_JSON = "application/json"
_NO_JOB = "job_aaaaaaaaaaaaaaaaaaaaaaaaaa"


async def call(
    started: Team, body: dict[str, Any], *, named: str | None = None, accept: str = _JSON
) -> httpx2.Response:
    """A call whose header names that tool, or the one of its body."""
    headers = {"content-type": _JSON, "accept": accept}
    headers |= call_headers(named or body["params"]["name"])
    async with visiting(started.app, authorization=f"Bearer {await started.token()}") as client:
        return await client.post("/mcp", json=body, headers=headers)


@pytest.mark.parametrize(
    ("tool", "arguments"),
    [("list_models", {}), ("list_jobs", {}), ("get_job", {"job_id": _NO_JOB, "wait_s": 0})],
)
async def test_what_answers_at_once_answers_in_one_piece(
    world: World, tool: str, arguments: dict[str, Any]
) -> None:
    async with team(world, None) as started:
        answer = await call(started, call_body(tool, arguments))
    assert answer.status_code == 200
    assert answer.json()["result"]["content"]


@pytest.mark.parametrize(
    ("tool", "arguments"),
    [
        ("get_job", {"job_id": _NO_JOB, "wait_s": 1}),
        ("get_job", {"job_id": _NO_JOB}),
        ("get_job", {}),
        ("relight_image", {"look": "golden_hour", "wait_s": 0}),
    ],
)
async def test_what_may_take_its_time_may_come_in_pieces(
    world: World, tool: str, arguments: dict[str, Any]
) -> None:
    async with team(world, None) as started:
        answer = await call(started, call_body(tool, arguments))
    assert answer.status_code == 406


async def test_a_call_named_otherwise_than_its_body_is_refused(world: World) -> None:
    """So that no slow call passes for a quick one."""
    async with team(world, None) as started:
        body = call_body("relight_image", {"look": "golden_hour"})
        answer = await call(started, body, named="list_jobs")
    assert answer.status_code == 400


async def test_a_long_body_reaches_the_call_whole(world: World) -> None:
    body = call_body("get_job", {"job_id": _NO_JOB, "wait_s": 0})
    body["params"]["_meta"]["io.modelcontextprotocol/clientInfo"] = {
        "name": "n" * 200_000,
        "version": "1",
    }
    async with team(world, None) as started:
        answer = await call(started, body, accept=f"{_JSON}, text/event-stream")
    assert answer.status_code == 200
    assert "No job" in answer.text
