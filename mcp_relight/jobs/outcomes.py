"""What becomes of a job: moves that several steps make, and finishing, from what the provider
returned to the finished, named and measured pictures.

Nothing in finishing can lose a picture: whatever fails leaves the provider's own and a warning. A
store of pictures that does not answer is waited for.
"""

import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from mcp_relight.domain.exchange import Output, Rendered
from mcp_relight.domain.image import known_light
from mcp_relight.domain.job import Cost, Failure, Job, JobRequest, Stage
from mcp_relight.domain.looks import result_stem
from mcp_relight.domain.report import LightAnalysis, Report
from mcp_relight.domain.words import dollars
from mcp_relight.errors import (
    EngineCrashed,
    ImageCorrupt,
    ImageTooLarge,
    ImageUnsupported,
    OutcomeUnknown,
    ProviderProtocol,
    RelightError,
    StorageFull,
    StoreDown,
    TimedOut,
)

from .ports import Ports, jittered

_log = logging.getLogger(__name__)
_T = TypeVar("_T")

PROGRESS_SENT = 0.05
PROGRESS_RUNNING = 0.1
PROGRESS_DOWNLOADING = 0.8
PROGRESS_FINISHING = 0.9
_RECONCILE_FIRST_S = 15.0
_TRIES = 25
"""What was paid for exists nowhere else: a store that cannot take it is waited for, two minutes."""
_TRIES_OF_STORE = 720
"""A store of pictures that is out of reach comes back with what it has: an hour."""
_AGAIN_S = 5.0
_STORE_AGAIN_S = 15.0
_DEARER = 1.2
"""Some documents state an average, around which the single price varies."""
UNREADABLE = (ImageCorrupt, ImageUnsupported, ImageTooLarge)


async def fail(ports: Ports, job: Job, error: RelightError) -> Job | None:
    """Move to `failed`, with what the failure cost."""
    failure = Failure.of(error)
    return await ports.jobs.move(
        job, "failed", error=failure, note="", cost=_cost_after(job, failure)
    )


async def to_unknown(ports: Ports, job: Job) -> Job | None:
    """The provider may have taken it. It is not sent again; late evidence is looked for."""
    error = OutcomeUnknown(
        "The provider may have taken and charged this job, but its answer never came."
    )
    return await ports.jobs.move(
        job,
        "submit_unknown",
        error=Failure.of(error),
        note="Looking for evidence of the job at the provider.",
        attempts=0,
        due_at=ports.clock.now() + jittered(_RECONCILE_FIRST_S),
    )


async def later(ports: Ports, job: Job, seconds: float, note: str, **changes: Any) -> Job | None:
    """Stay in this stage and look again."""
    due_at = ports.clock.now() + seconds
    return await ports.jobs.move(job, job.stage, due_at=due_at, note=note, **changes)


async def without_store(ports: Ports, job: Job, stage: Stage, **changes: Any) -> Job | None:
    """Look again when the store of pictures may be back."""
    due_at = ports.clock.now() + jittered(_STORE_AGAIN_S)
    note = "The store of pictures does not answer; trying again."
    return await ports.jobs.move(job, stage, due_at=due_at, note=note, **changes)


async def in_turn(ports: Ports, job: Job, wait_s: float, note: str) -> Job | None:
    """Look again when its slot of the rate gate comes. The row keeps the slot: whoever looks then
    may be another worker."""
    return await later(ports, job, wait_s, note, slots=ports.slots.put_away(job.job_id))


async def take_result(
    ports: Ports, job: Job, rendered: Rendered, *, is_local: bool = False
) -> Job | None:
    """Keep what came with the reply, and go on to download the rest or to finish. A local job can
    make its picture again: then raises StoreDown where it cannot be kept."""
    done = replace(job, cost=rendered.cost or _billed(job.cost))
    if not rendered.outputs:
        return await fail(ports, done, ProviderProtocol("The provider's result has no picture."))
    try:
        returned = await _store_all(ports, rendered.outputs, tries=1 if is_local else _TRIES)
    except RelightError as error:
        if is_local and isinstance(error, StoreDown):
            raise
        return await fail(ports, done, error)
    urls = tuple(output.url for output in rendered.outputs if output.url is not None)
    stage: Stage = "downloading" if urls else "finishing"
    return await ports.jobs.move(
        job,
        stage,
        returned=returned,
        outputs=urls,
        request=_with_seed(job.request, rendered.seed),
        cost=done.cost,
        sent=(*job.sent, *rendered.sent),
        warnings=added(
            job.warnings, *rendered.warnings, *_fewer(job, rendered), *dearer(job, done.cost)
        ),
        provider_expires_at=rendered.expires_at or job.provider_expires_at,
        submitted_at=job.submitted_at or ports.clock.now(),
        error=None,
        attempts=0,
        progress=PROGRESS_DOWNLOADING if urls else PROGRESS_FINISHING,
        note="Downloading the result." if urls else "Finishing.",
        due_at=ports.clock.now(),
    )


