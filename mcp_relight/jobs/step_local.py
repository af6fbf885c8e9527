"""Steps of a job on this machine: no guard, since rendering again costs nothing but time."""

from mcp_relight.domain.job import Job
from mcp_relight.errors import EngineCrashed, RelightError, StoreDown

from .outcomes import PROGRESS_RUNNING, fail, take_result, without_store
from .ports import Ports

MAX_ATTEMPTS = 2


async def render(ports: Ports, job: Job) -> Job | None:
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
        rendered = await ports.renderer.render(job.request)
        return await take_result(ports, running, rendered, is_local=True)
    except EngineCrashed:
        return await restart(ports, running)
    except StoreDown:
        return await without_store(ports, running, "queued", attempts=job.attempts, progress=0.0)
    except RelightError as error:
        return await fail(ports, running, error)


async def restart(ports: Ports, job: Job) -> Job | None:
    """running, after the engine crashed or the worker ended under it → queued, or failed when it
    was tried often enough: what crashes twice will crash again."""
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
