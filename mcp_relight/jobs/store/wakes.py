"""What a store with a queue beside it asks of that queue."""

from typing import Any, Protocol

from mcp_relight.domain.job import Job


class Wakes(Protocol):
    """Reminders to look at a row, in the transaction that makes it due: both are there, or neither.

    `connection` is the driver's own, inside that transaction.
    """

    def make_ready(self, connection: Any, *, may_migrate: bool) -> None:
        """Make or bring forward its tables. Raises Internal where it may not."""
        ...

    def wake(self, connection: Any, job: Job) -> None:
        """Somebody looks at this row now."""
        ...
