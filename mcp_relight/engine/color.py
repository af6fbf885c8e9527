"""Colour: sRGB to linear light and back, and the colours of lights."""

from functools import cache
from typing import Any, cast

import cv2
import numpy as np
from numpy.typing import NDArray

from mcp_relight.domain.lighting import DAYLIGHT_KELVIN, Light

from .grid import Map, Pixels, Real

LUMINANCE = np.array([0.2126, 0.7152, 0.0722], np.float32)
"""Rec. 709 weights of linear red, green and blue."""

_XYZ_TO_SRGB = np.array(
    [[3.2406, -1.5372, -0.4986], [-0.9689, 1.8758, 0.0415], [0.0557, -0.2040, 1.0570]]
)
_DARKEST_CHANNEL = 0.01
"""Out-of-gamut channels of candle colours are raised to this, else they turn pixels black."""

_DIMMEST_COLOR = 0.12
"""A saturated blue has luminance 0.07: dividing by that would make it a searchlight."""

_ADAPTED_KELVIN = 2800.0
_UNADAPTED_SHARE = 0.4

_ENCODE_STEPS = 1 << 14


def _srgb_to_linear(encoded: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)


def _linear_to_srgb(linear: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055)


@cache
def _decode_table() -> Map:
    return _srgb_to_linear(np.arange(256) / 255).astype(np.float32)


@cache
def _encode_table() -> Pixels:
    """Of every 16-bit step; all above `_ENCODE_STEPS` are white."""
    levels = _linear_to_srgb(np.minimum(np.arange(1 << 16) / _ENCODE_STEPS, 1))
    return np.round(levels * 255).astype(np.uint8)


def decode(pixels: Pixels) -> Map:
    """8-bit sRGB to linear light 0..1, same shape."""
    return np.asarray(cv2.LUT(pixels, _decode_table()), np.float32)


def encode(linear: Real) -> Pixels:
    """Linear light, clipped to 0..1, to 8-bit sRGB. `encode(decode(x)) == x` for every level."""
    flat = np.ascontiguousarray(linear, np.float32).reshape(linear.shape[0], -1)
    # Rounds, and stops at 0 and 65535; the stubs do not know of a number as the second factor.
    steps = cv2.multiply(flat, cast(Any, _ENCODE_STEPS), dtype=cv2.CV_16U)
    return np.asarray(cv2.LUT(steps, _encode_table()), np.uint8).reshape(linear.shape)


def luminance(linear: Map) -> Map:
    """(H, W, 3) linear light to (H, W)."""
    return linear @ LUMINANCE


def light_color(light: Light) -> Map:
    """Linear RGB of a light, (3,), at luminance 1 (dark hex colours below it)."""
    if light.color is None:
        return kelvin_color(light.kelvin or DAYLIGHT_KELVIN)
    encoded = np.array([int(light.color[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    linear = np.maximum(_srgb_to_linear(encoded), 0.002)
    return (linear / max(float(linear @ LUMINANCE), _DIMMEST_COLOR)).astype(np.float32)


def kelvin_color(kelvin: float) -> Map:
    """Linear RGB (3,) of a black body at luminance 1; daylight is (1, 1, 1).

    Below 2800 K it moves only 40 % of the way: eyes and cameras adapt to candles, and the raw
    colour leaves next to no blue to tell things apart.
    """
    if kelvin < _ADAPTED_KELVIN:
        kelvin = _ADAPTED_KELVIN - (_ADAPTED_KELVIN - kelvin) * _UNADAPTED_SHARE
    relative = _planck_rgb(kelvin) / _planck_rgb(DAYLIGHT_KELVIN)
    return (relative / (relative @ LUMINANCE)).astype(np.float32)


def _planck_rgb(kelvin: float) -> NDArray[np.float64]:
    """Black body in linear sRGB, by the cubic of Kim et al. (2002), valid 1667 K to 25000 K."""
    t = 1e3 / min(max(kelvin, 1667.0), 25000.0)
    if t >= 0.25:
        x = np.polyval([-0.2661239, -0.2343589, 0.8776956, 0.179910], t)
    else:
        x = np.polyval([-3.0258469, 2.1070379, 0.2226347, 0.240390], t)
    if t >= 1 / 2.222:
        y = np.polyval([-1.1063814, -1.34811020, 2.18555832, -0.20219683], x)
    elif t >= 0.25:
        y = np.polyval([-0.9549476, -1.37418593, 2.09137015, -0.16748867], x)
    else:
        y = np.polyval([3.0817580, -5.87338670, 3.75112997, -0.37001483], x)
    rgb = _XYZ_TO_SRGB @ np.array([x / y, 1.0, (1 - x - y) / y])
    return np.maximum(rgb, _DARKEST_CHANNEL)
