"""One frame on a pipe: a JSON header, then named blobs. Never pickle: the child may be taken over.

Layout: 4 bytes big-endian length of the header, the header as JSON
(`{"facts": {...}, "blobs": [[name, length], ...]}`), then the blobs in that order.
"""

import json
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

MAX_HEADER_BYTES = 1_000_000
MAX_BLOB_BYTES = 1_000_000_000
LENGTH = struct.Struct(">I")


class FrameError(ValueError):
    """The other side did not send a frame."""


@dataclass(frozen=True, slots=True)
class Frame:
    facts: dict[str, Any]
    blobs: Mapping[str, bytes] = field(default_factory=dict[str, bytes])


def pack(frame: Frame) -> list[bytes]:
    """The pieces to write, in order; blobs are not copied."""
    sizes = [[name, len(data)] for name, data in frame.blobs.items()]
    header = json.dumps({"facts": frame.facts, "blobs": sizes}).encode()
    return [LENGTH.pack(len(header)), header, *frame.blobs.values()]


def unpack_header(header: bytes) -> tuple[dict[str, Any], list[tuple[str, int]]]:
    """Facts, and the names and lengths of the blobs that follow. Raises FrameError."""
    try:
        decoded = json.loads(header)
        facts, sizes = decoded["facts"], decoded["blobs"]
        named = [(str(name), int(size)) for name, size in sizes]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise FrameError("unreadable header") from None
    if not isinstance(facts, dict) or any(not 0 <= size <= MAX_BLOB_BYTES for _, size in named):
        raise FrameError("impossible header")
    return facts, named  # pyright: ignore[reportUnknownVariableType] - JSON
