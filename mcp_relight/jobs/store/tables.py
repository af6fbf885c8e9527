"""The tables of the job store. Every column is plain enough for SQLite and PostgreSQL alike.

Below them, what a row holds as the value of the domain it stands for.
"""

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import fields
from functools import lru_cache
from typing import Any

from pydantic import BaseModel, TypeAdapter, ValidationError
from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    ColumnElement,
    Float,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
    cast,
    false,
)
from sqlalchemy.engine import Dialect

from mcp_relight.domain.job import LEGAL, Cost, Failure, Job, JobRequest, Sent, Slot
from mcp_relight.domain.report import Report
from mcp_relight.errors import Internal


def storable(text: str) -> str:
    """As both databases take and find it again: of what PostgreSQL refuses, a NUL and half a
    surrogate pair, a replacement character is left."""
    if text.isascii() and "\0" not in text:
        return text
    changed = text.replace("\0", "\ufffd").encode("utf-16", "surrogatepass")
    return changed.decode("utf-16", "replace")


class Words(TypeDecorator[str]):
    """Text that both databases take and find again alike: see `storable`."""

    impl = String
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        return None if value is None else storable(value)


class LongWords(Words):
    impl = Text
    cache_ok = True


metadata = MetaData()

jobs = Table(
    "jobs",
    metadata,
    Column("job_id", Words(40), primary_key=True),
    Column("owner", Words(200), nullable=False),
    Column("dedup_key", Words(300)),
    Column("request_hash", Words(128), nullable=False),
    Column("keep_key", Boolean, nullable=False, server_default=false()),
    Column("worker", Words(120)),
    Column("credential_id", Words(64)),
    Column("provider", Words(80), nullable=False),
    Column("model", Words(200), nullable=False),
    Column("stage", Words(16), nullable=False),
    Column("request", JSON, nullable=False),
    Column("ticket", LongWords),
    Column("submitted_at", Float),
    Column("provider_expires_at", Float),
    Column("progress", Float, nullable=False, server_default="0"),
    Column("note", LongWords, nullable=False, server_default=""),
    Column("cost", JSON, nullable=False),
    Column("images", JSON, nullable=False),
    Column("returned", JSON, nullable=False),
    Column("paths", JSON, nullable=False),
    Column("outputs", JSON, nullable=False),
    Column("report", JSON(none_as_null=True)),
    Column("sent", JSON, nullable=False),
    Column("warnings", JSON, nullable=False),
    Column("error", JSON(none_as_null=True)),
    Column("siblings", JSON, nullable=False),
    Column("cancel_requested", Boolean, nullable=False, server_default=false()),
    Column("submits", Integer, nullable=False, server_default="0"),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("slots", JSON, nullable=False, server_default="[]"),
    Column("reserved_day", Words(10)),
    Column("reserved_usd", Float, nullable=False, server_default="0"),
    Column("due_at", Float, nullable=False),
    Column("created_at", Float, nullable=False),
    Column("updated_at", Float, nullable=False),
    UniqueConstraint("owner", "dedup_key"),
    Index("jobs_by_due", "stage", "due_at"),
    Index("jobs_by_age", "owner", "created_at", "job_id"),
)

uses = Table(
    "uses",
    metadata,
    Column("job_id", Words(40), primary_key=True),
    Column("image_id", Words(32), primary_key=True),
    Index("uses_by_image", "image_id"),
)
"""Which job needs which stored image, so that deleting one job never takes another's picture."""

spend = Table(
    "spend",
    metadata,
    Column("owner", Words(200), primary_key=True),
    Column("day", Words(10), primary_key=True),
    Column("usd", Float, nullable=False),
)
"""Money reserved or spent per owner and day (UTC). It outlives the jobs: forgetting one does not
give its money back."""

gates = Table(
    "gates",
    metadata,
    Column("name", Words(120), primary_key=True),
    Column("tat", Float, nullable=False),
    Column("seen_at", Float, nullable=False, server_default="0"),
)
"""Rate gates: `tat` is GCRA's theoretical arrival time in seconds since 1970, by the clock that
showed `seen_at` when the gate was last used."""

catalog = Table(
    "catalogue",
    metadata,
    Column("provider", Words(80), primary_key=True),
    Column("fetched_at", Float, nullable=False),
    Column("content", LongWords, nullable=False),
)
"""The last live catalogue of each provider, as JSON text."""

sets = Table(
    "sets",
    metadata,
    Column("set_id", Words(40), primary_key=True),
    Column("owner", Words(200), nullable=False),
    Column("dedup_key", Words(300)),
    Column("credential_id", Words(64)),
    Column("worker", Words(120)),
    Column("request", JSON, nullable=False),
    Column("is_open", Boolean, nullable=False),
    Column("created_at", Float, nullable=False),
    Column("updated_at", Float, nullable=False),
    UniqueConstraint("owner", "dedup_key"),
    Index("sets_by_work", "is_open", "created_at"),
)
"""One call for many pictures; open while pictures of it wait to be made jobs."""

