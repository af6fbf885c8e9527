"""Servers behind a balancer that takes them in turn, one database, three workers."""

import base64
import subprocess
import sys
from collections.abc import Generator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anyio
import httpx2
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

from mcp_relight.simulator.app import running_simulator
from mcp_relight.simulator.control import SimulatorHandle
from tests.flows.rig import facts_of, remote_environment
from tests.http_server import Serving, serving
from tests.jobs.postgres import Cluster, running_postgres
from tests.server.web.issuer import FakeIssuer, serving_issuer
from tests.server.web.proxy import Balancer, balancing
from tests.world import World

_STATE_KEY = "state-key-of-the-tests-0123456789abcdef"
WITHIN_S = 90.0


@dataclass
class Farm:
    world: World
    issuer: FakeIssuer
    balancer: Balancer
    cluster: Cluster
    simulator: SimulatorHandle
    replicas: list[Serving]
    environment: dict[str, str]

    def client(self, *, sub: str = "alice", **options: Any) -> Client:
        token = self.issuer.token(sub=sub)
        http = httpx2.AsyncClient(
            headers={"authorization": f"Bearer {token}"}, trust_env=False, timeout=60
        )
        url = f"{self.balancer.url}/mcp"
        return Client(streamable_http_client(url, http_client=http), **options)

    def photo(self, name: str, width: int = 200) -> str:
        data = self.world.photo(name, width=width, height=150).read_bytes()
        return "data:image/jpeg;base64," + base64.b64encode(data).decode()


@contextmanager
def running_farm(
    folder: Path, *, apart: bool = False, calls_back: bool = False, **more: str
) -> Generator[Farm]:
    """Two servers and three workers, with further variables. With `apart` each is as on a machine
    of its own: they share no folder. With `calls_back` providers reach the balancer."""
    world = World(folder)
    with ExitStack() as stack:
        balancer = stack.enter_context(balancing())
        issuer = stack.enter_context(serving_issuer(f"{balancer.url}/mcp"))
        simulator = stack.enter_context(running_simulator(polls=1, speed=1000))
        cluster = stack.enter_context(running_postgres())
        environment = remote_environment(simulator) | {
            "MCP_RELIGHT_DATABASE_URL": cluster.new_database("farm"),
            "MCP_RELIGHT_PUBLIC_URL": balancer.url,
            "MCP_RELIGHT_AUTH_ISSUER": issuer.name,
            "MCP_RELIGHT_STATE_KEYS": _STATE_KEY,
            **({"MCP_RELIGHT_CALLBACK_URL": balancer.url} if calls_back else {}),
            **more,
        }
        done = world.run("migrate", environment=world.environment | environment)
        assert done.returncode == 0, done.stderr

        def machine(name: str) -> dict[str, str]:
            places = {"DATA": world.root / name, "OUTPUT": world.root / name / "results"}
            own = {f"MCP_RELIGHT_{kind}_DIR": str(place) for kind, place in places.items()}
            return environment | own if apart else environment

        servers = [serving(world, env=machine(f"server-{number}")) for number in range(2)]
        replicas = [stack.enter_context(one) for one in servers]
        balancer.replicas += [one.url.removesuffix("/mcp") for one in replicas]
        for number, kind in enumerate(("remote", "local", "local")):
            stack.enter_context(working(world, machine(f"worker-{number}"), kind))
        yield Farm(world, issuer, balancer, cluster, simulator, replicas, environment)


@contextmanager
def working(
    world: World, environment: Mapping[str, str], *kinds: str, name: str = ""
) -> Generator[subprocess.Popen[bytes]]:
    """A worker of these kinds (remote, where none is named), killed in the end. What it logs is in
    `worker-<name or first kind>.log`."""
    kinds = kinds or ("remote",)
    chosen = [word for kind in kinds for word in ("--queue", kind)]
    with (world.root / f"worker-{name or kinds[0]}.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "mcp_relight", "worker", *chosen],
            env={**world.environment, **environment},
            cwd=world.root,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=log,
        )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


async def ended(client: Client, job_id: str, **options: Any) -> dict[str, Any]:
    with anyio.fail_after(WITHIN_S):
        while True:
            found = await client.call_tool("get_job", {"job_id": job_id, "wait_s": 10}, **options)
            facts = facts_of(found)
            if facts["status"] not in {"queued", "running"}:
                return facts
