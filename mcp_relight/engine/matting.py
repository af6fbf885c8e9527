"""Where a soft outline really runs: at the edge the photo shows, not some pixels beside it.

Light that stops short of an edge, or goes beyond it, leaves a halo of the old light.
"""

import cv2
import numpy as np

from .grid import Bits, Map, Pixels, box_mean, wide_blur

_GAP = (10.0, 26.0)
"""Difference of color between both sides, in Lab of 8-bit pictures, from which colors say on which
side a pixel is, and from which they alone say it."""

_BETWEEN = (0.3, 0.7)
"""Of the way from the color outside to that inside: a pixel is outside below, inside above."""

_SHOWN = (4.0, 10.0)
"""The same from which there is an edge at all, and surely one: what none shows stays as it is."""

_ANOTHER = (0.3, 0.7)
"""Of that way, how far a color lies beside it: one that neither side has decides nothing."""

_NEAR = 1.5
_LEAST_SEEN = 0.03

_TIMES, _REACH, _LEAST_VARIANCE = 2, 0.018, 1e-4
_SOFT = 0.2
"""How often, over how many long sides, and how closely an outline is fitted to the colors; and what
of a mix of both sides counts as one of them."""


def at_edges(soft: Map, pixels: Pixels, reach_px: float) -> Map:
    """(H, W) 0..1: `soft` (H, W) decided anew by the colors (H, W, 3) up to `reach_px` to either
    side of its outline, as far as both sides differ there, and then fitted to them."""
    inside = soft > 0.5
    sure_in, sure_out = _far_from(~inside, reach_px), _far_from(inside, reach_px)
    if not sure_in.any() or not sure_out.any():
        return soft
    lab = np.asarray(cv2.cvtColor(pixels, cv2.COLOR_RGB2LAB), np.float32)
    within, seen_within = _mean_near(lab, sure_in, _NEAR * reach_px)
    outside, seen_outside = _mean_near(lab, sure_out, _NEAR * reach_px)
    way = within - outside
    gap = np.maximum(np.linalg.norm(way, axis=2), 1)
    along = ((lab - outside) * way).sum(axis=2) / (gap * gap)
    beside = np.linalg.norm(lab - outside - along[..., None] * way, axis=2) / gap
    known = (seen_within > _LEAST_SEEN) & (seen_outside > _LEAST_SEEN)
    told = known * _ramp(gap, _GAP) * (1 - _ramp(beside, _ANOTHER)) * ~(sure_in | sure_out)
    decided = np.asarray(soft + told * (_ramp(along, _BETWEEN) - soft), np.float32)
    shown = np.where(known, _ramp(gap, _SHOWN), 1)
    return (decided + shown * (_fitted(decided, pixels) - decided)).astype(np.float32)


def _fitted(soft: Map, pixels: Pixels) -> Map:
    """`soft` as sharp and as detailed as the edges that the colors have near its outline."""
    colors = np.asarray(pixels, np.float32) / np.float32(255)
    for _ in range(_TIMES):
        mixed = _mixed_as(soft, colors, max(2, round(_REACH * max(soft.shape))))
        soft = _ramp(mixed, (_SOFT, 1 - _SOFT))
    return soft


def _mixed_as(soft: Map, colors: Map, radius_px: int) -> Map:
    """What of each color (H, W, 3) 0..1 is the inside's, were it a mix of two colors in every small
    window (the guided filter of He et al. 2010, by all three channels)."""
    mean, soft_mean = box_mean(colors, radius_px), box_mean(soft, radius_px)
    together = box_mean(colors * soft[..., None], radius_px) - mean * soft_mean[..., None]

    def variance(one: int, other: int) -> Map:
        product = box_mean(colors[..., one] * colors[..., other], radius_px)
        own = _LEAST_VARIANCE if one == other else 0.0
        return (product - mean[..., one] * mean[..., other] + own).astype(np.float32)

    rr, rg, rb, gg, gb, bb = (
        variance(*pair) for pair in ((0, 0), (0, 1), (0, 2), (1, 1), (1, 2), (2, 2))
    )
    # The inverse of a symmetric matrix by its minors, for every pixel at once.
    minors = gg * bb - gb * gb, rb * gb - rg * bb, rg * gb - rb * gg
    lower = rr * bb - rb * rb, rg * rb - rr * gb, rr * gg - rg * rg
    determinant = rr * minors[0] + rg * minors[1] + rb * minors[2]
    red, green, blue = together[..., 0], together[..., 1], together[..., 2]
    slope = np.dstack(
        [
            minors[0] * red + minors[1] * green + minors[2] * blue,
            minors[1] * red + lower[0] * green + lower[1] * blue,
            minors[2] * red + lower[1] * green + lower[2] * blue,
        ]
    )
    slope = slope / determinant[..., None]
    offset = soft_mean - (slope * mean).sum(axis=2)
    mixed = (box_mean(slope, radius_px) * colors).sum(axis=2) + box_mean(offset, radius_px)
    return np.asarray(mixed, np.float32)


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
