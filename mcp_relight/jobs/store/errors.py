"""What a database error means for us."""

import errno
import sqlite3

from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError, PendingRollbackError
from sqlalchemy.exc import TimeoutError as NoFreeConnection

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

_SERVER_OUTAGES = (
    "08",  # the connection went away
    "40",  # a deadlock, or two transactions that cannot both be
    "57",  # shutting down, starting up, or a statement that took too long
    "53",  # too many connections, no memory; the full disk is told apart
    "55P03",  # a lock that did not come free
    "25",  # a transaction that broke or was idle for too long; a standby that has not taken over
)
"""Beginnings of SQLSTATE, as PostgreSQL's manual lists them in its Appendix A."""
_SERVER_FULL = "53100"
_SERVER_REFUSES = ("28", "3D", "3F", "42501")
_SERVER_REFUSES_WORDS = (
    "authentication failed",
    "pg_hba.conf",
    "does not exist",
    "permission denied",
)
"""libpq gives no SQLSTATE of a connection that was refused; these are the words of the server's."""


_OF_CONNECTIONS = (
    OperationalError,
    InterfaceError,
    PendingRollbackError,
    NoFreeConnection,
    sqlite3.ProgrammingError,
)
DATABASE_ERRORS = (DBAPIError, NoFreeConnection, PendingRollbackError, sqlite3.Error, OSError)
"""Everything that `what_went_wrong` and `what_a_server_means` are asked about."""


class DatabaseOutage(Exception):
    """Another try may help."""


class DatabaseBroken(Exception):
    """The database file is damaged."""


def what_went_wrong(error: Exception) -> Exception:
    """What an error of SQLAlchemy, of a driver or of files means: a RelightError where nothing but
    a person helps; else DatabaseOutage or DatabaseBroken."""
    if isinstance(error, OSError):
        return _of_files(error)
    cause = error.orig if isinstance(error, DBAPIError) else error
    code = getattr(cause, "sqlite_errorcode", None)
    if isinstance(code, int):
        return _of_sqlite(code & _PRIMARY)
    if isinstance(state := getattr(cause, "sqlstate", None), str):
        return _of_postgres(state)
    if isinstance(error, OperationalError) and any(
        words in str(cause) for words in _SERVER_REFUSES_WORDS
    ):
        return _no_entry()
    if isinstance(error, _OF_CONNECTIONS):
        return DatabaseOutage()  # the connection went away, or was closed by another thread
    return Internal("The job database refused a statement.")


def what_a_server_means(error: Exception) -> Exception:
    """As `what_went_wrong`, where the database is no file: what the system says is said of the way
    to the server."""
    return DatabaseOutage() if isinstance(error, OSError) else what_went_wrong(error)


def of_a_server(error: BaseException | None) -> Exception:
    """What an error of PostgreSQL's driver itself means. Without a SQLSTATE the connection is not
    what it was."""
    state = getattr(error, "sqlstate", None)
    return _of_postgres(state) if isinstance(state, str) else DatabaseOutage()


def _of_postgres(state: str) -> Exception:
    if state == _SERVER_FULL:
        return _full()
    if state.startswith(_SERVER_OUTAGES):
        return DatabaseOutage()
    if state.startswith(_SERVER_REFUSES):
        return _no_entry()
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


def _no_entry() -> Internal:
    return Internal(
        "The job database does not let mcp-relight in.",
        hint="Check user, password and database in MCP_RELIGHT_DATABASE_URL, and their rights.",
    )
