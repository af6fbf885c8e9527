"""Short-lived addresses of pictures, signed with keys that all replicas share.

Whoever has one may fetch that picture until it expires; nothing is kept for it.
"""

import base64
import hashlib
import hmac
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

LINK_WITHIN_S = 900.0
PICTURES_PATH = "/pictures/"

_PURPOSE = b"mcp-relight picture link 1"
_TOKEN = re.compile(
    r"(?P<image_id>[0-9a-f]{16,64})\.(?P<owner>[a-z0-9_-]{1,40})\.(?P<until>[0-9]{10,11})"
    r"\.(?P<mac>[A-Za-z0-9_-]{43})"
)


@dataclass(frozen=True, slots=True)
class Link:
    """`until` in seconds since 1970."""

    image_id: str
    owner: str
    until: int


class Links:
    """The first key signs, every one is believed: so keys are replaced one after the other."""

    def __init__(
        self, public_url: str, keys: Sequence[str], *, now: Callable[[], float] = time.time
    ) -> None:
        self._base = public_url + PICTURES_PATH
        # Of their own: what seals a client's state never signs a link.
        self._keys = [hmac.digest(key.encode(), _PURPOSE, hashlib.sha256) for key in keys]
        self._now = now

    def sign(self, image_id: str, *, owner: str) -> tuple[str, int]:
        """The address, and until when it opens."""
        link = Link(image_id, owner, int(self._now() + LINK_WITHIN_S))
        mac = _mac(self._keys[0], link)
        return f"{self._base}{image_id}.{owner}.{link.until}.{mac}", link.until

    def opened(self, token: str) -> Link | None:
        """What the last part of an address opens; None for a forged or an expired one."""
        found = _TOKEN.fullmatch(token)
        if found is None:
            return None
        link = Link(found["image_id"], found["owner"], int(found["until"]))
        matches = [hmac.compare_digest(_mac(key, link), found["mac"]) for key in self._keys]
        return link if any(matches) and self._now() < link.until else None


def _mac(key: bytes, link: Link) -> str:
    message = f"{link.image_id}\0{link.owner}\0{link.until}".encode()
    digest = hmac.digest(key, message, hashlib.sha256)
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
