"""Sending a paid job, at most once.

`submitting` is committed before a byte leaves. Whoever finds a row in that stage did not write it,
cannot know whether it was sent, and never sends it.
"""

from functools import partial

from mcp_relight.domain.exchange import Accepted, Outcome, Rendered, Working
from mcp_relight.domain.job import Cost, Job
from mcp_relight.domain.ports import Prepared
from mcp_relight.errors import (
    BudgetExceeded,
    ModelNotReady,
    ProviderProtocol,
    RelightError,
)

from .lanes import NEVER, Lane, Surroundings, backoff_s, is_past_keeping, jittered
from .step_moves import (
    PROGRESS_RUNNING,
    PROGRESS_SENT,
    added,
    dearer,
    fail,
    insist,
    later,
    release_inputs,
    take_result,
    to_unknown,
)

MAX_SUBMITS = 5
MAX_PREPARES = 4
_RECONCILE_AGAIN_S = (60.0, 300.0)
_POLL_S = 5.0


async def submit(around: Surroundings, lane: Lane, job: Job) -> Job | None:
    """queued → submitting → what the provider answered."""
    if job.request.policy.local_only:
        return await fail(around, job, _forbidden())
    if job.cancel_requested:  # while a submit was under way that the provider did not take
        return await around.jobs.move(job, "cancelled", note="")
    requests = around.inputs.requests(job) + 1
    wait_s = await around.gate_wait_s(lane, job, requests=requests)
    if wait_s > 0:
        return await later(around, job, wait_s, "Waiting for the provider's rate limit.")
    try:
        prepared = await around.inputs.prepare(job, around.turn(lane, job))
    except RelightError as error:
        return await _not_prepared(around, lane, job, error)
    # Whoever finds `submitting` must take it for sent: nothing is waited for in that stage.
    await around.slots.ready(job.job_id, lane.gate(job))
    sending = await _reserve(around, job, prepared)
    if sending is None or sending.stage != "submitting":
        await release_inputs(around, job)
        return sending
    try:
        outcome = await lane.provider.submit(prepared.call, around.turn(lane, job))
    except RelightError as error:
        return await insist(around, partial(_refused, around, lane, sending, error))
    return await insist(around, partial(take_answer, around, sending, outcome))


async def reconcile(around: Surroundings, lane: Lane, job: Job) -> Job | None:
    """submitting or submit_unknown, found by somebody who did not send it: look for evidence."""
    wait_s = await around.gate_wait_s(lane, job)
    if wait_s > 0:
        return await later(around, job, wait_s, job.note)
    try:
        outcome = await lane.provider.reconcile(job, around.turn(lane, job))
    except RelightError:
        if job.stage == "submit_unknown" and not is_past_keeping(job, around.clock.now()):
            # What made the outcome unknown may last: nobody has looked yet.
            return await later(around, job, jittered(_RECONCILE_AGAIN_S[-1]), job.note)
        outcome = None
    if isinstance(outcome, Accepted) and await around.jobs.may_be_anothers(job, outcome.ticket):
        outcome = None  # showing somebody else's picture is worse than asking the user
    if outcome is not None:
        return await _found(around, job, outcome)
    if job.stage == "submitting":
        return await to_unknown(around, job)
    if job.attempts >= len(_RECONCILE_AGAIN_S):
        return await around.jobs.move(job, job.stage, due_at=NEVER, note="")
    wait_s = jittered(_RECONCILE_AGAIN_S[job.attempts])
    return await later(around, job, wait_s, job.note, attempts=job.attempts + 1)


