"""Texts that stand in an address and are its permission: told once, only their hash is kept."""

import hashlib
import re
import secrets

_FORM = re.compile(r"[A-Za-z0-9_-]{43}")


def new_text() -> str:
    """256 random bits."""
    return secrets.token_urlsafe(32)


def is_text(text: str) -> bool:
    return _FORM.fullmatch(text) is not None


def hash_of(text: str) -> str:
    """Guessing is hopeless at 256 bits, so that a plain hash is enough, and finding by it tells
    nothing by the time it takes."""
    return hashlib.sha256(text.encode()).hexdigest()
