"""Pictures in an S3 store: two servers and three workers that share no folder, only a database."""

import base64
import hashlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import anyio
import httpx2
import pytest

from mcp_relight.bootstrap import Parts
from mcp_relight.bootstrap.tidying import prune
from mcp_relight.config import Settings
from mcp_relight.domain.image import image_id_of
from mcp_relight.errors import StoreDown
from tests.flows.rig import facts_of
from tests.s3 import S3
from tests.server.web.farm import WITHIN_S, Farm, ended, running_farm
from tests.world import make_photo

pytest.importorskip("procrastinate", reason="needs the extra team")
pytest.importorskip("obstore", reason="needs the extra team")
pytestmark = [pytest.mark.anyio, pytest.mark.long]

_MOST_MB = 135


@pytest.fixture(scope="module")
def farm(s3: S3, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Farm]:
    folder = tmp_path_factory.mktemp("farm")
    with running_farm(folder, apart=True, **s3.settings()) as running:
        yield running


@pytest.fixture(autouse=True)
def back_in_order(s3: S3) -> Iterator[None]:
    yield
    s3.is_down, s3.ahead_s = False, 0.0


def photo(farm: Farm, name: str) -> bytes:
    path = farm.world.root / name
    make_photo(path, 240, 180)
    # Pictures of the tests differ in their name alone.
    return path.read_bytes() + hashlib.sha256(name.encode()).digest()


async def fetched(url: str) -> httpx2.Response:
    async with httpx2.AsyncClient(trust_env=False, timeout=60) as anybody:
        return await anybody.get(url)


async def sent(client: Any, data: bytes) -> str:
    """Through a one-time address: the picture's own."""
    address = facts_of(await client.call_tool("upload_image", {}))["url"]
    async with httpx2.AsyncClient(trust_env=False, timeout=60) as anybody:
        answer = await anybody.put(address, content=data)
        assert answer.status_code == 201, answer.text
        assert (await anybody.put(address, content=data)).status_code == 404, "a second use"
    return str(answer.json()["image"])


async def readiness(farm: Farm) -> set[int]:
    """What its servers say they are, once they say the same."""
    async with httpx2.AsyncClient(trust_env=False, timeout=60) as anybody:
        with anyio.fail_after(WITHIN_S):
            said: set[int] = set()
            while len(said) != 1:
                await anyio.sleep(0.2)
                urls = [f"{one.url.removesuffix('/mcp')}/readyz" for one in farm.replicas]
                said = {(await anybody.get(url)).status_code for url in urls}
            return said


async def relit(client: Any, image: str, **how: Any) -> dict[str, Any]:
    answer = await client.call_tool("relight_image", {"image": image, "wait_s": 0, **how})
    return await ended(client, facts_of(answer)["job_id"])


@pytest.mark.parametrize("mode", ["modern", "legacy"])
@pytest.mark.parametrize("model", ["local/classic", "segmind/ic-light"])
async def test_a_photo_comes_by_an_address_and_its_result_goes_by_another(
    farm: Farm, s3: S3, mode: str, model: str
) -> None:
    options: dict[str, Any] = {"mode": "legacy"} if mode == "legacy" else {}
    async with farm.client(sub=f"{mode}-{model[:3]}", **options) as client:
        image = await sent(client, photo(farm, f"{mode}.jpg"))
        wanted = {"image": image, "look": "blue_hour"}
        assert not (await client.call_tool("plan_relight", wanted)).is_error
        job = await relit(client, image, light_from="left", model=model)
        assert job["status"] == "succeeded", job
        assert "written" not in str(job.get("warnings"))
        (told,) = job["images"]
        assert told["url"].startswith(s3.url)
        assert "path" not in told
        got = await fetched(told["url"])
        assert got.status_code == 200
        assert image_id_of(got.content) == told["image_id"]
        (content,) = (await client.read_resource(told["uri"])).contents
        assert base64.b64decode(content.blob) == got.content  # pyright: ignore
        assert not (await client.call_tool("view_image", {"image": job["job_id"]})).is_error
    for machine in farm.world.root.glob("*-[0-9]"):
        assert not list((machine / "results").rglob("*.*")), "results go by address alone"


async def test_an_address_of_a_result_expires_and_a_new_one_is_to_be_had(
    farm: Farm, s3: S3
) -> None:
    async with farm.client() as client:
        job = await relit(client, await sent(client, photo(farm, "b.jpg")), look="overcast")
        url = job["images"][0]["url"]
        s3.ahead_s = 800
        assert (await fetched(url)).status_code == 200
        s3.ahead_s = 902
        assert (await fetched(url)).status_code == 403
        s3.ahead_s = 0
        again = facts_of(await client.call_tool("get_job", {"job_id": job["job_id"]}))
        assert (await fetched(again["images"][0]["url"])).status_code == 200
        assert again["images"][0]["expires_at"] >= job["images"][0]["expires_at"]


