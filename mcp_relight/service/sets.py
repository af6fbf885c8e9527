"""One call for many pictures: started, waited for, shown, given up."""

from collections.abc import Callable
from pathlib import Path

import anyio

from mcp_relight.domain.caller import current_caller
from mcp_relight.domain.image import Encoded, SheetCell
from mcp_relight.domain.job import Job
from mcp_relight.domain.ports import Images, Jobs, Pixels, Workers
from mcp_relight.domain.queries import ViewArguments
from mcp_relight.domain.set_ports import Sets
from mcp_relight.domain.set_views import SetLine, SetView
from mcp_relight.domain.sets import Member, NewSet, PictureSet
from mcp_relight.domain.views import ErrorView
from mcp_relight.domain.words import shortened
from mcp_relight.errors import InvalidArgument

from .gallery import VIEW_EDGE_PX, VIEW_MAX_BYTES
from .set_orders import SetOrder
from .waiting import OnProgress, Patience

_LOOK_S = 1.0
_BETWEEN_S = 0.4
"""Reading all rows of a large set for each of its changes would take a processor of its own."""
_ERROR_CHARS, _LABEL_CHARS = 120, 40
_MAX_CELLS, _FEW = 60, 12
_LARGE_EDGE_PX, _CELL_EDGE_PX, _CELL_BYTES = 1568, 512, 100_000


class SetCalls:
    def __init__(
        self,
        *,
        sets: Sets,
        jobs: Jobs,
        images: Images,
        pixels: Pixels,
        workers: Workers,
        now: Callable[[], float],
        output_dir: Path,
        patience: Patience,
    ) -> None:
        self._patience = patience
        self._sets = sets
        self._jobs = jobs
        self._images = images
        self._pixels = pixels
        self._workers = workers
        self._now = now
        self._output_dir = output_dir

    async def is_there(self, order: SetOrder) -> bool:
        return await self._sets.is_set_there(self._new(order))

    async def start(
        self, order: SetOrder, until: float, on_progress: OnProgress | None = None
    ) -> SetView:
        """Start the set, or find the one that is there, and wait a little. Raises PriceUnknown,
        BudgetExceeded, NeedsPublicUrl, StorageFull."""
        new = self._new(order)
        if not await self._sets.is_set_there(new):
            order.order.check_cost()
            order.check_readable()
            await self._images.check_folder(order.output_dir or self._output_dir)
        return await self._waited(await self._sets.insert_set(new), until, on_progress)

    async def find(self, set_id: str) -> PictureSet:
        """Raises JobNotFound."""
        return await self._sets.get_set(set_id, owner=current_caller().owner)

    async def get(
        self, set_id: str, until: float, on_progress: OnProgress | None = None
    ) -> SetView:
        """Raises JobNotFound."""
        found = await self._sets.get_set(set_id, owner=current_caller().owner)
        return await self._waited(found, until, on_progress)

    async def cancel(self, set_id: str, until: float) -> SetView:
        found = await self._sets.cancel_set(set_id, owner=current_caller().owner)
        return await self._waited(found, until, None)

    async def sheet(self, arguments: ViewArguments) -> tuple[Encoded, str]:
        """Its results on one contact sheet, labelled with the names of the photos. Raises
        JobNotFound, and InvalidArgument while there are none."""
        found = await self._sets.get_set(arguments.image.strip(), owner=current_caller().owner)
        jobs = [(one.name, one.job) for one in found.members if one.job and one.job.images]
        if not jobs:
            raise InvalidArgument(
                "That set has no picture yet.", hint="Call get_job with wait_s, then again."
            )
        shown = jobs[:_MAX_CELLS]
        cells = [
            SheetCell(image=await self._small(job.images[0]), label=_label(name, job))
            for name, job in shown
        ]
        few = len(shown) <= _FEW
        sheet = await self._pixels.sheet(
            cells,
            max_edge_px=arguments.max_edge or (VIEW_EDGE_PX if few else _LARGE_EDGE_PX),
            max_bytes=VIEW_MAX_BYTES,
        )
        told = f"{len(jobs)} of {len(found.members)} pictures are done"
        if len(jobs) > len(shown):
            told += f"; the first {len(shown)} are shown, name others by their job_id"
        return sheet, f"Contact sheet: {told}."

    async def _small(self, image_id: str) -> bytes:
        """A copy for a cell: many large pictures would not fit into memory."""
        picture = await self._pixels.thumbnail(
            await self._images.read(image_id), max_edge_px=_CELL_EDGE_PX, max_bytes=_CELL_BYTES
        )
        return picture.data

    def _new(self, order: SetOrder) -> NewSet:
        return order.new_set(owner=current_caller().owner, output_dir=self._output_dir)

    async def _waited(
        self, found: PictureSet, until: float, on_progress: OnProgress | None
    ) -> SetView:
        version = -1
        while not found.is_over:
            # Again and again: a worker may be killed while somebody waits for what it does.
            await self._workers.ensure()
            left_s = until - anyio.current_time()
            if left_s <= 0 or self._patience.is_over:
                break
            version = await self._jobs.changed(version, within_s=min(left_s, _LOOK_S))
            found = await self._sets.get_set(found.set_id, owner=current_caller().owner)
            if on_progress is not None:
                done = sum(not member.is_open for member in found.members)
                await on_progress(found.progress, f"{done} of {len(found.members)} pictures")
            await anyio.sleep(min(_BETWEEN_S, 0.01 * len(found.members), max(0.0, left_s)))
        return show_set(found, now=self._now())


