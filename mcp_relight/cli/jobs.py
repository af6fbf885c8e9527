"""`jobs`, `job`, `cancel` and `forget`."""

import argparse
import sys
from typing import Any

from mcp_relight.domain.queries import GetJobArguments, ListJobsArguments
from mcp_relight.errors import InvalidArgument

from . import drawing
from .flags import given
from .session import answer, opened, to_its_end


@to_its_end
async def jobs(namespace: argparse.Namespace) -> int:
    arguments = ListJobsArguments.parse(given(namespace, ListJobsArguments))
    async with opened(namespace) as service:
        page = await service.list_jobs(arguments)
    answer(page.facts(), as_json=namespace.json, draw=lambda: drawing.job_list(page))
    return 0


@to_its_end
async def job(namespace: argparse.Namespace) -> int:
    with drawing.progress(visible=not namespace.json) as show:
        async with opened(namespace) as service:
            job_id = await service.job_named(namespace.job_id)
            arguments = GetJobArguments.parse({"job_id": job_id, "wait_s": namespace.wait_s})
            view = await service.get_job(arguments, on_progress=show)
    answer(view.facts(), as_json=namespace.json, draw=lambda: drawing.job_or_set(view))
    return 1 if view.status == "failed" else 0


@to_its_end
async def cancel(namespace: argparse.Namespace) -> int:
    with drawing.progress(visible=not namespace.json):
        async with opened(namespace) as service:
            view = await service.cancel_job(await service.job_named(namespace.job_id))
    answer(view.facts(), as_json=namespace.json, draw=lambda: drawing.job_or_set(view))
    return 0


@to_its_end
async def forget(namespace: argparse.Namespace) -> int:
    if (namespace.job_id is None) != namespace.all:
        raise InvalidArgument("forget needs a job id, or --all.", hint="See `mcp-relight jobs`.")
    async with opened(namespace) as service:
        job_id = namespace.job_id and await service.job_named(namespace.job_id)
        if not namespace.yes and drawing.can_ask():
            leaving = await service.look_at_forgetting(job_id)
            if not drawing.agrees_to_forget(leaving, with_copies=namespace.outputs):
                print("Nothing was deleted.", file=sys.stderr)
                return 0
        gone = await service.forget(job_id, with_copies=namespace.outputs)
    facts: dict[str, Any] = {"forgotten": gone.jobs}
    if namespace.outputs:
        facts |= {"outputs_deleted": gone.copies, "outputs_kept": gone.copies_kept}
    answer(facts, as_json=namespace.json, draw=lambda: drawing.forgotten(gone))
    return 0
