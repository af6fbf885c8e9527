"""Getting the picture a request points at: its own uploads, data URIs, and loopback addresses."""

import base64
import binascii
import hashlib
import http.client
from dataclasses import dataclass
from urllib.parse import urlsplit

import anyio.to_thread

from mcp_relight.simulator import pictures

MAX_INPUT_BYTES = 25_000_000
FETCH_TIMEOUT_S = 10.0
LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


@dataclass(frozen=True)
class Source:
    """`data` is None for a picture on a host this process may not reach: one is made instead."""

    data: bytes | None
    problem: str | None = None

    @property
    def digest(self) -> str | None:
        return hashlib.sha256(self.data).hexdigest() if self.data else None


class Unreadable(Exception):
    """The picture could not be had; the text is the provider's."""


async def fetch_source(reference: str) -> Source:
    """The picture behind a data URI or a loopback address, checked to be one."""
    return await anyio.to_thread.run_sync(_fetch, reference)


def _fetch(reference: str) -> Source:
    try:
        data = _bytes_of(reference)
    except Unreadable as reason:
        return Source(None, str(reason))
    if data is not None and not pictures.is_readable(data):
        return Source(None, "The input is not a readable JPEG, PNG or WEBP image")
    return Source(data)


def _bytes_of(reference: str) -> bytes | None:
    if reference.startswith("data:"):
        return decode_data_uri(reference)[1]
    parts = urlsplit(reference)
    if parts.scheme != "http" or parts.hostname not in LOOPBACK:
        return None
    connection = http.client.HTTPConnection(parts.netloc, timeout=FETCH_TIMEOUT_S)
    try:
        connection.request("GET", (parts.path or "/") + (f"?{parts.query}" if parts.query else ""))
        response = connection.getresponse()
        data = response.read(MAX_INPUT_BYTES + 1)
    except (OSError, http.client.HTTPException):
        raise Unreadable("Failed to download the input image") from None
    finally:
        connection.close()
    if response.status != 200 or len(data) > MAX_INPUT_BYTES:
        raise Unreadable("Failed to download the input image")
    return data


def decode_data_uri(reference: str) -> tuple[str, bytes]:
    """Media type and bytes of a base64 data URI of an image. Raises Unreadable."""
    head, _, payload = reference.partition(",")
    if not (head.startswith("data:image/") and head.endswith(";base64")):
        raise Unreadable("Only base64 data URIs of images are accepted")
    try:
        return head[len("data:") :].partition(";")[0], base64.b64decode(payload, validate=True)
    except binascii.Error:
        raise Unreadable("The data URI is not valid base64") from None
