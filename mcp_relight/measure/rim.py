"""The line that a light from behind draws along an outline: how much it is seen, how steadily it
runs.

Both are read from what the picture gained, without knowing where its things are: an outline that
is wrong cannot confirm itself. Light follows an outline in one sweep; along a torn one the edge of
the gain turns this way and that.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from mcp_relight.engine.grid import Bits, Map, blur, disk

from .gain import WEIGHTS
from .linear import Linear
from .marks import Gained, slope_of

_WIDEST = 0.027
"""Of the long side: half as wide as a line may be to stand out."""
_MOST_STOPS = 3.0
_STOP_SEEN = 0.35
"""Half the natural log of 2: what a stop does to the square root of light, of that."""
_SEEN, _RIDGE, _OF_LINE = 0.06, 0.95, 0.5
"""Steps of brightness (square root of light) that make a line; of the brightest beside it: its
ridge; and of its strength: what still is that line."""
_STRONGEST, _LEAST_PIXELS = 90, 20
_STEEP, _EDGE = 0.03, 0.85
"""Steps of brightness per px, and of the steepest beside it."""
_STRETCH_PX, _NEARBY = 3.0, 0.021
"""How far the edge of a line is looked along, in px and, on average, of the long side."""
_LEAST_STEADY = 0.25

_TORN, _CLEAR = 0.745, 0.3
_UPPER, _DEEP = 0.6, 0.06
"""Of the height of a cut-out, where the light from behind falls; of the long side: its inside."""
_RINGS_PX, _LEAST_RING = (1, 10), 10
_BAND, _FALLS, _GLARING = 1.5, 1.25, 3.05
"""Stops over the inside that make a band, that a drawn one falls by within two px, and that no
light leaves at an edge alone."""


@dataclass(frozen=True, slots=True)
class Rim:
    """`strength`: steps of brightness (square root of light) by which the brightest tenth of a line
    stands out; `steady` 0…1: how far the least steady quarter of its edge runs one way; `is_drawn`:
    a hard or glaring band lies along the outline of a cut-out."""

    strength: float
    steady: float
    is_drawn: bool = False

    @property
    def is_spoilt(self) -> bool:
        """Clearly seen, and torn into tatters or drawn."""
        return self.strength > _CLEAR and (self.steady < _TORN or self.is_drawn)


def rim_of(original: Linear, final: Linear, shown: Bits) -> Rim:
    """The lines that `final` gained over `original`, both on one grid (h, w)."""
    change = Gained(original, final)
    stops = _within(change.stops, shown)
    level = np.sqrt(np.minimum(blur(final.full @ WEIGHTS, 0.8), 1))
    body = cv2.morphologyEx(stops, cv2.MORPH_OPEN, disk(round(_WIDEST * change.long_side)))
    step = np.minimum(stops - body, _MOST_STOPS) * level * np.float32(_STOP_SEEN)
    step = np.where(shown, step, 0).astype(np.float32)
    ridge = (step > _SEEN) & (step >= _RIDGE * _most_near(step, 3))
    if int(ridge.sum()) < _LEAST_PIXELS:
        return Rim(0.0, 1.0)
    strength = float(np.percentile(step[ridge], _STRONGEST))
    line = step > max(_SEEN, _OF_LINE * strength)
    steady = _steadiness(stops, level, line, shown, change.long_side)
    return Rim(strength, steady, not shown.all() and _is_band(change, shown))


def _is_band(change: Gained, shown: Bits) -> bool:
    """Round a thing the light fades inwards; a band that was drawn along its outline ends."""
    away = np.asarray(cv2.distanceTransform(shown.astype(np.uint8), cv2.DIST_L2, 5), np.float32)
    inside = away > _DEEP * change.long_side
    rows = np.flatnonzero(shown.any(axis=1))
    if not inside.any() or not rows.size:
        return False
    below = rows[0] + round(_UPPER * (rows[-1] - rows[0]))
    usual = float(np.median(change.stops[inside]))
    away, stops = away[:below], change.stops[:below]
    rings = [stops[(away > at) & (away <= at + 1)] for at in range(*_RINGS_PX)]
    if min(ring.size for ring in rings) < _LEAST_RING:
        return False
    over = [float(np.median(ring)) - usual for ring in rings]
    falls = max(outer - inner for outer, inner in zip(over, over[2:], strict=False))
    return over[0] > _GLARING or (over[0] > _BAND and falls > _FALLS)


def _within(stops: Map, shown: Bits) -> Map:
    """Blurred among what is shown alone; elsewhere the least of it."""
    weight = shown.astype(np.float32)
    smooth = blur(stops * weight, 0.8) / np.maximum(blur(weight, 0.8), np.float32(1e-3))
    least = float(smooth[shown].min()) if shown.any() else 0.0
    return np.where(shown, smooth, least).astype(np.float32)


def _steadiness(stops: Map, level: Map, line: Bits, shown: Bits, long_side: int) -> float:
    """How far the edges of a line run one way, along the quarter where they do so least."""
    slope = slope_of(blur(stops, 0.5))
    steep = np.sqrt(slope[..., 0] ** 2 + slope[..., 1] ** 2)
    inside = cv2.erode(shown.astype(np.uint8), np.ones((5, 5)), borderValue=1) > 0
    near = _most_near(line.astype(np.float32), 5) > 0
    seen = np.where(near & inside, steep * _most_near(level, 5), 0)
    is_edge = (seen > _STEEP) & (steep >= _EDGE * _most_near(steep, 3))
    weight = np.where(is_edge, seen, 0).astype(np.float32)
    if not is_edge.any():
        return 1.0
    nearby_px = _NEARBY * long_side
    among = blur(weight, nearby_px) + np.float32(1e-6)
    one_way = np.asarray(blur(weight * _one_way(slope), nearby_px) / among, np.float32)
    return _weighted_percentile(one_way[is_edge], weight[is_edge], _LEAST_STEADY)


def _one_way(slope: Map) -> Map:
    """(h, w) 1 where the slopes nearby lie on one axis, 0 where they lie anyhow."""
    across, down = slope[..., 0], slope[..., 1]
    along, aside, both = (
        blur(power, _STRETCH_PX) for power in (across * across, down * down, across * down)
    )
    turned = np.sqrt((along - aside) ** 2 + 4 * both * both)
    return np.asarray(turned / (along + aside + np.float32(1e-6)), np.float32)


def _most_near(values: Map, size_px: int) -> Map:
    return np.asarray(cv2.dilate(values, np.ones((size_px, size_px))), np.float32)


def _weighted_percentile(values: Map, weights: Map, share: float) -> float:
    order: NDArray[np.intp] = np.argsort(values)
    summed = np.cumsum(weights[order])
    return float(values[order][np.searchsorted(summed, share * summed[-1])])
