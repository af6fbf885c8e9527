"""Which job a person at a terminal means: nobody types 32 letters."""

import re

from mcp_relight.domain.job import is_job_id
from mcp_relight.domain.ports import Jobs
from mcp_relight.domain.sets import is_set_id
from mcp_relight.errors import InvalidArgument, JobNotFound

LATEST = "latest"
SHORT_ID_LETTERS = 8
_PREFIX = "job_"
_BEGINNING = re.compile(r"[0-9a-f]{4,32}")


def short_id(job_id: str) -> str:
    """The part of an id that a person reads and types."""
    return job_id.removeprefix(_PREFIX)[:SHORT_ID_LETTERS]


async def job_named(jobs: Jobs, name: str, *, owner: str) -> str:
    """The whole id of an id, its beginning (4 letters or more, with or without `job_`), or
    `latest`. Raises JobNotFound, and InvalidArgument where several begin so."""
    name = name.strip().lower()
    if is_job_id(name) or is_set_id(name):
        return name
    beginning = name.removeprefix(_PREFIX)
    if name == LATEST:
        prefix = _PREFIX
    elif _BEGINNING.fullmatch(beginning):
        prefix = _PREFIX + beginning
    else:
        raise JobNotFound(
            "No job of that id.",
            hint="Give its id, the first letters of it (4 at least), or latest.",
            argument="job_id",
        )
    found = await jobs.starting_with(prefix, owner=owner, limit=2)
    if not found:
        words = "There is no job yet." if name == LATEST else "No job of that id."
        raise JobNotFound(words, hint="See `mcp-relight jobs`.", argument="job_id")
    newest, *others = found
    if others and name != LATEST:
        raise InvalidArgument(
            "Several jobs begin with these letters.",
            hint="Give a few more of them.",
            argument="job_id",
        )
    return newest
