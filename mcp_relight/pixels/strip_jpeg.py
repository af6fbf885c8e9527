"""Strip a JPEG file to what is needed to show it. Its pixels are not touched.

Source: ITU-T T.81 annex B (markers), JFIF 1.02, ICC.1 annex B.4 (profiles in APP2).
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from mcp_relight.errors import ImageCorrupt

from .colors import ADOBE_RGB
from .exif import orientation_only, read_exif
from .icc import profile_of
from .layers import layers_in

_SOI, _EOI, _SOS = 0xD8, 0xD9, 0xDA
_APP0, _APP1, _APP2, _APP14 = 0xE0, 0xE1, 0xE2, 0xEE
_NEEDED = {*range(0xC0, 0xD0), 0xDB, 0xDC, 0xDD, _SOS}
"""Frames, tables, restart interval, line count, scans."""

_FRAMES = _NEEDED & {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}
_CHANNELS_AT = 5
_STANDALONE = {0x01, *range(0xD0, 0xD9)}
_SCAN_END = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]", re.DOTALL)
_ICC = b"ICC_PROFILE\0"
_ICC_PER_SEGMENT = 65_519
_JFIF_BYTES = 12
_ADOBE_BYTES = 12


@dataclass(frozen=True, slots=True)
class StrippedJpeg:
    data: bytes
    orientation: int
    profile: bytes | None
    is_guess: bool
    """Whether the profile is only likely."""
    layers: frozenset[str]
    """Warnings about what the file held beside its picture."""


def strip_jpeg(data: bytes, *, usable: Callable[[bytes], bool]) -> StrippedJpeg:
    """Keep frame, tables, scans, JFIF, Adobe's color transform, what says how colors are meant as
    an ICC profile, and the orientation. Raises ImageCorrupt when the file ends too early."""
    head: list[bytes] = []
    exif, icc, kept = b"", dict[int, bytes](), list[bytes]()
    channels = 0
    for marker, payload in _segments(data):
        if marker in _NEEDED:
            kept.append(_segment(marker, payload))
            if marker in _FRAMES and len(payload) > _CHANNELS_AT:
                channels = channels or payload[_CHANNELS_AT]
        elif marker == _APP0 and payload.startswith(b"JFIF\0") and not head:
            # The density stays; the thumbnail that may follow does not.
            head.append(_segment(marker, payload[:_JFIF_BYTES].ljust(_JFIF_BYTES, b"\0") + b"\0\0"))
        elif marker == _APP14 and payload.startswith(b"Adobe") and len(payload) >= _ADOBE_BYTES:
            kept.append(_segment(marker, payload[:_ADOBE_BYTES]))
        elif marker == _APP1 and payload.startswith(b"Exif\0\0"):
            exif = exif or payload
        elif marker == _APP2 and payload.startswith(_ICC) and len(payload) > len(_ICC) + 2:
            icc.setdefault(payload[len(_ICC)], payload[len(_ICC) + 2 :])
    about = read_exif(exif)
    if about.orientation != 1:
        head.append(_segment(_APP1, orientation_only(about.orientation)))
    profile = b"".join(icc[number] for number in sorted(icc))
    is_guess = False
    if not profile or not usable(profile):
        profile = None
        if about.adobe_rgb != "no" and channels in (1, 3):
            profile = profile_of(ADOBE_RGB, gray=channels == 1)
            is_guess = about.adobe_rgb == "likely"
    head += _profile_segments(profile or b"")
    parts = [bytes([0xFF, _SOI]), *head, *kept, bytes([0xFF, _EOI])]
    return StrippedJpeg(b"".join(parts), about.orientation, profile, is_guess, layers_in(data))


def _segments(data: bytes) -> Iterator[tuple[int, bytes]]:
    """(marker, payload) up to the end marker; a scan's payload includes its compressed data."""
    position = 2
    while True:
        position = data.find(b"\xff", position) + 1
        if position == 0 or position + 3 > len(data):
            if position and data[position : position + 1] == bytes([_EOI]):
                return
            raise _cut_off()
        marker = data[position]
        if marker in (0x00, 0xFF) or marker in _STANDALONE:
            position += marker != 0xFF
            continue
        if marker == _EOI:
            return
        end = position + 1 + int.from_bytes(data[position + 1 : position + 3], "big")
        if end < position + 3 or end > len(data):
            raise _cut_off()
        start = position + 3
        if marker == _SOS:
            found = _SCAN_END.search(data, end)
            if found is None:
                raise _cut_off()
            end = found.start()
        yield marker, data[start:end]
        position = end


def _segment(marker: int, payload: bytes) -> bytes:
    length = len(payload)
    if marker == _SOS:  # only the scan's header counts: 1 byte of components, 2 for each, 3 more
        length = 4 + 2 * payload[0] if payload else 0
    return bytes([0xFF, marker]) + (length + 2).to_bytes(2, "big") + payload


def _profile_segments(profile: bytes) -> list[bytes]:
    pieces = [
        profile[start : start + _ICC_PER_SEGMENT]
        for start in range(0, len(profile), _ICC_PER_SEGMENT)
    ]
    return [
        _segment(_APP2, _ICC + bytes([number, len(pieces)]) + piece)
        for number, piece in enumerate(pieces, start=1)
    ]


def _cut_off() -> ImageCorrupt:
    return ImageCorrupt("The JPEG file is damaged or cut off.")
