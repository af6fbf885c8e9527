"""`jobs`, `job`, `cancel` and `forget`."""

import argparse

from mcp_relight.domain.queries import GetJobArguments, ListJobsArguments
from mcp_relight.errors import InvalidArgument

from . import drawing
from .flags import given
from .session import answer, opened, run


def jobs(namespace: argparse.Namespace) -> int:
    return run(_jobs, namespace)


def job(namespace: argparse.Namespace) -> int:
    return run(_job, namespace)


def cancel(namespace: argparse.Namespace) -> int:
    return run(_cancel, namespace)


def forget(namespace: argparse.Namespace) -> int:
    return run(_forget, namespace)


async def _jobs(namespace: argparse.Namespace) -> int:
    arguments = ListJobsArguments.parse(given(namespace, ListJobsArguments))
    async with opened(namespace) as service:
        page = await service.list_jobs(arguments)
    answer(page.facts(), as_json=namespace.json, draw=lambda: drawing.job_list(page))
    return 0


async def _job(namespace: argparse.Namespace) -> int:
    arguments = GetJobArguments.parse({"job_id": namespace.job_id, "wait_s": namespace.wait_s})
    with drawing.progress(visible=not namespace.json) as show:
        async with opened(namespace) as service:
            view = await service.get_job(arguments, on_progress=show)
    answer(view.facts(), as_json=namespace.json, draw=lambda: drawing.jobs_done([view]))
    return 1 if view.status == "failed" else 0


async def _cancel(namespace: argparse.Namespace) -> int:
    with drawing.progress(visible=not namespace.json):
        async with opened(namespace) as service:
            view = await service.cancel_job(namespace.job_id)
    answer(view.facts(), as_json=namespace.json, draw=lambda: drawing.jobs_done([view]))
    return 0


async def _forget(namespace: argparse.Namespace) -> int:
    if (namespace.job_id is None) != namespace.all:
        raise InvalidArgument("forget needs a job id, or --all.", hint="See `mcp-relight jobs`.")
    async with opened(namespace) as service:
        count = await service.forget(namespace.job_id)
    answer(
        {"forgotten": count},
        as_json=namespace.json,
        draw=lambda: print(f"Forgot {count} job{'' if count == 1 else 's'}."),
    )
    return 0
