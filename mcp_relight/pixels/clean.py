"""Containers without what people and programs write into them.

Only what decides how the pixels look is kept. Entropy-coded data are copied as they stand, so the
pixels stay the same to the bit.
"""

import struct
import zlib

from mcp_relight.errors import ImageCorrupt

_PNG_MAGIC = b"\x89PNG\r\n\x1a\n"
_PNG_KEPT = {b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS", b"sRGB", b"gAMA", b"cHRM"}

_SOI, _EOI, _SOS, _APP0, _APP1, _APP2, _APP14, _COM = 0xD8, 0xD9, 0xDA, 0xE0, 0xE1, 0xE2, 0xEE, 0xFE
_ICC_MARK = b"ICC_PROFILE\0"
_JFIF_BYTES = 14


def clean_png(data: bytes, icc: bytes | None) -> bytes:
    """The critical chunks, transparency and colour; one frame, nothing behind the end."""
    pieces = [_PNG_MAGIC]
    at = len(_PNG_MAGIC)
    while at + 12 <= len(data):
        (size,) = struct.unpack_from(">I", data, at)
        kind = data[at + 4 : at + 8]
        if at + 12 + size > len(data):
            break
        if kind in _PNG_KEPT:
            pieces.append(data[at : at + 12 + size])
        if kind == b"IHDR" and icc is not None:
            # A new name: the old one is free text.
            pieces.append(_png_chunk(b"iCCP", b"icc\0\0" + zlib.compress(icc)))
        if kind == b"IEND":
            return b"".join(pieces)
        at += 12 + size
    raise ImageCorrupt("The picture is incomplete.")


def _png_chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def clean_jpeg(data: bytes, orientation: int) -> bytes:
    """The coded picture, its colour profile, and where it is turned, the orientation alone."""
    pieces = [b"\xff\xd8"]
    if orientation != 1:
        pieces.append(_orientation_segment(orientation))
    at = 2
    while at + 4 <= len(data):
        if data[at] != 0xFF:
            raise ImageCorrupt("The picture is damaged.")
        marker = data[at + 1]
        if marker == 0xFF:  # padding
            at += 1
            continue
        if marker == _EOI:
            break
        (size,) = struct.unpack_from(">H", data, at + 2)
        segment = data[at : at + 2 + size]
        if _is_kept(marker, segment[4:]):
            pieces.append(segment)
        at += 2 + size
        if marker == _SOS:
            end = _end_of_scan(data, at)
            pieces.append(data[at:end])
            at = end
    pieces.append(b"\xff\xd9")
    return b"".join(pieces)


def _is_kept(marker: int, body: bytes) -> bool:
    if marker == _APP0:
        # Longer ones carry a thumbnail.
        return body.startswith(b"JFIF\0") and len(body) == _JFIF_BYTES
    if marker == _APP2:
        return body.startswith(_ICC_MARK)
    if marker == _APP14:
        return body.startswith(b"Adobe")
    return not (_APP0 <= marker <= 0xEF or marker == _COM)


def _end_of_scan(data: bytes, at: int) -> int:
    """Where the next real marker stands: stuffed zeros and restarts belong to the scan."""
    while True:
        at = data.find(b"\xff", at)
        if at < 0 or at + 1 >= len(data):
            return len(data)
        following = data[at + 1]
        if following == 0x00 or 0xD0 <= following <= 0xD7:
            at += 2
        elif following == 0xFF:
            at += 1
        else:
            return at


def _orientation_segment(orientation: int) -> bytes:
    entry = struct.pack("<HHIHH", 0x0112, 3, 1, orientation, 0)
    tiff = b"II*\0" + struct.pack("<I", 8) + struct.pack("<H", 1) + entry + struct.pack("<I", 0)
    body = b"Exif\0\0" + tiff
    return b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body
