"""One frame per message between the pixel child and its parent: a JSON header, then raw bytes.

    4 bytes   length of the header, big-endian
    header    {"body": ..., "blobs": [length, ...]} in JSON
    blobs     one after the other

Byte strings anywhere in a body travel as blobs, `{"$blob": n}` in their place. Never pickle: who
takes over the child through a hostile picture must not thereby take over the parent.
"""

import json
from collections.abc import Generator
from typing import Any, cast

MAX_HEADER_BYTES = 1_000_000
MAX_BLOBS_BYTES = 600_000_000
"""Above the largest honest message: a 50 MP picture with alpha and its three maps."""

ENGINE = "engine"
"""What a child is told that shall be ready to compute."""

GUEST = "guest="
"""Before the number of the descriptor on which a guest may ask a child."""

AHEAD = "ahead"
"""In a guest's request: the picture will be lit by itself, as soon as the parent asks for it."""

IDLE_EXIT_CODE = 75
"""The child ended because nothing was asked of it; no request was lost."""

_PREFIX_BYTES = 4
_BLOB = "$blob"


class FrameError(Exception):
    """The bytes received are not a frame."""


def pack(body: object) -> list[bytes]:
    """The buffers of one frame. `body` is JSON values, and bytes."""
    blobs: list[bytes] = []
    lifted = _lift(body, blobs)
    header = json.dumps({"body": lifted, "blobs": [len(blob) for blob in blobs]}).encode()
    return [len(header).to_bytes(_PREFIX_BYTES, "big") + header, *blobs]


def unpack() -> Generator[int, bytes, Any]:
    """Reads one frame: yields how many bytes it wants next, and returns the body.

    Raises FrameError.
    """
    header_bytes = int.from_bytes((yield _PREFIX_BYTES), "big")
    if header_bytes > MAX_HEADER_BYTES:
        raise FrameError("the header is too long")
    body, sizes = _parse((yield header_bytes))
    if sum(sizes) > MAX_BLOBS_BYTES:
        raise FrameError("the blobs are too long")
    blobs = [b""] * len(sizes)
    for index, size in enumerate(sizes):
        blobs[index] = yield size
    return _lower(body, blobs)


def _parse(header: bytes) -> tuple[Any, list[int]]:
    try:
        parsed = json.loads(header)
        body, sizes = parsed["body"], parsed["blobs"]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise FrameError("the header is not ours") from None
    if not isinstance(sizes, list) or not all(
        isinstance(size, int) and size >= 0 for size in cast(list[object], sizes)
    ):
        raise FrameError("the blob lengths are not lengths")
    return body, cast(list[int], sizes)


def _lift(value: object, blobs: list[bytes]) -> object:
    match value:
        case bytes():
            blobs.append(value)
            return {_BLOB: len(blobs) - 1}
        case dict():
            items = cast(dict[str, object], value).items()
            return {name: _lift(item, blobs) for name, item in items}
        case list() | tuple():
            return [_lift(item, blobs) for item in cast(list[object], value)]
        case _:
            return value


def _lower(value: object, blobs: list[bytes]) -> object:
    match value:
        case {"$blob": int(index)}:
            if not 0 <= index < len(blobs):
                raise FrameError("a blob is missing")
            return blobs[index]
        case dict():
            items = cast(dict[str, object], value).items()
            return {name: _lower(item, blobs) for name, item in items}
        case list():
            return [_lower(item, blobs) for item in cast(list[object], value)]
        case _:
            return value
