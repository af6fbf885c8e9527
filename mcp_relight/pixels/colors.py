"""What the numbers of a picture mean as colors, whatever the file says it with.

Source: ITU-T H.273 (code points), ITU-R BT.709, BT.2100, SMPTE ST 428-1, PNG third edition (cICP,
gAMA, cHRM), Exif 2.32 and DCF 2.0 (Adobe RGB by the option file R03).
"""

from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from mcp_relight.errors import ImageUnsupported

Matrix: TypeAlias = NDArray[np.float64]

_SAME_CHROMATICITY = 0.002
_SAME_GAMMA = 0.02
_SHOWN_GAMMAS = (1.4, 3.0)
"""Eight bits through these powers are even steps to the eye; through others they are bands."""

_SMALLEST_TRIANGLE = 0.01
_ENCODED_POWERS = (0.1, 5.0)


@dataclass(frozen=True, slots=True)
class Primaries:
    """Chromaticities (x, y) of the CIE 1931 observer."""

    red: tuple[float, float]
    green: tuple[float, float]
    blue: tuple[float, float]
    white: tuple[float, float]

    @property
    def is_usable(self) -> bool:
        """Whether three lights can be mixed to the white at all."""
        corners = np.array([self.red, self.green, self.blue])
        (ax, ay), (bx, by) = corners[1] - corners[0], corners[2] - corners[0]
        if self.white[1] <= 0 or abs(ax * by - ay * bx) < _SMALLEST_TRIANGLE:
            return False
        return bool((self.to_xyz()[1] >= 0).all())

    def to_xyz(self) -> Matrix:
        """(3, 3): linear RGB in columns to XYZ, white at Y = 1."""
        columns = np.array(
            [(x, y, 1 - x - y) for x, y in (self.red, self.green, self.blue)], np.float64
        ).T
        x, y = self.white
        white = np.array([x / y, 1.0, (1 - x - y) / y])
        return columns * np.linalg.solve(columns, white)

    def is_like(self, other: "Primaries") -> bool:
        mine, theirs = (
            np.array([one.red, one.green, one.blue, one.white]) for one in (self, other)
        )
        return bool(np.abs(mine - theirs).max() <= _SAME_CHROMATICITY)


@dataclass(frozen=True, slots=True)
class Curve:
    """Signal 0…1 to linear light: (a·x + b)^gamma from `d` on, c·x below it."""

    gamma: float
    a: float = 1.0
    b: float = 0.0
    c: float = 0.0
    d: float = 0.0

    def linear(self, signal: NDArray[np.float64]) -> NDArray[np.float64]:
        above = np.maximum(self.a * signal + self.b, 0.0) ** self.gamma
        return np.where(signal >= self.d, above, self.c * signal)


HdrCurve = Literal["PQ", "HLG"]


@dataclass(frozen=True, slots=True)
class Colors:
    primaries: Primaries
    curve: Curve | HdrCurve
    narrow: bool = False
    """Black at 16/255 and white at 235/255 of the range, as video has it."""

    @property
    def is_hdr(self) -> bool:
        return not isinstance(self.curve, Curve)

    @property
    def is_srgb(self) -> bool:
        curve, full = self.curve, not self.narrow
        return curve == SRGB_CURVE and full and self.primaries.is_like(BT709)

    @property
    def fits_profile(self) -> bool:
        """Whether the numbers can stay as they are, with an ICC profile that says the same."""
        if self.narrow or not isinstance(self.curve, Curve):
            return False
        low, high = _SHOWN_GAMMAS
        return low <= self.curve.gamma <= high


