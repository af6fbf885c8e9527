"""A straight edge of light across even ground, however soft: a curtain hangs there that nothing in
the picture casts. Over things that stand out of the ground the same light bends, and is none.
"""

import cv2
import numpy as np

from mcp_relight.engine.grid import Bits, Map, blur

from .marks import Gained, scharr

_GRID_PX = 128
_VISIBLE, _EVEN = 0.015, 0.02
"""Steps of brightness (square root of light): what is seen on a grid this coarse, and the most that
even ground has of its own."""
_STOP_SEEN = 0.35
"""Half the natural log of 2: what a stop does to the square root of light, of that."""
_WITHIN = 0.5
"""Of a place on that grid."""
_BESIDE_PX, _BENDS_PX = 4, 3
_ACROSS, _RIM = 0.6, 0.06
"""Of the picture: how much of it the edge crosses, and how near it comes to either rim."""


def has_curtain(change: Gained, own: Map, where: Bits) -> bool:
    """`own` (h, w): the steepest step of the original near every place; `where` (h, w) one is
    looked for."""
    height, width = own.shape
    scale = _GRID_PX / max(height, width)
    size = max(8, round(width * scale)), max(8, round(height * scale))
    stops, level, step = (_shrunk(one, size) for one in (change.stops, change.level, own))
    is_even = (step < _EVEN) & (_shrunk(where.astype(np.float32), size) > _WITHIN)
    stops, level = blur(stops, 1.0), blur(level, 1.0)
    return _hangs(stops, level, is_even) or _hangs(stops.T, level.T, is_even.T)


def _shrunk(values: Map, size: tuple[int, int]) -> Map:
    return np.asarray(cv2.resize(values, size, interpolation=cv2.INTER_AREA), np.float32)


def _hangs(stops: Map, level: Map, is_even: Bits) -> bool:
    """Whether the steepest place of most rows, down to either rim, lies in one column."""
    beside = np.asarray(cv2.dilate(level, np.ones((1, 2 * _BESIDE_PX + 1))), np.float32)
    slope = np.abs(scharr(np.ascontiguousarray(stops), 1, 0))
    seen = np.clip(beside, 0.05, 0.8) * np.float32(_STOP_SEEN) * slope
    seen = np.where(is_even & (seen > _VISIBLE), seen, 0)
    rows = np.flatnonzero(seen.max(axis=1))
    columns, rim = seen.argmax(axis=1)[rows], _RIM * seen.shape[0]
    for column in np.unique(columns):
        here = rows[np.abs(columns - column) <= _BENDS_PX]
        if (
            len(here) >= _ACROSS * seen.shape[0]
            and rim > here[0]
            and here[-1] >= seen.shape[0] - rim
        ):
            return True
    return False
