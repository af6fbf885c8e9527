"""Secrets that are read from files which settings name."""

import sys
from pathlib import Path

from mcp_relight.errors import InvalidArgument

_MAX_BYTES = 4096


def secret_in(path: Path, variable: str) -> str:
    """The text of the file that this variable names. Raises InvalidArgument for one that cannot be
    read, or that others can."""
    try:
        status = path.stat()
        text = path.read_text("utf-8")[:_MAX_BYTES].strip()
    except (OSError, ValueError):
        raise InvalidArgument(
            f"{variable} names a file that cannot be read.",
            hint="Create the file with the key alone in it.",
        ) from None
    if sys.platform != "win32" and status.st_mode & 0o077:
        raise InvalidArgument(
            f"{variable} names a file that others can read.",
            hint="Run `chmod 600` on it.",
        )
    return text
