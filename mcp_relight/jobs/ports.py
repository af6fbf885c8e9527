"""What the steps of a job are given: their ports, and when they go on.

Slots of the rate gates are remembered for those that wait for them. A job that must wait longer
than an instant goes back to the store with its slots, so that a thousand waiting jobs are a
thousand rows and not a thousand tasks, and any worker can use them.
"""

import functools
import random
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import anyio

from mcp_relight.domain.exchange import Pace, Rate
from mcp_relight.domain.job import Job, Slot, is_ahead
from mcp_relight.domain.ports import (
    Clock,
    Downloads,
    Images,
    Inputs,
    Jobs,
    Pixels,
    Provider,
    Renderer,
    Turn,
)
from mcp_relight.errors import RelightError

NEVER = 253_402_300_799.0
"""The end of the year 9999: when a row is due that waits for a person alone."""
LONGEST_SUBMIT_S = 160.0
"""No submit is under way for longer, whatever the provider: the slowest are ended after 152 s."""
SENT_WITHIN_S, SUBMIT_SLACK_S = 4.0, 8.0
"""How long after its row says so a submit may begin at most, and for how much longer than its
provider is given it is taken to be under way."""
KEPT_BY_PROVIDER_S = 86_400.0
"""How long results are taken to stay at a provider that does not say."""
_KEPT_AT_LEAST_S, _KEPT_AT_MOST_S = 3600.0, 7 * 86_400.0
"""A provider's own moment counts within these, the shortest and longest life any of them documents:
its clock or ours may be wrong, or the moment may be missing its time zone."""
_JITTER = 0.2
_SHARE_OF_AGE = 0.5
_SLOWEST_AT = 6
"""After so many attempts `backoff_s` has reached its longest wait."""
_random = random.SystemRandom()


def jittered(seconds: float) -> float:
    """About so long, but not at the same moment as everybody else."""
    return seconds * _random.uniform(1 - _JITTER, 1 + _JITTER)


def backoff_s(attempts: int, *, at_most_s: float = 60.0) -> float:
    """2, 4, 8 … seconds, jittered."""
    return jittered(min(at_most_s, 2.0 ** min(attempts, 10)))


def counted(attempts: int, *, is_passing: bool) -> int:
    """One more attempt. Trouble that passes by itself, however long it lasts, uses up none of those
    that an answer of no use has: an hour offline must not be the end of a paid picture."""
    return attempts + 1 if not is_passing else max(attempts, min(attempts + 1, _SLOWEST_AT))


def waited_s(job: Job, now: float) -> float:
    """How long the provider has had this job."""
    return max(0.0, now - (job.submitted_at or job.updated_at))


def poll_again_s(pace: Pace, waited_s: float) -> float:
    """When to ask again about a job that the provider has had for so long: the waits grow by half
    each time, within the provider's own pace."""
    return jittered(min(max(waited_s * _SHARE_OF_AGE, pace.first_s), pace.slowest_s))


def is_past_keeping(job: Job, now: float) -> bool:
    """Whether the provider may have deleted its results by now."""
    since = job.submitted_at or job.created_at
    expires_at = job.provider_expires_at
    if expires_at is None:
        return now > since + KEPT_BY_PROVIDER_S
    return now > min(max(expires_at, since + _KEPT_AT_LEAST_S), since + _KEPT_AT_MOST_S)


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


_HEAVY_AT_ONCE = 4


class Providers(Protocol):
    """Those whose keys this process has, or can open."""

    async def of(self, job: Job) -> Provider | None:
        """By the key the job was accepted with. None where the provider is not installed. Raises
        ModelNotReady for a key that is gone, Internal for one that cannot be opened."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """Everything the steps of a job need."""

    jobs: Jobs
    images: Images
    pixels: Pixels
    inputs: Inputs
    downloads: Downloads
    clock: Clock
    renderer: Renderer
    providers: Providers
    spare_dir: Path
    """Where named copies go when the folder that was asked for cannot be written."""
    slots: RateLimiter
    heavy: anyio.CapacityLimiter = field(
        default_factory=lambda: anyio.CapacityLimiter(_HEAVY_AT_ONCE)
    )
    """Bounds how many steps hold pictures in memory."""

    async def rate_wait_s(self, provider: Provider, job: Job, *, requests: int = 1) -> float:
        """0 when this job may send a request to its provider now; else when to ask again."""
        self.slots.take_up(job.job_id, job.slots)
        return await self.slots.wait_s(job.job_id, provider.rate, requests=requests)

    def turn(self, provider: Provider, job: Job) -> Turn:
        """What the provider awaits before each request it sends for this job."""
        return functools.partial(self.slots.use, job.job_id, provider.rate)

    async def pause_s(self, provider: Provider, error: RelightError, attempts: int) -> float:
        """When to try again after trouble. Where the provider asked for silence, nobody else uses
        its key for so long either."""
        if not error.retry_after_s:
            return backoff_s(attempts)
        await self.slots.hold(provider.rate, error.retry_after_s)
        return error.retry_after_s
