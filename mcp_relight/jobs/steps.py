"""`advance`: the next legal step of a job. It knows neither who calls it nor how often.

The steps on this machine are here: they need no guard, since rendering again costs nothing but
time.
"""

import logging
from pathlib import Path

from mcp_relight import telemetry
from mcp_relight.domain.caller import Caller, acting_as
from mcp_relight.domain.job import Job
from mcp_relight.domain.ports import Clock, Downloads, Images, Inputs, Jobs, Pixels, Renderer
from mcp_relight.errors import EngineCrashed, Internal, ModelNotReady, RelightError, StoreDown

from .outcomes import (
    PROGRESS_RUNNING,
    fail,
    finish,
    finish_as_returned,
    later,
    release_inputs,
    take_result,
    to_unknown,
    without_store,
)
from .ports import LONGEST_SUBMIT_S, SUBMIT_SLACK_S, Ports, Providers, RateLimiter, is_past_keeping
from .step_result import download, expire, poll
from .step_submit import reconcile, submit

_log = logging.getLogger(__name__)

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


_AGAIN_S = 60.0
_BROKEN = "Something unexpected happened; trying again."

_LOCAL = {"queued": render, "running": restart, "finishing": finish}
_ASKING = {
    "queued": submit,
    "submitting": reconcile,
    "submit_unknown": reconcile,
    "running": poll,
}
_FETCHING = {"downloading": download, "finishing": finish}
_INPUTS_DONE = frozenset({"downloading", "finishing", "failed", "cancelled", "expired"})


class Steps:
    """The state machine over the ports. It holds no job between two calls."""

    def __init__(
        self,
        *,
        jobs: Jobs,
        images: Images,
        pixels: Pixels,
        inputs: Inputs,
        downloads: Downloads,
        clock: Clock,
        renderer: Renderer,
        providers: Providers,
        spare_dir: Path,
    ) -> None:
        self._ports = Ports(
            jobs=jobs,
            images=images,
            pixels=pixels,
            inputs=inputs,
            downloads=downloads,
            clock=clock,
            renderer=renderer,
            providers=providers,
            spare_dir=spare_dir,
            slots=RateLimiter(jobs, clock),
        )

    async def advance(self, job: Job) -> Job | None:
        """Do the next step of a claimed job; `due_at` of the answer says when the one after that
        is due. None when the row moved on under us: whoever moved it owns it now.

        A job found in `submitting` was not written there by this call, and is never sent again.
        """
        traced = telemetry.span(
            f"step {job.stage}",
            within=job.request.trace,
            relight_job=job.job_id,
            relight_stage=job.stage,
            relight_model=job.model,
        )
        with acting_as(Caller(job.owner)), traced as note:
            after = await self._advance(job)
            if after is not None:
                note("relight_becomes", after.stage)
            return after

    async def _advance(self, job: Job) -> Job | None:
        if step := (_LOCAL if job.is_local else _FETCHING).get(job.stage):
            after = await step(self._ports, job)
        elif job.is_local:
            return None
        else:
            after = await self._ask(job)
        if after is not None and not job.is_local:
            await self._clean_up(job, after)
        return after

    async def _ask(self, job: Job) -> Job | None:
        """A step for which the provider is asked something."""
        step = _ASKING.get(job.stage)
        if step is None:
            return None
        try:
            provider = await self._ports.providers.of(job)
        except ModelNotReady as error:
            return await self._without_key(job, error)
        except Internal as error:  # another worker may have what opens it
            return await later(self._ports, job, _AGAIN_S, error.message)
        if provider is None:
            words = "The provider of this job's model is not installed."
            return await self._without_key(job, ModelNotReady(words))
        return await step(self._ports, provider, job)

    async def _without_key(self, job: Job, error: ModelNotReady) -> Job | None:
        if job.stage == "queued":
            return await fail(self._ports, job, error)
        return await later(self._ports, job, _AGAIN_S, error.message)

    async def submit_over_at(self, job: Job) -> float:
        """When nobody can be sending this job any more that was found in `submitting`."""
        try:
            provider = await self._ports.providers.of(job)
        except (ModelNotReady, Internal):
            provider = None
        if provider is None:
            within_s = LONGEST_SUBMIT_S
        else:
            within_s = min(provider.submit_within_s + SUBMIT_SLACK_S, LONGEST_SUBMIT_S)
        return (job.submitted_at or job.updated_at) + within_s

    async def interrupted(self, job_id: str) -> None:
        """Bring the row in order after its step was cut off. A remote job is left as it is: what
        was sent is found out by the next worker, and never sent again."""
        job = await self._ports.jobs.get(job_id)
        if job.is_local:
            with acting_as(Caller(job.owner)):
                await stop(self._ports, job)

    async def broke(self, job_id: str) -> None:
        """Bring the row in order after a step ended with an error nobody anticipated."""
        job = await self._ports.jobs.get(job_id)
        with acting_as(Caller(job.owner)):
            await self._put_right(job)

    async def _put_right(self, job: Job) -> None:
        ports = self._ports
        match job.stage:
            case "submitting":
                await to_unknown(ports, job)
            case "finishing" if job.returned:
                await finish_as_returned(ports, job, "Finishing failed (internal).")
            case "queued":
                await fail(ports, job, Internal("Something unexpected happened."))
            case "running" if job.is_local:
                await fail(ports, job, Internal("Something unexpected happened."))
            case "running" | "downloading" if is_past_keeping(job, ports.clock.now()):
                await expire(ports, job)
            case "running" | "downloading" | "submit_unknown":
                await later(ports, job, _AGAIN_S, _BROKEN)
            case _:
                pass

    async def _clean_up(self, before: Job, after: Job) -> None:
        if after.stage != before.stage and after.stage in _INPUTS_DONE:
            await release_inputs(self._ports, after)
        if after.is_terminal:
            self._ports.slots.drop(after.job_id)
