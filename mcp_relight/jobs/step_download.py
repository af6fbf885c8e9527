"""Fetching results the moment they exist: providers delete them."""

from mcp_relight.domain.image import MAX_INPUT_BYTES
from mcp_relight.domain.job import Job
from mcp_relight.errors import (
    EngineCrashed,
    FetchFailed,
    ProviderProtocol,
    RelightError,
    StorageFull,
    status_passes,
)

from .outcomes import PROGRESS_FINISHING, added, fail, later, store_picture
from .ports import Ports
from .retry import backoff_s, counted, is_past_keeping
from .step_poll import expire

DEADLINE_S = 60.0
_MAX_REFUSALS, _MAX_UNREADABLE = 20, 8


async def download(ports: Ports, job: Job) -> Job | None:
    """downloading → finishing, failed or expired."""
    fetched: list[str] = []
    problem: RelightError | None = None
    for url in job.outputs:
        try:
            fetched.append(await _fetch(ports, url))
        except RelightError as error:
            if _may_pass(error) and not _is_hopeless(ports, job, error):
                return await _again(ports, job, error)
            problem = error
    returned = (*job.returned, *fetched)
    if problem is not None and not returned:
        if _may_pass(problem) and not isinstance(problem, ProviderProtocol):
            return await expire(ports, job)
        return await fail(ports, job, problem)
    missing = len(job.outputs) - len(fetched)
    lost = (f"{missing} of the provider's pictures could not be used.",) if missing else ()
    return await ports.jobs.move(
        job,
        "finishing",
        returned=returned,
        warnings=added(job.warnings, *lost),
        attempts=0,
        progress=PROGRESS_FINISHING,
        note="Finishing.",
        due_at=ports.clock.now(),
    )


async def _fetch(ports: Ports, url: str) -> str:
    async with ports.heavy:
        data = await ports.downloads.fetch(url, max_bytes=MAX_INPUT_BYTES, deadline_s=DEADLINE_S)
        try:
            return await store_picture(ports, data)
        except EngineCrashed:
            raise ProviderProtocol("The provider's result is not a readable picture.") from None


def _may_pass(error: RelightError) -> bool:
    """Also a file that is half written, and a disk that is full: the picture is paid for."""
    return error.passes or isinstance(error, ProviderProtocol | StorageFull)


def _is_hopeless(ports: Ports, job: Job, error: RelightError) -> bool:
    """Whether the provider may have deleted its results, or has said so often enough."""
    most = _most_tries(error)
    is_told = most is not None and job.attempts >= most
    return is_told or is_past_keeping(job, ports.clock.now())


def _most_tries(error: RelightError) -> int | None:
    """How often the server of the file may give something else; None where it gave nothing."""
    if isinstance(error, ProviderProtocol):
        return _MAX_UNREADABLE
    if not isinstance(error, FetchFailed) or error.status is None:
        return None
    return None if status_passes(error.status) else _MAX_REFUSALS


async def _again(ports: Ports, job: Job, error: RelightError) -> Job | None:
    note = f"Downloading the result failed ({error.code}); trying again."
    wait_s = backoff_s(job.attempts + 1)
    attempts = counted(job.attempts, is_passing=_most_tries(error) is None)
    return await later(ports, job, wait_s, note, attempts=attempts)
