"""The tables of owners and of what is theirs."""

from sqlalchemy import BigInteger, Boolean, Column, Float, Index, Integer, Table, false

from .tables import Words, metadata

owners = Table(
    "owners",
    metadata,
    Column("owner", Words(40), primary_key=True),
    Column("name", Words(200), nullable=False, server_default=""),
    Column("is_disabled", Boolean, nullable=False, server_default=false()),
    Column("daily_budget_usd", Float),
    Column("max_cost_usd", Float),
    Column("max_open_jobs", Integer),
    Column("max_running_jobs", Integer),
    Column("max_bytes", BigInteger),
    Column("created_at", Float, nullable=False),
)

images = Table(
    "images",
    metadata,
    Column("owner", Words(40), primary_key=True),
    Column("image_id", Words(32), primary_key=True),
    Column("bytes", BigInteger, nullable=False),
    Column("created_at", Float, nullable=False),
    Column("used_at", Float, nullable=False),
    Index("images_by_id", "image_id"),
    Index("images_by_use", "owner", "used_at"),
)
"""Whose a stored picture is. The owner "" stands for nobody: the bytes are being deleted."""

OWNER_TABLES = (owners, images)
