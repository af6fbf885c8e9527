"""Calls per second over HTTP, against a bare MCPServer of the same run.

    python -m benchmarks.http_calls [CALLS]

The server of a team on PostgreSQL, with tokens of its own and with JWTs; eight clients at once,
each a process of its own. `list_models` reads no row, `list_jobs` and `get_job` do. Processor time
per call is that of the server. At the end how long a photo of 12 megapixels takes to become an id,
and what one such process holds in memory. Targets: without a row at least 0.8 of the bare server's
rate, with one 0.5, with a JWT 0.45; an id within 1.5 s; 135 MB.
"""

import base64
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import anyio
import httpx2
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

from tests.http_server import serving
from tests.jobs.postgres import running_postgres
from tests.server.web.issuer import serving_issuer
from tests.server.web.team import call_body, call_headers, posted
from tests.world import World

_CLIENTS = 8
_ROUNDS = 3
_UPLOADS = 5
_PUBLIC = "https://relight.example.com"
_STATE_KEY = "state-key-of-the-benchmark-0123456789"
_BARE = """
import socket, sys, uvicorn
from mcp.server.mcpserver import MCPServer
server = MCPServer("bare", log_level="WARNING")
@server.tool()
async def empty() -> str:
    return "x"
with socket.create_server(("127.0.0.1", 0)) as listener:
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # as ours
    print(f"mcp-relight serves http://127.0.0.1:{listener.getsockname()[1]}/mcp", file=sys.stderr)
    config = uvicorn.Config(server.streamable_http_app(), log_level="critical", access_log=False)
    uvicorn.Server(config).run(sockets=[listener])
"""


# One connection, as cheap as can be: what is to be measured is the server.
_CLIENT = """
import http.client, json, sys
told = json.loads(sys.stdin.readline())
connection = http.client.HTTPConnection("127.0.0.1", told["port"], timeout=60)
def call():
    connection.request("POST", "/mcp", told["body"], told["headers"])
    answer = connection.getresponse()
    said = answer.read()
    assert answer.status == 200 and b'"isError":true' not in said, said
call()
print("ready", flush=True)
sys.stdin.readline()
for _ in range(told["calls"]):
    call()
print("done", flush=True)
"""


@dataclass(frozen=True)
class Target:
    name: str
    url: str
    pid: int
    token: str | None = None

    @property
    def headers(self) -> dict[str, str]:
        if self.token is None:
            return {}
        return {"host": "relight.example.com", "authorization": f"Bearer {self.token}"}


