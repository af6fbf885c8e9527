"""What the steps of a job are given: the ports, and the terms of each provider."""

import functools
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

from .rate_limiter import Rate, RateLimiter

_HEAVY_AT_ONCE = 4


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

    def rate(self, job: Job) -> Rate:
        name = job.credential_id or job.provider
        return Rate(name=name, per_minute=self.per_minute, burst=self.burst)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
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
    slots: RateLimiter
    heavy: anyio.CapacityLimiter = field(
        default_factory=lambda: anyio.CapacityLimiter(_HEAVY_AT_ONCE)
    )
    """Bounds how many steps hold pictures in memory."""

    async def rate_wait_s(self, lane: Lane, job: Job, *, requests: int = 1) -> float:
        """0 when this job may send a request to its provider now; else when to ask again."""
        return await self.slots.wait_s(job.job_id, lane.rate(job), requests=requests)

    def turn(self, lane: Lane, job: Job) -> Turn:
        """What the provider awaits before each request it sends for this job."""
        return functools.partial(self.slots.use, job.job_id, lane.rate(job))
