"""Tokens of our own: for clients that can hold a secret and cannot sign in.

The text of a token is shown once, when it is made; only its hash is kept.
"""

import hashlib
import re
import secrets
from dataclasses import dataclass
from typing import Protocol

_PREFIX = "rlt"
_FORM = re.compile(r"rlt_[0-9a-f]{8}_[A-Za-z0-9_-]{43}")


@dataclass(frozen=True, slots=True)
class Token:
    """What is known of a token. Times in seconds since 1970."""

    token_id: str
    owner: str
    scopes: frozenset[str]
    name: str
    """For people: whose laptop, which client."""
    created_at: float
    expires_at: float | None


class Tokens(Protocol):
    """Where they are kept. Beside what each says, every call may raise TimedOut and Internal."""

    async def add_token(self, token: Token, hashed: str) -> None: ...

    async def find_token(self, hashed: str) -> Token | None:
        """None where there is none, it has expired, or its owner was disabled."""
        ...

    async def list_tokens(self, *, owner: str | None) -> tuple[Token, ...]: ...

    async def revoke_token(self, token_id: str) -> bool:
        """Whether there was one."""
        ...


def new_token_text() -> tuple[str, str]:
    """The id and the whole text of a new token."""
    token_id = secrets.token_hex(4)
    return token_id, f"{_PREFIX}_{token_id}_{secrets.token_urlsafe(32)}"


def is_token_text(text: str) -> bool:
    return _FORM.fullmatch(text) is not None


def hash_of_token(text: str) -> str:
    """Guessing is hopeless at 256 bits, so that a plain hash is enough, and finding by it tells
    nothing by the time it takes."""
    return hashlib.sha256(text.encode()).hexdigest()
