"""Many paid calls at once, to two servers, by one owner who may spend less than they cost."""

import base64
import json
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anyio
import httpx2
import pytest
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

from tests.crash.test_kill9 import journalled_simulator
from tests.flows.rig import facts_of, refusal_of, remote_environment
from tests.http_server import serving
from tests.jobs.postgres import Cluster, running_postgres
from tests.server.web.farm import working
from tests.world import World

pytest.importorskip("procrastinate", reason="needs the extra team")
pytestmark = [pytest.mark.anyio, pytest.mark.long]

MODEL, PRICE_USD = "segmind/ic-light", 0.037
_OVER = {"succeeded", "failed", "cancelled", "expired", "submit_unknown"}
_WITHIN_S = 600.0
_OVERRUN = {"timeout", "busy"}


@dataclass(frozen=True)
class Site:
    servers: list[str]
    cluster: Cluster
    token: str
    image: str

    def rows(self) -> list[tuple[str, str | None]]:
        """The stage of every job, and the code of its error."""
        return self.cluster.execute("SELECT stage, error ->> 'code' FROM jobs")


@contextmanager
def site(world: World, journal: Path, *, units: int) -> Iterator[Site]:
    """Two servers and two workers; the owner may spend so many pictures' price a day."""
    with ExitStack() as stack:
        simulator = stack.enter_context(journalled_simulator(journal))
        for provider, key in simulator.keys.items():
            simulator.open_account(provider, key, 1e6)
        cluster = stack.enter_context(running_postgres(fsync=True))
        environment = remote_environment(simulator, "segmind") | {
            "MCP_RELIGHT_DATABASE_URL": cluster.url,
            "MCP_RELIGHT_PUBLIC_URL": "http://relight.test",
            "MCP_RELIGHT_ALLOWED_HOSTS": "127.0.0.1",
            "MCP_RELIGHT_ACCOUNTS": "1",
            "MCP_RELIGHT_STATE_KEYS": "state-key-of-the-tests-0123456789abcdef",
            "MCP_RELIGHT_DAILY_BUDGET_USD": "100000",
        }
        everywhere = world.environment | environment

        def told(*words: str) -> str:
            done = world.run(*words, environment=everywhere)
            assert done.returncode == 0, done.stderr
            return done.stdout

        told("migrate")
        told("owners", "add", "acme", "--daily-budget-usd", str(units * PRICE_USD))
        token = json.loads(told("owners", "token", "acme", "--scope", "paid", "--json"))["token"]
        servers = [stack.enter_context(serving(world, env=environment)).url for _ in range(2)]
        for _ in range(2):
            stack.enter_context(working(world, environment))
        photo = world.photo("mug.jpg", width=64, height=64).read_bytes()
        image = "data:image/jpeg;base64," + base64.b64encode(photo).decode()
        yield Site(servers, cluster, token, image)


async def test_no_more_is_charged_than_the_owner_may_spend(
    world: World, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    calls, units = (1000, 100) if request.config.getoption("--full") else (120, 12)
    journal = tmp_path / "journal.jsonl"
    with site(world, journal, units=units) as found:
        answers = await _call_all_at_once(found, calls)
        with anyio.fail_after(_WITHIN_S):
            while any(stage not in _OVER for stage, _ in found.rows()):  # noqa: ASYNC110 - others
                await anyio.sleep(0.5)
        rows = Counter(found.rows())
    events = [json.loads(line) for line in journal.read_text().splitlines()]
    charges = [event for event in events if event["event"] == "charge"]
    spent_usd = sum(event["amount"] for event in charges)
    most_usd = units * PRICE_USD
    print(f"{calls} calls, {len(charges)} charges of {spent_usd:.3f}: {dict(rows)}")  # noqa: T201
    assert len({answer["job_id"] for answer in answers}) == calls
    assert spent_usd <= most_usd + 1e-9
    assert len(charges) >= units, "what is refused does not use the day up"
    assert rows == {
        ("succeeded", None): len(charges),
        ("failed", "budget_exceeded"): calls - len(charges),
    }


async def _call_all_at_once(found: Site, calls: int) -> list[dict[str, Any]]:
    """The facts of every answer; each call has words of its own, so it is a picture of its own."""
    answers: list[dict[str, Any]] = []
    async with AsyncExitStack() as stack:
        clients = [
            await stack.enter_async_context(_client(url, found.token)) for url in found.servers
        ]

        async def one(number: int) -> None:
            arguments = {"image": found.image, "model": MODEL, "finish": "as-returned"}
            arguments |= {"prompt": f"light number {number}", "max_cost_usd": 1, "wait_s": 0}
            arguments |= {"idempotency_key": f"call {number}"}
            answer = None
            while answer is None or answer.is_error:
                # A server that is overrun says so within half a minute: then once more, by its key.
                assert answer is None or refusal_of(answer)["code"] in _OVERRUN
                client = clients[number % len(clients)]
                answer = await client.call_tool("relight_image", arguments)
            answers.append(facts_of(answer))

        async with anyio.create_task_group() as tasks:
            for number in range(calls):
                tasks.start_soon(one, number)
    return answers


@asynccontextmanager
async def _client(url: str, token: str) -> AsyncIterator[Client]:
    async with httpx2.AsyncClient(
        headers={"authorization": f"Bearer {token}"},
        limits=httpx2.Limits(max_connections=None, max_keepalive_connections=0),
        timeout=_WITHIN_S,
        trust_env=False,
    ) as http:
        transport = streamable_http_client(url, http_client=http)
        async with Client(transport, read_timeout_seconds=_WITHIN_S) as client:
            yield client
