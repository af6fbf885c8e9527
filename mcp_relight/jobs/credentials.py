"""Names for keys and for sets of keys, from which no key can be recovered."""

import hashlib
import hmac
import os
import secrets
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from mcp_relight.errors import LocalError

_SALT_BYTES = 32


def folder_salt(folder: Path) -> bytes:
    """The salt of this data folder, made by whoever needs it first.

    A file of its own, so that nobody has to open the database to name a key.
    Raises LocalError when the folder cannot be written.
    """
    path = folder / "salt"
    mine = folder / f".salt.{secrets.token_hex(8)}"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not path.exists():
            mine.touch(mode=0o600)
            mine.write_bytes(secrets.token_bytes(_SALT_BYTES))
            try:
                os.link(mine, path)
            except FileExistsError:
                pass
            except OSError:
                # No hard links here: the last of several first processes wins.
                mine.replace(path)
        return path.read_bytes()
    except OSError:
        raise LocalError(
            "The data folder cannot be written.", hint="Set MCP_RELIGHT_DATA_DIR to another."
        ) from None
    finally:
        with suppress(OSError):
            mine.unlink()


def credential_id(salt: bytes, key: str, origin: str) -> str:
    """Names one key at one origin, in this data folder alone."""
    message = f"{origin}\0{key}".encode()
    return hmac.new(salt, message, hashlib.sha256).hexdigest()[:32]


def fingerprint(credential_ids: Iterable[str], version: str) -> str:
    """Names what a worker can do: the keys it holds, where they lead, and which code it runs."""
    facts = "\0".join([version, *sorted(set(credential_ids))])
    return hashlib.sha256(facts.encode()).hexdigest()[:16]
