"""How one provider's jobs are driven, and when to look at a job again."""

import functools
import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import anyio

from mcp_relight.domain.job import Job
from mcp_relight.domain.ports import (
    Clock,
    Downloads,
    Images,
    Inputs,
    Jobs,
    Pixels,
    Provider,
    Turn,
)

from .slots import Gate, Slots

NEVER = 253_402_300_799.0
"""The end of the year 9999: when a row is due that waits for a person alone."""
KEPT_BY_PROVIDER_S = 86_400.0
"""How long results are taken to stay at a provider that does not say."""
_KEPT_AT_LEAST_S, _KEPT_AT_MOST_S = 3600.0, 7 * 86_400.0
"""A provider's own moment counts within these, the shortest and longest life any of them documents:
its clock or ours may be wrong, or the moment may be missing its time zone."""
_JITTER = 0.2
_SLOWEST_AT = 6
"""After so many attempts `backoff_s` has reached its longest wait."""
_HEAVY_AT_ONCE = 4
_random = random.SystemRandom()


@dataclass(frozen=True, slots=True, kw_only=True)
class Lane:
    """A provider, and the terms on which it may be used."""

    provider: Provider
    is_local: bool = False
    """Runs on this machine: free, repeatable, stopped by cancelling the call."""
    per_minute: float = 50.0
    """Requests of any kind."""
    burst: int = 10
    deadline_s: float = 240.0
    """Past this much time at the provider a job is said to take unusually long."""

    def gate(self, job: Job) -> Gate:
        name = job.credential_id or job.provider
        return Gate(name=name, per_minute=self.per_minute, burst=self.burst)


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """Everything the steps of a job need."""

    jobs: Jobs
    images: Images
    pixels: Pixels
    inputs: Inputs
    downloads: Downloads
    clock: Clock
    lanes: Mapping[str, Lane]
    """By provider name."""
    spare_dir: Path
    """Where named copies go when the folder that was asked for cannot be written."""
    slots: Slots
    heavy: anyio.CapacityLimiter = field(
        default_factory=lambda: anyio.CapacityLimiter(_HEAVY_AT_ONCE)
    )
    """Bounds how many steps hold pictures in memory."""

    async def gate_wait_s(self, lane: Lane, job: Job, *, requests: int = 1) -> float:
        """0 when this job may send a request to its provider now; else when to ask again."""
        return await self.slots.wait_s(job.job_id, lane.gate(job), requests=requests)

    def turn(self, lane: Lane, job: Job) -> Turn:
        """What the provider awaits before each request it sends for this job."""
        return functools.partial(self.slots.use, job.job_id, lane.gate(job))


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
    return now - (job.submitted_at or job.updated_at)


def is_past_keeping(job: Job, now: float) -> bool:
    """Whether the provider may have deleted its results by now."""
    since = job.submitted_at or job.created_at
    expires_at = job.provider_expires_at
    if expires_at is None:
        return now > since + KEPT_BY_PROVIDER_S
    return now > min(max(expires_at, since + _KEPT_AT_LEAST_S), since + _KEPT_AT_MOST_S)
