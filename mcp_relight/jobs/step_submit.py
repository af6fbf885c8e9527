"""Sending a paid job, at most once.

`submitting` is committed before a byte leaves. Whoever finds a row in that stage did not write it,
cannot know whether it was sent, and never sends it.
"""

from functools import partial

from mcp_relight.domain.exchange import Accepted, Outcome, Prepared, Rendered, Working
from mcp_relight.domain.job import Cost, Job
from mcp_relight.domain.ports import Provider
from mcp_relight.errors import (
    BudgetExceeded,
    JobNotFound,
    ModelNotReady,
    ProviderProtocol,
    RelightError,
    StoreDown,
    TimedOut,
)

from .outcomes import (
    PROGRESS_RUNNING,
    PROGRESS_SENT,
    added,
    dearer,
    fail,
    in_turn,
    insist,
    later,
    release_inputs,
    take_result,
    to_unknown,
    without_store,
)
from .ports import NEVER, SENT_WITHIN_S, Ports, is_past_keeping, jittered

MAX_SUBMITS = 5
MAX_PREPARES = 4
_RECONCILE_AGAIN_S = (60.0, 300.0)
_POLL_S = 5.0
_LATE_TRIES = 5
"""How often a row may move between being read and being written."""


async def submit(ports: Ports, provider: Provider, job: Job) -> Job | None:
    """queued → submitting → what the provider answered."""
    if job.request.policy.local_only:
        return await fail(ports, job, _forbidden())
    if job.cancel_requested:  # while a submit was under way that the provider did not take
        return await ports.jobs.move(job, "cancelled", note="")
    requests = ports.inputs.requests(job) + 1
    wait_s = await ports.rate_wait_s(provider, job, requests=requests)
    if wait_s > 0:
        return await in_turn(ports, job, wait_s, "Waiting for the provider's rate limit.")
    try:
        prepared = await ports.inputs.prepare(job, ports.turn(provider, job))
    except RelightError as error:
        return await _not_prepared(ports, provider, job, error)
    # Whoever finds `submitting` must take it for sent: nothing is waited for in that stage.
    await ports.slots.ready(job.job_id, provider.rate)
    sending = await _reserve(ports, job, prepared)
    if sending is None or sending.stage != "submitting":
        await release_inputs(ports, job)
        return sending
    try:
        _check_in_time(ports, sending)
        outcome = await provider.submit(prepared.call, ports.turn(provider, job))
    except RelightError as error:
        return await insist(ports, partial(_refused, ports, provider, sending, error))
    after = await insist(ports, partial(take_answer, ports, sending, outcome))
    if after is None:
        await insist(ports, partial(_take_late_answer, ports, sending, outcome))
    return after


async def reconcile(ports: Ports, provider: Provider, job: Job) -> Job | None:
    """submitting or submit_unknown, found by somebody who did not send it: look for evidence."""
    wait_s = await ports.rate_wait_s(provider, job)
    if wait_s > 0:
        return await in_turn(ports, job, wait_s, job.note)
    try:
        outcome = await provider.reconcile(job, ports.turn(provider, job))
    except RelightError:
        if job.stage == "submit_unknown" and not is_past_keeping(job, ports.clock.now()):
            # What made the outcome unknown may last: nobody has looked yet.
            return await later(ports, job, jittered(_RECONCILE_AGAIN_S[-1]), job.note)
        outcome = None
    if isinstance(outcome, Accepted) and await ports.jobs.may_be_anothers(job, outcome.ticket):
        outcome = None  # showing somebody else's picture is worse than asking the user
    if outcome is not None:
        return await _found(ports, job, outcome)
    if job.stage == "submitting":
        return await to_unknown(ports, job)
    if job.attempts >= len(_RECONCILE_AGAIN_S):
        return await ports.jobs.move(job, job.stage, due_at=NEVER, note="")
    wait_s = jittered(_RECONCILE_AGAIN_S[job.attempts])
    return await later(ports, job, wait_s, job.note, attempts=job.attempts + 1)


async def take_answer(ports: Ports, job: Job, outcome: Outcome) -> Job | None:
    """submitting → running, downloading or finishing."""
    match outcome:
        case Rendered():
            return await take_result(ports, job, outcome)
        case Accepted():
            return await ports.jobs.move(
                job,
                "running",
                ticket=outcome.ticket,
                provider_expires_at=outcome.expires_at,
                cost=outcome.cost or job.cost,
                warnings=added(job.warnings, *dearer(job, outcome.cost)),
                submitted_at=ports.clock.now(),
                attempts=0,
                error=None,
                progress=PROGRESS_RUNNING,
                note="The provider is working on it.",
                due_at=ports.clock.now() + jittered(outcome.poll_after_s),
            )
        case _:
            return await to_unknown(ports, job)  # it answered, but nobody can ask again


