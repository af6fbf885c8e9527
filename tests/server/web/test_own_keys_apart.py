"""Keys of owners and pictures lent to providers where two servers and three workers share nothing
but a database and an S3 store."""

import re
from collections.abc import Iterator
from typing import Any

import anyio
import httpx2
import pytest
from mcp import Client
from mcp.types import ElicitResult

from tests.flows.rig import Paid, facts_of, refusal_of
from tests.s3 import BUCKET, S3
from tests.server.web.farm import WITHIN_S, Farm, ended, running_farm

pytest.importorskip("procrastinate", reason="needs the extra team")
pytest.importorskip("obstore", reason="needs the extra team")
pytestmark = [pytest.mark.anyio, pytest.mark.long]

OWN = "pd_sentinel_own_0002"
MODEL = "pixeldojo/image-relighting"


@pytest.fixture(scope="module")
def farm(s3: S3, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Farm]:
    """There is no shared key of that provider."""
    more = {"MCP_RELIGHT_KEY_RING": "c3" * 32, "PIXELDOJO_API_KEY": "", **s3.settings()}
    folder = tmp_path_factory.mktemp("farm")
    with running_farm(folder, apart=True, calls_back=True, **more) as running:
        running.simulator.open_account("pixeldojo", OWN, 50.0)
        yield running


async def uploaded(farm: Farm, client: Client, name: str) -> str:
    address = facts_of(await client.call_tool("upload_image", {}))["url"]
    data = farm.world.photo(name, width=200, height=150).read_bytes()
    async with httpx2.AsyncClient(trust_env=False, timeout=60) as person:
        return str((await person.put(address, content=data)).json()["image"])


async def entered(farm: Farm, url: str, *, sub: str) -> int:
    """Somebody types the key in on the page at that address, whichever server it is of."""
    headers = {"authorization": f"Bearer {farm.issuer.token(sub=sub)}"}
    async with httpx2.AsyncClient(trust_env=False, timeout=60) as person:
        assert (await person.get(url)).status_code == 200
        return (await person.put(url, content=OWN, headers=headers)).status_code


async def accepted(client: Client, wanted: dict[str, Any]) -> dict[str, Any]:
    """Servers remember for some seconds which keys there are."""
    with anyio.fail_after(WITHIN_S):
        while (answer := await client.call_tool("relight_image", wanted)).is_error:
            assert refusal_of(answer)["code"] == "model_not_ready"
            await anyio.sleep(1)
    return facts_of(answer)


async def test_a_key_entered_at_one_server_is_used_by_workers_elsewhere(farm: Farm, s3: S3) -> None:
    asked: list[str] = []

    async def person(context: Any, params: Any) -> ElicitResult:
        asked.append(params.url)
        return ElicitResult(action="accept")

    async with farm.client(elicitation_callback=person) as client:
        image = await uploaded(farm, client, "mug.jpg")
        wanted = {"image": image, "model": MODEL, "light_from": "left", "max_cost_usd": 1}
        wanted["wait_s"] = 0
        refused = refusal_of(await client.call_tool("relight_image", wanted))
        assert refused["code"] == "model_not_ready"
        assert asked[0].startswith(f"{farm.balancer.url}/keys/")
        assert await entered(farm, asked[0], sub="mallory") == 404
        assert await entered(farm, asked[0], sub="alice") == 201
        job = await ended(client, (await accepted(client, wanted))["job_id"])
        assert job["status"] == "succeeded", job
    async with farm.client(sub="bob") as client:
        wanted["image"] = await uploaded(farm, client, "cup.jpg")
        refused = refusal_of(await client.call_tool("relight_image", wanted))
        assert re.search(r"/keys/[A-Za-z0-9_-]{43}", refused["hint"])
    paid = Paid.by(farm.simulator)
    assert [charge["key"] for charge in paid.ledger["charges"]] == [OWN]
    assert {call["status"] for call in paid.ledger["calls"]} == {204}, "it called either server"
    check_lent(s3)
    check_nowhere(farm)


def check_lent(s3: S3) -> None:
    """The provider read one object by a signed address, which then went: it was made for that."""
    methods: dict[str, list[str]] = {}
    for method, path in s3.served:
        methods.setdefault(path.removeprefix(f"/{BUCKET}/"), []).append(method)
    there = set(s3.keys())
    (lent,) = [path for path, seen in methods.items() if "PUT" in seen and path not in there]
    assert methods[lent].index("PUT") < methods[lent].index("GET")
    assert s3.refused == []


def check_nowhere(farm: Farm) -> None:
    """Neither in the database nor in a log."""
    url = farm.environment["MCP_RELIGHT_DATABASE_URL"]
    kept = farm.cluster.execute("SELECT * FROM owner_keys", url=url)
    assert len(kept) == 1
    assert OWN not in str(kept)
    logs = [one.read_text() for one in farm.world.root.glob("worker-*.log")]
    assert logs
    assert not any(OWN in text for text in logs)
