"""Membranes on the pixel grid: linear systems that tie each pixel to its four neighbours."""

import numpy as np
from numpy.typing import NDArray

from .grid import Bits

Grid = NDArray[np.float64]

_EXACT = 1e-5
_MOST_STEPS = 2000


def stretched(stiffness: Grid | float, load: float, inside: Bits) -> Grid:
    """h (H, W) with (stiffness + number of neighbours)·h - (sum of the neighbours) = load inside,
    and 0 outside. `stiffness`, (H, W) or one for all, is above 0.

    Beyond the frame there are no neighbours: there the membrane goes on level. By conjugate
    gradients.
    """
    ties = _Ties(stiffness, inside)
    left = load * inside.astype(np.float64)
    enough = (_EXACT * load) ** 2 * float(inside.sum())
    heights, direction = np.zeros_like(left), left
    size = float(np.vdot(left, left))
    for _ in range(_MOST_STEPS):
        if size <= enough:
            break
        pulled = ties.pull(direction)
        length = size / float(np.vdot(direction, pulled))
        heights += length * direction
        left = left - length * pulled
        before, size = size, float(np.vdot(left, left))
        direction = left + (size / before) * direction
    return heights


class _Ties:
    """The left side of the system, as a function of the heights."""

    def __init__(self, stiffness: Grid | float, inside: Bits) -> None:
        self._inside = inside.astype(np.float64)
        neighbors = np.full(inside.shape, 4.0)
        neighbors[0] -= 1
        neighbors[-1] -= 1
        neighbors[:, 0] -= 1
        neighbors[:, -1] -= 1
        self._own = (neighbors + stiffness) * self._inside

    def pull(self, heights: Grid) -> Grid:
        """(H, W), 0 outside."""
        around = np.zeros_like(heights)
        around[1:] += heights[:-1]
        around[:-1] += heights[1:]
        around[:, 1:] += heights[:, :-1]
        around[:, :-1] += heights[:, 1:]
        return self._own * heights - around * self._inside
