"""Looking at pictures: one, several on a labelled sheet, or a before and its after."""

import json
import re
from contextlib import suppress
from dataclasses import dataclass

from mcp_relight.domain.caller import current_caller
from mcp_relight.domain.image import URI_PREFIX, Encoded, SheetCell, known_light
from mcp_relight.domain.job import Job, is_job_id
from mcp_relight.domain.library import Library
from mcp_relight.domain.lighting import Lighting
from mcp_relight.domain.ports import Images, Jobs, Pixels
from mcp_relight.domain.queries import CompareArguments, ViewArguments
from mcp_relight.domain.report import Report, Verdict
from mcp_relight.domain.views import Comparison
from mcp_relight.errors import ImageNotFound, InvalidArgument, JobNotFound

from .ordering import take
from .orders import finished
from .showing import show_image

VIEW_MAX_BYTES = 500_000
"""Of JPEG; below 700 KB once it is base64."""
VIEW_EDGE_PX = 1024
_JOB_LIKE = re.compile(r"job_[0-9a-z]*")
_NO_FILE = ("job_", URI_PREFIX, "https://", "http://")
_BEST_FIRST: tuple[Verdict, ...] = (
    "as asked",
    "stronger",
    "weaker",
    "not judged",
    "wrong direction",
    "flawed",
    "changed content",
)
_SEEN_STOPS = 0.1
_SAME_SCENE = 0.3
"""Agreement of edges above which two pictures count as of one scene."""
_MAX_CELLS = 13
"""Before, and every picture of the largest set one call can make."""


@dataclass(frozen=True, slots=True)
class _Seen:
    cell: SheetCell
    name: str | None = None
    """Of the file, where the caller did not give it."""

    @property
    def told(self) -> str:
        if self.name is None:
            return self.cell.label
        return f"{self.cell.label}: {json.dumps(self.name, ensure_ascii=False)}"