async def store_picture(ports: Ports, data: bytes, *, tries: int = 1) -> str:
    """Decode and keep a picture that a provider returned; returns its image id. Where the disk is
    full, try again every few seconds.

    Raises ProviderProtocol for bytes that are no picture, StorageFull, EngineCrashed, TimedOut.
    """
    try:
        picture = await ports.pixels.inspect(data)
    except (EngineCrashed, TimedOut):
        picture = await ports.pixels.inspect(data)  # it may have been another picture's fault
    except UNREADABLE:
        raise ProviderProtocol("The provider's result is not a readable picture.") from None
    stored = await insist(ports, partial(ports.images.put, picture), tries=tries)
    return stored.image_id


async def insist(ports: Ports, step: Callable[[], Awaitable[_T]], *, tries: int = _TRIES) -> _T:
    """Write something down; where the store cannot take it now, again every few seconds."""
    failures = 0
    while True:
        try:
            return await step()
        except (StorageFull, TimedOut) as error:
            failures += 1
            is_down = isinstance(error, StoreDown) and tries > 1
            if failures >= (_TRIES_OF_STORE if is_down else tries):
                raise
        await ports.clock.sleep(_AGAIN_S)


async def release_inputs(ports: Ports, job: Job) -> None:
    """Take back what was put up for the provider to read. Failing at it harms no job."""
    try:
        await ports.inputs.release(job)
    except RelightError as error:
        _log.warning("Inputs of %s could not be taken back: %s", job.job_id, error.code)


def added(warnings: Sequence[str], *more: str) -> tuple[str, ...]:
    """Each warning once, in order."""
    return tuple(dict.fromkeys((*warnings, *more)))


async def _store_all(ports: Ports, outputs: Sequence[Output], *, tries: int) -> tuple[str, ...]:
    pictures = [output.data for output in outputs if output.data is not None]
    async with ports.heavy:
        return tuple([await store_picture(ports, data, tries=tries) for data in pictures])


def dearer(job: Job, cost: Cost | None) -> tuple[str, ...]:
    """A word about a price well above the planned one."""
    planned_usd = job.request.estimate.usd
    if cost is None or cost.usd is None or planned_usd is None:
        return ()
    if cost.usd <= planned_usd * _DEARER:
        return ()
    charges, planned = dollars(cost.usd), dollars(planned_usd)
    return (f"The provider charges {charges} for this, planned was {planned}.",)


def _fewer(job: Job, rendered: Rendered) -> tuple[str, ...]:
    got, asked = len(rendered.outputs), job.request.count
    return (f"The provider returned {got} of {asked} pictures.",) if got < asked else ()


def _with_seed(request: JobRequest, used: int | None) -> JobRequest:
    """With the seed the provider says it used: giving it again gives the same picture again."""
    return request if used is None else request.model_copy(update={"seed": used})


def _billed(cost: Cost) -> Cost:
    """The estimate of a job that succeeded, where the provider does not state the price."""
    return cost if cost.usd == 0 else cost.model_copy(update={"billed": "yes"})


def _cost_after(job: Job, failure: Failure) -> Cost:
    if job.cost.billed == "yes":
        return job.cost  # the work was done: what happened to its result changes no bill
    was_sent = job.stage not in {"queued", "submitting"} or failure.billed is not None
    if job.stage == "queued" or failure.billed == "no" or not was_sent:
        return Cost(unit=job.cost.unit)
    if job.cost.usd == 0:
        return job.cost
    return job.cost.model_copy(update={"billed": failure.billed or "unknown"})


NO_ORIGINAL = "The original picture is no longer stored: nothing was transferred or measured."
TOO_LATE = "It was too late to cancel this job: its result was there already, and is kept."
NO_REPORT = "The result could not be measured."
NO_NAMED_COPY = "The finished picture could not be written to any folder; view_image shows it."
ELSEWHERE = (
    "The output folder could not be written; the picture is in the data folder instead. "
    "Check MCP_RELIGHT_OUTPUT_DIR."
)


@dataclass(frozen=True, slots=True)
class _Finished:
    image_id: str
    warnings: tuple[str, ...] = ()


async def finish(ports: Ports, job: Job) -> Job | None:
    """finishing → succeeded."""
    try:
        return await _finish(ports, job)
    except StoreDown:
        return await without_store(ports, job, "finishing")


