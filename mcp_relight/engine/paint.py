"""Whether a subject has one paint all over, so that all that varies on it is light and shape."""

import cv2
import numpy as np

from .color import LUMINANCE, decode
from .grid import Bits, Pixels, blur, resize, resize_pixels, slopes

_EDGE_PX = 256
_MARGIN = 7
_GRAY_LEVELS = 8
_DARKEST = 0.01
_CHROMA = 0.18, 0.30
"""Spread of log chromaticity: stone and clay have up to 0.2, fur and clothes more."""

_EDGES = 0.25, 0.45
_EDGE = 0.12
"""Share of pixels with a change of log luminance above `_EDGE` per pixel: folds have some, print
and fur are full of it."""

_CUTS = 0.07, 0.14
_CUT = 0.3
"""The same of changes as sharp as only the borders of stripes, windows and deep shadows are."""


def one_paint(pixels: Pixels, region: Bits) -> float:
    """0..1 for the region (H, W) of a photo (H, W, 3); 0 in a photo without color, where black and
    white paint cannot be told from shade."""
    if float(np.percentile(np.ptp(pixels, axis=2), 99.5)) <= _GRAY_LEVELS:
        return 0.0
    scale = min(1.0, _EDGE_PX / max(region.shape))
    size = max(8, round(region.shape[0] * scale)), max(8, round(region.shape[1] * scale))
    linear = blur(decode(resize_pixels(pixels, size)), 1.0)
    whole = (resize(region.astype(np.float32), size) > 0.5).astype(np.uint8)
    inside = cv2.erode(whole, np.ones((_MARGIN, _MARGIN), np.uint8)) > 0
    if int(inside.sum()) < 50:
        return 0.0
    bright = linear @ LUMINANCE
    lit = inside & (bright > 0.25 * np.median(bright[inside]))
    logs = np.log(linear + np.float32(_DARKEST))
    chroma = (logs[..., ::2] - logs[..., 1:2])[lit]
    low, high = np.percentile(chroma, (16, 84), axis=0)
    across, up = slopes(np.log(bright + np.float32(2 * _DARKEST)).astype(np.float32))
    steps = np.hypot(across, up)[inside]
    few_edges = _falling(float((steps > _EDGE).mean()), *_EDGES)
    few_cuts = _falling(float((steps > _CUT).mean()), *_CUTS)
    return _falling(float(np.hypot(*(high - low))) / 2, *_CHROMA) * few_edges * few_cuts


def _falling(value: float, full: float, none: float) -> float:
    return min(max((none - value) / (none - full), 0.0), 1.0)
