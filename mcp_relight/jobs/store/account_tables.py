"""The tables of accounts: tokens of ours, who called what, where pictures may be sent, and keys
that owners brought."""

from sqlalchemy import JSON, Column, Float, Index, Integer, Table

from .tables import LongWords, Words, metadata

tokens = Table(
    "tokens",
    metadata,
    Column("token_id", Words(8), primary_key=True),
    Column("hashed", Words(64), nullable=False, unique=True),
    Column("owner", Words(40), nullable=False),
    Column("scopes", JSON, nullable=False),
    Column("name", Words(80), nullable=False),
    Column("created_at", Float, nullable=False),
    Column("expires_at", Float),
    Index("tokens_by_owner", "owner"),
)
"""`hashed` is the SHA-256 of a token's text, which is nowhere."""

audit = Table(
    "audit",
    metadata,
    Column("call_id", Integer, primary_key=True),
    Column("at", Float, nullable=False),
    Column("day", Words(10), nullable=False),
    Column("owner", Words(40), nullable=False),
    Column("tool", Words(80), nullable=False),
    Column("job_id", Words(40)),
    Column("model", Words(200)),
    Column("usd", Float),
    Column("outcome", Words(40), nullable=False),
    Column("request_id", Words(64), nullable=False),
    Index("audit_by_day", "day", "owner"),
)
"""One row per call of a tool: no argument of it, and no picture."""

uploads = Table(
    "uploads",
    metadata,
    Column("hashed", Words(64), primary_key=True),
    Column("owner", Words(40), nullable=False),
    Column("expires_at", Float, nullable=False),
)
"""`hashed` is the SHA-256 of what stands in the address. A row goes when it was used."""

owner_keys = Table(
    "owner_keys",
    metadata,
    Column("owner", Words(40), primary_key=True),
    Column("provider", Words(80), primary_key=True),
    Column("sealed", LongWords, nullable=False),
    Column("added_at", Float, nullable=False),
    Column("daily_budget_usd", Float),
    Column("per_minute", Float),
)
"""An owner's own key at a provider, sealed by a key that is not in the database."""

key_pages = Table(
    "key_pages",
    metadata,
    Column("hashed", Words(64), primary_key=True),
    Column("owner", Words(40), nullable=False),
    Column("provider", Words(80), nullable=False),
    Column("expires_at", Float, nullable=False),
)
"""Where an owner enters a key; `hashed` is the SHA-256 of what stands in the address."""

ACCOUNT_TABLES = [tokens, audit]
