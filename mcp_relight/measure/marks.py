"""Marks in the gain that no thing in the picture accounts for: straight steps, which are seams,
closed patches, which are stains, and thin bright lines, which are halos.

Along each of them the gain changes in one sense. Where a thing of the picture is the cause, so
does the original; where texture merely lies there, its steps are of either sense and average out.
"""

import math
from collections.abc import Iterator
from functools import cached_property
from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from mcp_relight.engine.grid import Bits, Map, blur

from .gain import WEIGHTS
from .linear import Linear

_FLOOR, DEEP_FLOOR = 0.02, 0.006
"""Of linear light: what is darker tells little, and of a line through a dark picture still some."""
_MARGIN_PX, _LINK_PX = 4, 5
_BESIDE_PX = 3
_TOO_DARK = 0.12
"""Of brightness (square root of light)."""

_Places: TypeAlias = NDArray[np.floating]
_Patch: TypeAlias = tuple[int, int, int]
"""Row, column, and 1 where it is darker than all around, -1 where brighter."""


class Gained:
    """What a picture gained, place by place.

    `stops` (h, w): the gain; `own` (h, w, 3): the original in stops; `level` (h, w): brightness of
    the result, 0…1.
    """

    def __init__(self, original: Linear, final: Linear, floor: float = _FLOOR) -> None:
        self.own, after = (np.log2(one.full + np.float32(floor)) for one in (original, final))
        self.stops: Map = (after - self.own) @ WEIGHTS
        self.level: Map = np.sqrt(np.minimum(final.full @ WEIGHTS, 1))
        self.long_side = max(self.stops.shape)

    @cached_property
    def calm_own(self) -> Map:
        """`own` without its texture."""
        return blur(self.own, 1.5)


def slope_of(values: Map) -> Map:
    """(h, w, 2) how steeply the values rise across and down, per px."""
    return np.stack([scharr(values, 1, 0), scharr(values, 0, 1)], axis=-1)


def scharr(values: Map, dx: int, dy: int) -> Map:
    return np.asarray(cv2.Scharr(values, cv2.CV_32F, dx, dy, scale=1 / 32), np.float32)


def long_pieces(bits: Bits, least_px: float) -> Iterator[tuple[Bits, float]]:
    """The pieces of a line (h, w) that are longer, and how long. What texture breaks into pieces
    is still one line to the eye."""
    linked = cv2.dilate(bits.astype(np.uint8), np.ones((_LINK_PX, _LINK_PX)))
    count, labels, boxes, _ = cv2.connectedComponentsWithStats(linked)
    for index in range(1, count):
        width, height = (float(boxes[index, at]) for at in (2, 3))
        length_px = math.hypot(width, height)
        if length_px > least_px:
            yield (labels == index) & bits, length_px


def _at(values: Map, down: _Places, across: _Places) -> Map:
    """The nearest pixels; beyond the frame its edge."""
    rows = np.clip(np.rint(down), 0, values.shape[0] - 1).astype(np.intp)
    columns = np.clip(np.rint(across), 0, values.shape[1] - 1).astype(np.intp)
    return values[rows, columns]


def _size(own: NDArray[np.floating]) -> Map:
    """(…) one figure for a step (…, 3) in stops of the channels."""
    return np.asarray(np.sqrt((own * own).mean(axis=-1)), np.float32)


_STEEP, _THIN, _GAP, _KEPT, _MOST_LINES = 0.05, 0.85, 0.06, 0.5, 40
_LONG, _LONG_HARD, _ACROSS = 0.4, 0.65, 0.9
"""Stops per px; of the steepest beside it; of the long side: a gap; the share of the line that has
to be there; of the long side: a line, and under a hard light; and at most of the short side."""
_SECTIONS, _IN_SECTION, _LEAST_TELLING = 8, 8, 4
_STEP, _OWN_STEP, _EDGE_OF_THING = 0.35, 0.5, 0.55
"""Stops; how much of it the original may have there itself; and stops of the original from which
it is the edge of a thing, which may be lit before what is dark behind it."""
_FURTHER, _SHARP, _STAYS = 3, 0.6, 0.3
"""Times as far off; how much of the step is there at once, for on round things light fades; and of
that how much is left, for a line is no step."""
_SEAM, _SEAM_HARD = 0.5, 0.7


