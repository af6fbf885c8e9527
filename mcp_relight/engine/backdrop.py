"""What stands before a plain backdrop: a product on white paper, a logo, a thing before black."""

import cv2
import numpy as np
from numpy.typing import NDArray

from .grid import Bits, filled

_PLAIN_NOISE = 3.0
_LEAST = 3.0
_SMALLEST, _LARGEST = 0.02, 0.92
_SMALLEST_PART = 0.1
"""Of the largest part: what is smaller is dust, or a mark of its own."""


def before_plain_backdrop(rgb: NDArray[np.uint8], least: float = _LEAST) -> Bits | None:
    """What differs from a backdrop so plain that even a subject's shadow side stands out.

    `rgb` is a small (h, w, 3) picture; None when its border is not plain, or nothing is before it.
    What differs by less than `least` levels belongs to the backdrop.
    """
    height, width = rgb.shape[:2]
    edge = max(2, round(0.03 * max(height, width)))
    border = np.ones((height, width), np.bool_)
    border[edge : height - edge, edge : width - edge] = False
    values = rgb.astype(np.float32)
    away = np.abs(values - np.median(values[border], axis=0)).max(axis=2)
    noise = float(np.percentile(away[border], 75))
    if noise > _PLAIN_NOISE:
        return None
    apart = (away > max(least, 2.5 * noise)).astype(np.uint8)
    apart = cv2.morphologyEx(apart, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    count, parts, stats, _ = cv2.connectedComponentsWithStats(apart)
    if count < 2:
        return None
    area = np.asarray(stats)[:, cv2.CC_STAT_AREA]
    large = area >= _SMALLEST_PART * area[1:].max()
    large[0] = False
    solid = filled(large[np.asarray(parts)])
    return solid if _SMALLEST < float(solid.mean()) < _LARGEST else None
