"""Owners: whoever a job, a set and a picture belongs to, and how much of everything they may have.

On one machine there is one, of whom nothing is written down. The owners of a team get a row when an
operator limits them; without one they have the limits of the settings alone.
"""

import re
from dataclasses import dataclass, field
from typing import Protocol

from mcp_relight.errors import InvalidArgument

from .caller import LOCAL

_OWNER_ID = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")


def is_owner_id(text: str) -> bool:
    """Whether somebody can be called so. The person at this machine is nobody to be added."""
    return _OWNER_ID.fullmatch(text) is not None and text != LOCAL.owner


def check_owner_id(text: str) -> None:
    """Raises InvalidArgument where nobody can be called so."""
    if not is_owner_id(text):
        raise InvalidArgument(
            "OWNER has at most 40 of the small letters, digits, _ and -, a letter or digit first, "
            f"and is not `{LOCAL.owner}`."
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """None: no limit beside those of the settings."""

    daily_budget_usd: float | None = None
    max_cost_usd: float | None = None
    """Of one call."""
    max_open_jobs: int | None = None
    max_running_jobs: int | None = None
    max_bytes: int | None = None
    """Of stored pictures."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    owner: str
    name: str = ""
    is_disabled: bool = False
    limits: Limits = field(default_factory=Limits)
    created_at: float = 0.0


@dataclass(frozen=True, slots=True)
class Use:
    """What an owner has now."""

    owner: Owner
    open_jobs: int
    bytes: int
    spent_today_usd: float


class Owners(Protocol):
    """The rows of owners. Every call is one transaction."""

    async def find(self, owner: str) -> Owner | None: ...

    async def add(self, owner: Owner) -> bool:
        """False where there is one of that id."""
        ...

    async def change(self, owner: Owner) -> bool:
        """Its name, state and limits. False where there is none of that id."""
        ...

    async def list(self) -> tuple[Use, ...]: ...


class Ownership(Protocol):
    """Whose a stored picture is. An id alone grants nothing: it is a hash that anybody with the
    same bytes can compute."""

    async def holds(self, owner: str, image_id: str) -> bool:
        """Whether the picture is theirs: they brought it in, or a job of theirs uses it."""
        ...

    async def keep(self, owner: str, image_id: str, size: int, *, bounded: bool) -> bool:
        """Make the picture theirs. False while its bytes are being deleted: ask again. Raises
        BudgetExceeded where `bounded` and their pictures take all the room they have."""
        ...

    async def let_go(self, owner: str, image_id: str) -> bool:
        """Theirs no longer. True where nobody needs the bytes now: then the caller deletes them,
        and says by `buried` what became of it."""
        ...

    async def buried(self, owner: str, image_id: str, *, is_gone: bool) -> None: ...