async def test_an_address_for_a_photo_expires(farm: Farm) -> None:
    url = farm.environment["MCP_RELIGHT_DATABASE_URL"]
    async with farm.client() as client:
        address = facts_of(await client.call_tool("upload_image", {}))["url"]
        farm.cluster.execute("UPDATE uploads SET expires_at = 1", url=url)
        async with httpx2.AsyncClient(trust_env=False, timeout=60) as anybody:
            late = await anybody.put(address, content=photo(farm, "c.jpg"))
        assert late.status_code == 404


async def test_another_owner_finds_neither_photo_nor_result(farm: Farm, s3: S3) -> None:
    async with farm.client() as alice:
        data = photo(farm, "d.jpg")
        image = await sent(alice, data)
        job = await relit(alice, image, look="overcast")
    before = set(s3.keys())
    async with farm.client(sub="bob") as bob:
        for one in (image, job["images"][0]["uri"]):
            assert (await bob.call_tool("analyze_light", {"image": one})).is_error
        assert (await bob.call_tool("get_job", {"job_id": job["job_id"]})).is_error
        assert await sent(bob, data) == image, "the same bytes are called the same"
        assert len(set(s3.keys()) - before) == 1, "and are kept for him anew"
        assert (await bob.call_tool("analyze_light", {"image": job["images"][0]["uri"]})).is_error


async def test_a_job_outlasts_an_outage_of_the_store(farm: Farm, s3: S3) -> None:
    async with farm.client() as client:
        image = await sent(client, photo(farm, "e.jpg"))
        jobs: list[str] = []
        for model in ("local/classic", "segmind/ic-light"):
            wanted = {"image": image, "light_from": "right", "model": model, "wait_s": 0}
            answer = await client.call_tool("relight_image", wanted)
            jobs.append(facts_of(answer)["job_id"])
        s3.is_down = True  # before a worker has read the photo, or written what became of it
        refused = len(s3.refused)
        with anyio.fail_after(WITHIN_S):
            while len(s3.refused) < refused + 6:
                assert not (await client.call_tool("list_jobs", {})).is_error
                await anyio.sleep(0.2)
        assert await readiness(farm) == {503}
        s3.is_down = False
        assert await readiness(farm) == {200}
        for job_id in jobs:
            job = await ended(client, job_id)
            assert job["status"] == "succeeded", job
            assert (await fetched(job["images"][0]["url"])).status_code == 200


async def test_what_nobody_needs_any_more_goes_from_the_store(farm: Farm, s3: S3) -> None:
    async with farm.client(sub="carol") as client:
        before = set(s3.keys())
        job = await relit(client, await sent(client, photo(farm, "f.jpg")), look="overcast")
        assert len(set(s3.keys()) - before) == 2
        url = job["images"][0]["url"]
        assert (await fetched(url)).status_code == 200
    database = farm.environment["MCP_RELIGHT_DATABASE_URL"]
    farm.cluster.execute("UPDATE jobs SET updated_at = 1 WHERE stage = 'succeeded'", url=database)
    farm.cluster.execute("UPDATE images SET used_at = 1", url=database)
    s3.is_down = True
    with pytest.raises(StoreDown):
        await pruned(farm)
    s3.is_down = False
    farm.cluster.execute("UPDATE images SET used_at = 1", url=database)
    await pruned(farm)
    assert s3.keys() == []
    assert (await fetched(url)).status_code == 404


async def pruned(farm: Farm) -> None:
    """As a worker does every hour."""
    named = {
        name.removeprefix("MCP_RELIGHT_").lower(): value
        for name, value in farm.environment.items()
        if name.startswith(("MCP_RELIGHT_BLOB_", "MCP_RELIGHT_DATABASE_"))
    }
    parts = Parts(Settings.load({}, data_dir=farm.world.root / "tidy", **named))
    try:
        await prune(parts)
    finally:
        await parts.aclose()


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
async def test_a_server_stays_small_after_all_of_this(
    farm: Farm, record_property: Callable[[str, object], None]
) -> None:
    """PostgreSQL, tokens of an issuer, the queue and the store; the pixel child is its own."""
    for replica in farm.replicas:
        status = Path(f"/proc/{replica.process.pid}/status").read_text()
        held_kb = int(next(line for line in status.splitlines() if "VmRSS" in line).split()[1])
        record_property("server_mb", round(held_kb / 1024))
        assert held_kb <= _MOST_MB * 1024
