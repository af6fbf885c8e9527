"""The tables of owners, of what is theirs, and of what is reached from outside by an address."""

from sqlalchemy import JSON, BigInteger, Boolean, Column, Float, Index, Integer, Table, false

from .tables import LongWords, Words, metadata

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
