"""`owners`: tokens for clients that cannot sign in, and what every owner did."""

import argparse
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import anyio

from mcp_relight.bootstrap import Application
from mcp_relight.domain.access import Token, hash_of_token, new_token_text
from mcp_relight.domain.caller import FREE
from mcp_relight.domain.owners import check_owner_id
from mcp_relight.domain.words import dollars
from mcp_relight.errors import InvalidArgument

from . import owner_keys, owner_limits
from .session import answer, load_settings

_MAX_NAME = 80
_DAY_S = 86_400.0


def owners(namespace: argparse.Namespace) -> int:
    return anyio.run(_ACTIONS[namespace.action], namespace)


async def _token(namespace: argparse.Namespace) -> int:
    check_owner_id(namespace.owner)
    if not 0 <= namespace.days <= 3_650 or len(namespace.name) > _MAX_NAME:
        raise InvalidArgument(f"--days goes from 0 to 3650, --name to {_MAX_NAME} letters.")
    token_id, text = new_token_text()
    now = time.time()
    token = Token(
        token_id=token_id,
        owner=namespace.owner,
        scopes=frozenset({FREE, *(f"relight:{one}" for one in namespace.scope or ())}),
        name=namespace.name,
        created_at=now,
        expires_at=now + namespace.days * _DAY_S if namespace.days else None,
    )
    async with Application(load_settings(namespace)) as application:
        await application.accounts.add_token(token, hash_of_token(text))
    answer(
        {**_facts(token), "token": text},
        as_json=namespace.json,
        draw=lambda: print(f"{text}\nIt is shown this once. The client sends it as: Bearer {text}"),
    )
    return 0


async def _tokens(namespace: argparse.Namespace) -> int:
    async with Application(load_settings(namespace)) as application:
        found = await application.accounts.list_tokens(owner=namespace.owner)
    rows = [_facts(token) for token in found]

    def draw() -> None:
        for row in rows:
            scopes = " ".join(row["scopes"])
            until = row["expires_at"] or "never"
            print(f"{row['token_id']}  {row['owner']}  {scopes}  until {until}  {row['name']}")
        if not rows:
            print("There are no tokens.")

    answer({"tokens": rows}, as_json=namespace.json, draw=draw)
    return 0


async def _revoke(namespace: argparse.Namespace) -> int:
    async with Application(load_settings(namespace)) as application:
        if not await application.accounts.revoke_token(namespace.token_id):
            raise InvalidArgument(
                "There is no token with this ID.", hint="`mcp-relight owners tokens` lists them."
            )
    answer(
        {"revoked": namespace.token_id},
        as_json=namespace.json,
        draw=lambda: print("Revoked: within a minute it opens nothing any more."),
    )
    return 0


async def _report(namespace: argparse.Namespace) -> int:
    if not 1 <= namespace.days <= 400:
        raise InvalidArgument("--days goes from 1 to 400.")
    since = datetime.now(UTC).date() - timedelta(days=namespace.days - 1)
    async with Application(load_settings(namespace)) as application:
        days = await application.accounts.days(since=since.isoformat())
    rows = [
        {
            "day": one.day,
            "owner": one.owner,
            "spent_usd": round(one.usd, 6),
            "calls": one.calls,
            "refused": one.refused,
        }
        for one in days
    ]

    def draw() -> None:
        for one in days:
            told = f"{one.calls} calls, {one.refused} refused"
            print(f"{one.day}  {one.owner}  {dollars(one.usd)}  {told}")
        if not days:
            print("Nobody spent or called anything.")

    answer({"days": rows}, as_json=namespace.json, draw=draw)
    return 0


def _facts(token: Token) -> dict[str, Any]:
    expires_at = token.expires_at
    return {
        "token_id": token.token_id,
        "owner": token.owner,
        "scopes": sorted(token.scopes),
        "name": token.name,
        "expires_at": None if expires_at is None else _day(expires_at),
    }


def _day(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).date().isoformat()


_ACTIONS = {
    "add": owner_limits.add,
    "limit": owner_limits.limit,
    "list": owner_limits.list_owners,
    "disable": owner_limits.disable,
    "enable": owner_limits.enable,
    "token": _token,
    "tokens": _tokens,
    "revoke": _revoke,
    "report": _report,
    "key": owner_keys.key,
}
