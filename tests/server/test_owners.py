"""Two owners on one store: whatever one of them has, the other gets the answer of an id that never
was. The rows are checked against the live lists: a new tool without one fails here."""

import re
from typing import Any

import anyio
import pytest
from mcp.shared.exceptions import MCPError
from mcp.shared.subscriptions import ResourceUpdated
from mcp.types import CallToolResult, PromptReference, ResourceTemplateReference, TextContent

from mcp_relight.domain.caller import Caller, acting_as
from mcp_relight.domain.job import new_job_id
from tests.flows.rig import start
from tests.server.conftest import Connect
from tests.server.task_client import TasksExtension, ask
from tests.server.test_changes import Heard
from tests.world import World

pytestmark = pytest.mark.anyio

JOB, IMAGE = "job_id", "image_id"
TOOLS: dict[str, list[dict[str, str]]] = {
    "analyze_light": [{"image": JOB}, {"image": IMAGE}],
    "app_picture": [{"image_id": IMAGE}],
    "app_preview": [{"image": IMAGE}, {"image": JOB}],
    "cancel_job": [{"job_id": JOB}],
    "compare_images": [{"job_id": JOB}],
    "find_images": [],
    "get_job": [{"job_id": JOB}],
    "list_jobs": [],
    "list_models": [],
    "plan_relight": [{"image": IMAGE}, {"image": JOB}],
    "relight_image": [{"image": IMAGE}, {"image": JOB}, {"based_on": JOB}],
    "view_image": [{"image": JOB}, {"image": IMAGE}],
}
"""By tool, the arguments that take an id; a tool without any lists what is one's own."""
TEMPLATES = {
    "relight://images/{image_id}": IMAGE,
    "relight://jobs/{job_id}": JOB,
    "relight://models/{provider}/{model}": None,
}

PROMPTS: dict[str, dict[str, str]] = {
    "match_light": {"image": IMAGE, "reference": JOB},
    "portrait_session": {"image": IMAGE},
    "product_shot": {"image": JOB},
    "relight_photo": {"image": IMAGE},
    "relight_set": {"folder": IMAGE, "look": JOB},
}
"""By prompt, its required arguments with something of another's in them."""
NEVER = {JOB: new_job_id(), IMAGE: "0" * 32}


async def ids_of_alice(connect: Connect, world: World) -> dict[str, str]:
    """Of a finished job of hers, and of its picture."""
    photo = str(world.photo("mug.jpg", width=96, height=64))
    with acting_as(Caller("alice")):
        async with connect() as client:
            job = await start(client, image=photo, look="loop", wait_s=45)
    return {JOB: job["job_id"], IMAGE: job["images"][0]["image_id"]}


def told(result: CallToolResult) -> str:
    assert result.is_error, result
    return "".join(part.text for part in result.content if isinstance(part, TextContent))


async def refusal(client: Any, uri: str) -> str:
    with pytest.raises(MCPError) as refused:
        await client.read_resource(uri)
    return re.sub(r"[0-9a-z_]{16,}", "ID", str(refused.value))


async def test_what_is_anothers_is_answered_like_what_never_was(
    connect: Connect, world: World
) -> None:
    theirs = await ids_of_alice(connect, world)
    with acting_as(Caller("bob")):
        async with connect() as client:
            names = {tool.name for tool in (await client.list_tools()).tools}
            assert names == set(TOOLS), "every tool has a row above"
            for name, rows in TOOLS.items():
                for row in rows:
                    of_another = {key: theirs[kind] for key, kind in row.items()}
                    of_nobody = {key: NEVER[kind] for key, kind in row.items()}
                    if name in {"plan_relight", "relight_image", "app_preview"}:
                        of_another, of_nobody = (
                            one | {"look": "split"} for one in (of_another, of_nobody)
                        )
                    answers = [
                        told(await client.call_tool(name, arguments))
                        for arguments in (of_another, of_nobody)
                    ]
                    assert answers[0] == answers[1], (name, row)
            listed = await client.call_tool("list_jobs", {})
            assert theirs[JOB] not in str(listed)
            templates = (await client.list_resource_templates()).resource_templates
            for template in templates:
                uri = template.uri_template
                kind = TEMPLATES[uri]
                if kind is not None:
                    made = [re.sub(r"\{.*\}", one[kind], uri) for one in (theirs, NEVER)]
                    answers = [await refusal(client, one) for one in made]
                    assert answers[0] == answers[1]
            assert theirs[IMAGE] not in str(await client.list_resources())
            for kind, uri in (
                (JOB, "relight://jobs/{job_id}"),
                (IMAGE, "relight://images/{image_id}"),
            ):
                known = await client.complete(
                    ResourceTemplateReference(type="ref/resource", uri=uri),
                    {"name": kind, "value": theirs[kind][:6]},
                )
                assert known.completion.values == []


