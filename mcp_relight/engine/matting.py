"""Where a soft outline really runs: at the edge the photo shows, not some pixels beside it.

Light that stops short of an edge, or goes beyond it, leaves a halo of the old light.
"""

import cv2
import numpy as np

from .grid import Bits, Map, Pixels, wide_blur

_GAP = (10.0, 26.0)
"""Difference of color between both sides, in Lab of 8-bit pictures, from which colors say on which
side a pixel is, and from which they alone say it."""

_BETWEEN = (0.3, 0.7)
"""Of the way from the color outside to that inside: a pixel is outside below, inside above."""

_NEAR = 1.5
_LEAST_SEEN = 0.03


def at_edges(soft: Map, pixels: Pixels, reach_px: float) -> Map:
    """(H, W) 0..1: `soft` (H, W) decided anew by the colors (H, W, 3) up to `reach_px` to either
    side of its outline, as far as both sides differ there."""
    inside = soft > 0.5
    sure_in, sure_out = _far_from(~inside, reach_px), _far_from(inside, reach_px)
    if not sure_in.any() or not sure_out.any():
        return soft
    lab = np.asarray(cv2.cvtColor(pixels, cv2.COLOR_RGB2LAB), np.float32)
    within, seen_within = _mean_near(lab, sure_in, _NEAR * reach_px)
    outside, seen_outside = _mean_near(lab, sure_out, _NEAR * reach_px)
    way = within - outside
    gap = np.linalg.norm(way, axis=2)
    along = ((lab - outside) * way).sum(axis=2) / np.maximum(gap * gap, 1)
    decided, trust = _ramp(along, _BETWEEN), _ramp(gap, _GAP)
    # Beside a reed before the sky there is sky on all sides, and what is not like it is reed.
    alone = seen_outside <= _LEAST_SEEN
    unlike = _ramp(np.linalg.norm(lab - within, axis=2), _GAP)
    decided, trust = np.where(alone, 1 - unlike, decided), np.where(alone, 1, trust)
    known = (seen_within > _LEAST_SEEN) & ~sure_in & ~sure_out
    return (soft + known * trust * (decided - soft)).astype(np.float32)


def _far_from(other: Bits, reach_px: float) -> Bits:
    away = cv2.distanceTransform((~other).astype(np.uint8), cv2.DIST_L2, 5)
    return np.asarray(away, np.float32) > reach_px


def _mean_near(values: Map, where: Bits, reach_px: float) -> tuple[Map, Map]:
    """(mean (H, W, C) of the pixels `where` around every pixel, how many are: (H, W) 0..1)."""
    weight = where.astype(np.float32)
    seen = wide_blur(weight, reach_px)
    total = wide_blur(values * weight[..., None], reach_px)
    return (total / np.maximum(seen, 1e-3)[..., None]).astype(np.float32), seen


def _ramp(values: Map, between: tuple[float, float]) -> Map:
    low, high = between
    return np.clip((values - low) / (high - low), 0, 1).astype(np.float32)
