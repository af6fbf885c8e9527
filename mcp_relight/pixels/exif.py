"""What is worth knowing from EXIF: which way up the picture is, and whether it is in Adobe RGB.

Source: CIPA DC-008 (Exif 2.32), tags 0x0112, 0xA001 and 0xA005; DCF 2.0 for the option file `R03`;
the container is TIFF 6.0.

EXIF knows two color spaces: sRGB, and "uncalibrated", which is any other. Cameras write it for
Adobe RGB, the only other one that their standard has, and name the option file beside it. Where
that name was lost, Adobe RGB is still the likeliest, but only likely.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

_ORIENTATION, _EXIF_DIRECTORY = 0x0112, 0x8769
_COLOR_SPACE, _INTEROPERABILITY = 0xA001, 0xA005
_INDEX = 0x0001
_OPTION_FILE = b"R03\0"
_ADOBE_RGB, _UNCALIBRATED = 2, 0xFFFF
"""2 is in no standard, but what some cameras and tools write for Adobe RGB."""

_SHORT = 3
_INTEGERS = {1: "B", 3: "H", 4: "I", 6: "b", 8: "h", 9: "i"}
"""TIFF's types of whole numbers that fit into an entry."""

_MAX_ENTRIES = 512
_PREFIX = b"Exif\0\0"


@dataclass(frozen=True, slots=True)
class Exif:
    orientation: int = 1
    """1…8 as in EXIF; 1 for anything missing or damaged."""
    adobe_rgb: Literal["no", "likely", "yes"] = "no"


def read_exif(exif: bytes) -> Exif:
    """Whatever is missing or damaged counts as not said."""
    tiff = exif.removeprefix(_PREFIX)
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(tiff[:4])
    if order is None:
        return Exif()
    main = _Directory(tiff, order, 4)
    orientation = main.number(_ORIENTATION) or 1
    details = main.directory(_EXIF_DIRECTORY)
    return Exif(
        orientation=orientation if 1 <= orientation <= 8 else 1,
        adobe_rgb="no" if details is None else _adobe_rgb(details),
    )


def _adobe_rgb(details: "_Directory") -> Literal["no", "likely", "yes"]:
    space = details.number(_COLOR_SPACE)
    if space != _UNCALIBRATED:
        return "yes" if space == _ADOBE_RGB else "no"
    interoperability = details.directory(_INTEROPERABILITY)
    index = b"" if interoperability is None else interoperability.text(_INDEX)
    if not index:
        return "likely"
    return "yes" if index == _OPTION_FILE else "no"


class _Directory:
    """One directory of TIFF entries, each read where it is asked for."""

    def __init__(self, tiff: bytes, order: str, pointer_at: int) -> None:
        self._tiff, self._order = tiff, order
        self._places = dict[int, tuple[int, int]]()
        for tag, kind, at in self._entries(pointer_at):
            self._places.setdefault(tag, (kind, at))

    def number(self, tag: int) -> int | None:
        kind, at = self._places.get(tag, (0, 0))
        if kind not in _INTEGERS:
            return None
        return struct.unpack_from(self._order + _INTEGERS[kind], self._tiff, at)[0]

    def text(self, tag: int) -> bytes:
        """What an entry holds in itself, up to four bytes."""
        _, at = self._places.get(tag, (0, len(self._tiff)))
        return self._tiff[at : at + 4]

    def directory(self, tag: int) -> "_Directory | None":
        if tag not in self._places:
            return None
        return _Directory(self._tiff, self._order, self._places[tag][1])

    def _entries(self, pointer_at: int) -> Iterator[tuple[int, int, int]]:
        """(tag, type, place of the value) of every whole entry."""
        order, tiff = self._order, self._tiff
        try:
            (start,) = struct.unpack_from(order + "I", tiff, pointer_at)
            (count,) = struct.unpack_from(order + "H", tiff, start)
            for index in range(min(count, _MAX_ENTRIES)):
                at = start + 2 + 12 * index
                tag, kind, _, _ = struct.unpack_from(order + "HHII", tiff, at)
                yield tag, kind, at + 8
        except struct.error:
            return


def orientation_only(orientation: int) -> bytes:
    """An EXIF block that says the orientation and nothing else."""
    entry = struct.pack("<HHIHH", _ORIENTATION, _SHORT, 1, orientation, 0)
    return _PREFIX + b"II*\0" + struct.pack("<IH", 8, 1) + entry + struct.pack("<I", 0)
