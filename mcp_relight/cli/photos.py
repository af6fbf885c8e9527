"""`plan`, `analyze`, `find` and `models`, and what `relight` does once it is loaded."""

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

import anyio

from mcp_relight.bootstrap import Application
from mcp_relight.domain.queries import (
    AnalyzeArguments,
    FindArguments,
    GetJobArguments,
    ListModelsArguments,
)
from mcp_relight.domain.request import MAX_WAIT_S, PlanArguments, RelightArguments
from mcp_relight.domain.set_views import SetView
from mcp_relight.domain.views import JobView
from mcp_relight.errors import InvalidArgument, LocalError
from mcp_relight.service.ordering import Order
from mcp_relight.service.service import Service
from mcp_relight.service.set_orders import SetOrder

from . import drawing
from .flags import given
from .many import relight_many
from .session import answer, opened, to_its_end

AnyOrder = TypeVar("AnyOrder", RelightArguments, PlanArguments)

_WRITABLE = {".png": "image/png", ".jpg": "image/jpeg", ".jpeg": "image/jpeg"}


async def relight(
    application: Application, arguments: RelightArguments, namespace: argparse.Namespace
) -> int:
    """`relight`, whose worker is started already."""
    out: Path | None = namespace.out
    with drawing.progress(visible=not namespace.json) as show:
        async with application:
            service = await application.service()
            order = await service.order(await _meant(service, arguments))
            if isinstance(order, SetOrder):
                tell = _told_of_many(*await relight_many(service, order, out, show))
            else:
                tell = _told_of_one(*await _relight_one(service, order, out, show, namespace.image))
    return tell(namespace.json)


def _told_of_many(found: SetView, before: int) -> Callable[[bool], int]:
    def tell(as_json: bool) -> int:
        answer(found.facts(), as_json=as_json, draw=lambda: drawing.set_done(found, before))
        return 0 if all(line.status == "succeeded" for line in found.items) else 1

    return tell


def _told_of_one(views: list[JobView], written: list[Path]) -> Callable[[bool], int]:
    facts = views[0].facts() if len(views) == 1 else {"jobs": [view.facts() for view in views]}

    def tell(as_json: bool) -> int:
        answer(facts, as_json=as_json, draw=lambda: drawing.jobs_done(views, written))
        return 0 if all(view.status == "succeeded" for view in views) else 1

    return tell


async def _relight_one(
    service: Service, order: Order, out: Path | None, show: drawing.Show, image: str | None
) -> tuple[list[JobView], list[Path]]:
    """Every job of the call, one per look, and what was written to `out`."""
    if out is not None:
        _check_out(out, image)
    first = await _finish(service, await service.relight(order, wait_s=0), show)
    views = [first]
    views += [
        await _finish(service, await service.get_job(_asking(job_id)), show)
        for job_id in first.siblings or ()
        if job_id != first.job_id
    ]
    return views, await _write(service, views, out) if out is not None else []


async def _meant(service: Service, arguments: AnyOrder) -> AnyOrder:
    """With the whole id of the job that a few letters, or `latest`, name."""
    if arguments.based_on is None:
        return arguments
    return arguments.model_copy(update={"based_on": await service.job_named(arguments.based_on)})


async def _finish(service: Service, view: JobView | SetView, show: drawing.Show) -> JobView:
    """Wait as long as it takes: a person at a terminal can press Ctrl-C, and the job goes on."""
    while not isinstance(view, SetView) and view.status in {"queued", "running"}:
        view = await service.get_job(_asking(view.job_id), on_progress=show)
    assert not isinstance(view, SetView)  # noqa: S101 - for the type checker
    return view


def _asking(job_id: str) -> GetJobArguments:
    return GetJobArguments(job_id=job_id, wait_s=MAX_WAIT_S)


def _check_out(out: Path, image: str | None) -> None:
    """Before anything is spent: can the result be written there?"""
    if out.suffix.lower() not in _WRITABLE:
        raise InvalidArgument("--out must end in .png, .jpg or .jpeg.", hint="Rename it.")
    if not out.absolute().parent.is_dir():
        raise InvalidArgument("--out is in a folder that does not exist.", hint="Create it first.")
    if not os.access(out if out.exists() else out.absolute().parent, os.W_OK) or out.is_dir():
        raise InvalidArgument("--out cannot be written.", hint="Choose another place.")
    with suppress(OSError, RuntimeError):  # what names no file is not the same file
        if image is not None and out.samefile(Path(image).expanduser()):
            raise InvalidArgument(
                "--out is the photo itself, which is never changed.", hint="Choose another name."
            )


async def _write(service: Service, views: Sequence[JobView], out: Path) -> list[Path]:
    """Every finished picture at `out`; further ones beside it, numbered."""
    image_ids = [image.image_id for view in views for image in view.images or ()]
    written: list[Path] = []
    for number, image_id in enumerate(image_ids, start=1):
        path = out if number == 1 else out.with_stem(f"{out.stem}-{number}")
        data = await service.picture_as(image_id, _WRITABLE[out.suffix.lower()])
        try:
            await anyio.Path(path).write_bytes(data)
        except OSError:
            raise LocalError(
                "A finished picture could not be written to --out.",
                hint="Nothing is lost: `mcp-relight jobs` lists the job with its pictures.",
            ) from None
        written.append(path)
    return written


@to_its_end
async def plan(namespace: argparse.Namespace) -> int:
    arguments = PlanArguments.parse(given(namespace, PlanArguments))
    with drawing.progress(visible=not namespace.json):
        async with opened(namespace) as service:
            arguments = await _meant(service, arguments)
            view, _ = await service.plan(arguments)
    answer(view.facts(), as_json=namespace.json, draw=lambda: drawing.plan(view))
    return 0


@to_its_end
async def analyze(namespace: argparse.Namespace) -> int:
    arguments = AnalyzeArguments.parse(given(namespace, AnalyzeArguments))
    with drawing.progress(visible=not namespace.json):
        async with opened(namespace) as service:
            view = await service.analyze(arguments)
    answer(view.facts(), as_json=namespace.json, draw=lambda: drawing.analysis(view))
    return 0


@to_its_end
async def find(namespace: argparse.Namespace) -> int:
    arguments = FindArguments.parse(given(namespace, FindArguments))
    with drawing.progress(visible=not namespace.json):
        async with opened(namespace) as service:
            found = await service.find(arguments)

    def draw() -> None:
        for path in found.paths():
            print(path)
        if not found.images:
            print("No pictures in " + ", ".join(found.allowed_folders or ()), file=sys.stderr)

    answer(found.facts(), as_json=namespace.json, draw=draw)
    return 0


@to_its_end
async def models(namespace: argparse.Namespace) -> int:
    arguments = ListModelsArguments.parse(given(namespace, ListModelsArguments))
    async with opened(namespace) as service:
        found = await service.list_models(arguments, whole=True)
    answer(found.facts(), as_json=namespace.json, draw=lambda: drawing.models(found))
    return 0
