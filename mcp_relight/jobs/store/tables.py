"""The tables of the job store. Every column is plain enough for SQLite and PostgreSQL alike."""

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    Float,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    false,
)

SCHEMA_VERSION = 1

metadata = MetaData()

jobs = Table(
    "jobs",
    metadata,
    Column("job_id", String(40), primary_key=True),
    Column("owner", String(200), nullable=False),
    Column("dedup_key", String(300)),
    Column("request_hash", String(128), nullable=False),
    Column("keep_key", Boolean, nullable=False, server_default=false()),
    Column("worker", String(120)),
    Column("credential_id", String(64)),
    Column("provider", String(80), nullable=False),
    Column("model", String(200), nullable=False),
    Column("stage", String(16), nullable=False),
    Column("request", JSON, nullable=False),
    Column("ticket", Text),
    Column("submitted_at", Float),
    Column("provider_expires_at", Float),
    Column("progress", Float, nullable=False, server_default="0"),
    Column("note", Text, nullable=False, server_default=""),
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
    Column("reserved_day", String(10)),
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
    Column("job_id", String(40), primary_key=True),
    Column("image_id", String(32), primary_key=True),
    Index("uses_by_image", "image_id"),
)
"""Which job needs which stored image, so that deleting one job never takes another's picture."""

spend = Table(
    "spend",
    metadata,
    Column("owner", String(200), primary_key=True),
    Column("day", String(10), primary_key=True),
    Column("usd", Float, nullable=False),
)
"""Money reserved or spent per owner and day (UTC). It outlives the jobs: forgetting one does not
give its money back."""

gates = Table(
    "gates",
    metadata,
    Column("name", String(120), primary_key=True),
    Column("tat", Float, nullable=False),
)
"""Rate gates: `tat` is GCRA's theoretical arrival time, in seconds since 1970."""

catalogue = Table(
    "catalogue",
    metadata,
    Column("provider", String(80), primary_key=True),
    Column("fetched_at", Float, nullable=False),
    Column("content", Text, nullable=False),
)
"""The last live catalogue of each provider, as JSON text."""

meta = Table(
    "meta",
    metadata,
    Column("name", String(40), primary_key=True),
    Column("content", Text, nullable=False),
)
"""The schema's version."""