def has_seam(change: Gained, where: Bits, *, is_hard: bool) -> bool:
    """Whether the gain has one long straight step in `where` (h, w); a hard light casts shadows
    with short ones."""
    soft = blur(change.stops, 1.2)
    slope = slope_of(soft)
    steep = np.sqrt(slope[..., 0] ** 2 + slope[..., 1] ** 2)
    thin = (steep > _STEEP) & (steep >= _THIN * np.asarray(cv2.dilate(steep, np.ones((3, 3)))))
    thin &= where
    # Across a wide picture no line is as long as its long side.
    long_px = min((_LONG_HARD if is_hard else _LONG) * change.long_side, _ACROSS * min(soft.shape))
    lines = cv2.HoughLinesP(
        255 * _without_margin(thin),
        1,
        math.pi / 180,
        threshold=max(1, round(_KEPT * long_px)),
        minLineLength=long_px,
        maxLineGap=_GAP * change.long_side,
    )
    if lines is None:
        return False
    stops, own = (
        np.asarray(cv2.blur(one, (3, 3)), np.float32) for one in (change.stops, change.own)
    )
    lines = np.asarray(lines.reshape(-1, 4)[:_MOST_LINES], np.float32)
    shares = _strange_shares(stops, own, change.level, lines)
    return float(shares.max()) >= (_SEAM_HARD if is_hard else _SEAM)


def _without_margin(bits: NDArray[np.bool_]) -> NDArray[np.uint8]:
    inner = np.zeros(bits.shape, np.uint8)
    edge = slice(_MARGIN_PX, -_MARGIN_PX)
    inner[edge, edge] = bits[edge, edge]
    return inner


def _strange_shares(stops: Map, own: Map, level: Map, lines: Map) -> Map:
    """(n,) the share of each line's sections where the gain steps and the original does not, of
    those bright enough to show a step.

    `lines` (n, 4): left, top, right, bottom.
    """
    start, end = lines[:, None, :2], lines[:, None, 2:]
    along = np.linspace(0, 1, _SECTIONS * _IN_SECTION, dtype=np.float32)[None, :, None]
    places, run = start + (end - start) * along, end - start
    aside = _BESIDE_PX * run / np.linalg.norm(run, axis=2, keepdims=True)

    def sides(values: Map, reach: float) -> list[Map]:
        both = [
            _at(values, places[..., 1] + way * aside[..., 0], places[..., 0] - way * aside[..., 1])
            for way in (reach, -reach)
        ]
        return [one.reshape(len(lines), _SECTIONS, _IN_SECTION, -1).mean(axis=2) for one in both]

    def step(values: Map, reach: float) -> Map:
        return np.asarray(np.subtract(*sides(values, reach)), np.float32)

    near, far = (step(stops[..., None], reach)[..., 0] for reach in (1, _FURTHER))
    sense = np.sign(np.median(near, axis=1, keepdims=True))
    is_sharp = sense * near > np.maximum(_STEP, _SHARP * sense * far)
    is_sharp &= sense * far > _STAYS * sense * near
    most_own = np.minimum(_OWN_STEP * sense * near, _EDGE_OF_THING)
    strange = is_sharp & (_size(step(own, 1)) < most_own)
    telling = np.maximum(*sides(level, 1))[..., 0] > _TOO_DARK
    enough = np.maximum(telling.sum(axis=1), _LEAST_TELLING)
    return np.asarray((strange & telling).sum(axis=1) / enough, np.float32)


_RADII = (0.035, 0.05, 0.07)
"""Of the long side."""
_AROUND, _DIRECTIONS, _APART = 2.1, 12, 0.2
_MOST_PATCHES, _RAYS = 6, 24
_NEAREST, _FARTHEST = 0.4, 1.9
"""Of the radius: where the edge of a patch is looked for."""
_EDGE, _OWN_EDGE, _ROUND, _CLOSED, _CLOSED_HARD = 0.25, 0.5, 0.35, 0.65, 0.82
"""Stops of a patch's edge; how much of it the original may have; how far the edge may be from a
circle, of its radius; and the share of the rays that have to meet it, also under a hard light,
which leaves a cheek or an eye lit by itself."""
_WORTH_A_LOOK = 0.5
"""Of the rays: where a patch lies on a slope of light its clearest place is not its middle."""


