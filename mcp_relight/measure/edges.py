"""Edges of a picture as a field that a change of light leaves alone.

Brightness cannot be compared across a change of light, so edges are: the doubled angle of the
gradient, which stays when light comes from the other side and an edge flips from dark-bright to
bright-dark.
"""

from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from mcp_relight.engine.grid import Map, blur

EdgeField: TypeAlias = NDArray[np.complex64]
"""(H, W): magnitude 0…1 is the edge's strength among its surroundings, the angle its direction,
doubled."""

_WIDEST_SIGMA_PX = 3.0


def edges(gray: NDArray[np.uint8]) -> EdgeField:
    """The edge field of an (H, W) grey picture."""
    smooth = blur(np.sqrt(gray.astype(np.float32) + 2), 1.0)
    gx = np.asarray(cv2.Scharr(smooth, cv2.CV_32F, 1, 0), np.float32)
    gy = np.asarray(cv2.Scharr(smooth, cv2.CV_32F, 0, 1), np.float32)
    size = np.sqrt(gx * gx + gy * gy)  # cv2.magnitude depends on where its arrays lie
    around = wide_blur(size, max(4.0, max(gray.shape) / 20))
    per_square = 1 / (np.maximum(size, 1e-6) * (size + around + 2.0))
    field = np.empty(gray.shape, np.complex64)
    field.real = (gx * gx - gy * gy) * per_square
    field.imag = 2 * gx * gy * per_square
    return field


def agreement(one: EdgeField, other: EdgeField) -> float:
    """Normalised correlation of two edge fields: 1 equal, 0 unrelated, negative crossing."""
    power = float(np.vdot(one, one).real * np.vdot(other, other).real)
    return float(np.vdot(one, other).real) / power**0.5 if power > 0 else 0.0


def wide_blur(values: Map, sigma_px: float) -> Map:
    """A Gaussian blur so wide that a reduced copy, blurred and enlarged, is as good."""
    step = int(sigma_px / _WIDEST_SIGMA_PX)
    rows, columns = values.shape[:2]
    if step < 2 or min(rows, columns) < 4 * step:
        return blur(values, sigma_px)
    size = (round(columns / step), round(rows / step))
    small = np.asarray(cv2.resize(values, size, interpolation=cv2.INTER_AREA), np.float32)
    wide = cv2.resize(blur(small, sigma_px / step), (columns, rows), interpolation=cv2.INTER_LINEAR)
    return np.asarray(wide, np.float32)