_D65, _C, _E = (0.3127, 0.3290), (0.310, 0.316), (1 / 3, 1 / 3)
BT709 = Primaries((0.640, 0.330), (0.300, 0.600), (0.150, 0.060), _D65)
BT2020 = Primaries((0.708, 0.292), (0.170, 0.797), (0.131, 0.046), _D65)
DISPLAY_P3 = Primaries((0.680, 0.320), (0.265, 0.690), (0.150, 0.060), _D65)
_BT601 = Primaries((0.630, 0.340), (0.310, 0.595), (0.155, 0.070), _D65)
_PRIMARIES: dict[int, Primaries] = {
    1: BT709,
    4: Primaries((0.670, 0.330), (0.210, 0.710), (0.140, 0.080), _C),
    5: Primaries((0.640, 0.330), (0.290, 0.600), (0.150, 0.060), _D65),
    6: _BT601,
    7: _BT601,
    8: Primaries((0.681, 0.319), (0.243, 0.692), (0.145, 0.049), _C),
    9: BT2020,
    10: Primaries((1.0, 0.0), (0.0, 1.0), (0.0, 0.0), _E),
    11: Primaries((0.680, 0.320), (0.265, 0.690), (0.150, 0.060), (0.314, 0.351)),
    12: DISPLAY_P3,
    22: Primaries((0.630, 0.340), (0.295, 0.605), (0.155, 0.077), _D65),
}

SRGB_CURVE = Curve(2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)
_BT709_CURVE = Curve(1 / 0.45, 1 / 1.0993, 0.0993 / 1.0993, 1 / 4.5, 0.0812)
_CURVES: dict[int, Curve | HdrCurve] = {
    1: _BT709_CURVE,
    4: Curve(2.2),
    5: Curve(2.8),
    6: _BT709_CURVE,
    7: Curve(1 / 0.45, 1 / 1.1115, 0.1115 / 1.1115, 1 / 4.0, 0.0913),
    8: Curve(1.0),
    11: _BT709_CURVE,
    12: _BT709_CURVE,
    13: SRGB_CURVE,
    14: _BT709_CURVE,
    15: _BT709_CURVE,
    16: "PQ",
    17: Curve(2.6, (52.37 / 48) ** (1 / 2.6)),
    18: "HLG",
}
_UNSPECIFIED = (0, 2)
"""2 says so; 0 is reserved, and what encoders write that leave the field empty."""

SRGB = Colors(BT709, SRGB_CURVE)
ADOBE_RGB = Colors(
    Primaries((0.640, 0.330), (0.210, 0.710), (0.150, 0.060), _D65), Curve(2.19921875)
)


def from_codes(primaries: int, transfer: int, *, full_range: bool = True) -> Colors | None:
    """Colors by their code points; None when neither is said.

    Raises ImageUnsupported for code points without a meaning here.
    """
    if primaries in _UNSPECIFIED and transfer in _UNSPECIFIED and full_range:
        return None
    said = _PRIMARIES.get(1 if primaries in _UNSPECIFIED else primaries)
    curve = _CURVES.get(13 if transfer in _UNSPECIFIED else transfer)
    if said is None or curve is None:
        raise cannot_be_shown()
    return Colors(said, curve, narrow=not full_range)


def from_gamma(gama: bytes, chrm: bytes) -> Colors | None:
    """Colors by PNG's gAMA and cHRM, each empty where missing; None where neither makes sense."""
    curve, primaries = _power(gama), _chromaticities(chrm)
    if curve is None and primaries is None:
        return None
    return Colors(primaries or BT709, curve or SRGB_CURVE)


def _power(gama: bytes) -> Curve | None:
    encoded = int.from_bytes(gama, "big") / 100_000
    if not _ENCODED_POWERS[0] <= encoded <= _ENCODED_POWERS[1]:
        return None
    # 1/2.2 is how every writer says sRGB in this field.
    return SRGB_CURVE if abs(encoded * 2.2 - 1) <= _SAME_GAMMA else Curve(1 / encoded)


def _chromaticities(chrm: bytes) -> Primaries | None:
    if len(chrm) != 32:
        return None
    numbers = [int.from_bytes(chrm[at : at + 4], "big") / 100_000 for at in range(0, 32, 4)]
    white, red, green, blue = zip(numbers[::2], numbers[1::2], strict=True)
    primaries = Primaries(red, green, blue, white)
    if max(numbers) > 1 or not primaries.is_usable:
        return None
    return primaries


def cannot_be_shown() -> ImageUnsupported:
    return ImageUnsupported(
        "The picture says its colors in a way that cannot be shown right.",
        hint="Export it as JPEG or PNG in sRGB or Display P3.",
    )
