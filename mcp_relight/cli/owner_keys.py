"""`owners key set|limit|list|remove|reseal`: keys at providers that owners brought.

A key is read from the terminal without being shown, or from stdin; never from an argument, which
every other program of the machine could read.
"""

import argparse
import getpass
import sys
from dataclasses import asdict, replace
from datetime import UTC, datetime
from typing import Any

from pydantic import SecretStr

from mcp_relight.bootstrap import Application
from mcp_relight.domain.owner_keys import KeyLimits
from mcp_relight.domain.owners import check_owner_id
from mcp_relight.errors import InvalidArgument

from .owner_flags import KEY_LIMITS
from .owner_limits import limits_given
from .session import answer, load_settings

_MAX_READ = 4096


async def key(namespace: argparse.Namespace) -> int:
    return await _ACTIONS[namespace.key_action](namespace)


async def _set(namespace: argparse.Namespace) -> int:
    owner, provider = namespace.owner, namespace.provider
    check_owner_id(owner)
    async with Application(load_settings(namespace)) as application:
        application.check_provider(provider)
        application.own_keys.check_ring()
        await application.own_keys.put(owner, provider, _read(owner, provider))
    answer(
        {"owner": owner, "provider": provider, "set": True},
        as_json=namespace.json,
        draw=lambda: print(
            f"Kept, sealed: jobs of {owner} at {provider} go by it within a few seconds."
        ),
    )
    return 0


async def _limit(namespace: argparse.Namespace) -> int:
    owner, provider = namespace.owner, namespace.provider
    given = limits_given(KEY_LIMITS, namespace)
    if given.get("per_minute") == 0:
        raise InvalidArgument("--per-minute must be above 0; `owners key remove` ends its use.")
    async with Application(load_settings(namespace)) as application:
        kept = [one for one in await application.own_keys.list(owner) if one.provider == provider]
        limits = replace(kept[0].limits, **given) if kept else KeyLimits()
        if not kept or not await application.own_keys.limit(owner, provider, limits):
            raise _no_such_key()
    answer(
        {"owner": owner, "provider": provider, "limits": asdict(limits)},
        as_json=namespace.json,
        draw=lambda: print(f"Changed: the key of {owner} at {provider}. {_told(limits)}"),
    )
    return 0


async def _list(namespace: argparse.Namespace) -> int:
    async with Application(load_settings(namespace)) as application:
        found = await application.own_keys.list(namespace.owner)
    rows: list[dict[str, Any]] = [
        {
            "owner": one.owner,
            "provider": one.provider,
            "added_at": datetime.fromtimestamp(one.added_at, UTC).date().isoformat(),
            "lane": one.name,
            "problem": one.problem,
            "sealed_by_first": one.is_sealed_anew,
            "limits": asdict(one.limits),
        }
        for one in found
    ]

    def draw() -> None:
        for row in rows:
            state = row["problem"] or ("" if row["sealed_by_first"] else "by an older text")
            lane = f"lane {row['lane']}" if row["lane"] else ""
            print(f"{row['owner']}  {row['provider']}  {row['added_at']}  {lane}  {state}".rstrip())
        if not rows:
            print("No owner brought a key.")

    answer({"keys": rows}, as_json=namespace.json, draw=draw)
    return 0


async def _remove(namespace: argparse.Namespace) -> int:
    owner, provider = namespace.owner, namespace.provider
    async with Application(load_settings(namespace)) as application:
        if not await application.own_keys.remove(owner, provider):
            raise _no_such_key()
    answer(
        {"owner": owner, "provider": provider, "set": False},
        as_json=namespace.json,
        draw=lambda: print(f"Removed. New jobs of {owner} at {provider} go by the shared key."),
    )
    return 0


async def _reseal(namespace: argparse.Namespace) -> int:
    async with Application(load_settings(namespace)) as application:
        application.own_keys.check_ring()
        count = await application.own_keys.reseal()
    answer(
        {"resealed": count},
        as_json=namespace.json,
        draw=lambda: print(f"Sealed anew: {count}. Older texts of the ring are not needed now."),
    )
    return 0


def _no_such_key() -> InvalidArgument:
    return InvalidArgument(
        "There is no such key.", hint="`mcp-relight owners key list` names them."
    )


def _told(limits: KeyLimits) -> str:
    named = {"daily_budget_usd": "dollars a day", "per_minute": "requests a minute"}
    told = [
        f"{value:g} {named[name]}" for name, value in asdict(limits).items() if value is not None
    ]
    return f"At most {', '.join(told)}." if told else "No limits of its own."


def _read(owner: str, provider: str) -> SecretStr:
    if sys.stdin is not None and sys.stdin.isatty():
        return SecretStr(getpass.getpass(f"Key of {owner} for {provider} (not shown): "))
    return SecretStr(sys.stdin.read(_MAX_READ) if sys.stdin is not None else "")


_ACTIONS = {"set": _set, "limit": _limit, "list": _list, "remove": _remove, "reseal": _reseal}
