"""From what the provider returned to the finished, named and measured pictures.

Nothing here can lose a picture: whatever fails leaves the provider's own and a warning. A store of
pictures that does not answer is waited for.
"""

import logging
from collections.abc import Awaitable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from mcp_relight.domain.job import Job, JobRequest
from mcp_relight.domain.looks import result_stem
from mcp_relight.domain.report import LightAnalysis, Report, known_light
from mcp_relight.errors import RelightError, StoreDown

from .outcomes import added, without_store
from .ports import Ports

_log = logging.getLogger(__name__)
_T = TypeVar("_T")

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