def has_stain(
    change: Gained, where: Bits, *, is_hard: bool = False, only_darker: bool = False
) -> bool:
    """Whether a closed patch in `where` (h, w) gained or lost light, with an edge that the picture
    does not have; with `only_darker` lost it."""
    least = _CLOSED_HARD if is_hard else _CLOSED
    stops, own = blur(change.stops, 1.0), change.calm_own
    size = tuple(max(2, side // 4) for side in reversed(stops.shape))
    small, level = (
        np.asarray(cv2.resize(one, size, interpolation=cv2.INTER_AREA), np.float32)
        for one in (stops, change.level)
    )
    scale = stops.shape[0] / size[1], stops.shape[1] / size[0]
    for share in _RADII:
        for row, column, sense in _patches(small, level, share * max(size)):
            center = (row + 0.5) * scale[0] - 0.5, (column + 0.5) * scale[1] - 0.5
            if (only_darker and sense < 0) or not where[round(center[0]), round(center[1])]:
                continue
            radius_px = share * change.long_side
            if _closed_share(sense * stops, own, center, radius_px) >= least:
                return True
    return False


def _patches(stops: Map, level: Map, radius_px: float) -> list[_Patch]:
    """The clearest ones."""
    center = blur(stops, radius_px / 3)
    turns = (2 * math.pi * at / _DIRECTIONS for at in range(_DIRECTIONS))
    around = [_moved(center, _AROUND * radius_px, turn) for turn in turns]
    darker = np.minimum.reduce(around) - center
    brighter = center - np.maximum.reduce(around)
    is_apart = (np.maximum(darker, brighter) > _APART) & (blur(level, 2 * radius_px) > _TOO_DARK)
    depth = np.where(is_apart, np.abs(sum(around) / _DIRECTIONS - center), 0)
    reach, found = math.ceil(radius_px), list[_Patch]()
    for _ in range(_MOST_PATCHES):
        row, column = divmod(int(depth.argmax()), depth.shape[1])
        if not is_apart[row, column]:
            break
        found.append((row, column, 1 if darker[row, column] > brighter[row, column] else -1))
        rows, columns = (slice(max(0, at - reach), at + reach + 1) for at in (row, column))
        depth[rows, columns] = 0
        is_apart[rows, columns] = False
    return found


def _moved(values: Map, reach_px: float, turn: float) -> Map:
    """(h, w) what lies in one direction; beyond the frame its edge."""
    move = np.array([[1, 0, reach_px * math.cos(turn)], [0, 1, reach_px * math.sin(turn)]])
    size = (values.shape[1], values.shape[0])
    moved = cv2.warpAffine(values, move, size, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(moved, np.float32)


def _closed_share(stops: Map, own: Map, center: tuple[float, float], radius_px: float) -> float:
    """Share of the rays from the center that meet, all about as far out, an edge of the gain that
    the original does not have; of two looks, the second from the middle of what the first met."""
    share, met = _looked_around(stops, own, center, radius_px)
    if len(met) < _RAYS * _WORTH_A_LOOK:
        return share
    middle = _middle_of_circle(met)
    if math.dist(middle, center) > radius_px:
        return share
    return max(share, _looked_around(stops, own, middle, radius_px)[0])


def _looked_around(
    stops: Map, own: Map, center: tuple[float, float], radius_px: float
) -> tuple[float, Map]:
    """The share, and (n, 2) where, down and across, the rays met a strange edge at any distance."""
    turns = np.arange(_RAYS) * (2 * math.pi / _RAYS)
    away = np.stack([np.sin(turns), np.cos(turns)], axis=1)
    radii = np.arange(_NEAREST * radius_px, _FARTHEST * radius_px)

    def step(values: Map) -> Map:
        outer, inner = (
            _at(
                values,
                center[0] + (radii + aside) * away[:, :1],
                center[1] + (radii + aside) * away[:, 1:],
            )
            for aside in (_BESIDE_PX, -_BESIDE_PX)
        )
        return np.asarray(outer - inner, np.float32)

    of_gain = step(stops)
    steepest = of_gain.argmax(axis=1)
    rays = np.arange(_RAYS)
    edge, of_own = of_gain[rays, steepest], step(own)[rays, steepest]
    beside = (np.roll(of_own, 1, axis=0) + of_own + np.roll(of_own, -1, axis=0)) / 3
    far = radii[steepest]
    usual = float(np.median(far))
    is_round = np.abs(far - usual) < _ROUND * usual
    is_strange = (edge > _EDGE) & (_size(beside) < _OWN_EDGE * edge)
    met = np.asarray((center + far[:, None] * away)[is_strange], np.float32)
    return float((is_round & is_strange).mean()), met


def _middle_of_circle(points: Map) -> tuple[float, float]:
    """Of the circle that fits the points (n, 2) best (least squares of x² + y² = 2ax + 2by + c)."""
    own = np.column_stack([2 * points, np.ones(len(points), np.float32)])
    squares = (points**2).sum(axis=1, keepdims=True)
    _, fitted = cv2.solve(own, squares, flags=cv2.DECOMP_SVD)
    return float(fitted[0, 0]), float(fitted[1, 0])


_LINE_SIGMA, _GROUND_SIGMA, _BACK = 0.005, 0.02, 0.028
"""Of the long side: a line, the ground it stands out of, and where that begins."""
_STANDS_OUT, _RISES = 0.12, 0.25
"""Stops above the ground around it, and above either side of it."""
_OWN_RISE, _OWN_APART = 0.5, 0.6
"""Of the rise: how much of it the original may have, and how far its two sides may be apart."""
_ONE_GROUND = 0.6
"""Stops by which the two sides of a line may be apart at most where outlines are to shine."""
_HALO, _HALO_HARD = 0.08, 0.15
"""Of the long side."""


def has_bright_line(
    change: Gained, ground: Bits, *, is_hard: bool, is_rim_asked: bool = False
) -> bool:
    """Whether a thin line in `ground` (h, w) gained light there, where that is one piece. Beside an
    outline it may be a rim of light, and is judged elsewhere; with `is_rim_asked` the outline may
    be a faint one."""
    line = blur(change.stops, _LINE_SIGMA * change.long_side)
    ground_px = _GROUND_SIGMA * change.long_side
    stands_out = (line - blur(change.stops, ground_px) > _STANDS_OUT) & (
        blur(change.level, ground_px) > _TOO_DARK
    )
    rows, columns = np.nonzero(_without_margin(stands_out & ground))
    if not rows.size:
        return False
    down, across = _across_the_ridge(line, rows, columns)
    reach = _BACK * change.long_side
    own = change.calm_own
    one, other = (
        [_at(values, rows + way * down, columns + way * across) for values in (line, own)]
        for way in (reach, -reach)
    )
    rise = line[rows, columns] - np.maximum(one[0], other[0])
    of_own = _size(own[rows, columns] - (one[1] + other[1]) / 2)
    strange = (rise > _RISES) & (of_own < _OWN_RISE * rise)
    apart = _OWN_APART * rise
    strange &= _size(one[1] - other[1]) < (
        np.minimum(apart, _ONE_GROUND) if is_rim_asked else apart
    )
    bits = np.zeros(line.shape, np.bool_)
    bits[rows[strange], columns[strange]] = True
    least_px = (_HALO_HARD if is_hard else _HALO) * change.long_side
    return any(int(where.sum()) >= length_px for where, length_px in long_pieces(bits, least_px))


def _across_the_ridge(
    line: Map, rows: NDArray[np.intp], columns: NDArray[np.intp]
) -> tuple[Map, Map]:
    """(n,) down and across, a unit vector along which the values bend the most."""
    bend = [
        np.asarray(cv2.Sobel(line, cv2.CV_32F, *order, ksize=5))[rows, columns]
        for order in ((2, 0), (0, 2), (1, 1))
    ]
    turn = np.arctan2(2 * bend[2], bend[0] - bend[1]) / 2
    across, down = np.cos(turn), np.sin(turn)
    along = bend[0] * across**2 + 2 * bend[2] * across * down + bend[1] * down**2
    is_other = 2 * along > bend[0] + bend[1]
    return np.where(is_other, across, down), np.where(is_other, -down, across)