def rate(target: Target, tool: str, arguments: dict[str, Any], calls: int) -> list[float]:
    """Calls per second, and milliseconds of the server's processor per call."""
    told = {
        "port": urlsplit(target.url).port,
        "body": json.dumps(call_body(tool, arguments)),
        "headers": posted(**target.headers, **call_headers(tool)),
        "calls": calls // _CLIENTS,
    }
    clients = [
        subprocess.Popen(
            [sys.executable, "-S", "-c", _CLIENT],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(_CLIENTS)
    ]
    for client in clients:
        _tell(client, json.dumps(told))
    for client in clients:
        _hear(client, "ready")
    spent, began = processor_s(target.pid), time.perf_counter()
    for client in clients:
        _tell(client, "go")
    for client in clients:
        _hear(client, "done")
    took = time.perf_counter() - began
    spent = processor_s(target.pid) - spent
    for client in clients:
        client.communicate()
    made = told["calls"] * _CLIENTS
    return [made / took, spent / made * 1000]


def _tell(client: subprocess.Popen[str], line: str) -> None:
    assert client.stdin is not None
    client.stdin.write(line + "\n")
    client.stdin.flush()


def _hear(client: subprocess.Popen[str], word: str) -> None:
    assert client.stdout is not None
    assert client.stdout.readline().strip() == word


def processor_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident_mb(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text()
    line = next(one for one in status.splitlines() if one.startswith("VmRSS"))
    return int(line.split()[1]) / 1024


@contextmanager
def everybody(world: World) -> Iterator[tuple[Target, Target, Target]]:
    """A bare server, and ours by its own tokens and by JWTs of the same owner."""
    with ExitStack() as stack:
        issuer = stack.enter_context(serving_issuer(f"{_PUBLIC}/mcp"))
        cluster = stack.enter_context(running_postgres())
        environment = {
            "MCP_RELIGHT_DATABASE_URL": cluster.new_database("calls"),
            "MCP_RELIGHT_PUBLIC_URL": _PUBLIC,
            "MCP_RELIGHT_AUTH_ISSUER": issuer.name,
            "MCP_RELIGHT_AUTH_OWNER_CLAIM": "tenant",
            "MCP_RELIGHT_STATE_KEYS": _STATE_KEY,
        }
        whole = world.environment | environment
        command = [sys.executable, "-m", "mcp_relight"]
        subprocess.run([*command, "migrate"], env=whole, check=True, stdout=subprocess.DEVNULL)
        made = subprocess.run(
            [*command, "owners", "token", "acme"], env=whole, check=True, capture_output=True
        )
        ours = stack.enter_context(serving(world, env=environment))
        (world.root / "bare.py").write_text(_BARE)
        bare = stack.enter_context(serving(world, "bare"))
        yield (
            Target("bare", bare.url, bare.process.pid),
            Target("token", ours.url, ours.process.pid, made.stdout.decode().split()[0]),
            Target("jwt", ours.url, ours.process.pid, issuer.token(tenant="acme")),
        )


async def a_job(world: World, target: Target) -> str:
    """One that waits for ever: nobody works here."""
    photo = base64.b64encode(world.photo("a.jpg").read_bytes()).decode()
    wanted = {"image": f"data:image/jpeg;base64,{photo}", "look": "golden_hour", "wait_s": 0}
    return str((await _told(target, "relight_image", wanted))["job_id"])


async def uploads_s(world: World, target: Target) -> list[float]:
    """From the first byte of a photo of 12 megapixels to its id."""
    data, took = world.photo("large.jpg", width=4000, height=3000).read_bytes(), []
    for number in range(_UPLOADS):
        address = urlsplit((await _told(target, "upload_image", {}))["url"]).path
        url = target.url.removesuffix("/mcp") + address
        async with httpx2.AsyncClient(trust_env=False, timeout=60) as person:
            began = time.perf_counter()
            sent = data + bytes([number])  # another picture each time
            answer = await person.put(url, content=sent, headers={"host": "relight.example.com"})
            took.append(time.perf_counter() - began)
        assert answer.status_code == 201, answer.text
    return took


async def _told(target: Target, tool: str, arguments: dict[str, Any]) -> dict[str, Any]:
    http = httpx2.AsyncClient(headers=target.headers, trust_env=False, timeout=60)
    async with Client(streamable_http_client(target.url, http_client=http)) as client:
        answer = await client.call_tool(tool, arguments)
        assert not answer.is_error, answer.content
        assert answer.structured_content is not None
        return answer.structured_content


def main(calls: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        world = World(Path(folder))
        with everybody(world) as (bare, token, jwt):
            job = {"job_id": anyio.run(a_job, world, token), "wait_s": 0}
            wanted: list[tuple[Target, str, dict[str, Any]]] = [(bare, "empty", {})]
            for target in (token, jwt):
                wanted += [(target, "list_models", {}), (target, "list_jobs", {})]
                wanted += [(target, "get_job", job)]
            measured: dict[str, list[list[float]]] = {}
            for _ in range(_ROUNDS):
                for target, tool, arguments in wanted:
                    found = rate(target, tool, arguments, calls)
                    measured.setdefault(f"{target.name} {tool}", []).append(found)
            median = {
                name: [statistics.median(column) for column in zip(*rounds, strict=True)]
                for name, rounds in measured.items()
            }
            floor = median["bare empty"]
            for name, (per_s, cpu_ms) in median.items():
                ratio, cpu = per_s / floor[0], floor[1] / cpu_ms
                print(f"{name:18} {per_s:6.0f} calls/s, {ratio:.2f} x bare; "
                      f"{cpu_ms:.2f} ms of processor, {cpu:.2f} x")  # fmt: skip
            took = anyio.run(uploads_s, world, token)
            print(f"12 MP sent, and its id told: {statistics.median(took):.2f} s")
            print(f"memory: {resident_mb(token.pid):.0f} MB, bare {resident_mb(bare.pid):.0f} MB")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 400)
