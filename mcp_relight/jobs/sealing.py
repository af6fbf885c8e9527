"""Sealing what is kept in the database: by keys that are not in it."""

import base64
import binascii
import hashlib
import secrets
from collections.abc import Sequence
from typing import TYPE_CHECKING

from mcp_relight.errors import Internal

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_FORM = "1"
_NONCE_BYTES = 12


class KeyRing:
    """AES-256-GCM: the first key seals, every one opens, so keys are replaced one after the other.

    What was sealed is bound to its owner and provider: in another row it does not open.
    """

    def __init__(self, keys: Sequence[bytes]) -> None:
        """Of 32 bytes each."""
        self._keys = {_name_of(key): key for key in reversed(keys)}
        self._first = _name_of(keys[0]) if keys else ""

    def __bool__(self) -> bool:
        return bool(self._keys)

    def seal(self, text: str, *, owner: str, provider: str) -> str:
        """Raises Internal where there is no key."""
        if not self._keys:
            raise Internal(
                "MCP_RELIGHT_KEY_RING is not set: keys of owners cannot be sealed.",
                hint="Make one with `openssl rand -hex 32`, for every server and worker.",
            )
        nonce = secrets.token_bytes(_NONCE_BYTES)
        box = _cipher(self._keys[self._first]).encrypt(
            nonce, text.encode(), _bound(owner, provider)
        )
        return f"{_FORM}.{self._first}.{base64.urlsafe_b64encode(nonce + box).decode()}"

    def open(self, sealed: str, *, owner: str, provider: str) -> str:
        """Raises Internal, naming the setting."""
        from cryptography.exceptions import InvalidTag

        _, name, box = (*sealed.split("."), "", "")[:3]
        key = self._keys.get(name)
        if key is None:
            raise _wrong_ring(provider, is_set=bool(self._keys))
        try:
            data = base64.urlsafe_b64decode(box)
            bound = _bound(owner, provider)
            return _cipher(key).decrypt(data[:_NONCE_BYTES], data[_NONCE_BYTES:], bound).decode()
        except (InvalidTag, ValueError, binascii.Error):
            raise Internal(
                f"The key that was kept for {provider} was changed, or belongs to another row.",
                hint="Enter it anew: `mcp-relight owners key set`.",
            ) from None

    def is_first(self, sealed: str) -> bool:
        """Whether it was sealed by the key that seals now."""
        return sealed.split(".")[1:2] == [self._first]


def _wrong_ring(provider: str, *, is_set: bool) -> Internal:
    lack = "does not hold what it was sealed with" if is_set else "is not set"
    return Internal(
        f"The owner's own key for {provider} cannot be opened: MCP_RELIGHT_KEY_RING {lack}.",
        hint="Put that text back into the ring, behind newer ones, or enter the key anew.",
    )


def _cipher(key: bytes) -> "AESGCM":
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    return AESGCM(key)


def _bound(owner: str, provider: str) -> bytes:
    return f"mcp-relight key\0{owner}\0{provider}".encode()


def _name_of(key: bytes) -> str:
    """Which key of the ring, from which none can be recovered."""
    return hashlib.sha256(b"mcp-relight key ring\0" + key).hexdigest()[:8]
