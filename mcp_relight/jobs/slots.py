"""Slots of the rate gates, remembered for the jobs that wait for them.

A job that must wait longer than an instant goes back to the store with the time of its slot, so
that a thousand waiting jobs are a thousand rows and not a thousand tasks.
"""

from mcp_relight.domain.job import Job
from mcp_relight.domain.ports import Clock, Jobs

_LONGEST_WAIT_S = 3600.0
"""A slot farther away was taken before the clock was put back."""
_STALE_S = 2.0
"""A slot that was not used in time is given up: used late, many of them would make a burst."""


def gate_of(job: Job) -> str:
    """One gate per key: providers count requests per key, whatever the model."""
    return job.credential_id or job.provider


class Slots:
    def __init__(self, jobs: Jobs, clock: Clock) -> None:
        self._jobs = jobs
        self._clock = clock
        self._taken: dict[str, float] = {}
        self._held_until: dict[str, float] = {}

    async def wait_s(self, job: Job, *, per_minute: float, burst: int) -> float:
        """0 when this job may send one request now; else when to ask again."""
        gate = gate_of(job)
        at = self._taken.pop(job.job_id, None)
        if at is None or not self._is_usable(gate, at):
            at = self._clock.now() + await self._jobs.take_slot(
                gate, per_minute=per_minute, burst=burst
            )
        wait_s = at - self._clock.now()
        if wait_s <= 0:
            return 0.0
        self._taken[job.job_id] = at
        return wait_s

    async def hold(self, job: Job, seconds: float) -> None:
        """The provider asked for silence: nobody uses this gate for so long."""
        gate = gate_of(job)
        self._held_until[gate] = self._clock.now() + seconds
        await self._jobs.hold(gate, seconds)

    def drop(self, job_id: str) -> None:
        """Forget the slot of a job that ended."""
        self._taken.pop(job_id, None)

    def _is_usable(self, gate: str, at: float) -> bool:
        now = self._clock.now()
        return -_LONGEST_WAIT_S <= now - at <= _STALE_S and max(now, at) >= self._held_until.get(
            gate, 0.0
        )
