"""One-time addresses by which somebody at another machine gives us a picture."""

from dataclasses import dataclass
from typing import Protocol

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