async def _take_late_answer(ports: Ports, sent: Job, outcome: Outcome) -> None:
    """Somebody took this worker for dead while it was sending, and holds the row now. The answer
    came after all: what was paid for is kept in the row, which stays theirs."""
    for _ in range(_LATE_TRIES):
        try:
            theirs = await ports.jobs.get(sent.job_id)
        except JobNotFound:
            return
        is_unsettled = theirs.stage in {"submitting", "submit_unknown"}
        if not is_unsettled or theirs.submits != sent.submits:
            return
        if await _found(ports, theirs, outcome) is not None:
            return


async def _not_prepared(
    ports: Ports, provider: Provider, job: Job, error: RelightError
) -> Job | None:
    """Nothing was asked for yet, so nothing was paid: what may pass is tried again, and so is what
    could not be read."""
    if isinstance(error, StoreDown):
        return await without_store(ports, job, "queued")
    may_pass = error.passes or isinstance(error, ProviderProtocol)
    if not may_pass or job.attempts >= MAX_PREPARES:
        return await fail(ports, job, error)
    wait_s = await ports.pause_s(provider, error, job.attempts + 1)
    note = f"Getting the picture to the provider failed ({error.code}); trying again."
    return await later(ports, job, wait_s, note, attempts=job.attempts + 1)


async def _reserve(ports: Ports, job: Job, prepared: Prepared) -> Job | None:
    """The committed intent to send, with the money for it; or the failed job."""
    try:
        return await ports.jobs.reserve(
            job,
            day_budget_usd=job.request.policy.daily_budget_usd,
            cost=job.request.estimate.model_copy(update={"billed": "unknown"}),
            sent=prepared.sent,
            progress=PROGRESS_SENT,
            note="Sending.",
        )
    except BudgetExceeded as error:
        return await fail(ports, job, error)


def _check_in_time(ports: Ports, job: Job) -> None:
    """Others count from the row how long a request may be under way. Raises TimedOut where noting
    it down took so long that they might not wait for this one."""
    if ports.clock.now() > (job.submitted_at or 0.0) + SENT_WITHIN_S:
        late = TimedOut("The job database took too long to note that a job is about to be sent.")
        raise late.of_submit("no")


async def _refused(ports: Ports, provider: Provider, job: Job, error: RelightError) -> Job | None:
    """What may have been taken is never sent again; what certainly was not, where that may help."""
    if error.taken == "maybe":
        return await to_unknown(ports, job)
    if error.passes:
        return await _send_again(ports, provider, job, error)
    return await fail(ports, job, error)


async def _send_again(
    ports: Ports, provider: Provider, job: Job, error: RelightError
) -> Job | None:
    wait_s = await ports.pause_s(provider, error, job.submits)
    await release_inputs(ports, job)  # the next try prepares its own
    if job.submits >= MAX_SUBMITS:
        return await fail(ports, job, error)
    return await ports.jobs.move(
        job,
        "queued",
        cost=Cost(unit=job.cost.unit),
        sent=(),
        submitted_at=None,
        progress=0.0,
        note="The provider did not take it yet; trying again.",
        due_at=ports.clock.now() + wait_s,
    )


async def _found(ports: Ports, job: Job, outcome: Outcome) -> Job | None:
    """Late evidence: the provider has the job after all."""
    if job.stage == "submitting" and not isinstance(outcome, Working):
        return await take_answer(ports, job, outcome)
    accepted = outcome if isinstance(outcome, Accepted) else None
    running = await ports.jobs.move(
        job,
        "running",
        ticket=accepted.ticket if accepted else job.ticket,
        provider_expires_at=accepted.expires_at if accepted else None,
        submitted_at=ports.clock.now(),
        attempts=0,
        error=None,
        progress=PROGRESS_RUNNING,
        note="The provider is working on it.",
        due_at=ports.clock.now() + (accepted.poll_after_s if accepted else _POLL_S),
    )
    if running is None or not isinstance(outcome, Rendered):
        return running
    return await take_result(ports, running, outcome)


def _forbidden() -> RelightError:
    return ModelNotReady(
        "The job was accepted with MCP_RELIGHT_LOCAL_ONLY set, and its model is remote.",
        hint="Use local/classic, or unset MCP_RELIGHT_LOCAL_ONLY and call again.",
    )
