"""The one thing worth knowing from EXIF: which way up the picture is.

Source: CIPA DC-008 (Exif 2.32), tag 0x0112; the container is TIFF 6.0.
"""

import struct

_ORIENTATION = 0x0112
_SHORT = 3
_MAX_ENTRIES = 512
_PREFIX = b"Exif\0\0"


def orientation_of(exif: bytes) -> int:
    """1…8 as in EXIF; 1 for anything missing or damaged."""
    tiff = exif.removeprefix(_PREFIX)
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(tiff[:4])
    if order is None:
        return 1
    try:
        (directory,) = struct.unpack_from(order + "I", tiff, 4)
        (count,) = struct.unpack_from(order + "H", tiff, directory)
        for index in range(min(count, _MAX_ENTRIES)):
            tag, kind, _, value = struct.unpack_from(
                order + "HHIH", tiff, directory + 2 + 12 * index
            )
            if tag == _ORIENTATION:
                return value if kind == _SHORT and 1 <= value <= 8 else 1
    except struct.error:
        pass
    return 1


def orientation_only(orientation: int) -> bytes:
    """An EXIF block that says the orientation and nothing else."""
    entry = struct.pack("<HHIHH", _ORIENTATION, _SHORT, 1, orientation, 0)
    return _PREFIX + b"II*\0" + struct.pack("<IH", 8, 1) + entry + struct.pack("<I", 0)
