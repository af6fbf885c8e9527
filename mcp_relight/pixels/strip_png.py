"""Strip a PNG file to what is needed to show it. Its pixels are not touched.

Source: W3C PNG specification, third edition.
"""

import struct
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from mcp_relight.errors import ImageCorrupt

from .exif import orientation_of

SIGNATURE = b"\x89PNG\r\n\x1a\n"

_NEEDED = {b"IHDR", b"PLTE", b"IDAT"}
_MEANING_MAX_BYTES = {b"tRNS": 256, b"sRGB": 1, b"gAMA": 4, b"cHRM": 32}
_HEADER_BYTES = 13
_MAX_PROFILE_BYTES = 4_000_000
_PROFILE_NAME = b"ICC Profile"
"""Stands in for the file's own name of it, which is free text."""


@dataclass(frozen=True, slots=True)
class StrippedPng:
    data: bytes
    orientation: int
    profile: bytes | None
    bit_depth: int
    animated: bool


def strip_png(data: bytes, *, usable: Callable[[bytes], bool]) -> StrippedPng:
    """Keep header, palette, pixels, transparency, and what says how colours are meant: sRGB, gAMA,
    cHRM and an ICC profile that is `usable`. Raises ImageCorrupt."""
    kept, exif, profile, animated = list[bytes](), b"", None, False
    header = b""
    for kind, payload in _chunks(data):
        if kind == b"IHDR" and header:
            continue
        if kind == b"IHDR":
            header = payload
        if kind in _NEEDED or len(payload) <= _MEANING_MAX_BYTES.get(kind, -1):
            kept.append(_chunk(kind, payload))
        elif kind == b"iCCP" and profile is None:
            profile = _profile(payload)
            if profile is not None and usable(profile):
                named = _PROFILE_NAME + b"\0\0" + zlib.compress(profile)
                kept.append(_chunk(kind, named))
            else:
                profile = None
        exif = payload if kind == b"eXIf" else exif
        animated = animated or kind == b"acTL"
    if len(header) != _HEADER_BYTES:
        raise _damaged()
    stripped = b"".join([SIGNATURE, *kept, _chunk(b"IEND", b"")])
    return StrippedPng(stripped, orientation_of(exif), profile, header[8], animated)


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Every whole chunk before IEND. Damaged ones are left out where the picture needs them not."""
    position = len(SIGNATURE)
    while position + 12 <= len(data):
        size, kind = struct.unpack_from(">I4s", data, position)
        end = position + 8 + size
        if kind == b"IEND":
            return
        payload, check = data[position + 8 : end], data[end : end + 4]
        if zlib.crc32(payload, zlib.crc32(kind)).to_bytes(4, "big") == check:
            yield kind, payload
        elif kind in _NEEDED:
            raise _damaged()
        position = end + 4


def _profile(payload: bytes) -> bytes | None:
    _, _, packed = payload.partition(b"\0")
    try:
        profile = zlib.decompressobj().decompress(packed[1:], _MAX_PROFILE_BYTES + 1)
    except zlib.error:
        return None
    return profile if len(profile) <= _MAX_PROFILE_BYTES else None


def _chunk(kind: bytes, payload: bytes) -> bytes:
    check = zlib.crc32(payload, zlib.crc32(kind))
    return struct.pack(">I4s", len(payload), kind) + payload + struct.pack(">I", check)


def _damaged() -> ImageCorrupt:
    return ImageCorrupt("The PNG file is damaged or cut off.")
