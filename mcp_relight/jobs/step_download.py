"""Fetching results the moment they exist: providers delete them."""

from mcp_relight.domain.image import MAX_INPUT_BYTES
from mcp_relight.domain.job import Job
from mcp_relight.errors import (
    EngineCrashed,
    FetchFailed,
    JobExpired,
    ProviderBusy,
    ProviderDown,
    ProviderProtocol,
    RelightError,
    StorageFull,
    TimedOut,
)

from .lanes import Lane, Surroundings, backoff_s, is_past_keeping
from .step_moves import PROGRESS_FINISHING, added, fail, later, store_picture
from .step_poll import expire

DEADLINE_S = 60.0
_MAX_ATTEMPTS = 20
_PASSING = (FetchFailed, TimedOut, ProviderBusy, ProviderDown, StorageFull)


async def download(around: Surroundings, _lane: Lane, job: Job) -> Job | None:
    """downloading → finishing, failed or expired."""
    fetched: list[str] = []
    problem: RelightError | None = None
    for url in job.outputs:
        try:
            fetched.append(await _fetch(around, url))
        except JobExpired as error:
            return await expire(around, job, error)
        except _PASSING as error:
            return await _again(around, job, error)
        except RelightError as error:
            problem = error
    returned = (*job.returned, *fetched)
    if problem is not None and not returned:
        return await fail(around, job, problem)
    missing = len(job.outputs) - len(fetched)
    lost = (f"{missing} of the provider's pictures could not be used.",) if missing else ()
    return await around.jobs.move(
        job,
        "finishing",
        returned=returned,
        warnings=added(job.warnings, *lost),
        attempts=0,
        progress=PROGRESS_FINISHING,
        note="Finishing.",
        due_at=around.clock.now(),
    )


async def _fetch(around: Surroundings, url: str) -> str:
    async with around.heavy:
        data = await around.downloads.fetch(url, max_bytes=MAX_INPUT_BYTES, deadline_s=DEADLINE_S)
        try:
            return await store_picture(around, data)
        except EngineCrashed:
            raise ProviderProtocol("The provider's result is not a readable picture.") from None


async def _again(around: Surroundings, job: Job, error: RelightError) -> Job | None:
    is_hopeless = job.attempts >= _MAX_ATTEMPTS and not isinstance(error, StorageFull)
    if is_hopeless or is_past_keeping(job, around.clock.now()):
        return await expire(around, job)
    note = f"Downloading the result failed ({error.code}); trying again."
    wait_s = backoff_s(job.attempts + 1)
    return await later(around, job, wait_s, note, attempts=job.attempts + 1)
