"""The queue's own tables, brought forward beside ours and under the same lock."""

from importlib import resources
from typing import Any

from mcp_relight.errors import Internal

_READ = "SELECT content FROM meta WHERE name = 'queue'"
_WRITE = (
    "INSERT INTO meta (name, content) VALUES ('queue', %s) "
    "ON CONFLICT (name) DO UPDATE SET content = excluded.content"
)
_LOCK = "SELECT pg_advisory_xact_lock(1919249513)"


def make_queue_ready(connection: Any, *, may_migrate: bool) -> None:
    """In the open transaction of this connection of the driver. Raises Internal for tables of an
    older version that must not be changed now."""
    steps = _steps()
    if _is_ready(connection, steps[-1]):
        return
    connection.execute(_LOCK)
    if _is_ready(connection, steps[-1]):
        return
    before = _version(connection)
    if before is not None and not may_migrate:
        raise Internal(
            "The job queue was made by an older version of mcp-relight.",
            hint="Run `mcp-relight migrate` once, then start again.",
        )
    if before is None:
        connection.execute(_text("schema.sql"))
    for step in steps:
        if before is not None and step > before:
            connection.execute(_text("migrations", step))
    connection.execute(_WRITE, (steps[-1],))


def _is_ready(connection: Any, newest: str) -> bool:
    """One of a newer version keeps to what older ones call."""
    version = _version(connection)
    return version is not None and version >= newest


def _version(connection: Any) -> str | None:
    row = connection.execute(_READ).fetchone()
    return None if row is None else row[0]


def _steps() -> list[str]:
    """The names of its migrations, which sort by version."""
    folder = resources.files("procrastinate.sql") / "migrations"
    return sorted(item.name for item in folder.iterdir() if item.name.endswith(".sql"))


def _text(*path: str) -> str:
    return resources.files("procrastinate.sql").joinpath(*path).read_text("utf-8")
