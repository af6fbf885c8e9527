"""The pictures a caller may name: those of this machine, and what jobs made of them."""

from dataclasses import replace
from pathlib import Path

from mcp_relight.domain.caller import current_caller
from mcp_relight.domain.changes import result_stem
from mcp_relight.domain.image import URI_PREFIX, is_image_id
from mcp_relight.domain.job import Job, is_job_id
from mcp_relight.domain.library import FoundPage, Library, Listed, Taken
from mcp_relight.domain.ports import Images, Jobs
from mcp_relight.errors import InvalidArgument


class Pictures:
    """Implements `Library` over that of this machine: a picture is also named by its bare id, or by
    the job whose first result it is, and keeps the name it had there."""

    def __init__(self, library: Library, *, jobs: Jobs, images: Images) -> None:
        self._library = library
        self._jobs = jobs
        self._images = images

    async def take(self, reference: str) -> Taken:
        if is_job_id(reference):
            job = finished(await self._jobs.get(reference, owner=current_caller().owner))
            info = await self._images.info(job.images[0])
            return Taken(info=info, name=result_stem(job.request))
        if is_image_id(reference):
            reference = URI_PREFIX + reference
        taken = await self._library.take(reference)
        if not reference.startswith(URI_PREFIX):
            return taken
        return replace(taken, name=await self._name_of(taken.info.image_id) or taken.name)

    async def take_explicit(self, path: Path) -> Taken:
        return await self._library.take_explicit(path)

    async def several(self, reference: str) -> tuple[Listed, ...] | None:
        return await self._library.several(reference)

    async def several_explicit(self, reference: str) -> tuple[Listed, ...] | None:
        return await self._library.several_explicit(reference)

    async def find(
        self,
        folder: str | None,
        *,
        limit: int,
        query: str | None = None,
        cursor: str | None = None,
        results: bool = False,
    ) -> FoundPage:
        return await self._library.find(
            folder, limit=limit, query=query, cursor=cursor, results=results
        )

    async def _name_of(self, image_id: str) -> str | None:
        """The name of a stored picture in the last job that made it, or was made of it."""
        job = await self._jobs.using(image_id, owner=current_caller().owner)
        if job is None:
            return None
        if job.request.image_id == image_id:
            return job.request.image_name
        return result_stem(job.request) if image_id in (*job.images, *job.returned) else None


def finished(job: Job) -> Job:
    """The job, if it has a picture. Raises InvalidArgument."""
    if not job.images and job.is_terminal:
        raise InvalidArgument("That job ended without a picture.", hint="get_job says why.")
    if not job.images:
        raise InvalidArgument(
            "That job has no picture yet.", hint="Call get_job with wait_s, then again."
        )
    return job
