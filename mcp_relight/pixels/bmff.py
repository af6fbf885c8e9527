"""What an AVIF or HEIC file says about its main picture: color codes, bits, further layers.

Source: ISO/IEC 14496-12 (boxes), 23008-12 (HEIF), 23000-22 (MIAF), 21496-1 (gain maps). Nothing
here decodes pixels; whatever is damaged counts as not said.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from .layers import GAIN_MAP, layers_in

_MAX_META_BYTES = 4_000_000
_MAX_BOXES = 20_000
_FULL_BOX_BYTES = 4
_DERIVED = b"dimg"


@dataclass(frozen=True, slots=True)
class ColorCodes:
    """Code points of ITU-T H.273."""

    primaries: int
    transfer: int


@dataclass(frozen=True, slots=True)
class MainPicture:
    codes: ColorCodes | None = None
    bits: int = 8
    layers: tuple[str, ...] = ()
    """Warnings about what goes with the picture but is not part of it."""


@dataclass(frozen=True, slots=True)
class _Box:
    kind: bytes
    body: memoryview


def main_picture(data: bytes) -> MainPicture:
    try:
        meta = next((box.body for box in _boxes(memoryview(data)) if box.kind == b"meta"), None)
        if meta is None or len(meta) > _MAX_META_BYTES:
            return MainPicture()
        return _read(meta[_FULL_BOX_BYTES:])
    except (struct.error, IndexError):
        return MainPicture()


def _read(meta: memoryview) -> MainPicture:
    parts = {box.kind: box.body for box in _boxes(meta)}
    within = {box.kind: box.body for box in _boxes(parts.get(b"iprp", memoryview(b"")))}
    properties = list(_boxes(within.get(b"ipco", memoryview(b""))))
    used = _associations(within.get(b"ipma"))
    main = _main_item(parts.get(b"pitm"))
    # What a picture put together from tiles does not say itself, its first tile says.
    tile = _first_tile(parts.get(b"iref"), main)
    codes, bits = None, 8
    for item in (main, tile):
        mine = [properties[at - 1] for at in used.get(item, ()) if 0 < at <= len(properties)]
        codes = codes or next((said for box in mine if (said := _codes(box))), None)
        bits = max([bits, *(_bits(box) for box in mine)])
    return MainPicture(codes, bits, _layers(parts, properties))


def _boxes(data: memoryview) -> Iterator[_Box]:
    at = 0
    for _ in range(_MAX_BOXES):
        if at + 8 > len(data):
            return
        size, kind = struct.unpack_from(">I4s", data, at)
        start = at + 8
        if size == 1:
            (size,) = struct.unpack_from(">Q", data, start)
            start += 8
        end = len(data) if size == 0 else at + size
        if end < start or end > len(data):
            return
        yield _Box(kind, data[start:end])
        at = end


def _main_item(pitm: memoryview | None) -> int:
    if pitm is None:
        return 0
    return struct.unpack_from(">I" if pitm[0] else ">H", pitm, _FULL_BOX_BYTES)[0]


def _associations(ipma: memoryview | None) -> dict[int, list[int]]:
    """Item to the numbers of its properties, counted from 1."""
    found = dict[int, list[int]]()
    if ipma is None:
        return found
    item_format, wide = ">I" if ipma[0] else ">H", bool(ipma[3] & 1)
    (count,) = struct.unpack_from(">I", ipma, _FULL_BOX_BYTES)
    at = _FULL_BOX_BYTES + 4
    for _ in range(min(count, _MAX_BOXES)):
        (item,) = struct.unpack_from(item_format, ipma, at)
        at += struct.calcsize(item_format)
        length, each = ipma[at], 2 if wide else 1
        numbers = ipma[at + 1 : at + 1 + length * each]
        at += 1 + length * each
        if wide:
            found[item] = [one & 0x7FFF for one in struct.unpack(f">{length}H", numbers)]
        else:
            found[item] = [one & 0x7F for one in numbers]
    return found


def _first_tile(iref: memoryview | None, main: int) -> int:
    """The first item from which the main one is made; 0 where it is not made from others."""
    if iref is None:
        return 0
    item = "I" if iref[0] else "H"
    for box in _boxes(iref[_FULL_BOX_BYTES:]):
        if box.kind == _DERIVED:
            source, count, first = struct.unpack_from(f">{item}H{item}", box.body)
            if source == main and count:
                return first
    return 0


def _codes(box: _Box) -> ColorCodes | None:
    if box.kind != b"colr" or bytes(box.body[:4]) != b"nclx":
        return None
    # Matrix and range, which follow, are the decoder's to undo.
    return ColorCodes(*struct.unpack_from(">HH", box.body, 4))


def _bits(box: _Box) -> int:
    match box.kind:
        case b"pixi":
            return max(box.body[_FULL_BOX_BYTES + 1 :], default=8)
        case b"av1C":
            return 12 if box.body[2] & 0x20 else 10 if box.body[2] & 0x40 else 8
        case b"hvcC":
            return 8 + (box.body[17] & 7)
        case _:
            return 8


def _layers(parts: dict[bytes, memoryview], properties: list[_Box]) -> tuple[str, ...]:
    """An item of type `tmap` applies a gain map; other layers are auxiliary pictures by name."""
    names = b"\0".join(bytes(box.body) for box in properties if box.kind == b"auxC")
    found = set(layers_in(names))
    if b"tmap" in bytes(parts.get(b"iinf", b"")):
        found.add(GAIN_MAP)
    return tuple(sorted(found))
