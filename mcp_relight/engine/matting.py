"""Where a soft outline really runs: at the edge the photo shows, not some pixels beside it.

Light that stops short of an edge, or goes beyond it, leaves a halo of the old light.
"""

from dataclasses import dataclass
from typing import Self

import cv2
import numpy as np

from .grid import Bits, Map, Pixels, box_mean, ramp, wide_blur

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
    told = known * ramp(gap, _GAP) * (1 - ramp(beside, _ANOTHER)) * ~(sure_in | sure_out)
    decided = np.asarray(soft + told * (ramp(along, _BETWEEN) - soft), np.float32)
    shown = np.where(known, ramp(gap, _SHOWN), 1)
    return (decided + shown * (_fitted(decided, pixels) - decided)).astype(np.float32)


def _fitted(soft: Map, pixels: Pixels) -> Map:
    """`soft` as sharp and as detailed as the edges that the colors have near its outline."""
    windows = _Windows.of(pixels, max(2, round(_REACH * max(soft.shape))))
    for _ in range(_TIMES):
        soft = ramp(windows.mixed(soft), (_SOFT, 1 - _SOFT))
    return soft


@dataclass(frozen=True, slots=True)
class _Windows:
    """Colors (H, W, 3) 0..1 in a small window around every pixel, for the guided filter of He et
    al. (2010) by all three channels.

    `mean` (H, W, 3); `inverse` of their covariance: its rr, rg, rb, gg, gb and bb, (H, W) each.
    """

    colors: Map
    radius_px: int
    mean: Map
    inverse: tuple[Map, ...]

    @classmethod
    def of(cls, pixels: Pixels, radius_px: int) -> Self:
        colors = np.asarray(pixels, np.float32) / np.float32(255)
        mean = box_mean(colors, radius_px)

        def covariance(one: int, other: int) -> Map:
            product = box_mean(colors[..., one] * colors[..., other], radius_px)
            own = np.float32(_LEAST_VARIANCE if one == other else 0)
            return np.asarray(product - mean[..., one] * mean[..., other] + own, np.float32)

        pairs = (0, 0), (0, 1), (0, 2), (1, 1), (1, 2), (2, 2)
        rr, rg, rb, gg, gb, bb = (covariance(*pair) for pair in pairs)
        first = gg * bb - gb * gb, rb * gb - rg * bb, rg * gb - rb * gg
        rest = rr * bb - rb * rb, rg * rb - rr * gb, rr * gg - rg * rg
        determinant = rr * first[0] + rg * first[1] + rb * first[2]
        inverse = tuple(np.asarray(minor / determinant, np.float32) for minor in (*first, *rest))
        return cls(colors, radius_px, mean, inverse)

    def mixed(self, soft: Map) -> Map:
        """What of each color is the inside's, were all in a window a mix of two."""
        usual = box_mean(soft, self.radius_px)
        together = box_mean(self.colors * soft[..., None], self.radius_px)
        red, green, blue = np.moveaxis(together - self.mean * usual[..., None], 2, 0)
        rr, rg, rb, gg, gb, bb = self.inverse
        slope = np.dstack(
            [
                rr * red + rg * green + rb * blue,
                rg * red + gg * green + gb * blue,
                rb * red + gb * green + bb * blue,
            ]
        )
        offset = usual - np.einsum("ijk,ijk->ij", slope, self.mean)
        mixed = np.einsum("ijk,ijk->ij", box_mean(slope, self.radius_px), self.colors)
        return np.asarray(mixed + box_mean(offset, self.radius_px), np.float32)


def _far_from(other: Bits, reach_px: float) -> Bits:
    away = cv2.distanceTransform((~other).astype(np.uint8), cv2.DIST_L2, 5)
    return np.asarray(away, np.float32) > reach_px


def _mean_near(values: Map, where: Bits, reach_px: float) -> tuple[Map, Map]:
    """(mean (H, W, C) of the pixels `where` around every pixel, how many are: (H, W) 0..1)."""
    weight = where.astype(np.float32)
    seen = wide_blur(weight, reach_px)
    total = wide_blur(values * weight[..., None], reach_px)
    return (total / np.maximum(seen, 1e-3)[..., None]).astype(np.float32), seen