async def take_answer(around: Surroundings, job: Job, outcome: Outcome) -> Job | None:
    """submitting → running, downloading or finishing."""
    match outcome:
        case Rendered():
            return await take_result(around, job, outcome)
        case Accepted():
            return await around.jobs.move(
                job,
                "running",
                ticket=outcome.ticket,
                provider_expires_at=outcome.expires_at,
                cost=outcome.cost or job.cost,
                warnings=added(job.warnings, *dearer(job, outcome.cost)),
                submitted_at=around.clock.now(),
                attempts=0,
                error=None,
                progress=PROGRESS_RUNNING,
                note="The provider is working on it.",
                due_at=around.clock.now() + jittered(outcome.poll_after_s),
            )
        case _:
            return await to_unknown(around, job)  # it answered, but nobody can ask again


async def _not_prepared(
    around: Surroundings, lane: Lane, job: Job, error: RelightError
) -> Job | None:
    """Nothing was asked for yet, so nothing was paid: what may pass is tried again, and so is what
    could not be read."""
    may_pass = error.passes or isinstance(error, ProviderProtocol)
    if not may_pass or job.attempts >= MAX_PREPARES:
        return await fail(around, job, error)
    wait_s = backoff_s(job.attempts + 1)
    if error.retry_after_s is not None:
        wait_s = error.retry_after_s
        await around.slots.hold(lane.gate(job), wait_s)
    note = f"Getting the picture to the provider failed ({error.code}); trying again."
    return await later(around, job, wait_s, note, attempts=job.attempts + 1)


async def _reserve(around: Surroundings, job: Job, prepared: Prepared) -> Job | None:
    """The committed intent to send, with the money for it; or the failed job."""
    try:
        return await around.jobs.reserve(
            job,
            day_budget_usd=job.request.policy.daily_budget_usd,
            cost=job.request.estimate.model_copy(update={"billed": "unknown"}),
            sent=prepared.sent,
            submitted_at=around.clock.now(),
            progress=PROGRESS_SENT,
            note="Sending.",
        )
    except BudgetExceeded as error:
        return await fail(around, job, error)


async def _refused(around: Surroundings, lane: Lane, job: Job, error: RelightError) -> Job | None:
    """What may have been taken is never sent again; what certainly was not, where that may help."""
    if error.taken == "maybe":
        return await to_unknown(around, job)
    if error.passes:
        return await _send_again(around, lane, job, error)
    return await fail(around, job, error)


async def _send_again(
    around: Surroundings, lane: Lane, job: Job, error: RelightError
) -> Job | None:
    if error.retry_after_s is not None:
        await around.slots.hold(lane.gate(job), error.retry_after_s)
    await release_inputs(around, job)  # the next try prepares its own
    if job.submits >= MAX_SUBMITS:
        return await fail(around, job, error)
    wait_s = error.retry_after_s or backoff_s(job.submits)
    return await around.jobs.move(
        job,
        "queued",
        cost=Cost(unit=job.cost.unit),
        sent=(),
        submitted_at=None,
        progress=0.0,
        note="The provider did not take it yet; trying again.",
        due_at=around.clock.now() + wait_s,
    )


async def _found(around: Surroundings, job: Job, outcome: Outcome) -> Job | None:
    """Late evidence: the provider has the job after all."""
    if job.stage == "submitting" and not isinstance(outcome, Working):
        return await take_answer(around, job, outcome)
    accepted = outcome if isinstance(outcome, Accepted) else None
    running = await around.jobs.move(
        job,
        "running",
        ticket=accepted.ticket if accepted else job.ticket,
        provider_expires_at=accepted.expires_at if accepted else None,
        submitted_at=around.clock.now(),
        attempts=0,
        error=None,
        progress=PROGRESS_RUNNING,
        note="The provider is working on it.",
        due_at=around.clock.now() + (accepted.poll_after_s if accepted else _POLL_S),
    )
    if running is None or not isinstance(outcome, Rendered):
        return running
    return await take_result(around, running, outcome)


def _forbidden() -> RelightError:
    return ModelNotReady(
        "The job was accepted with MCP_RELIGHT_LOCAL_ONLY set, and its model is remote.",
        hint="Use local/classic, or unset MCP_RELIGHT_LOCAL_ONLY and call again.",
    )
