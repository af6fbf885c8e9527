"""A worker of a team: as many as are started, on as many machines, until they are stopped."""

import asyncio
import os
import platform
import secrets
import signal
from collections.abc import Awaitable, Callable, Collection, Sequence
from typing import Self

import anyio

from mcp_relight.domain.ports import Clock, Jobs
from mcp_relight.jobs.steps import Steps
from mcp_relight.jobs.worker import GRACE_S

from .advance import Advancer
from .queue import CHORES, LOCAL, Queue, queue_of_key

REMOTE_AT_ONCE, LOCAL_AT_ONCE = 64, 1
_MEND, _SWEEP, _TIDY = "* * * * * */2", "* * * * * */30", "17 * * * *"


class TeamWorker:
    """Advances jobs of the given kinds, `remote` ones of the keys named by `credentials`, and
    `local` ones, one at a time. Chores are shared out among all workers of the team. An async
    context manager, within which it may `run`."""

    def __init__(
        self,
        url: str,
        jobs: Jobs,
        steps: Steps,
        *,
        clock: Clock,
        credentials: Sequence[str],
        kinds: Collection[str],
        tidy: Callable[[], Awaitable[None]],
        grace_s: float = GRACE_S,
    ) -> None:
        # For whoever reads the rows: on which machine to look. The last part makes it unique.
        self.worker_id = f"{platform.node()[:60]}-{os.getpid()}-{secrets.token_hex(8)}"
        self._advancer = Advancer(jobs, steps, clock=clock, worker_id=self.worker_id)
        self._queue = Queue(url, self._advance)
        self._grace_s = grace_s
        self._stopped = asyncio.Event()
        look, queue = self._advancer.look, self._queue
        queue.every(_MEND, "mend", lambda: queue.put_stalled_right(look))
        queue.every(_SWEEP, "sweep", lambda: queue.wake_forgotten(look))
        queue.every(_TIDY, "tidy", tidy)
        keys = [queue_of_key(credential) for credential in credentials]
        # A long rendering keeps neither the chores waiting nor, here, the next picture.
        self._shares = [([LOCAL], LOCAL_AT_ONCE)] if "local" in kinds else []
        self._shares += (
            [([*keys, CHORES], REMOTE_AT_ONCE)] if "remote" in kinds else [([CHORES], 1)]
        )

    async def run_until_signal(self) -> None:
        """`run`, ending in good order on SIGTERM or SIGINT."""
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._stop_on_signal)
            await self.run()
            tasks.cancel_scope.cancel()

    async def __aenter__(self) -> Self:
        """Raises TimedOut where the database does not answer."""
        await self._queue.__aenter__()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._queue.__aexit__()

    async def run(self) -> None:
        """Work until `stop`; then what is under way has `grace_s` to end by itself."""
        # Not in a task group: its cancelling would not let them end in good order.
        working = [
            asyncio.create_task(self._queue.work(names, at_once=at_once, grace_s=self._grace_s))
            for names, at_once in self._shares
        ]
        try:
            await self._stopped.wait()
        finally:
            self._advancer.is_stopping = True
            for task in working:
                task.cancel()
            await asyncio.gather(*working, return_exceptions=True)

    def stop(self) -> None:
        """Begin nothing more, bring what is under way to a safe end, and leave."""
        self._stopped.set()

    async def _advance(self, job_id: str) -> None:
        await self._advancer.advance(job_id, self._queue.remind)

    async def _stop_on_signal(self) -> None:
        with anyio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
            async for _ in signals:
                self.stop()
