"""The story with the Inspector's command line, one process per step."""

import json
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.clients.test_typescript import reachable
from tests.node import installed_node
from tests.server.test_surface import NAMES
from tests.world import World

pytestmark = pytest.mark.long

TOOL_ERROR = 5
"""The Inspector's exit code for `isError`."""

Ask = Callable[..., Any]


@pytest.fixture(params=["stdio", "http"])
def ask(request: pytest.FixtureRequest, world: World) -> Iterator[Ask]:
    node = installed_node()
    program = node.module("@modelcontextprotocol/inspector/clients/launcher/build/index.js")
    with reachable(world, request.param) as server:
        if request.param == "http":
            target = ["--server-url", server["url"], "--transport", "http"]
        else:
            # It hands its own environment on only where told to.
            given = [f"{name}={value}" for name, value in world.environment.items()]
            target = [sys.executable, *server["args"], *(x for one in given for x in ("-e", one))]

        def asked(method: str, *arguments: str, expect: int = 0) -> Any:
            done = node.run(
                program,
                *("--cli", *target, "--method", method, *arguments),
                timeout_s=120,
            )
            assert done.returncode == expect, done.stdout[-2000:] + done.stderr[-2000:]
            return json.loads(done.stdout[done.stdout.index("{") :])

        yield asked


def called(ask: Ask, name: str, expect: int = 0, **arguments: Any) -> Any:
    return ask(
        "tools/call",
        *("--tool-name", name, "--tool-args-json", json.dumps(arguments)),
        expect=expect,
    )


def test_the_story(ask: Ask, world: World) -> None:
    photo = str(world.photo("mug.jpg"))
    assert {tool["name"] for tool in ask("tools/list")["tools"]} >= set(NAMES)
    light = {"image": photo, "look": "golden_hour"}
    plan = called(ask, "plan_relight", **light)["structuredContent"]
    assert plan["candidates"][0]["model"] == "local/classic"
    started = called(ask, "relight_image", **light, wait_s=0)["structuredContent"]
    # Another process, another server: the job is on disk.
    job = called(ask, "get_job", job_id=started["job_id"], wait_s=45)["structuredContent"]
    assert job["status"] == "succeeded"
    (content,) = ask("resources/read", "--uri", job["images"][0]["uri"])["contents"]
    assert content["mimeType"] == "image/jpeg"
    late = called(ask, "cancel_job", job_id=job["job_id"])["structuredContent"]
    assert late["next_step"].startswith("Nothing was cancelled")
    assert late == {**job, "next_step": late["next_step"]}
    refused = called(ask, "relight_image", TOOL_ERROR, image=photo, look="gold")
    assert refused["_meta"]["mcp-relight/error"]["code"] == "unknown_look"
    assert {prompt["name"] for prompt in ask("prompts/list")["prompts"]} >= {"relight_photo"}
