"""`owners add|list|limit|disable|enable`: who may use a team's server, and how much of it."""

import argparse
import math
from collections.abc import Callable, Iterable
from dataclasses import asdict, replace
from typing import Any

from mcp_relight.bootstrap import Application
from mcp_relight.domain.owners import Limits, Owner, Use, check_owner_id
from mcp_relight.domain.words import dollars
from mcp_relight.errors import InvalidArgument

from .owner_flags import LIMITS
from .session import answer, load_settings

_MAX_NAME = 80


async def add(namespace: argparse.Namespace) -> int:
    check_owner_id(namespace.owner)
    if len(namespace.name) > _MAX_NAME or not namespace.name.isprintable():
        raise InvalidArgument(f"--name has at most {_MAX_NAME} letters, on one line.")
    limits = _limited(Limits(), namespace)
    new = Owner(owner=namespace.owner, name=namespace.name, limits=limits)
    async with Application(load_settings(namespace)) as application:
        if not await application.owners.add(new):
            raise InvalidArgument(
                "There is an owner with this id.", hint="`mcp-relight owners limit` changes it."
            )
    return _tell(new, namespace, "Added")


async def limit(namespace: argparse.Namespace) -> int:
    return await _change(
        namespace,
        lambda owner: replace(owner, limits=_limited(owner.limits, namespace)),
        "Changed",
    )


async def disable(namespace: argparse.Namespace) -> int:
    return await _change(namespace, lambda owner: replace(owner, is_disabled=True), "Disabled")


async def enable(namespace: argparse.Namespace) -> int:
    return await _change(namespace, lambda owner: replace(owner, is_disabled=False), "Enabled")


async def list_owners(namespace: argparse.Namespace) -> int:
    async with Application(load_settings(namespace)) as application:
        found = await application.owners.list()

    def draw() -> None:
        for use in found:
            state = "disabled" if use.owner.is_disabled else "active"
            has = f"{use.open_jobs} open jobs, {use.bytes / 1e6:.1f} MB"
            print(f"{use.owner.owner}  {state}  {has}, {dollars(use.spent_today_usd)} today")
            print(f"    {_words(use.owner.limits)}")
        if not found:
            print("Nobody is written down. `mcp-relight owners add` does so.")

    answer({"owners": [_used(use) for use in found]}, as_json=namespace.json, draw=draw)
    return 0


async def _change(
    namespace: argparse.Namespace, changed: Callable[[Owner], Owner], done: str
) -> int:
    async with Application(load_settings(namespace)) as application:
        owner = await application.owners.find(namespace.owner)
        if owner is None:
            raise InvalidArgument(
                "There is no owner with this id.", hint="`mcp-relight owners list` names them."
            )
        owner = changed(owner)
        await application.owners.change(owner)
    return _tell(owner, namespace, done)


def _limited(limits: Limits, namespace: argparse.Namespace) -> Limits:
    """With those that were given in their places. Raises InvalidArgument."""
    return replace(limits, **limits_given(LIMITS, namespace))


def limits_given(flags: Iterable[str], namespace: argparse.Namespace) -> dict[str, Any]:
    """Limits by the names of their fields; a negative number takes one away. Raises
    InvalidArgument."""
    given: dict[str, float | None] = {}
    for flag in flags:
        name = flag.replace("-", "_")
        value = getattr(namespace, name)
        if value is None:
            continue
        if not math.isfinite(value):
            raise InvalidArgument(f"--{flag} must be a number.")
        given[name] = None if value < 0 else value
    return given


def _tell(owner: Owner, namespace: argparse.Namespace, done: str) -> int:
    answer(
        _facts(owner),
        as_json=namespace.json,
        draw=lambda: print(f"{done}: {owner.owner}. {_words(owner.limits)}"),
    )
    return 0


def _facts(owner: Owner) -> dict[str, Any]:
    state = "disabled" if owner.is_disabled else "active"
    named = {"owner": owner.owner, "name": owner.name, "state": state}
    return named | {"limits": asdict(owner.limits)}


def _used(use: Use) -> dict[str, Any]:
    now = {"open_jobs": use.open_jobs, "bytes": use.bytes, "spent_today_usd": use.spent_today_usd}
    return _facts(use.owner) | now


def _words(limits: Limits) -> str:
    told = [
        f"{words} {getattr(limits, flag.replace('-', '_')):g}"
        for flag, (_, words) in LIMITS.items()
        if getattr(limits, flag.replace("-", "_")) is not None
    ]
    return "Limits: " + (", ".join(told) or "those of the settings") + "."
