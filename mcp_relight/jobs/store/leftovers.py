"""Whether jobs were left unfinished, asked without the weight of the store.

A server asks while it starts: SQLAlchemy would cost it a tenth of a second.
"""

import json
import sqlite3
from contextlib import closing
from pathlib import Path

from mcp_relight.domain.job import TERMINAL
from mcp_relight.jobs.ports import NEVER

_PATIENCE_S = 0.2
_ANY = (
    "SELECT 1 FROM jobs WHERE stage NOT IN (SELECT value FROM json_each(?)) AND due_at < ? "
    "UNION ALL SELECT 1 FROM sets WHERE is_open LIMIT 1"
)


def has_leftovers(path: Path) -> bool:
    """Whether a worker may find something to do. A database that does not answer at once, or that
    is damaged, is a worker's to look at."""
    if not path.exists():
        return False
    try:
        with closing(
            sqlite3.connect(f"{path.as_uri()}?mode=rw", uri=True, timeout=_PATIENCE_S)
        ) as connection:
            return (
                connection.execute(_ANY, (json.dumps(sorted(TERMINAL)), NEVER)).fetchone()
                is not None
            )
    except sqlite3.Error:
        return True