set_members = Table(
    "set_members",
    metadata,
    Column("set_id", Words(40), primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("name", Words(200), nullable=False),
    Column("look", Words(80)),
    Column("reference", LongWords),
    Column("identity", Words(64), nullable=False),
    Column("job_id", Words(40)),
    Column("error", JSON(none_as_null=True)),
    Index("set_members_by_identity", "identity"),
    Index("set_members_by_job", "job_id"),
)
"""One picture in one light each: what it is called and where to read it, and then the job it became
or why it became none. The same job may be in several sets."""

meta = Table(
    "meta",
    metadata,
    Column("name", Words(40), primary_key=True),
    Column("content", LongWords, nullable=False),
)
"""What holds for the database as a whole: `schema`, its version, and `readers`, the oldest schema
whose code may use it still, and the `salt` of a team."""


_log = logging.getLogger(__name__)

_NAMES = tuple(item.name for item in fields(Job))
_REQUESTS_KEPT = 128
"""A request never changes, is nearly all of what is read of a row, and is asked for again and again
while its job goes on."""
_LISTS = frozenset({"images", "returned", "paths", "outputs", "warnings", "siblings"})
job_columns: tuple[ColumnElement[Any], ...] = tuple(
    cast(jobs.c[name], Text).label(name) if isinstance(jobs.c[name].type, JSON) else jobs.c[name]
    for name in _NAMES
)
"""What a job is made of. JSON comes as the text it is kept as: it is read once, into the values of
the domain."""

unreadable: set[str] = set()
"""Jobs this process has met and could not read: a newer version's, or damaged ones."""


def job_of(row: Mapping[Any, Any]) -> Job:
    """The job in a row of `job_columns`, without what only a newer version knows of it. Raises
    Internal for one that cannot be read."""
    try:
        told = {name: row[name] for name in _NAMES}
        told |= {name: read(told[name]) for name, read in _READ.items() if told[name] is not None}
        job = Job(**told)
        LEGAL[job.stage]
    except (ValueError, TypeError, KeyError):
        raise Internal(
            "This job was written by another version of mcp-relight, or is damaged.",
            hint="Update mcp-relight. `mcp-relight forget` deletes a job that has ended.",
        ) from None
    return job


def jobs_of(rows: Iterable[Mapping[Any, Any]]) -> Iterator[Job]:
    """The jobs in these rows. One that cannot be read is left alone, for it must not hide the
    others."""
    for row in rows:
        try:
            yield job_of(row)
        except Internal:
            job_id = str(row["job_id"])
            if job_id not in unreadable:
                unreadable.add(job_id)
                _log.error("%s cannot be read: another version wrote it, or damage.", job_id)


def columns_of(changes: Mapping[str, Any]) -> dict[str, Any]:
    """Column values for fields of a job."""
    return {name: _write(name, value) for name, value in changes.items()}


def row_of(job: Job) -> dict[str, Any]:
    """Every column value of a job."""
    return columns_of({name: getattr(job, name) for name in _NAMES})


def images_of(values: Mapping[str, Any]) -> frozenset[str]:
    """The stored images that these fields of a job name."""
    named = {*values.get("images", ()), *values.get("returned", ())}
    request: JobRequest | None = values.get("request")
    if request is not None:
        named |= {request.image_id, *request.extra_image_ids.values()}
        single = (request.mask_id, request.reference_id)
        named |= {image_id for image_id in single if image_id is not None}
    return frozenset(named)


def _report(text: str) -> Report | None:
    """None for a report in another version's words: the job and its picture are still good."""
    try:
        return Report.model_validate_json(text, extra="ignore")
    except ValidationError:
        return None


def _of(values: type[Any]) -> Callable[[str], Any]:
    adapter = TypeAdapter[Any](values)
    return lambda text: None if text == "null" else adapter.validate_json(text, extra="ignore")


_READ: dict[str, Callable[[Any], Any]] = {
    "request": lru_cache(_REQUESTS_KEPT)(_of(JobRequest)),
    "cost": _of(Cost),
    "error": _of(Failure),
    "report": _report,
    "sent": _of(tuple[Sent, ...]),
    "slots": _of(tuple[Slot, ...]),
    "paths": _of(tuple[str | None, ...]),
    **dict.fromkeys(_LISTS - {"paths"}, _of(tuple[str, ...])),
    "cancel_requested": bool,
}


def _write(name: str, value: Any) -> Any:
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    if name in _LISTS:
        return list(value)
    if name in {"sent", "slots"}:
        return [item.model_dump(mode="json") for item in value]
    return value