class Gallery:
    def __init__(self, *, jobs: Jobs, images: Images, pixels: Pixels, library: Library) -> None:
        self._jobs = jobs
        self._images = images
        self._pixels = pixels
        self._library = library

    async def view(self, arguments: ViewArguments) -> tuple[Encoded, str]:
        """One picture small enough to show, and a line about it."""
        edge_px = arguments.max_edge or VIEW_EDGE_PX
        seen = await self._seen(arguments.image)
        cells = [one.cell for one in seen]
        if len(cells) == 1:
            picture = await self._pixels.thumbnail(
                cells[0].image, max_edge_px=edge_px, max_bytes=VIEW_MAX_BYTES
            )
            return picture, f"{seen[0].told} ({picture.width}x{picture.height} px shown)"
        sheet = await self._pixels.sheet(cells, max_edge_px=edge_px, max_bytes=VIEW_MAX_BYTES)
        line = "Contact sheet: " + "; ".join(one.told for one in seen)
        best = await self._best_of(_names(arguments.image))
        return sheet, line if best is None else f"{line}. Best by its report: {best}"

    async def compare(self, arguments: CompareArguments) -> tuple[Comparison, Lighting | None]:
        """Also the light of the job, where one is named."""
        if arguments.job_id is not None and (arguments.before or arguments.after):
            raise InvalidArgument(
                "job_id excludes before and after.", hint="Give one or the other."
            )
        if arguments.job_id is not None:
            return await self._compare_job(arguments.job_id)
        if arguments.before is None or arguments.after is None:
            raise InvalidArgument(
                "compare_images needs job_id, or before and after.",
                hint="Give the job_id of a finished job (list_jobs names them), or two pictures.",
            )
        return await self._compare_two(arguments.before, arguments.after), None

    async def _seen(self, reference: str) -> list[_Seen]:
        names = _names(reference)
        if len(names) == 1 and is_job_id(names[0]):
            return await self._set_of(names[0])
        whole = await self._file_with_commas(reference) if len(names) > 1 else None
        if whole is not None:
            return [whole]
        if not names:
            raise InvalidArgument(
                "image names no picture.", hint="Give an image id, a job id or a path."
            )
        _check_few(len(names))
        return [await self._cell(*one) for one in enumerate(names, 1)]

    async def _set_of(self, job_id: str) -> list[_Seen]:
        """A job's picture; for one of a set, the photo before and what every job of it made."""
        job = finished(await self._jobs.get(job_id, owner=current_caller().owner))
        if not job.siblings and len(job.images) == 1:
            return [await self._result(job, 0)]
        others = await self._siblings(job)
        _check_few(1 + sum(len(one.images) for one in (job, *others)))
        original = await self._images.read(job.request.image_id)
        before = _Seen(SheetCell(image=original, label="before"))
        return [
            before,
            *[
                await self._result(one, at)
                for one in (job, *others)
                for at in range(len(one.images))
            ],
        ]

    async def _siblings(self, job: Job) -> list[Job]:
        """The other jobs of its set, without those that were forgotten."""
        found: list[Job] = []
        for job_id in job.siblings:
            with suppress(JobNotFound):
                found.append(await self._jobs.get(job_id, owner=current_caller().owner))
        return found

    async def _file_with_commas(self, reference: str) -> _Seen | None:
        """The one picture of that very name, before its commas are read as those of a list."""
        if reference.startswith(_NO_FILE):
            return None
        try:
            return await self._cell(1, reference)
        except ImageNotFound:
            return None

    async def _cell(self, position: int, name: str) -> _Seen:
        """A picture by whatever names it. Its file name stays out of the label: a stranger may have
        chosen it, and a label is read as our own words. The line of text quotes the name where we
        chose the file."""
        if is_job_id(name):
            return await self._result(
                finished(await self._jobs.get(name, owner=current_caller().owner)), 0
            )
        try:
            taken = await take(self._library, name, "image")
        except ImageNotFound:
            if _JOB_LIKE.fullmatch(name):
                raise JobNotFound("No job of that id.") from None
            raise
        image = await self._images.read(taken.info.image_id)
        cell = SheetCell(image=image, label=f"picture {position}")
        return _Seen(cell, taken.name if taken.was_found else None)

    async def _result(self, job: Job, index: int) -> _Seen:
        facts = [job.request.lighting.look or "relit", job.model]
        if job.cost.usd:
            facts.append(f"${job.cost.usd:.2f}")
        if job.report is not None:
            facts.append(job.report.verdict)
        image = await self._images.read(job.images[index])
        return _Seen(SheetCell(image=image, label=" · ".join(facts)))

    async def _best_of(self, names: list[str]) -> str | None:
        """The look, and the id of its job, of the set whose report is best; None without a set."""
        if len(names) != 1 or not is_job_id(names[0]):
            return None
        first = await self._jobs.get(names[0], owner=current_caller().owner)
        others = await self._siblings(first)
        measured = [job for job in (first, *others) if job.report is not None]
        if not others or not measured:
            return None
        best = min(measured, key=_rank)
        return f"{best.request.lighting.look or 'relit'} ({best.job_id})"

    async def _compare_two(self, before_name: str, after_name: str) -> Comparison:
        before = (await take(self._library, before_name, "before")).info
        after = (await take(self._library, after_name, "after")).info
        report = await self._pixels.report(
            await self._images.read(before.image_id),
            await self._images.read(after.image_id),
            Lighting(),
            before=await known_light(self._images, self._pixels, before.image_id),
        )
        sentence = _two_lights(report)
        return Comparison(
            before=show_image(before),
            after=show_image(after),
            report=report.model_copy(update={"sentence": sentence}),
            summary=sentence,
        )

    async def _compare_job(self, job_id: str) -> tuple[Comparison, Lighting]:
        job = finished(await self._jobs.get(job_id, owner=current_caller().owner))
        try:
            before = await self._images.info(job.request.image_id)
            after = await self._images.info(job.images[0])
        except ImageNotFound:
            raise ImageNotFound("A picture of that job was deleted from the store.") from None
        look = job.request.lighting.look or "own light"
        verdict = f" {job.report.sentence}" if job.report is not None else ""
        comparison = Comparison(
            before=show_image(before),
            after=show_image(after, job.paths[0]),
            job_id=job.job_id,
            report=job.report,
            summary=f"{look} by {job.model}.{verdict}",
        )
        return comparison, job.request.lighting


def _two_lights(report: Report) -> str:
    """How the light of two pictures differs, in words; nobody asked for one of them."""
    stops = report.stops.subject
    brighter = f"{abs(stops):g} stops {'brighter' if stops > 0 else 'darker'}"
    parts = [brighter if abs(stops) >= _SEEN_STOPS else "about as bright"]
    tone = report.kelvin
    if tone.before is not None and tone.after is not None:
        parts.append(f"{tone.after} K after {tone.before} K")
    ways = report.direction
    if ways.before is not None and ways.after is not None:
        parts.append(f"light from {_angles(ways.after)} after {_angles(ways.before)}")
    told = f"After against before: {', '.join(parts)}."
    if report.collateral.registration >= _SAME_SCENE:
        return told
    return f"{told} They do not seem to show the same thing, so only the light itself compares."


def _angles(angles: tuple[int, int]) -> str:
    return f"azimuth {angles[0]}, elevation {angles[1]}"


def _rank(job: Job) -> tuple[int, float]:
    """Less is better: the verdict, then how much of the picture's own structure is gone."""
    report = job.report
    if report is None:
        return len(_BEST_FIRST), 0.0
    return _BEST_FIRST.index(report.verdict), -report.collateral.structure


def _names(text: str) -> list[str]:
    """The references in a comma separated list; a data: URL has a comma of its own."""
    if text.lstrip()[:5].lower() == "data:":
        return [text]
    return [name.strip() for name in text.split(",") if name.strip()]


def _check_few(pictures: int) -> None:
    """Before any of them is read: a list can name thousands."""
    if pictures > _MAX_CELLS:
        raise InvalidArgument(
            f"image names more than {_MAX_CELLS} pictures.",
            hint=f"Show at most {_MAX_CELLS} at a time.",
            argument="image",
        )
