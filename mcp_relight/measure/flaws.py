"""Visible damage in a relit picture, seen in the difference to the original alone.

Light follows the things in a picture: where the original is smooth, so is a change of light, or
nearly. An edge of the gain where the original has none of its kind is damage; nothing of how the
result was made, no mask and no shape, goes into it.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from mcp_relight.domain.report import Flaw
from mcp_relight.engine.grid import Bits, Map, blur

from .color import brightest, darkest
from .curtain import has_curtain
from .gain import WEIGHTS
from .glow import glowing_share, tinted_share
from .linear import Linear
from .marks import (
    DEEP_FLOOR,
    Gained,
    has_bright_line,
    has_seam,
    has_stain,
    long_pieces,
    scharr,
    slope_of,
)

_EDGE_SIGMA_PX = 1.5
_NEAR_PX = 5
_UNSEEN = 0.008
"""Steps of brightness (square root of light, per px) that nobody sees on a smooth ground."""
_LEAST_STEP = 0.05
_LEAST_PIXELS, _DENSE = 12, 0.7
_LONG, _LONG_RIM = 0.1, 0.25
"""Of the long side: shorter new edges are details, or lie where the picture is unsharp."""
_LONG_SEAM = 0.25
"""Of the long side: shorter ones may be the shade of a nose or of a fold."""
_ALL_ROUND, _TURNS, _MOST_TURNS = 0.95, 16, 15
"""Of the long side, and in how many of the directions from its middle: a light from behind leaves
the underside dark, and a whole ring is drawn."""
_NO_OUTLINE, _BESIDE_PX = 0.03, 13
"""Steps of brightness, per px, of ground where nothing can shine; and how near what was cut out."""
_BAND, _ACROSS = 0.008, 0.04
_RETURNS = 0.5
_OUTLINE, _LOOKS = 0.08, 4
"""Steps of brightness, per px, that part a thing from what is behind it; and how often, on either
side, one is looked for."""
_GLOWING, _GLOWING_RIM, _GLOWING_LIT = 0.004, 0.0065, 0.02
"""Share of the picture; a light from behind that was asked for may spill a little, and more where
it lit an edge."""
_CLOSED, _FILLED, _RING_PX = 0.12, 0.3, (9, 21)
_OPEN_SHARE, _OPEN_SHARE_HARD = 25, 5
"""Percent of what lies around a stain that may be like it."""
_GRAIN, _GRAIN_LEVEL, _CALMEST = 0.008, 0.1, 30
_GRAIN_HIDDEN = 0.3
"""Of the original's own fine detail: less grain than that is not seen, and is rather that detail in
another light."""
_BANDS_TOGETHER, _BANDS_EQUAL = 0.2, 0.05
_AROUND, _PEAK = 11, 3.0
_DIM, _LEAST_SHARE = 40, 0.15
_BURNT, _FULL, _NOT_FULL = 0.04, 250, 238
_DROWNED, _DROWNED_UNFILLED, _BLACK, _NOT_BLACK = 0.03, 0.5, 3, 56
_TINTED = 0.01
"""Share of the picture."""
_PURE, _EMPTY, _NOT_EMPTY = 0.1, 5, 12


def flaws_of(
    original: Linear,
    final: Linear,
    shown: Bits,
    *,
    is_rim_asked: bool = False,
    is_rim_lit: bool = False,
    is_rim_spoilt: bool = False,
    is_hard_asked: bool = False,
    is_one_tone_asked: bool = False,
    is_dark_asked: bool = False,
    is_filled: bool = True,
) -> tuple[Flaw, ...]:
    """The kinds of damage, the plainest first, between two pictures on one grid (h, w).

    A light from behind draws bright outlines: where one was asked for, only long edges, lines all
    round or where there is no outline, and what spills onto even ground count, and no bright patch;
    where it lit the edge of the subject as it should, of what spills only much; a spoilt rim
    always. A hard light casts shadows with edges of their own: unless they are straight across much
    of the picture they are no seam, and they are no dark band. A light of one tone leaves neutral
    ground of one tone. In a picture that was to be dark a patch of light is no stain. Without
    `is_filled` what the light does not meet may be black.
    """
    if min(original.rgb.shape[:2]) < 3 * _NEAR_PX:
        return ()
    drowned = _DROWNED if is_filled else _DROWNED_UNFILLED
    if everywhere := _of_pixels(original, final, shown, drowned):
        return tuple(everywhere)
    change = Gained(original, final)
    most, least = (_GLOWING_RIM, _LONG_RIM) if is_rim_asked else (_GLOWING, _LONG)
    glows = glowing_share(original, final, shown) > (_GLOWING_LIT if is_rim_lit else most)
    seen = _edges(original, change, shown)
    edges = _new_edges(seen, least=least, is_hard=is_hard_asked)
    if is_rim_lit and "halo" in edges:
        edges.remove("halo")
    is_drawn = is_rim_asked and any(
        _is_round(where) for where, _ in long_pieces(seen.new, _ALL_ROUND * seen.long_side)
    )
    found: list[Flaw] = ["halo", *edges] if glows or is_drawn or is_rim_spoilt else edges
    is_tinted = is_one_tone_asked and tinted_share(original, final, shown) > _TINTED
    only_darker = is_dark_asked or is_rim_asked
    inside = _inside(shown)
    if is_tinted or has_stain(change, inside, is_hard=is_hard_asked, only_darker=only_darker):
        found.append("stain")
    # Half of what a hard light shows is dark, and a seam runs through it.
    deep = Gained(original, final, DEEP_FLOOR) if is_hard_asked else change
    # A clean rim along a straight thing is a straight step.
    is_seam = has_seam(deep, inside, is_hard=is_hard_asked)
    is_seam = is_seam or has_curtain(deep, seen.own, inside)
    if is_seam and not is_rim_lit:
        found.append("seam")
    ground = inside & (seen.own < _NO_OUTLINE) if is_rim_lit else inside
    if has_bright_line(change, ground, is_hard=is_hard_asked, is_rim_asked=is_rim_asked):
        found.append("halo")
    return tuple(dict.fromkeys(found))


def _of_pixels(original: Linear, final: Linear, shown: Bits, most_drowned: float) -> list[Flaw]:
    """Damage that has no place, but is all over: with it edges tell nothing."""
    found: list[Flaw] = []
    if _is_posterized(original.rgb, final.rgb):
        found.append("posterized")
    elif _is_grainy(original, final, shown):
        found.append("noise")
    if _is_clipped(original.rgb, final.rgb, shown, most_drowned=most_drowned):
        found.append("clipped")
    return found


def _is_grainy(original: Linear, final: Linear, shown: Bits) -> bool:
    """Fine detail that is not the original's, scaled by the change of light, where the original is
    calm: among fine things a change of light leaves more of it."""
    bright = [np.sqrt(one.full @ WEIGHTS) for one in (original, final)]
    before, after = (_fine(one) for one in bright)
    own = blur(before * before, 6.0)
    seen = _inside(shown) & (bright[1] > _GRAIN_LEVEL) & (bright[1] < 1 - _GRAIN_LEVEL)
    if float(seen.mean()) < _LEAST_SHARE:
        return False
    scale = blur(before * after, 6.0) / (own + np.float32(1e-5))
    strange = np.asarray(after - np.clip(scale, 0, 4) * before, np.float32)
    calm = seen & (own <= np.percentile(own[seen], _CALMEST))
    grain = float(np.sqrt(np.median(blur(strange * strange, 4.0)[calm])))
    return grain > max(_GRAIN, _GRAIN_HIDDEN * float(np.sqrt(np.median(own[calm]))))


def _fine(bright: Map) -> Map:
    return bright - blur(bright, 1.5)


def _is_posterized(before: NDArray[np.uint8], after: NDArray[np.uint8]) -> bool:
    """A few levels hold many pixels, and neighbours are equal, far more than in the original.

    Only where both are neither dark nor full: a dark picture has few levels to show.
    """
    green = [one[..., 1] for one in (before, after)]
    inner = np.logical_and.reduce([(one > _DIM) & (one < _NOT_FULL) for one in green])
    if float(inner.mean()) < _LEAST_SHARE:
        return False
    together = [_together(one[inner]) for one in green]
    equal = [_equal(one, inner) for one in green]
    return together[1] - together[0] > _BANDS_TOGETHER and equal[1] - equal[0] > _BANDS_EQUAL


def _together(levels: NDArray[np.uint8]) -> float:
    """Share of pixels at levels far more common than those around them."""
    counts = np.bincount(levels, minlength=256).astype(np.float64)
    around = np.convolve(counts, np.ones(_AROUND) / _AROUND, mode="same")
    return float(counts[counts > _PEAK * around].sum()) / levels.size


def _equal(levels: NDArray[np.uint8], inner: Bits) -> float:
    """Share of neighbours that are equal."""
    pairs = inner[:, 1:] & inner[:, :-1]
    return float((levels[:, 1:] == levels[:, :-1])[pairs].mean()) if pairs.any() else 0.0


def _is_clipped(
    before: NDArray[np.uint8], after: NDArray[np.uint8], shown: Bits, *, most_drowned: float
) -> bool:
    """Areas without detail that had some: two channels full, all of them empty, or one full and
    one empty: a colour that can get no purer."""
    full, had = _second(after) >= _FULL, _second(before) < _NOT_FULL
    burnt = full & had & shown & (darkest(after) > _NOT_FULL // 2)
    drowned = (brightest(after) <= _BLACK) & (brightest(before) > _NOT_BLACK) & shown
    pure = (brightest(after) >= _FULL) & (darkest(after) <= _EMPTY) & shown
    pure &= (brightest(before) < _FULL) | (darkest(before) > _NOT_EMPTY)
    shares = (float(one.mean()) for one in (burnt, drowned, pure))
    return any(
        share > most for share, most in zip(shares, (_BURNT, most_drowned, _PURE), strict=True)
    )


def _second(rgb: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """(h, w) the channel in the middle."""
    red, green, blue = (rgb[..., channel] for channel in range(3))
    return np.maximum(np.minimum(red, green), np.minimum(np.maximum(red, green), blue))


@dataclass(frozen=True, slots=True)
class _Edges:
    """The gain in stops (h, w), its slope (h, w, 2), the steepest step of the original near every
    place (h, w), and where the gain has edges of its own."""

    stops: Map
    slope: Map
    own: Map
    new: Bits

    @property
    def long_side(self) -> int:
        return max(self.new.shape)


def _is_round(where: Bits) -> bool:
    """Whether a line lies in every direction from its middle."""
    rows, columns = np.nonzero(where)
    middle = (rows.min() + rows.max()) / 2, (columns.min() + columns.max()) / 2
    turns = np.arctan2(rows - middle[0], columns - middle[1]) * (_TURNS / (2 * np.pi))
    return np.unique(np.floor(turns) % _TURNS).size >= _MOST_TURNS


def _inside(shown: Bits) -> Bits:
    """(h, w) away from where something was cut out."""
    near = np.ones((_BESIDE_PX, _BESIDE_PX))
    return np.asarray(cv2.erode(shown.astype(np.uint8), near, borderValue=1)) > 0


def _new_edges(edges: _Edges, *, least: float, is_hard: bool) -> list[Flaw]:
    found: dict[Flaw, float] = {}
    for where, length_px in long_pieces(edges.new, least * edges.long_side):
        if int(where.sum()) >= max(_LEAST_PIXELS, _DENSE * length_px):
            kind = _kind(edges, where, is_hard=is_hard)
            is_shade = kind == "seam" and length_px < _LONG_SEAM * edges.long_side
            if kind is not None and not is_shade:
                found[kind] = found.get(kind, 0.0) + length_px
    return sorted(found, key=lambda kind: -found[kind])


def _edges(original: Linear, change: Gained, shown: Bits) -> _Edges:
    before = original.full
    stops = blur(change.stops, _EDGE_SIGMA_PX)
    slope = slope_of(stops)
    step = np.sqrt(slope[..., 0] ** 2 + slope[..., 1] ** 2)
    level = blur(change.level, _EDGE_SIGMA_PX)
    was = blur(np.sqrt(before @ WEIGHTS), _EDGE_SIGMA_PX)
    own = _activity(blur(np.sqrt(before), _EDGE_SIGMA_PX))
    lit = np.clip(level / np.maximum(was, 0.05), 0.3, 1.5)
    # Half the natural log of 2: what a stop does to the square root of light.
    visible = np.clip(level, 0.05, 0.8) * np.float32(0.35) * step
    new = (visible > own * lit + np.float32(_UNSEEN)) & (step > _LEAST_STEP)
    inside = cv2.erode(shown.astype(np.uint8), np.ones((9, 9)), borderValue=1) > 0
    return _Edges(stops, slope, own, new & inside)


def _activity(channels: Map) -> Map:
    """(h, w) the steepest step of the original near every place, all channels together."""
    across, down = (scharr(channels, *axis) for axis in ((1, 0), (0, 1)))
    power = across * across + down * down
    steep = np.sqrt(power[..., 0] + power[..., 1] + power[..., 2])
    return np.asarray(cv2.dilate(steep, np.ones((_NEAR_PX, _NEAR_PX))), np.float32)


def _kind(edges: _Edges, where: Bits, *, is_hard: bool) -> Flaw | None:
    """A glow or a band comes back to where it started; a stain is closed; else it is a seam. None
    for what may as well be a shadow of a hard light, or where shade begins on a thing so thin that
    what lies behind it is on either side."""
    behind, low, high, ahead = (
        _beside(edges, edges.stops, where, share) for share in (-_ACROSS, -_BAND, _BAND, _ACROSS)
    )
    jump = float(np.median(high - low))
    if float(np.median(ahead - behind)) < _RETURNS * jump:
        if _is_on_a_thin_thing(edges, where):
            return None
        is_glow = float(np.median(high - np.maximum(ahead, behind))) > _FILLED * jump
        return "halo" if is_glow or not is_hard else None
    if _is_closed(edges, where, jump, _OPEN_SHARE_HARD if is_hard else _OPEN_SHARE):
        return "stain"
    return None if is_hard else "seam"


def _is_on_a_thin_thing(edges: _Edges, where: Bits) -> bool:
    """The original has an outline on either side near by."""
    reaches = np.linspace(_BAND, _ACROSS, _LOOKS)
    sides = (
        np.maximum.reduce([_beside(edges, edges.own, where, way * reach) for reach in reaches])
        for way in (-1, 1)
    )
    return all(float(np.median(side)) > _OUTLINE for side in sides)


def _beside(edges: _Edges, values: Map, where: Bits, share: float) -> Map:
    """(n,) the values so far (of the long side) up the slope of the gain from each place."""
    rows, columns = np.nonzero(where)
    slope = edges.slope[rows, columns]
    along = slope / np.maximum(np.linalg.norm(slope, axis=1, keepdims=True), 1e-6)
    reach = share * edges.long_side
    height, width = where.shape
    across = np.clip(np.rint(columns + reach * along[:, 0]), 0, width - 1).astype(np.intp)
    down = np.clip(np.rint(rows + reach * along[:, 1]), 0, height - 1).astype(np.intp)
    return values[down, across]


def _is_closed(edges: _Edges, where: Bits, jump: float, open_percent: float) -> bool:
    """What the edge encloses differs from all that is around it: a shadow opens into the dark it
    belongs to."""
    rows, columns = np.nonzero(where)
    hull = np.zeros(where.shape, np.uint8)
    cv2.fillConvexPoly(hull, cv2.convexHull(np.column_stack([columns, rows]).astype(np.int32)), 1)
    diagonal = float(np.ptp(rows) ** 2 + np.ptp(columns) ** 2)
    inside = edges.stops[(hull > 0) & ~where]
    ring = (_grown(hull, _RING_PX[1]) > 0) & (_grown(hull, _RING_PX[0]) == 0)
    if float(hull.sum()) <= _CLOSED * diagonal or inside.size < _LEAST_PIXELS or not ring.any():
        return False
    beyond = edges.stops[ring] - float(np.median(inside))
    low, high = (float(edge) for edge in np.percentile(beyond, (open_percent, 100 - open_percent)))
    return low > _FILLED * jump or high < -_FILLED * jump


def _grown(bits: NDArray[np.uint8], size_px: int) -> NDArray[np.uint8]:
    return np.asarray(cv2.dilate(bits, np.ones((size_px, size_px))), np.uint8)