async def test_tasks_of_another_are_unknown(connect: Connect, world: World) -> None:
    photo = str(world.photo("mug.jpg", width=96, height=64))
    with acting_as(Caller("alice")):
        async with connect() as client:
            job = await start(client, image=photo, look="loop", wait_s=45)
    with acting_as(Caller("bob")):
        async with connect(extensions=[TasksExtension()]) as client:
            for method in ("tasks/get", "tasks/update", "tasks/cancel"):
                with pytest.raises(MCPError, match="Unknown task"):
                    await ask(client, method, job["job_id"])


async def test_prompts_say_the_same_of_anothers_and_complete_nothing_of_theirs(
    connect: Connect, world: World
) -> None:
    theirs = await ids_of_alice(connect, world)
    with acting_as(Caller("bob", remote=True)):
        async with connect() as client:
            prompts = (await client.list_prompts()).prompts
            assert {prompt.name for prompt in prompts} == set(PROMPTS), "each has a row above"
            for prompt in prompts:
                kinds = PROMPTS[prompt.name]
                said: list[str] = []
                for known in (theirs, NEVER):
                    filled = {name: known[kind] for name, kind in kinds.items()}
                    words = str(await client.get_prompt(prompt.name, filled))
                    for value in filled.values():
                        words = words.replace(value, "ID")
                    said.append(words)
                assert said[0] == said[1]
                for argument in prompt.arguments or ():
                    for value in theirs.values():
                        found = await client.complete(
                            PromptReference(type="ref/prompt", name=prompt.name),
                            {"name": argument.name, "value": value[:6]},
                        )
                        assert value not in str(found.completion.values), argument.name


async def test_a_listener_hears_nothing_of_anothers(connect: Connect, world: World) -> None:
    """Whatever addresses it names: it is told of its own job, which moved after the other's."""
    uris = await jobs_of_two(connect, world)
    with acting_as(Caller("bob")):
        async with connect() as client:
            never = f"relight://jobs/{new_job_id()}"
            with anyio.fail_after(30):
                async with client.listen(resource_subscriptions=[*uris, never]) as events:
                    assert await anext(aiter(events)) == ResourceUpdated(uri=uris[1])


@pytest.mark.filterwarnings("ignore::mcp.MCPDeprecationWarning")  # the era is meant
async def test_a_subscriber_of_the_older_era_hears_nothing_of_anothers(
    connect: Connect, world: World
) -> None:
    uris = await jobs_of_two(connect, world)
    heard = Heard()
    with acting_as(Caller("bob")):
        async with connect("legacy", message_handler=heard) as client:
            for uri in (f"relight://jobs/{new_job_id()}", *uris):
                await client.session.subscribe_resource(uri)
            with anyio.fail_after(30):
                await heard.more.wait()
    assert heard.uris == [uris[1]]


async def jobs_of_two(connect: Connect, world: World) -> list[str]:
    """The addresses of a job of alice's and of a later one of bob's, both ended."""
    photo = str(world.photo("mug.jpg", width=96, height=64))
    uris: list[str] = []
    for owner in ("alice", "bob"):
        with acting_as(Caller(owner)):
            async with connect() as client:
                job = await start(client, image=photo, look="loop", wait_s=45)
                uris.append(f"relight://jobs/{job['job_id']}")
    return uris


async def test_the_same_photo_is_everybodys_own(connect: Connect, world: World) -> None:
    photo = str(world.photo("mug.jpg", width=96, height=64))
    jobs = []
    for owner in ("alice", "bob"):
        with acting_as(Caller(owner)):
            async with connect() as client:
                jobs.append(await start(client, image=photo, look="loop", wait_s=45))
    assert jobs[0]["job_id"] != jobs[1]["job_id"]
    assert jobs[1]["status"] == "succeeded"
