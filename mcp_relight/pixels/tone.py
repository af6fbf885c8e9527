"""Bring pictures to sRGB whose numbers eight bits and a profile cannot carry: HDR (PQ, HLG),
linear light, video range.

Source: ITU-R BT.2100 (PQ, HLG and its system gamma), BT.2408 (203 cd/m² is the white of a
standard picture), BT.2390 section 5.4 (the EETF: below its knee nothing changes).
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from .colors import BT709, Colors, Curve

Levels = NDArray[np.uint8] | NDArray[np.uint16]
Linear = NDArray[np.float32]

_STRIP_ROWS = 128
_WHITE_NITS, _HLG_NITS, _PQ_NITS = 203.0, 1000.0, 10_000.0
_HLG_SYSTEM_GAMMA = 1.2
_SAMPLES = 400_000
_PEAK_SHARE = 99.95
"""Single hot pixels do not decide how much all others are compressed."""

_STEPS = 65_536
_ENCODED_STEPS = 65_535.0
_BLACK, _RANGE = 16 / 255, 219 / 255


def to_srgb_levels(levels: Levels, top: int, colors: Colors) -> NDArray[np.uint8]:
    """sRGB (H, W, 3) of a picture (H, W, 3) or (H, W) of numbers 0…`top`."""
    table = _table(top, colors)
    matrix = np.linalg.inv(BT709.to_xyz()) @ colors.primaries.to_xyz()
    step = max(1, int((levels.shape[0] * levels.shape[1] / _SAMPLES) ** 0.5))
    factors = None
    if colors.is_hdr:
        sample = _light(levels[::step, ::step], table, colors)
        factors = _factors(float(np.percentile(_brightest(sample), _PEAK_SHARE)))
    encode = _encoding()
    result = np.empty((*levels.shape[:2], 3), np.uint8)
    for start in range(0, levels.shape[0], _STRIP_ROWS):
        strip = slice(start, start + _STRIP_ROWS)
        light = _light(levels[strip], table, colors)
        if factors is not None:
            light *= factors.at(_brightest(light))[..., None]
        shown = cv2.transform(light, matrix * _ENCODED_STEPS)
        result[strip] = encode[np.clip(shown, 0, _ENCODED_STEPS).astype(np.uint16)]
    return result


def _light(levels: Levels, table: Linear, colors: Colors) -> Linear:
    """(h, w, 3) linear light in the picture's own primaries; 1 is a standard picture's white."""
    light = table[levels]
    if light.ndim == 2:
        light = np.repeat(light[..., None], 3, axis=2)
    if colors.curve == "HLG":
        seen = cv2.transform(light, colors.primaries.to_xyz()[1:2]).astype(np.float32, copy=False)
        light *= _SYSTEM.at(seen)[..., None]
    return light


def _brightest(light: Linear) -> Linear:
    return np.maximum(np.maximum(light[..., 0], light[..., 1]), light[..., 2])


@dataclass(frozen=True, slots=True)
class _Lookup:
    """A function of 0…`end`, tabled in equal steps; beyond, it stays as at the end."""

    values: Linear
    end: float

    def at(self, places: Linear) -> Linear:
        last = len(self.values) - 1
        steps = np.minimum(places * np.float32(last / self.end), np.float32(last))
        return self.values[steps.astype(np.uint16)]


def _table(top: int, colors: Colors) -> Linear:
    signal = np.arange(top + 1, dtype=np.float64) / top
    if colors.narrow:
        signal = np.clip((signal - _BLACK) / _RANGE, 0, 1)
    match colors.curve:
        case Curve() as curve:
            linear = curve.linear(signal)
        case "PQ":
            linear = _nits_of(signal) / _WHITE_NITS
        case "HLG":
            linear = _scene_of(signal)
    return linear.astype(np.float32)


def _nits_of(signal: NDArray[np.float64]) -> NDArray[np.float64]:
    """Display light of a PQ signal."""
    power = signal ** (1 / 78.84375)
    ratio = np.maximum(power - 0.8359375, 0) / (18.8515625 - 18.6875 * power)
    return _PQ_NITS * ratio ** (1 / 0.1593017578125)


def _pq_of(nits: NDArray[np.float64] | float) -> NDArray[np.float64]:
    power = (np.asarray(nits, np.float64) / _PQ_NITS) ** 0.1593017578125
    return ((0.8359375 + 18.8515625 * power) / (1 + 18.6875 * power)) ** 78.84375


def _scene_of(signal: NDArray[np.float64]) -> NDArray[np.float64]:
    """Scene light 0…1 of an HLG signal."""
    a, b, c = 0.17883277, 0.28466892, 0.55991073
    return np.where(signal <= 0.5, signal**2 / 3, (np.exp((signal - c) / a) + b) / 12)


def _factors(peak: float) -> _Lookup | None:
    """What the EETF multiplies light with, by its brightest channel; None where all of it fits."""
    if peak <= 1:
        return None
    top, highest = _pq_of(peak * _WHITE_NITS), _pq_of(_WHITE_NITS) / _pq_of(peak * _WHITE_NITS)
    knee = 1.5 * highest - 0.5
    before = np.linspace(0, peak, _STEPS)
    signal = _pq_of(before * _WHITE_NITS) / top
    along = np.clip((signal - knee) / (1 - knee), 0, 1)
    curved = (
        (2 * along**3 - 3 * along**2 + 1) * knee
        + (along**3 - 2 * along**2 + along) * (1 - knee)
        + (-2 * along**3 + 3 * along**2) * highest
    )
    after = _nits_of(np.where(signal < knee, signal, curved) * top) / _WHITE_NITS
    factors = np.divide(after, before, out=np.ones_like(after), where=signal >= knee)
    return _Lookup(factors.astype(np.float32), peak)


def _encoding() -> NDArray[np.uint8]:
    linear = np.linspace(0, 1, int(_ENCODED_STEPS) + 1)
    signal = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    return (signal * 255 + 0.5).astype(np.uint8)


_SYSTEM = _Lookup(
    (
        np.maximum(np.linspace(0, 1, _STEPS), 1e-6) ** (_HLG_SYSTEM_GAMMA - 1)
        * (_HLG_NITS / _WHITE_NITS)
    ).astype(np.float32),
    1.0,
)
"""Scene light of HLG to the factor that makes it light of a display of 1,000 cd/m²."""
