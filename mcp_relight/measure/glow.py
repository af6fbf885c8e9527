"""Light that spills over an outline onto even ground: a sky, a wall, a table.

Ground that is even, and one piece with what lies a little further from the outline, is lit like
that. A band beside the outline that gained more is a glow that nothing in the picture sends out.
"""

import cv2
import numpy as np

from mcp_relight.engine.grid import Bits, Map, blur

from .color import brightest, darkest
from .gain import WEIGHTS, log_ratio, stops_and_tone
from .linear import Linear, half_of

_FLOOR = 0.02
_OUTLINE, _EVEN = 0.12, 0.05
"""Span of brightness (square root of light) over 3 x 3 px, above and below."""

_BESIDE, _FURTHER = 0.022, (0.029, 0.12)
"""Distance from an outline, of the long side."""

_REACH = 0.035
_LEAST_KNOWN = 0.08
_ONE_PIECE_STOPS = 0.5
_GLOW_STOPS, _VISIBLE = 0.4, 0.03
_VARIED = 2.0
"""Times as far off as that ground varies in its own light: shadows of a hard light have edges."""

_STOP_SEEN = 0.35
"""Half the natural log of 2: what a stop does to the square root of light, of that."""

_MARGIN_PX = 5

_NEUTRAL, _BRIGHT, _STILL_BRIGHT = 0.3, 0.45, 0.25
"""Most saturation of neutral ground; least brightness of it, before and after."""
_AREA, _KNOWN, _TINT = 0.06, 0.15, 0.3
"""Of the long side: how far around ground is compared; the share of that which has to be such
ground; log ratio of the channels from which it is another colour."""


def glowing_share(original: Linear, final: Linear, shown: Bits) -> float:
    """Share of the picture that visibly glows beside an outline of the original."""
    before, after = original.half, final.half
    near = np.ones((3, 3), np.uint8)
    was = blur(np.sqrt(before), 0.8)
    span = (np.asarray(cv2.dilate(was, near)) - np.asarray(cv2.erode(was, near))).max(axis=2)
    long_side = max(span.shape)
    no_outline = (span < _OUTLINE).astype(np.uint8)
    away = np.asarray(cv2.distanceTransform(no_outline, cv2.DIST_L2, 5), np.float32) / long_side
    even = (span < _EVEN) & _inside(half_of(shown))
    further = even & (away > _FURTHER[0]) & (away < _FURTHER[1])
    floor = np.float32(_FLOOR)
    gained = blur(np.log2((after + floor) / (before + floor)) @ WEIGHTS, 0.8)
    level = np.log2(before @ WEIGHTS + floor)
    around = _Around(further.astype(np.float32), _REACH * long_side)
    usual = around.mean(gained)
    varied = np.sqrt(np.maximum(around.mean(gained * gained) - usual * usual, 0))
    more = gained - usual
    seen = more * np.clip(np.sqrt(after @ WEIGHTS), 0.05, 0.8) * np.float32(_STOP_SEEN)
    one_piece = (around.known > _LEAST_KNOWN) & (
        np.abs(level - around.mean(level)) < _ONE_PIECE_STOPS
    )
    strange = (more > np.maximum(_GLOW_STOPS, _VARIED * varied)) & (seen > _VISIBLE)
    glows = even & (away < _BESIDE) & one_piece & strange
    return float(glows.mean())


def tinted_share(original: Linear, final: Linear, shown: Bits) -> float:
    """Share of the picture that was neutral, as the ground around it, and took on another colour
    than that. A light of one colour does not do so."""
    before, after = original.half, final.half
    most, least = brightest(before), darkest(before)
    is_bright = (np.sqrt(most) > _BRIGHT) & (np.sqrt(brightest(after)) > _STILL_BRIGHT)
    neutral = is_bright & (most - least < _NEUTRAL * most) & half_of(shown)
    around = _Around(neutral.astype(np.float32), _AREA * max(most.shape))
    _, tone = stops_and_tone(blur(log_ratio(before, after), 1.0))
    away = [one - around.mean(one) for one in (tone[..., 0], tone[..., 1])]
    is_other = np.sqrt(away[0] ** 2 + away[1] ** 2) > _TINT
    return float((neutral & is_other & (around.known > _KNOWN)).mean())


def _inside(shown: Bits) -> Bits:
    eroded = cv2.erode(shown.astype(np.uint8), np.ones((_MARGIN_PX, _MARGIN_PX)), borderValue=1)
    return np.asarray(eroded) > 0


class _Around:
    """Means over the places of `weight` (h, w) nearby."""

    def __init__(self, weight: Map, reach_px: float) -> None:
        self._weight, self._reach_px = weight, reach_px
        self.known = blur(weight, reach_px)
        self._total = np.maximum(self.known, np.float32(1e-3))

    def mean(self, values: Map) -> Map:
        near = blur(values * self._weight, self._reach_px)
        return np.asarray(near / self._total, np.float32)
