"""The whole server of a team in this process: accounts, every route, and a store of its own."""

from argparse import Namespace
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx2
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

from mcp_relight.bootstrap import Application
from mcp_relight.cli.web import for_many, site_of
from mcp_relight.config import Settings
from mcp_relight.domain.access import Token, hash_of_token, new_token_text
from mcp_relight.server.app import create_server
from mcp_relight.server.http import app_of
from mcp_relight.server.web.guard import Guard
from tests.server.web.issuer import ISSUER, FakeIssuer
from tests.server.web.site import ORIGIN, visiting
from tests.world import World

STATE_KEY = "state-key-of-the-tests-0123456789abcdef"


@dataclass(frozen=True)
class Team:
    app: Guard
    application: Application

    async def token(
        self, owner: str = "acme", *scopes: str, expires_at: float | None = None
    ) -> str:
        """A new one of our own."""
        token_id, text = new_token_text()
        granted = frozenset(scopes or ("relight:free", "relight:paid"))
        token = Token(token_id, owner, granted, "", 0.0, expires_at)
        await self.application.accounts.add_token(token, hash_of_token(text))
        return text

    @asynccontextmanager
    async def client(self, token: str, **options: Any) -> AsyncIterator[Client]:
        async with visiting(self.app, authorization=f"Bearer {token}") as http:
            url = f"{ORIGIN}/mcp"
            async with Client(streamable_http_client(url, http_client=http), **options) as client:
                yield client


def team_settings(world: World, **changes: Any) -> Settings:
    values: dict[str, Any] = {
        "data_dir": world.data,
        "output_dir": world.results,
        "worker": "none",
        "public_url": ORIGIN,
        "state_keys": STATE_KEY,
        "auth_issuer": ISSUER,
    }
    return Settings.load(changes.pop("variables", None), **values | changes)


@asynccontextmanager
async def team(
    world: World, issuer: FakeIssuer | None, *, host: str = "127.0.0.1", **changes: Any
) -> AsyncIterator[Team]:
    """Never bound to any address. Without an `issuer` there are only tokens of our own."""
    named = {"auth_issuer": None, "accounts": True} if issuer is None else {}
    settings = team_settings(world, **named | changes)
    application = Application(settings)
    if issuer is not None:
        application.fetch_from_issuer = issuer.fetch
    server = create_server(application, for_many=for_many(settings, application))
    site = site_of(settings, application, Namespace(host=host, port=8765))
    app = app_of(server, site, 8765)
    async with server.session_manager.run():
        yield Team(app, application)


def posted(**headers: str) -> dict[str, str]:
    """What a call of MCP is sent with."""
    return {
        "content-type": "application/json",
        "accept": "application/json, text/event-stream",
        **headers,
    }


async def call_of(client: httpx2.AsyncClient, tool: str, **arguments: Any) -> httpx2.Response:
    """A bare call of a 2026-07-28 client."""
    headers = posted(**call_headers(tool))
    return await client.post("/mcp", json=call_body(tool, arguments), headers=headers)


def call_body(tool: str, arguments: dict[str, Any]) -> dict[str, Any]:
    return {
        "jsonrpc": "2.0",
        "id": 1,
        "method": "tools/call",
        "params": {
            "name": tool,
            "arguments": arguments,
            "_meta": {
                "io.modelcontextprotocol/protocolVersion": "2026-07-28",
                "io.modelcontextprotocol/clientCapabilities": {},
            },
        },
    }


def call_headers(tool: str) -> dict[str, str]:
    return {
        "mcp-protocol-version": "2026-07-28",
        "mcp-method": "tools/call",
        "mcp-name": tool,
    }
