"""Addresses that are their own permission: the text in one is told once, only its hash is kept.

By one, once, somebody at another machine gives us a picture. By one, while its job has not ended, a
provider reads a picture that is lent to it: it belongs to the job itself, as if that were an owner,
so nobody else's pictures can be reached with it, and it goes when the job lets go of it. By one a
provider says that something became of a job: nothing it says is believed, it only makes us ask the
provider sooner.
"""

import hashlib
import re
import secrets
from dataclasses import dataclass
from typing import Protocol

_FORM = re.compile(r"[A-Za-z0-9_-]{43}")


def new_text() -> str:
    """256 random bits."""
    return secrets.token_urlsafe(32)


def is_text(text: str) -> bool:
    return _FORM.fullmatch(text) is not None


def hash_of(text: str) -> str:
    """Guessing is hopeless at 256 bits, so that a plain hash is enough, and finding by it tells
    nothing by the time it takes."""
    return hashlib.sha256(text.encode()).hexdigest()


MAX_UPLOAD_BYTES = 25_000_000
UPLOAD_WITHIN_S = 600.0
"""How long such an address can be used."""


@dataclass(frozen=True, slots=True)
class Upload:
    """An address that somebody asked for. Times in seconds since 1970."""

    owner: str
    expires_at: float


class Uploads(Protocol):
    """Where they are kept. Every call may raise TimedOut, StorageFull and Internal."""

    async def open_upload(self, hashed: str, *, owner: str) -> Upload:
        """It lasts `UPLOAD_WITHIN_S`."""
        ...

    async def find_upload(self, hashed: str) -> Upload | None:
        """None where there is none, or it was used or has expired."""
        ...

    async def use_upload(self, hashed: str) -> bool:
        """Whether this was the one use: of several that come at once, it is true for one."""
        ...


LENT_PATH = "/lent/"
MOST_READS = 20


@dataclass(frozen=True, slots=True)
class Lent:
    job_id: str
    image_id: str


class Lending(Protocol):
    """Where it is written down. Every call may raise TimedOut, StorageFull and Internal."""

    async def lend(self, hashed: str, what: Lent, *, life_s: float) -> None: ...

    async def read(self, hashed: str) -> Lent | None:
        """What that address shows, once more. None where there is none, or it has expired, its job
        has ended, or it was read `MOST_READS` times."""
        ...

    async def of(self, job_id: str) -> tuple[str, ...]:
        """The pictures that are lent for a job."""
        ...

    async def take_back(self, job_id: str) -> None: ...

    async def jobs(self) -> tuple[str, ...]:
        """Every job for which something is lent."""
        ...


HOOKS_PATH = "/hooks/"


class Hooks(Protocol):
    """Where they are kept. Every call may raise TimedOut, StorageFull and Internal."""

    async def open(self, hashed: str, *, job_id: str) -> None:
        """The job has this one from now on, and no other."""
        ...

    async def call(self, hashed: str) -> bool:
        """Have the job looked at, where that is of any use, and at most once a second. False where
        no such address is known."""
        ...
