"""Write a small ICC profile for colors that a file says by other means.

Source: ICC.1:2022 (version 4.4): matrix/TRC display profiles, parametric curves; the chromatic
adaptation is Bradford's (annex E).
"""

import struct
from functools import cache

import numpy as np

from .colors import Colors, Curve, Matrix, Primaries

_D50 = np.array([0.96422, 1.0, 0.82521])
_BRADFORD = np.array(
    [[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]]
)
_HEADER_BYTES = 128
_TAG_BYTES = 12
_VERSION = 0x04400000
_FIXED = 65_536


@cache
def profile_of(colors: Colors, *, gray: bool = False) -> bytes:
    """An RGB profile, or one for grey pictures. Raises ValueError unless `colors.fits_profile`."""
    if not colors.fits_profile or not isinstance(colors.curve, Curve):
        raise ValueError("these colors need more than a profile")
    adaptation = _adaptation(colors.primaries)
    tags = {
        b"desc": _text("Colors said by the picture"),
        b"cprt": _text("Public domain"),
        b"wtpt": _xyz(_D50),
        b"chad": b"sf32\0\0\0\0" + _s15f16(*adaptation.ravel()),
    }
    curve = _parametric(colors.curve)
    if gray:
        tags[b"kTRC"] = curve
    else:
        columns = (adaptation @ colors.primaries.to_xyz()).T
        for name, column in zip((b"r", b"g", b"b"), columns, strict=True):
            tags[name + b"XYZ"] = _xyz(column)
            tags[name + b"TRC"] = curve
    return _assembled(b"GRAY" if gray else b"RGB ", tags)


def _adaptation(primaries: Primaries) -> Matrix:
    """(3, 3): XYZ under the primaries' white to XYZ under D50."""
    white = primaries.to_xyz().sum(axis=1)
    gains = (_BRADFORD @ _D50) / (_BRADFORD @ white)
    return np.linalg.inv(_BRADFORD) @ np.diag(gains) @ _BRADFORD


def _assembled(space: bytes, tags: dict[bytes, bytes]) -> bytes:
    table, body = [struct.pack(">I", len(tags))], b""
    start = _HEADER_BYTES + 4 + _TAG_BYTES * len(tags)
    places = dict[bytes, int]()
    for name, content in tags.items():
        if content not in places:
            places[content] = start + len(body)
            body += content.ljust(-(-len(content) // 4) * 4, b"\0")
        table.append(struct.pack(">4sII", name, places[content], len(content)))
    header = struct.pack(
        ">I4sI4s4s4s12s4s",
        start + len(body),
        b"",
        _VERSION,
        b"mntr",
        space,
        b"XYZ ",
        struct.pack(">6H", 2000, 1, 1, 0, 0, 0),
        b"acsp",
    )
    rest = struct.pack(">4sI4s4sQI12s", b"", 0, b"", b"", 0, 1, _s15f16(*_D50))
    return (header + rest).ljust(_HEADER_BYTES, b"\0") + b"".join(table) + body


def _text(words: str) -> bytes:
    encoded = words.encode("utf-16-be")
    return struct.pack(">4sIII2s2sII", b"mluc", 0, 1, 12, b"en", b"US", len(encoded), 28) + encoded


def _xyz(values: Matrix) -> bytes:
    return b"XYZ \0\0\0\0" + _s15f16(*values)


def _parametric(curve: Curve) -> bytes:
    if curve.d > 0:
        numbers = _s15f16(curve.gamma, curve.a, curve.b, curve.c, curve.d)
        return struct.pack(">4sIHH", b"para", 0, 3, 0) + numbers
    numbers = _s15f16(curve.gamma, curve.a, curve.b)
    return struct.pack(">4sIHH", b"para", 0, 1, 0) + numbers


def _s15f16(*values: float) -> bytes:
    return struct.pack(f">{len(values)}i", *(round(value * _FIXED) for value in values))
