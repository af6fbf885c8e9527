"""sRGB bytes to linear light and back, and the small pictures measurements are made on."""

import cv2
import numpy as np
from numpy.typing import NDArray

LUMINANCE = np.array([0.2126, 0.7152, 0.0722], np.float32)
"""Weights of linear R, G and B in luminance (Rec. 709, the primaries of sRGB)."""


def _decode_table() -> NDArray[np.float32]:
    encoded = np.arange(256) / 255
    linear = np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)
    return linear.astype(np.float32)


def _encode_table(steps: int) -> NDArray[np.uint8]:
    linear = np.arange(steps) / (steps - 1)
    encoded = np.where(
        linear <= 0.0031308, linear * 12.92, 1.055 * np.maximum(linear, 1e-9) ** (1 / 2.4) - 0.055
    )
    return np.rint(encoded * 255).astype(np.uint8)


_DECODE = _decode_table()
_ENCODE = _encode_table(1 << 16)


def to_linear(rgb: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Linear light in 0…1 of sRGB bytes, any shape."""
    return _DECODE[rgb]


def to_srgb(linear: NDArray[np.float32]) -> NDArray[np.uint8]:
    """sRGB bytes of linear light; values outside 0…1 are clipped."""
    steps = np.clip(linear, 0, 1)
    steps *= _ENCODE.size - 1
    return _ENCODE[(steps + np.float32(0.5)).astype(np.uint16)]


def luminance(linear: NDArray[np.float32]) -> NDArray[np.float32]:
    """(H, W) luminance of an (H, W, 3) linear picture."""
    return linear @ LUMINANCE


def blur(values: NDArray[np.float32], sigma_px: float) -> NDArray[np.float32]:
    """Gaussian blur with mirrored borders."""
    return cv2.GaussianBlur(values, (0, 0), sigma_px).astype(np.float32, copy=False)


def shrink(rgb: NDArray[np.uint8], long_edge_px: int) -> NDArray[np.uint8]:
    """The picture with its long edge at most `long_edge_px`, averaged; never enlarged."""
    height, width = rgb.shape[:2]
    factor = long_edge_px / max(height, width)
    if factor >= 1:
        return rgb
    size = (max(1, round(width * factor)), max(1, round(height * factor)))
    return cv2.resize(rgb, size, interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)
