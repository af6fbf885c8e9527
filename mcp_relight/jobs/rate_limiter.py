"""Slots of the rate gates, remembered for those that wait for them.

A job that must wait longer than an instant goes back to the store with its slots, so that a
thousand waiting jobs are a thousand rows and not a thousand tasks, and any worker can use them.
"""

from collections import deque
from collections.abc import Sequence

from mcp_relight.domain.clock import Clock, is_ahead
from mcp_relight.domain.exchange import Rate
from mcp_relight.domain.job import Slot
from mcp_relight.domain.ports import Jobs

_STALE_S = 2.0
"""A slot that was not used in time is given up: used late, many of them would make a burst."""


class RateLimiter:
    """What each holder, a job or a chore, has taken from the gates and not used yet."""

    def __init__(self, jobs: Jobs, clock: Clock) -> None:
        self._jobs = jobs
        self._clock = clock
        self._taken: dict[str, deque[Slot]] = {}
        self._held: dict[str, Slot] = {}

    async def wait_s(self, holder: str, rate: Rate, *, requests: int = 1) -> float:
        """0 when this holder may send a request now; else when to ask again. Slots for all
        `requests` are taken together, so that the later ones wait behind nobody else."""
        taken = self._taken.setdefault(holder, deque())
        while taken and not self._is_usable(rate, taken[0]):
            taken.popleft()
        while len(taken) < requests:
            wait_s = await self._jobs.take_slot(
                rate.name, per_minute=rate.per_minute, burst=rate.burst
            )
            taken.append(self._in(wait_s))
        return max(0.0, taken[0].at - self._clock.now())

    async def ready(self, holder: str, rate: Rate) -> None:
        """Wait until this holder may send a request at once."""
        while (wait_s := await self.wait_s(holder, rate)) > 0:
            await self._clock.sleep(wait_s)

    async def use(self, holder: str, rate: Rate) -> None:
        """`ready`, and the slot is used up: await this right before a request leaves."""
        await self.ready(holder, rate)
        self._taken[holder].popleft()

    async def hold(self, rate: Rate, seconds: float) -> None:
        """The provider asked for silence: nobody uses this gate for so long."""
        self._held[rate.name] = self._in(seconds)
        await self._jobs.hold(rate.name, seconds)

    def put_away(self, holder: str) -> tuple[Slot, ...]:
        """The slots of a job, to be kept in its row."""
        return tuple(self._taken.pop(holder, ()))

    def take_up(self, holder: str, slots: Sequence[Slot]) -> None:
        """The slots that a job's row kept."""
        if slots:
            self._taken[holder] = deque(slots)

    def drop(self, holder: str) -> None:
        """Forget the slots of a job that ended."""
        self._taken.pop(holder, None)

    def _in(self, seconds: float) -> Slot:
        now = self._clock.now()
        return Slot(at=now + seconds, since=now)

    def _is_usable(self, rate: Rate, slot: Slot) -> bool:
        now = self._clock.now()
        held = self._held.get(rate.name)
        if held is not None and is_ahead(held.since, now):
            del self._held[rate.name]  # the gate itself knows how long is left
            held = None
        is_held = held is not None and held.at > max(now, slot.at)
        return now - slot.at <= _STALE_S and not is_ahead(slot.since, now) and not is_held
