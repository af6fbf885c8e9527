"""The tables of what providers reach from outside."""

from sqlalchemy import Column, Float, Index, Integer, Table

from .tables import Words, metadata

hooks = Table(
    "hooks",
    metadata,
    Column("hashed", Words(64), primary_key=True),
    Column("job_id", Words(40), nullable=False),
    Column("called_at", Float),
    Index("hooks_by_job", "job_id"),
)
"""At which address a provider says that a job ended; `hashed` is the SHA-256 of what stands in it.
`called_at` is when it was called before anybody could ask about the job. A row goes an hour after
its job ended."""

lent = Table(
    "lent",
    metadata,
    Column("hashed", Words(64), primary_key=True),
    Column("job_id", Words(40), nullable=False),
    Column("image_id", Words(32), nullable=False),
    Column("expires_at", Float, nullable=False),
    Column("reads", Integer, nullable=False),
    Index("lent_by_job", "job_id"),
)
"""At which address a provider reads a picture of a job; `hashed` as above. Rows go with the job."""
