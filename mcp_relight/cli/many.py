"""`relight` for a folder, a pattern or several photos: one set, which another run goes on with."""

from dataclasses import replace
from pathlib import Path

import anyio

from mcp_relight.domain.queries import GetJobArguments
from mcp_relight.domain.request import MAX_WAIT_S
from mcp_relight.domain.set_views import SetView
from mcp_relight.domain.views import JobView
from mcp_relight.errors import InvalidArgument, LocalError
from mcp_relight.service.service import Service
from mcp_relight.service.set_orders import SetOrder

from .drawing import Show


async def relight_many(
    service: Service, order: SetOrder, out: Path | None, show: Show
) -> tuple[SetView, int]:
    """The set once it is over, and how many of its pictures were there before. Ctrl-C ends the
    waiting alone; the same command goes on with the set."""
    if out is not None:
        out = _made(out, order)
    order = replace(order, output_dir=out, is_resumed=True)
    view = _as_set(await service.relight(order, wait_s=0))
    before = view.done
    while view.done < view.pictures:
        asking = GetJobArguments(job_id=view.set_id, wait_s=MAX_WAIT_S)
        view = _as_set(await service.get_job(asking, on_progress=show))
    return (view if out is None else await _gathered(service, view, out)), before


def _as_set(view: JobView | SetView) -> SetView:
    assert isinstance(view, SetView)  # noqa: S101 - for the type checker
    return view


def _made(out: Path, order: SetOrder) -> Path:
    """The folder, which is not that of the photos: the next run would relight the results."""
    folder = out.expanduser().absolute()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        folder = folder.resolve(strict=True)
    except OSError:
        raise InvalidArgument(
            "--out must be a folder where several photos are relit.",
            hint="Name a folder that can be written; it is made where it is missing.",
        ) from None
    if folder in {one.folder for one in order.listed}:
        raise InvalidArgument(
            "--out is the folder of the photos.", hint="Name another one, or leave --out away."
        )
    return folder


async def _gathered(service: Service, view: SetView, out: Path) -> SetView:
    """With every result in `out`, also those that an earlier run put elsewhere."""
    items = [
        line
        if line.path is None or line.job_id is None
        else line.model_copy(update={"path": await _put(service, line.job_id, line.path, out)})
        for line in view.items
    ]
    return view.model_copy(update={"items": tuple(items)})


async def _put(service: Service, job_id: str, path: str, out: Path) -> str:
    target = anyio.Path(out / Path(path).name)
    if not await target.exists():
        job = await service.get_job(GetJobArguments(job_id=job_id, wait_s=0))
        if isinstance(job, SetView) or not job.images:
            return path
        try:
            await target.write_bytes(await service.read_image(job.images[0].image_id))
        except OSError:
            raise LocalError(
                "A finished picture could not be written to --out.",
                hint="Nothing is lost: the same command goes on from here.",
            ) from None
    return str(target)
