"""Two servers behind a balancer that takes them in turn, one database, three workers."""

import base64
from collections.abc import Iterator
from typing import Any

import anyio
import pytest
from mcp.types import ElicitResult

from tests.flows.rig import facts_of
from tests.server.task_client import TasksExtension, ask, call_for_task
from tests.server.web.farm import WITHIN_S, Farm, ended, running_farm

pytest.importorskip("procrastinate", reason="needs the extra team")
pytestmark = [pytest.mark.anyio, pytest.mark.long]


@pytest.fixture(scope="module")
def farm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Farm]:
    with running_farm(tmp_path_factory.mktemp("farm")) as running:
        yield running


async def test_calls_alternate_and_a_job_is_followed_from_either(farm: Farm) -> None:
    before = dict(farm.balancer.served)
    told: list[float] = []

    async def on_progress(progress: float, total: float | None, words: str | None) -> None:
        told.append(progress)

    async with farm.client() as client:
        for _ in range(10):
            assert not (await client.call_tool("list_jobs", {})).is_error
        wanted = {"image": farm.photo("a.jpg"), "look": "golden_hour", "wait_s": 0}
        job = facts_of(await client.call_tool("relight_image", wanted))
        done = await ended(client, job["job_id"], progress_callback=on_progress)
        assert done["status"] == "succeeded"
        image_id = done["images"][0]["image_id"]
        (content,) = (await client.read_resource(f"relight://images/{image_id}")).contents
        assert base64.b64decode(content.blob).startswith(b"\xff\xd8\xff")  # pyright: ignore
    assert told
    served = {url: n - before.get(url, 0) for url, n in farm.balancer.served.items()}
    assert len(served) == 2
    assert min(served.values()) >= 5


async def test_a_listener_is_told_of_a_job_whoever_answers_and_works(farm: Farm) -> None:
    async with farm.client() as client:
        wanted = {"image": farm.photo("b.jpg", 400), "look": "blue_hour", "wait_s": 0}
        job = facts_of(await client.call_tool("relight_image", wanted))
        uri = f"relight://jobs/{job['job_id']}"
        with anyio.fail_after(WITHIN_S):
            async with client.listen(resource_subscriptions=[uri]) as events:
                assert (await ended(client, job["job_id"]))["status"] == "succeeded"
                async for event in events:
                    assert event.uri == uri  # pyright: ignore
                    break


async def test_a_task_is_asked_for_at_either(farm: Farm) -> None:
    async with farm.client(extensions=[TasksExtension()]) as client:
        wanted = {"image": farm.photo("c.jpg"), "look": "rembrandt", "wait_s": 0}
        task = await call_for_task(client, "relight_image", wanted)
        with anyio.fail_after(WITHIN_S):
            status = ""
            while status != "completed":
                status = (await ask(client, "tasks/get", task["taskId"]))["status"]


async def test_a_question_asked_by_one_is_answered_to_the_other(farm: Farm) -> None:
    asked: list[Any] = []

    async def person(context: Any, params: Any) -> ElicitResult:
        asked.append(params)
        return ElicitResult(action="accept", content={"confirm": True})

    image = farm.photo("d.jpg", 120)
    async with farm.client(elicitation_callback=person) as client:
        for seed in range(5):
            wanted = {"image": image, "model": "segmind/ic-light", "light_from": "left"}
            answer = await client.call_tool("relight_image", {**wanted, "seed": seed, "wait_s": 0})
            job = facts_of(answer)
    assert len(asked) == 5
    async with farm.client() as client:
        assert (await ended(client, job["job_id"]))["status"] == "succeeded"


async def test_another_owner_finds_nothing_at_either(farm: Farm) -> None:
    async with farm.client() as client:
        wanted = {"image": farm.photo("a.jpg"), "look": "golden_hour", "wait_s": 0}
        job = facts_of(await client.call_tool("relight_image", wanted))
    async with farm.client(sub="bob") as client:
        for _ in range(2):
            found = await client.call_tool("get_job", {"job_id": job["job_id"]})
            assert found.is_error
            assert "job_not_found" in str(found.content)


async def test_clients_of_the_older_era_call_either(farm: Farm) -> None:
    async with farm.client(mode="legacy") as client:
        for _ in range(8):
            assert not (await client.call_tool("list_jobs", {})).is_error


async def test_the_call_after_a_kill_is_answered_and_what_was_called_is_known(farm: Farm) -> None:
    async with farm.client() as client:
        await client.call_tool("list_models", {})
        farm.replicas[0].process.kill()
        farm.replicas[0].process.wait()
        for _ in range(4):
            assert not (await client.call_tool("list_jobs", {})).is_error
    await anyio.sleep(1.5)  # the trail is written once a second
    done = farm.world.run(
        "owners", "report", "--json", environment=farm.world.environment | farm.environment
    )
    assert '"calls"' in done.stdout
    assert farm.replicas[1].stop() is not None
