"""Strip a PNG file to what is needed to show it. Its pixels are not touched.

Source: W3C PNG specification, third edition; which of its words about color counts is its 12.1.
"""

import struct
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from mcp_relight.errors import ImageCorrupt

from .colors import ADOBE_RGB, Colors, from_codes, from_gamma
from .exif import Exif, read_exif
from .icc import profile_of

SIGNATURE = b"\x89PNG\r\n\x1a\n"

_NEEDED = {b"IHDR", b"PLTE", b"IDAT"}
_TRANSPARENCY_MAX_BYTES = 256
_COLOR_MAX_BYTES = {b"cICP": 4, b"iCCP": 4_100_000, b"sRGB": 1, b"gAMA": 4, b"cHRM": 32}
_HEADER_BYTES = 13
_GREY_TYPES = (0, 4)
_MAX_PROFILE_BYTES = 4_000_000
_PROFILE_NAME = b"ICC Profile"
"""Stands in for the file's own name of it, which is free text."""


@dataclass(frozen=True, slots=True)
class StrippedPng:
    data: bytes
    orientation: int
    profile: bytes | None
    colors: Colors | None
    """What the numbers mean, where a profile cannot say it."""
    is_guess: bool
    """Whether the profile is only likely."""
    bit_depth: int
    animated: bool


@dataclass(frozen=True, slots=True)
class _Meaning:
    profile: bytes | None = None
    colors: Colors | None = None
    is_guess: bool = False
    kept: tuple[bytes, ...] = ()
    """The kinds of chunks that say it."""


def strip_png(data: bytes, *, usable: Callable[[bytes], bool]) -> StrippedPng:
    """Keep header, palette, pixels, transparency, and what says how colors are meant: where a
    profile can say it, as an ICC profile. Raises ImageCorrupt, ImageUnsupported."""
    shown, said = list[bytes](), dict[bytes, bytes]()
    header, exif, animated = b"", b"", False
    for kind, payload in _chunks(data):
        if kind == b"IHDR":
            header = header or payload
        elif kind in _NEEDED or (kind == b"tRNS" and len(payload) <= _TRANSPARENCY_MAX_BYTES):
            shown.append(_chunk(kind, payload))
        elif len(payload) <= _COLOR_MAX_BYTES.get(kind, -1):
            said.setdefault(kind, payload)
        exif = payload if kind == b"eXIf" else exif
        animated = animated or kind == b"acTL"
    if len(header) != _HEADER_BYTES:
        raise _damaged()
    about = read_exif(exif)
    meaning = _meaning(said, about, usable=usable, gray=header[9] in _GREY_TYPES)
    colors = [_chunk(kind, said[kind]) for kind in meaning.kept if kind in said]
    if meaning.profile is not None:
        named = _PROFILE_NAME + b"\0\0" + zlib.compress(meaning.profile)
        colors.append(_chunk(b"iCCP", named))
    parts = [SIGNATURE, _chunk(b"IHDR", header), *colors, *shown, _chunk(b"IEND", b"")]
    return StrippedPng(
        data=b"".join(parts),
        orientation=about.orientation,
        profile=meaning.profile,
        colors=meaning.colors,
        is_guess=meaning.is_guess,
        bit_depth=header[8],
        animated=animated,
    )


def _meaning(
    said: dict[bytes, bytes], exif: Exif, *, usable: Callable[[bytes], bool], gray: bool
) -> _Meaning:
    """The first chunk that says it: cICP, iCCP, sRGB, gAMA with cHRM, EXIF."""
    colors = _codes(said.get(b"cICP", b""))
    kept = (b"cICP",)
    if colors is None:
        profile = _profile(said.get(b"iCCP", b""))
        if profile is not None and usable(profile):
            return _Meaning(profile)
        if b"sRGB" in said:
            return _Meaning(kept=(b"sRGB",))
        colors = from_gamma(said.get(b"gAMA", b""), said.get(b"cHRM", b""))
        kept = (b"gAMA", b"cHRM")
    if colors is None and exif.adobe_rgb != "no":
        return _Meaning(profile_of(ADOBE_RGB, gray=gray), is_guess=exif.adobe_rgb == "likely")
    if colors is None or colors.is_srgb:
        return _Meaning()
    if colors.fits_profile:
        return _Meaning(profile_of(colors, gray=gray))
    return _Meaning(colors=colors, kept=kept)


def _codes(cicp: bytes) -> Colors | None:
    if len(cicp) != 4 or cicp[2] != 0:
        return None  # PNG has no other matrix than that of RGB
    return from_codes(cicp[0], cicp[1], full_range=cicp[3] == 1)


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
    """The profile of an iCCP chunk; None where there is none or it is damaged."""
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
