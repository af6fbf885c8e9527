"""Making jobs of the pictures of sets: one after the other, by whoever claimed the set."""

import logging
from collections.abc import Awaitable, Callable, Sequence

from mcp_relight.domain.caller import Caller, acting_as
from mcp_relight.domain.clock import Clock
from mcp_relight.domain.job import Failure
from mcp_relight.domain.ports import Jobs, NewJob
from mcp_relight.domain.set_ports import Sets
from mcp_relight.domain.sets import Waiting
from mcp_relight.errors import Internal, RelightError, StorageFull, TimedOut

_log = logging.getLogger(__name__)

MAX_TRIES = 3
_LOOK_S = 1.0
_AFTER_TROUBLE_S = 5.0

Enter = Callable[[Waiting], Awaitable[NewJob]]
"""Takes the picture of a member in. Raises what a call for this picture alone would."""


class Filler:
    def __init__(
        self,
        sets: Sets,
        jobs: Jobs,
        enter: Enter,
        *,
        worker: str,
        credentials: Sequence[str],
        clock: Clock,
    ) -> None:
        self._sets = sets
        self._jobs = jobs
        self._enter = enter
        self._worker = worker
        self._credentials = tuple(credentials)
        self._clock = clock
        self._tries: dict[tuple[str, int], int] = {}

    async def has_work(self) -> bool:
        return await self._sets.has_waiting(worker=self._worker, credentials=self._credentials)

    async def run(self) -> None:
        """Until it is cancelled."""
        version = -1
        while True:
            try:
                waiting = None
                if await self.has_work():
                    waiting = await self._sets.next_waiting(
                        worker=self._worker, credentials=self._credentials
                    )
                if waiting is None:
                    version = await self._jobs.changed(version, within_s=_LOOK_S)
                else:
                    await self._fill(waiting)
            except RelightError as error:
                _log.warning("Pictures of a set wait for the job store: %s", error.code)
                await self._clock.sleep(_AFTER_TROUBLE_S)

    async def _fill(self, waiting: Waiting) -> None:
        """Raises only what has nothing to do with the picture, so that it goes on waiting."""
        try:
            with acting_as(Caller(waiting.owner)):
                new = await self._enter(waiting)
        except RelightError as error:
            if isinstance(error, (StorageFull, TimedOut)) and self._may_try_again(waiting):
                raise
            await self._sets.fail_member(waiting, Failure.of(error))
            return
        except Exception:  # noqa: BLE001 - outermost: one broken picture must not stop the others
            _log.exception("A picture of %s could not be taken in.", waiting.set_id)
            await self._sets.fail_member(waiting, Failure.of(Internal("It could not be read.")))
            return
        await self._sets.enter_member(waiting, new)

    def _may_try_again(self, waiting: Waiting) -> bool:
        key = (waiting.set_id, waiting.member.position)
        self._tries[key] = self._tries.get(key, 0) + 1
        return self._tries[key] < MAX_TRIES
