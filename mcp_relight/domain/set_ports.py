"""The port to the sets of pictures, which lie beside the jobs."""

from collections.abc import Sequence
from typing import Protocol

from .job import Failure, Job
from .ports import NewJob
from .sets import NewSet, PictureSet, Waiting


class Sets(Protocol):
    """Every call is one transaction, as in `Jobs`."""

    async def insert_set(self, new: NewSet) -> PictureSet:
        """Insert the set, or return the one that answers for the same call. Members whose job is
        there have it from the start."""
        ...

    async def is_set_there(self, new: NewSet) -> bool:
        """Whether inserting this set now would make no job that is not there."""
        ...

    async def get_set(self, set_id: str, *, owner: str) -> PictureSet:
        """Raises JobNotFound, also for another owner's set."""
        ...

    async def cancel_set(self, set_id: str, *, owner: str) -> PictureSet:
        """As `request_cancel`, for everything of the set that is open."""
        ...

    async def has_waiting(self, *, worker: str, credentials: Sequence[str]) -> bool:
        """Whether members of sets wait that this worker may make jobs of, now or later."""
        ...

    async def next_waiting(self, *, worker: str, credentials: Sequence[str]) -> Waiting | None:
        """The next member of a set that this worker may make a job of, and the set claimed for it;
        None when there is none, or enough of its jobs are open."""
        ...

    async def enter_member(self, waiting: Waiting, new: NewJob) -> Job | None:
        """Make the member a job; None when it was given up meanwhile."""
        ...

    async def fail_member(self, waiting: Waiting, why: Failure) -> None:
        """Write down why the member became no job."""
        ...