async def _finish(ports: Ports, job: Job) -> Job | None:
    async with ports.heavy:
        original = await _kept(ports.images.read(job.request.image_id))
        finished = [await _finish_one(ports, job, original, name) for name in job.returned]
        images = tuple(item.image_id for item in finished)
        report, measured = await _measure(ports, job, original, images[0])
    paths, published = await _publish_all(ports, job.request, images)
    warnings = [warning for item in finished for warning in item.warnings]
    return await ports.jobs.move(
        job,
        "succeeded",
        images=images,
        report=report,
        paths=paths,
        warnings=added(job.warnings, *_too_late(job), *warnings, *measured, *published),
        progress=1.0,
        note="",
    )


async def finish_as_returned(ports: Ports, job: Job, warning: str) -> Job | None:
    """finishing → succeeded with the provider's own pictures, after finishing itself broke."""
    paths, published = await _publish_all(ports, job.request, job.returned)
    return await ports.jobs.move(
        job,
        "succeeded",
        images=job.returned,
        paths=paths,
        warnings=added(job.warnings, *_too_late(job), warning, *published),
        progress=1.0,
        note="",
    )


def _too_late(job: Job) -> tuple[str, ...]:
    return (TOO_LATE,) if job.cancel_requested else ()


async def _finish_one(ports: Ports, job: Job, original: bytes | None, returned: str) -> _Finished:
    """Transfer only the light onto the original, where that was asked for and works."""
    if job.request.finish == "as-returned":
        return _Finished(returned)
    if original is None:
        return _Finished(returned, (NO_ORIGINAL,))
    try:
        picture, why = await ports.pixels.transfer(original, await ports.images.read(returned))
        if picture is None:
            return _Finished(returned, ("The picture is as the provider returned it.", *why))
        return _Finished((await ports.images.put(picture)).image_id, tuple(why))
    except StoreDown:
        raise
    except RelightError as error:
        return _Finished(
            returned,
            (f"The picture is as the provider returned it: finishing failed ({error.code}).",),
        )


async def _measure(
    ports: Ports, job: Job, original: bytes | None, image_id: str
) -> tuple[Report | None, tuple[str, ...]]:
    if original is None:
        return None, (NO_ORIGINAL,)
    try:
        final = await ports.images.read(image_id)
        first = job.returned[0]
        returned = None if first == image_id else await ports.images.read(first)
        return await ports.pixels.report(
            original,
            final,
            job.request.lighting,
            returned=returned,
            mask=await _mask(ports, job.request),
            before=await known_light(ports.images, ports.pixels, job.request.image_id),
            target=await _target(ports, job.request),
        ), ()
    except StoreDown:
        raise
    except RelightError:
        return None, (NO_REPORT,)


async def _kept(reading: Awaitable[_T]) -> _T | None:
    """None when what it needs is no longer stored."""
    try:
        return await reading
    except StoreDown:
        raise
    except RelightError:
        return None


async def _mask(ports: Ports, request: JobRequest) -> bytes | None:
    """The user's mask; None without one, or when it is no longer stored."""
    return None if request.mask_id is None else await _kept(ports.images.read(request.mask_id))


async def _target(ports: Ports, request: JobRequest) -> LightAnalysis | None:
    """The light to be matched; None without a reference, or when it is no longer stored."""
    if request.reference_id is None:
        return None
    return await _kept(known_light(ports.images, ports.pixels, request.reference_id))


async def _publish_all(
    ports: Ports, request: JobRequest, images: tuple[str, ...]
) -> tuple[tuple[str | None, ...], tuple[str, ...]]:
    """Named copies; in a spare folder where the one asked for cannot be written."""
    paths: list[str | None] = []
    warnings: list[str] = []
    for number, image_id in enumerate(images, start=1):
        stem = result_stem(request, number)
        is_there, path = await _publish(ports, image_id, Path(request.output_dir), stem)
        if not is_there:
            is_there, path = await _publish(ports, image_id, ports.spare_dir, stem)
            warnings.append(ELSEWHERE if is_there else NO_NAMED_COPY)
        paths.append(path)
    return tuple(paths), added(warnings)


async def _publish(ports: Ports, image_id: str, folder: Path, stem: str) -> tuple[bool, str | None]:
    """Whether it is where it should be, and its path if that is a folder."""
    try:
        path = await ports.images.publish(image_id, folder, stem)
    except StoreDown:
        raise
    except RelightError as error:
        _log.warning("A finished picture could not be written to a folder: %s", error.code)
        return False, None
    return True, None if path is None else str(path)
