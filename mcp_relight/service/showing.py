"""From stored jobs and images to what callers are shown, and what a long answer leaves out."""

import os
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydantic import JsonValue

from mcp_relight.domain.image import ImageInfo
from mcp_relight.domain.job import FieldHonesty, Job
from mcp_relight.domain.lighting import Light, Lighting
from mcp_relight.domain.ports import Images
from mcp_relight.domain.views import (
    ErrorView,
    FieldsView,
    ImageView,
    JobRow,
    JobView,
    ReportView,
)
from mcp_relight.domain.words import json_text, shortened
from mcp_relight.errors import ImageNotFound

from .next_steps import next_step

_NAME_CHARS, _NOTE_CHARS = 40, 80
_FIRST_MOMENT_S = datetime.min.replace(tzinfo=UTC).timestamp()
_LAST_MOMENT_S = datetime.max.replace(tzinfo=UTC, microsecond=0).timestamp()


def iso(seconds: float) -> str:
    """`2026-11-20T09:30:00Z`. Files carry times of any size; those past the calendar end at it."""
    within = min(max(seconds, _FIRST_MOMENT_S), _LAST_MOMENT_S)
    return datetime.fromtimestamp(within, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def show_image(info: ImageInfo, path: str | None = None) -> ImageView:
    return ImageView(
        image_id=info.image_id,
        uri=info.uri,
        path=path,
        width=info.width,
        height=info.height,
        mime_type=info.mime_type,
        bytes=info.bytes,
    )


async def show_job(
    job: Job,
    images: Images,
    *,
    eta_s: int | None = None,
    is_seeded: bool = False,
    in_full: bool = False,
) -> JobView:
    """The job as a caller sees it: short, or `in_full`. `eta_s` is told of one that goes on."""
    is_open = job.status in {"queued", "running"}
    if is_open and not in_full:
        return _show_open(job, eta_s)
    request = job.request
    lighting = None if request.is_as_asked else show_lighting(request.lighting)
    view = JobView(
        job_id=job.job_id,
        name=request.image_name,
        status=job.status,
        stage=job.stage,
        model=job.model,
        progress=round(job.progress, 3),
        eta_s=eta_s if is_open else None,
        created_at=iso(job.created_at),
        look=request.lighting.look,
        images=await _show_images(job, images),
        cost=job.cost,
        lighting=request.lighting.model_dump(mode="json") if in_full else lighting,
        fields=show_fields(request.fields),
        report=ReportView.of(job.report) if job.report else None,
        sent=job.sent or None,
        warnings=job.warnings,
        seed=request.seed,
        error=ErrorView.of(job.error) if job.error else None,
        siblings=job.siblings or None,
        based_on=job.request.based_on,
        next_step=next_step(job, is_seeded=is_seeded),
    )
    return view if in_full else fitted(view, ENDED_CHARS)


def _show_open(job: Job, eta_s: int | None) -> JobView:
    """Where it stands; the rest comes with its result. A paid one says what it may cost."""
    view = JobView(
        job_id=job.job_id,
        name=shortened(job.request.image_name, _NAME_CHARS),
        status=job.status,
        stage=job.stage,
        model=job.model,
        progress=round(job.progress, 2),
        eta_s=eta_s,
        cost=job.cost if job.cost.usd != 0 else None,
        warnings=job.warnings,
        siblings=job.siblings or None,
        next_step=next_step(job),
    )
    return fitted_open(view)


def show_fields(fields: Sequence[FieldHonesty]) -> FieldsView:
    return FieldsView(
        honoured=tuple(one.name for one in fields if one.how == "honoured"),
        approximated={one.name: one.note for one in fields if one.how == "approximated"},
        ignored=tuple(one.name for one in fields if one.how == "ignored"),
    )


def show_lighting(lighting: Lighting) -> dict[str, JsonValue]:
    """The light without what is as usual; of long words of the caller's own, the beginning."""
    lights: list[JsonValue] = [_show_light(light) for light in lighting.lights]
    rest = lighting.model_dump(
        mode="json", exclude={"lights"}, exclude_none=True, exclude_defaults=True
    )
    if lighting.prompt:
        rest["prompt"] = shortened(lighting.prompt, _NOTE_CHARS)
    return {"lights": lights, **rest} if lights else rest


def _show_light(light: Light) -> dict[str, JsonValue]:
    facts: dict[str, Any] = light.model_dump(mode="json", exclude_none=True)
    usual = Light().model_dump(mode="json")
    for name in ("role", "falloff"):
        if facts[name] == usual[name]:
            del facts[name]
    return facts


async def _show_images(job: Job, images: Images) -> tuple[ImageView, ...]:
    shown: list[ImageView] = []
    for image_id, path in zip(job.images, job.paths, strict=True):
        try:
            shown.append(show_image(await images.info(image_id), path))
        except ImageNotFound:
            # The store was pruned by hand; the job's other facts are still worth showing.
            continue
    return tuple(shown)


def show_rows(
    jobs: Sequence[Job], *, in_full: bool = False
) -> tuple[str | None, tuple[JobRow, ...]]:
    """The folder that all results have in common, and the jobs as rows: short, or `in_full`."""
    paths = [Path(path) for job in jobs for path in job.paths if path is not None]
    folder = common_folder(paths)
    rows = (_show_row(job, folder) for job in jobs)
    told = tuple(row if in_full else _fitted_row(row) for row in rows)
    return None if folder is None else str(folder), told


def common_folder(paths: Sequence[Path]) -> Path | None:
    """The deepest folder that holds all of them; None where that is the root of all."""
    try:
        common = Path(os.path.commonpath([path.parent for path in paths]))
    except ValueError:  # none at all, or on several drives
        return None
    return common if common != Path(common.anchor) else None


def _show_row(job: Job, folder: Path | None) -> JobRow:
    first = next((Path(path) for path in job.paths if path is not None), None)
    if first is not None and folder is not None:
        first = first.relative_to(folder)
    path = None if first is None else str(first)
    return JobRow(
        job_id=job.job_id,
        status=job.status,
        name=shortened(job.request.image_name, _NAME_CHARS),
        model=job.model,
        look=job.request.lighting.look,
        verdict=job.report.verdict if job.report else None,
        cost_usd=0 if job.cost.billed == "no" else job.cost.usd,
        error_code=job.error.code if job.error else None,
        path=path,
        created_at=iso(job.created_at),
    )


def _fitted_row(row: JobRow) -> JobRow:
    # The path begins with the name, and get_job tells what else is left out of a long row.
    minute = f"{row.created_at[:16]}Z"
    for spared in ({"created_at": minute}, {"name": None}, {"path": None}, {"look": None}):
        if len(json_text(row.facts())) <= ROW_CHARS:
            break
        row = row.model_copy(update=spared)
    return row


RUNNING_CHARS, ENDED_CHARS, ROW_CHARS = 350, 1_500, 220
"""What a job that goes on may take in an answer, one that is over, and a row of a list of jobs."""

_WARNING_CHARS, _WARNING_LEAST_CHARS = 120, 60

Spare = Callable[[JobView], JobView]
"""Leaves something out of a view."""


def fitted(view: JobView, chars: int) -> JobView:
    """The view without what can be spared, until its text has at most so many characters.

    What is left of many pictures or siblings may be longer: nothing else tells their ids.
    """
    for spare in _SPARE:
        if len(json_text(view.facts())) <= chars:
            break
        view = spare(view)
    return view


def fitted_open(view: JobView) -> JobView:
    """The same of a job that goes on; of its warnings at least the beginnings are left."""
    for spare in (_without("cost"), _without_usual_stage):
        if len(json_text(view.facts())) <= RUNNING_CHARS:
            return view
        view = spare(view)
    over = len(json_text(view.facts())) - RUNNING_CHARS
    if over <= 0 or not view.warnings:
        return view
    each = max(_WARNING_LEAST_CHARS, sum(map(len, view.warnings)) - over) // len(view.warnings)
    short = tuple(shortened(one, max(each, _WARNING_LEAST_CHARS)) for one in view.warnings)
    return view.model_copy(update={"warnings": short})


def _without(name: str) -> Spare:
    return lambda view: view.model_copy(update={name: None})


def _without_of_report(name: str) -> Spare:
    def spare(view: JobView) -> JobView:
        if view.report is None:
            return view
        return view.model_copy(update={"report": view.report.model_copy(update={name: None})})

    return spare


def _further_images_short(view: JobView) -> JobView:
    images = view.images or ()
    short = (ImageView(image_id=image.image_id, path=image.path) for image in images[1:])
    return view.model_copy(update={"images": (*images[:1], *short)})


def _short_warnings(view: JobView) -> JobView:
    if view.warnings is None:
        return view
    short = tuple(shortened(one, _WARNING_CHARS) for one in view.warnings)
    return view.model_copy(update={"warnings": short})


def _without_usual_stage(view: JobView) -> JobView:
    """Where the status says the same."""
    return _without("stage")(view) if view.stage == view.status else view


_SPARE: Sequence[Spare] = (
    _without("created_at"),
    _without_usual_stage,
    _further_images_short,
    _without_of_report("collateral"),
    _short_warnings,
    _without_of_report("stops"),
    _without_of_report("kelvin"),
    _without("stage"),
    _without_of_report("sentence"),
    _without("name"),
)
