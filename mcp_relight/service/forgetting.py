"""Forgetting jobs: what goes with them, and what a person keeps."""

from dataclasses import dataclass
from pathlib import Path

from mcp_relight.domain.ports import Images, Jobs
from mcp_relight.errors import ImageNotFound


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaving:
    """What forgetting would delete: jobs, stored pictures no other job uses with their bytes, and
    the named copies of finished pictures, which go only when that is asked for."""

    jobs: int
    pictures: int
    bytes: int
    copies: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Gone:
    """What forgetting deleted. `copies_kept` were edited or moved since, and are no longer ours."""

    jobs: int
    pictures: int
    copies: int = 0
    copies_kept: tuple[str, ...] = ()


async def look_at_forgetting(
    jobs: Jobs, images: Images, job_id: str | None, *, owner: str
) -> Leaving:
    """Raises JobNotFound, and InvalidArgument for a job that has not ended."""
    leaving = await jobs.forgettable(job_id, owner=owner)
    total = 0
    for image_id in leaving.image_ids:
        try:
            total += (await images.info(image_id)).bytes
        except ImageNotFound:  # deleted by hand
            continue
    return Leaving(
        jobs=leaving.jobs, pictures=len(leaving.image_ids), bytes=total, copies=leaving.paths
    )


async def forget(
    jobs: Jobs, images: Images, job_id: str | None, *, owner: str, with_copies: bool
) -> Gone:
    """Delete one job, or every ended one, with the images no other job uses and what was measured
    of them. Raises the same as `look_at_forgetting`."""
    gone = await jobs.forget(job_id, owner=owner)
    kept: list[str] = []
    if with_copies:  # first: whether a copy is still ours is seen by the stored picture
        kept = [path for path in gone.paths if not await images.unpublish(Path(path))]
    for image_id in gone.image_ids:
        await images.delete(image_id)
    return Gone(
        jobs=gone.jobs,
        pictures=len(gone.image_ids),
        copies=len(gone.paths) - len(kept) if with_copies else 0,
        copies_kept=tuple(kept),
    )
