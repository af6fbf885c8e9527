"""What the steps of a job are given."""

import functools
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import anyio

from mcp_relight.domain.clock import Clock
from mcp_relight.domain.job import Job
from mcp_relight.domain.ports import (
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

from .pace import RateLimiter, backoff_s

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
