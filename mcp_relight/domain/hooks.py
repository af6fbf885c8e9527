"""Addresses at which a provider says that something became of a job.

Nothing it says is believed: whoever calls one only makes us ask the provider sooner.
"""

from typing import Protocol

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
