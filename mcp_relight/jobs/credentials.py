"""Names for keys and for sets of keys, from which no key can be recovered."""

import hashlib
import hmac
from collections.abc import Iterable


def credential_id(salt: bytes, key: str, origin: str) -> str:
    """Names one key at one origin, in this data folder alone."""
    message = f"{origin}\0{key}".encode()
    return hmac.new(salt, message, hashlib.sha256).hexdigest()[:32]


def fingerprint(credential_ids: Iterable[str], version: str) -> str:
    """Names what a worker can do: the keys it holds, where they lead, and which code it runs."""
    facts = "\0".join([version, *sorted(set(credential_ids))])
    return hashlib.sha256(facts.encode()).hexdigest()[:16]
