"""What a database error means for us."""

import errno
import sqlite3

from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError

from mcp_relight.errors import Internal, RelightError, StorageFull

_PRIMARY = 0xFF
_CORRUPT = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
_OUTAGES = frozenset(
    {
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_PROTOCOL,
        sqlite3.SQLITE_SCHEMA,
    }
)
_NO_ACCESS = frozenset(
    {sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM, sqlite3.SQLITE_AUTH}
)


class DatabaseOutage(Exception):
    """Another try may help."""


class DatabaseBroken(Exception):
    """The database file is damaged."""


def what_went_wrong(error: DBAPIError | sqlite3.Error | OSError) -> Exception:
    """A RelightError where nothing but a person helps; else DatabaseOutage or DatabaseBroken."""
    if isinstance(error, OSError):
        return _of_files(error)
    cause = error.orig if isinstance(error, DBAPIError) else error
    code = getattr(cause, "sqlite_errorcode", None)
    if isinstance(code, int):
        return _of_sqlite(code & _PRIMARY)
    if isinstance(error, OperationalError | InterfaceError | sqlite3.ProgrammingError):
        return DatabaseOutage()  # the connection went away, or was closed by another thread
    return Internal("The job database refused a statement.")


def _of_sqlite(code: int) -> Exception:
    if code in _CORRUPT:
        return DatabaseBroken()
    if code == sqlite3.SQLITE_FULL:
        return _full()
    if code in _OUTAGES:
        return DatabaseOutage()
    if code in _NO_ACCESS:
        return _no_access()
    return Internal("The job database refused a statement.")


def _of_files(error: OSError) -> RelightError:
    return _full() if error.errno in {errno.ENOSPC, errno.EDQUOT} else _no_access()


def _full() -> StorageFull:
    return StorageFull("The disk that holds the job database is full.")


def _no_access() -> Internal:
    return Internal(
        "The job database cannot be opened or written.",
        hint="Check the permissions of the data folder, or set MCP_RELIGHT_DATA_DIR to another.",
    )
