"""Keys at providers that owners brought themselves: their jobs go by those, and by no others.

What is kept of a key is sealed. Which key a job goes by is named by its `credential_id`; that of an
owner's own begins with `job.OWN_KEYS`.
"""

from dataclasses import dataclass
from typing import Protocol

from pydantic import SecretStr


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyLimits:
    """How an owner's own key may be used. None: as its owner may, and as its provider allows."""

    daily_budget_usd: float | None = None
    per_minute: float | None = None
    """Requests, polls included."""


@dataclass(frozen=True, slots=True)
class SealedKey:
    """`sealed` opens for this owner and provider alone. `added_at` in seconds since 1970."""

    owner: str
    provider: str
    sealed: str
    added_at: float
    limits: KeyLimits


@dataclass(frozen=True, slots=True)
class OwnKey:
    """An owner's key as it can be used here; where it cannot be opened, `problem` says why."""

    key: SecretStr | None
    credential_id: str
    problem: str = ""


class SealedKeys(Protocol):
    """Where they are kept. Every call may raise TimedOut, StorageFull and Internal."""

    async def put(self, owner: str, provider: str, sealed: str) -> None:
        """In the place of the one before, whose limits it has."""
        ...

    async def limit(self, owner: str, provider: str, limits: KeyLimits) -> bool:
        """Whether there is such a key."""
        ...

    async def find(self, owner: str, provider: str) -> SealedKey | None: ...

    async def list(self, *, owner: str | None = None) -> tuple[SealedKey, ...]: ...

    async def remove(self, owner: str, provider: str) -> bool:
        """Whether there was one."""
        ...


KEY_PAGES_PATH = "/keys/"
KEY_PAGE_WITHIN_S = 600.0


@dataclass(frozen=True, slots=True)
class KeyPage:
    """A page on which this owner, and nobody else, may enter a key. Times in seconds since 1970."""

    owner: str
    provider: str
    expires_at: float


class KeyPages(Protocol):
    """The one-time addresses of such pages. Every call may raise TimedOut, StorageFull and
    Internal."""

    async def open(self, hashed: str, *, owner: str, provider: str) -> KeyPage:
        """It lasts `KEY_PAGE_WITHIN_S`."""
        ...

    async def find(self, hashed: str) -> KeyPage | None:
        """None where there is none, or it was used or has expired."""
        ...

    async def use(self, hashed: str) -> bool:
        """Whether this was the one use."""
        ...


class Keeper(Protocol):
    """Who keeps keys of owners, sealed."""

    async def put(self, owner: str, provider: str, key: SecretStr) -> None:
        """Raises InvalidArgument for what no key looks like, Internal without a ring."""
        ...
