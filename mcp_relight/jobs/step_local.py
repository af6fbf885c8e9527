"""Steps of a job on this machine: no guard, since rendering again costs nothing but time."""

from mcp_relight.domain.exchange import Rendered
from mcp_relight.domain.job import Job
from mcp_relight.errors import EngineCrashed, Internal, RelightError

from .outcomes import PROGRESS_RUNNING, fail, take_result
from .ports import Lane, Ports

MAX_ATTEMPTS = 2


async def render(ports: Ports, lane: Lane, job: Job) -> Job | None:
    """queued → running → finishing."""
    running = await ports.jobs.move(
        job,
        "running",
        attempts=job.attempts + 1,
        submitted_at=ports.clock.now(),
        progress=PROGRESS_RUNNING,
        note="Rendering.",
    )
    if running is None:
        return None
    try:
        prepared = await ports.inputs.prepare(running, _at_once)
        outcome = await lane.provider.submit(prepared.call, _at_once)
    except EngineCrashed:
        return await restart(ports, running)
    except RelightError as error:
        return await fail(ports, running, error)
    if not isinstance(outcome, Rendered):
        return await fail(ports, running, Internal("A local model did not return a picture."))
    return await take_result(ports, running, outcome, is_local=True)


async def _at_once() -> None:
    """The turn of what leaves this machine with nothing."""


async def restart_orphan(ports: Ports, _lane: Lane, job: Job) -> Job | None:
    """running, found by a worker that does not run it: its worker ended under it."""
    return await restart(ports, job)


async def restart(ports: Ports, job: Job) -> Job | None:
    """running → queued, or failed when it was tried often enough: what crashes twice will crash
    again."""
    if job.cancel_requested:
        return await ports.jobs.move(job, "cancelled", note="")
    if job.attempts >= MAX_ATTEMPTS:
        return await fail(
            ports,
            job,
            EngineCrashed(
                f"The local engine ended unexpectedly {MAX_ATTEMPTS} times on this picture.",
                hint="Try a smaller picture, or another model.",
            ),
        )
    return await ports.jobs.move(
        job, "queued", progress=0.0, note="Starting again.", due_at=ports.clock.now()
    )


async def stop(ports: Ports, job: Job) -> Job | None:
    """After the call was interrupted: cancelled if somebody asked for that, else back in the queue
    as if it had not been tried, for the next worker."""
    if job.stage != "running":
        return job
    if job.cancel_requested:
        return await ports.jobs.move(job, "cancelled", note="")
    return await ports.jobs.move(
        job, "queued", attempts=max(0, job.attempts - 1), progress=0.0, note="", worker=None
    )
