"""The whole server in this process, its worker inline, against simulated providers over HTTP."""

import base64
import http.client
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import anyio
from mcp import Client
from mcp.types import CallToolResult

from mcp_relight.bootstrap import Application
from mcp_relight.config import Settings
from mcp_relight.server.app import create_server
from mcp_relight.simulator.control import SimulatorHandle
from tests.world import World

Facts = dict[str, Any]
ENDED = {"succeeded", "failed", "cancelled", "unknown"}
QUICK_RPM = 6_000.0


def remote_environment(simulator: SimulatorHandle, *providers: str) -> dict[str, str]:
    """What a process needs to use simulated providers; all of them unless some are named."""
    found = {"MCP_RELIGHT_ALLOW_PRIVATE_HOSTS": simulator.host_and_port}
    for name in providers or tuple(simulator.keys):
        found[f"{name.upper()}_API_KEY"] = simulator.keys[name]
        found[f"MCP_RELIGHT_{name.upper()}_URL"] = simulator.urls[name]
        found[f"MCP_RELIGHT_{name.upper()}_RPM"] = str(QUICK_RPM)
    return found


def settings_of(
    world: World,
    simulator: SimulatorHandle,
    variables: dict[str, str] | None = None,
    **changes: Any,
) -> Settings:
    """The same as values, for a server in this process."""
    values: dict[str, Any] = {
        "data_dir": world.data,
        "output_dir": world.results,
        "allowed_dirs": (world.photos,),
        "allow_private_hosts": frozenset({simulator.host_and_port}),
        "worker": "inline",
        "daily_budget_usd": 1000.0,
    }
    return Settings.load(remote_environment(simulator) | (variables or {}), **values | changes)


@asynccontextmanager
async def served(settings: Settings) -> AsyncIterator[Client]:
    async with Client(create_server(Application(settings))) as client:
        yield client


def upload(simulator: SimulatorHandle, photo: Path) -> str:
    """Put a picture on a public address of the simulated world."""
    where = urlsplit(simulator.origin)
    data = base64.b64encode(photo.read_bytes()).decode()
    kind = "jpeg" if photo.suffix == ".jpg" else photo.suffix[1:]
    body = json.dumps({"data_urls": [f"data:image/{kind};base64,{data}"]})
    headers = {"x-api-key": simulator.keys["segmind"], "content-type": "application/json"}
    connection = http.client.HTTPConnection(str(where.hostname), where.port, timeout=30)
    try:
        connection.request("POST", "/segmind/upload-asset", body, headers)
        return json.loads(connection.getresponse().read())["urls"][0]
    finally:
        connection.close()


def facts_of(result: CallToolResult) -> Facts:
    assert not result.is_error, result.content
    assert result.structured_content is not None
    return result.structured_content


def refusal_of(result: CallToolResult) -> Facts:
    assert result.is_error, result.structured_content
    assert result.meta is not None
    return result.meta["mcp-relight/error"]


async def start(client: Client, **arguments: Any) -> Facts:
    return facts_of(await client.call_tool("relight_image", {"wait_s": 0, **arguments}))


async def ended(client: Client, job_id: str, *, within_s: float = 120) -> Facts:
    """The job once it is over, as `get_job` says; fails when that takes too long."""
    with anyio.fail_after(within_s):
        while True:
            job = await look(client, job_id, wait_s=10)
            if job["status"] in ENDED:
                return job


async def look(client: Client, job_id: str, *, wait_s: float = 0) -> Facts:
    return facts_of(await client.call_tool("get_job", {"job_id": job_id, "wait_s": wait_s}))


@dataclass(frozen=True)
class Paid:
    """What the simulated providers say was done to them."""

    ledger: Facts

    @classmethod
    def by(cls, simulator: SimulatorHandle) -> "Paid":
        return cls(simulator.ledger())

    @property
    def submits(self) -> list[Facts]:
        return [post for post in self.ledger["posts"] if post["phase"] == "submit"]

    @property
    def charges(self) -> list[Facts]:
        return self.ledger["charges"]

    @property
    def kept_usd(self) -> float:
        """Charges less refunds, in whatever unit the provider counts."""
        taken = sum(charge["amount"] for charge in self.charges)
        return round(taken - sum(back["amount"] for back in self.ledger["refunds"]), 6)
