"""Pictures lent to a provider: one address for one picture, while its job has not ended.

What is lent belongs to the job itself, as if that were an owner: nobody else's pictures can be
reached with it, and it goes when the job lets go of it.
"""

from dataclasses import dataclass
from typing import Protocol

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