def show_set(found: PictureSet, *, now: float) -> SetView:
    lines = tuple(_line(member) for member in found.members)
    done = sum(not member.is_open for member in found.members)
    failed = sum(line.status in ("failed", "unknown") for line in lines)
    paid = (one.job for one in found.members if one.job is not None)
    cost = sum(job.cost.usd or 0.0 for job in paid if job.cost.billed != "no")
    progress = round(found.progress, 3)
    return SetView(
        set_id=found.set_id,
        status=found.status,
        model=found.request.model,
        progress=progress,
        eta_s=_eta_s(found, now) if done < len(lines) else None,
        pictures=len(lines),
        done=done,
        failed=failed,
        cost_usd=round(cost, 6),
        items=lines,
        warnings=found.request.warnings or None,
        next_step=_next_step(found, failed),
    )


def _label(name: str, job: Job) -> str:
    """What the photo was called, of which nothing but plain letters is left; the look where several
    were asked for, and a verdict that is not the one hoped for."""
    words = [shortened(name, _LABEL_CHARS), *job.request.changes[:1]]
    if job.report is not None and job.report.verdict not in ("as asked", "not judged"):
        words.append(job.report.verdict)
    return " · ".join(words)


def _line(member: Member) -> SetLine:
    job, error = member.job, member.error
    if job is not None and job.error is not None:
        error = job.error
    path = next((path for path in job.paths if path is not None), None) if job else None
    is_told = error is not None and member.status == "failed"
    view = ErrorView.of(error) if error is not None and is_told else None
    return SetLine(
        name=member.name,
        look=member.look,
        status=member.status,
        verdict=job.report.verdict if job is not None and job.report is not None else None,
        path=path,
        job_id=job.job_id if job is not None else None,
        error=shortened(f"{view.code}: {view.message}", _ERROR_CHARS) if view else None,
    )


def _eta_s(found: PictureSet, now: float) -> int | None:
    """By how long the part that is done took; None while that says nothing."""
    progress, took_s = found.progress, now - found.created_at
    if progress < 0.05 or took_s <= 0:
        return None
    return max(2, round(took_s * (1 - progress) / progress))


def _next_step(found: PictureSet, failed: int) -> str:
    if not found.is_over:
        return "Not finished: call get_job with this set_id as job_id and wait_s=45."
    again = ""
    if failed:
        again = f" {failed} failed: the same call again tries those alone."
    if found.status not in ("succeeded",):
        return f"Nothing more will happen.{again}"
    return (
        "Tell the person the folder. view_image with this set_id shows all on one sheet; the "
        f"job_id of a line serves get_job and based_on.{again}"
    )
