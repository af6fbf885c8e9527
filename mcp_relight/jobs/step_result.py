"""Asking after a job that the provider has, and fetching its results the moment they exist:
providers delete them."""

from mcp_relight.domain.exchange import Accepted, Outcome, Rendered, Working
from mcp_relight.domain.image import MAX_INPUT_BYTES
from mcp_relight.domain.job import Failure, Job
from mcp_relight.domain.ports import Provider
from mcp_relight.errors import (
    EngineCrashed,
    FetchFailed,
    JobExpired,
    OutcomeUnknown,
    ProviderAuth,
    ProviderCredits,
    ProviderProtocol,
    RelightError,
    StorageFull,
    status_passes,
)

from .outcomes import (
    PROGRESS_DOWNLOADING,
    PROGRESS_FINISHING,
    PROGRESS_RUNNING,
    added,
    fail,
    in_turn,
    later,
    store_picture,
    take_result,
)
from .ports import Ports, backoff_s, counted, is_past_keeping, jittered, poll_again_s, waited_s

SLOW = "This takes longer than usual; the job goes on and can be looked at later."
ONCE_MORE = "The provider says it does not know this job; it is asked once more."
NO_CANCEL = "The provider could not cancel this job; it goes on, and its result is kept."
_MAX_UNREADABLE = 10
_NOT_FOUND, _ONCE_MORE_S = 404, 10.0
"""What was just taken may not be known everywhere at once, and a gateway that restarts knows
nothing: a job that was paid for is not given up over the first such answer."""
_MAX_CANCELS = 3
_MENDABLE = (ProviderAuth, ProviderCredits, OutcomeUnknown, StorageFull)
"""The job is at the provider, and paid for: a key that is refused now may be put right, an account
filled, silence broken, and room made on the disk."""


async def poll(ports: Ports, provider: Provider, job: Job) -> Job | None:
    """running → running, downloading, finishing, failed or expired."""
    wait_s = await ports.rate_wait_s(provider, job)
    if wait_s > 0:
        return await in_turn(ports, job, wait_s, job.note)
    if job.cancel_requested:
        return await _cancel(ports, provider, job)
    try:
        outcome = await provider.poll(job, ports.turn(provider, job))
    except JobExpired as error:
        if error.status == _NOT_FOUND and job.note != ONCE_MORE:
            return await later(ports, job, jittered(_ONCE_MORE_S), ONCE_MORE)
        return await expire(ports, job, error)
    except RelightError as error:
        if _is_passing(error) or _may_be_read_later(job, error):
            return await _trouble(ports, provider, job, error)
        return await fail(ports, job, error)
    return await _answered(ports, provider, job, outcome)


async def expire(ports: Ports, job: Job, error: JobExpired | None = None) -> Job | None:
    error = error or JobExpired(
        "The provider no longer has the result of this job.",
        hint="Call relight_image again for a new job; this one may have been charged.",
    )
    return await ports.jobs.move(job, "expired", error=Failure.of(error), note="")


def _is_passing(error: RelightError) -> bool:
    return error.passes or isinstance(error, _MENDABLE)


def _may_be_read_later(job: Job, error: RelightError) -> bool:
    """One that was billed is over: asking again will not make its result a picture."""
    is_unreadable = isinstance(error, ProviderProtocol) and error.billed != "yes"
    return is_unreadable and job.attempts < _MAX_UNREADABLE


async def _answered(ports: Ports, provider: Provider, job: Job, outcome: Outcome) -> Job | None:
    match outcome:
        case Rendered():
            return await take_result(ports, job, outcome)
        case Working():
            if is_past_keeping(job, ports.clock.now()):
                return await expire(ports, job)
            return await _still_working(ports, provider, job, outcome)
        case Accepted():
            return await later(
                ports, job, jittered(outcome.poll_after_s), job.note, ticket=outcome.ticket
            )
        case _:
            return await _trouble(
                ports, provider, job, ProviderProtocol("The provider's answer leads nowhere.")
            )


async def _still_working(
    ports: Ports, provider: Provider, job: Job, working: Working
) -> Job | None:
    waited, pace = waited_s(job, ports.clock.now()), provider.pace
    again_s = jittered(working.poll_after_s) if working.poll_after_s else poll_again_s(pace, waited)
    is_slow = waited > pace.deadline_s
    return await later(
        ports,
        job,
        again_s,
        SLOW if is_slow else working.note or "The provider is working on it.",
        progress=_progress(job, working, waited / pace.deadline_s),
        attempts=0,
    )


def _progress(job: Job, working: Working, share_of_deadline: float) -> float:
    """The provider's own figure, else one that rises ever more slowly; it never falls."""
    done = working.progress
    if done is None:
        done = share_of_deadline / (share_of_deadline + 0.5)
    span = PROGRESS_DOWNLOADING - PROGRESS_RUNNING
    return max(job.progress, PROGRESS_RUNNING + span * min(1.0, max(0.0, done)))


async def _trouble(ports: Ports, provider: Provider, job: Job, error: RelightError) -> Job | None:
    if is_past_keeping(job, ports.clock.now()):
        return await expire(ports, job)
    wait_s = await ports.pause_s(provider, error, job.attempts + 1)
    note = f"Asking the provider failed ({error.code}); trying again."
    attempts = counted(job.attempts, is_passing=_is_passing(error))
    return await later(ports, job, wait_s, note, attempts=attempts)


async def _cancel(ports: Ports, provider: Provider, job: Job) -> Job | None:
    """Where the provider cannot stop it, the result is paid for and kept."""
    try:
        is_stopped = await provider.cancel(job, ports.turn(provider, job))
    except RelightError as error:
        if error.passes and job.attempts < _MAX_CANCELS:
            return await _trouble(ports, provider, job, error)
        is_stopped = False
    if is_stopped:
        return await ports.jobs.move(job, "cancelled", note="")
    warnings = added(job.warnings, NO_CANCEL)
    return await later(ports, job, 0.0, job.note, cancel_requested=False, warnings=warnings)


DEADLINE_S = 60.0
_MAX_REFUSALS, _MAX_SPOILED = 20, 8


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
        return _MAX_SPOILED
    if not isinstance(error, FetchFailed) or error.status is None:
        return None
    return None if status_passes(error.status) else _MAX_REFUSALS


async def _again(ports: Ports, job: Job, error: RelightError) -> Job | None:
    note = f"Downloading the result failed ({error.code}); trying again."
    wait_s = backoff_s(job.attempts + 1)
    attempts = counted(job.attempts, is_passing=_most_tries(error) is None)
    return await later(ports, job, wait_s, note, attempts=attempts)
