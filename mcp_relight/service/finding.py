"""Finding pictures on this machine by name and age."""

from collections.abc import Sequence
from pathlib import Path

from mcp_relight.domain.library import Found, Library
from mcp_relight.domain.ports import Jobs
from mcp_relight.domain.queries import FindArguments
from mcp_relight.domain.views import FoundImage, FoundImages

from .showing import common_folder, iso

_LIMIT = 10
_PAGES, _JOBS_A_PAGE = 5, 100
"""How far back the jobs are searched for those that made a file."""


async def find_images(
    arguments: FindArguments,
    *,
    library: Library,
    jobs: Jobs,
    owner: str,
    output_dir: Path,
    readable_dirs: Sequence[Path],
) -> FoundImages:
    results = arguments.include == "results"
    page = await library.find(
        arguments.folder,
        limit=arguments.limit or _LIMIT,
        query=arguments.query,
        cursor=arguments.cursor,
        results=results,
    )
    folder = common_folder([found.path for found in page.found])
    ours = [found for found in page.found if results and found.path.is_relative_to(output_dir)]
    makers = await _makers(ours, jobs, owner) if ours else {}
    return FoundImages(
        folder=None if folder is None else str(folder),
        images=tuple(
            FoundImage(
                name=str(found.path if folder is None else found.path.relative_to(folder)),
                arrived_at=iso(found.arrived_ns / 1e9),
                job_id=makers.get(found.path),
            )
            for found in page.found
        ),
        cursor=page.cursor,
        allowed_folders=None if page.found else tuple(str(one) for one in readable_dirs),
        next_step=_next_step(arguments, found=bool(page.found), in_folder=folder is not None),
    )


async def _makers(found: Sequence[Found], jobs: Jobs, owner: str) -> dict[Path, str]:
    """The jobs that wrote these files, as far as the newest jobs tell."""
    open_paths = {one.path for one in found}
    makers, cursor = dict[Path, str](), None
    for _ in range(_PAGES):
        page = await jobs.list(owner=owner, status=None, limit=_JOBS_A_PAGE, cursor=cursor)
        for job in page.jobs:
            for written in job.paths:
                if written is not None and Path(written) in open_paths:
                    makers[Path(written)] = job.job_id
        cursor = page.cursor
        if cursor is None or len(makers) == len(open_paths):
            break
    return makers


def _next_step(arguments: FindArguments, *, found: bool, in_folder: bool) -> str:
    if found:
        name = 'folder + "/" + name' if in_folder else "a name"
        return f"Call relight_image with {name} as image."
    if arguments.query is not None:
        return "Call find_images with fewer letters of the name, or without query."
    return "Save the photo into one of these folders, then call find_images again."
