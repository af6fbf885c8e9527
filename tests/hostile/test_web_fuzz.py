"""A server with accounts under fire over HTTP: by mcp-fuzzer, with a token that is good; and at
every address beside MCP, with requests that no client of ours would send."""

import json
import random
import subprocess
from collections import Counter
from collections.abc import Sequence

import httpx2
import pytest

from mcp_relight.domain.capability import hash_of, new_text
from mcp_relight.server.links import Links
from mcp_relight.server.web.routes import WebRoute
from tests.hostile.test_fuzzer import NO_FINDING, SEED, lines
from tests.http_server import serving
from tests.server.web.site import ORIGIN, visiting
from tests.server.web.team import STATE_KEY, Team, team
from tests.tool import program
from tests.world import World

_ACCOUNTS = {
    "MCP_RELIGHT_ACCOUNTS": "1",
    "MCP_RELIGHT_PUBLIC_URL": ORIGIN,
    "MCP_RELIGHT_STATE_KEYS": STATE_KEY,
    "MCP_RELIGHT_WORKER": "none",
}
METHODS = ("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "BREW")
TYPES = (
    "application/json",
    "image/png",
    "multipart/form-data; boundary=x",
    "text/html",
    "\xff",
    "",
)
TEXTS = ("x", "..", "%2e%2e%2f", "%00", "a" * 43, "a" * 5000, "\u202e", "'; DROP TABLE jobs;--", "")


async def _sound_texts(here: Team, owner: str) -> list[str]:
    """Last parts of addresses that are well formed: some open nothing, some do."""
    link, _ = Links(ORIGIN, ["another key"]).sign("ab" * 16, owner=owner)
    upload, page = new_text(), new_text()
    await here.application.uploads.open_upload(hash_of(upload), owner=owner)
    await here.application.key_pages.open(hash_of(page), owner=owner, provider="pixeldojo")
    return [new_text(), link.rpartition("/")[2], upload, page]


async def _requests(
    here: Team, chance: random.Random, routes: Sequence[WebRoute]
) -> list[httpx2.Request]:
    """As the application has its addresses, so that none is forgotten."""
    token = await here.token("acme", "relight:free", "relight:paid", "relight:admin")
    who = [f"Bearer {token}", f"Bearer {token[:-1]}", "Bearer ", "Basic x", "\xff", None]
    texts = [*TEXTS, *await _sound_texts(here, "acme")]
    bodies = [b"", b"\x00" * 300, b"{", b"x" * 70_000, *lines(chance, 40)]
    made: list[httpx2.Request] = []
    for route in routes:
        methods = chance.choices(METHODS, k=6) + list(route.methods) * 4
        for method in methods:
            path = route.path.replace("{token}", chance.choice(texts))
            headers = {"content-type": chance.choice(TYPES).encode("latin-1")}
            if (authorization := chance.choice(who)) is not None:
                headers["authorization"] = authorization.encode("latin-1")
            if chance.random() < 0.3:
                headers["range"] = chance.choice([b"bytes=0-", b"bytes=9-1", b"\xff"])
            if chance.random() < 0.2:
                path += chance.choice(["?a=b", "/", "/..", "?token=" + token, "%"])
            body = chance.choice(bodies)
            made.append(httpx2.Request(method, ORIGIN + path, headers=headers, content=body))
    return made


@pytest.mark.anyio
async def test_no_request_at_any_address_is_the_servers_fault(
    world: World, pytestconfig: pytest.Config, caplog: pytest.LogCaptureFixture
) -> None:
    chance = random.Random(SEED)
    rounds = 20 if pytestconfig.getoption("--full") else 1
    async with (
        team(world, None, key_ring="a1" * 32, callback_url="https://hooks.test") as here,
        visiting(here.app) as client,
    ):
        routes = here.app.addresses.terms
        statuses: Counter[int] = Counter()
        for _ in range(rounds):
            for request in await _requests(here, chance, routes):
                answer = await client.send(request)
                statuses[answer.status_code] += 1
                said = answer.content
                assert answer.status_code < 500, (request.method, request.url, said)
                assert not any(word in said for word in (b"Traceback", b"pydantic", b".py"))
        assert (await client.get("/readyz")).status_code == 200
    assert statuses.total() >= 60 * rounds
    assert {401, 404, 405} <= statuses.keys()
    assert not [record for record in caplog.records if record.exc_info]


@pytest.mark.long
@pytest.mark.parametrize("mode", ["tools", "protocol"])
def test_mcp_fuzzer_with_a_token_finds_nothing(
    world: World, pytestconfig: pytest.Config, mode: str
) -> None:
    fuzzer = program("fuzzer", "mcp-fuzzer")
    full = pytestconfig.getoption("--full")
    how = {
        "tools": ["--mode", "tools", "--phase", "both", "--runs", "30" if full else "3"],
        "protocol": ["--mode", "protocol", "--runs-per-type", "5" if full else "1"],
    }[mode]
    out, secrets = world.root / "out", world.root / "token.json"
    made = world.run(
        *("owners", "token", "acme", "--scope", "paid", "--json"),
        environment=world.environment | _ACCOUNTS,
    )
    token = json.loads(made.stdout)["token"]
    header = {"type": "custom", "headers": {"Authorization": f"Bearer {token}"}}
    secrets.write_text(json.dumps({"providers": {"ours": header}, "default_provider": "ours"}))
    with serving(world, env=_ACCOUNTS) as server:
        command = [fuzzer, *how, "--protocol", "streamablehttp", "--endpoint", server.url]
        command += ["--auth-config", str(secrets), "--seed", str(SEED), "--no-corpus"]
        command += ["--no-network", "--allow-host", "127.0.0.1", "--output-dir", str(out)]
        ended = subprocess.run(
            command, cwd=world.root, capture_output=True, text=True, timeout=900, check=False
        )
        assert httpx2.post(server.url, json={}, trust_env=False).status_code == 401
        assert server.process.poll() is None
        server.stop()
    summary = json.loads((out / "run_summary.json").read_text())
    assert summary["status"] == "completed", ended.stdout[-3000:]
    assert set(summary["findings"]["by_category"]) <= NO_FINDING
    report = world.run("owners", "report", "--json", environment=world.environment | _ACCOUNTS)
    if mode == "tools":  # the token opened the door: its owner's calls were written down
        assert sum(day["calls"] for day in json.loads(report.stdout)["days"]) >= 11
