"""Smooth functions of many unknowns made small: L-BFGS (Nocedal & Wright 2006, algorithm 7.5)."""

from collections import deque
from collections.abc import Callable
from typing import TypeAlias

import numpy as np

from .grid import Map, Real

Energy: TypeAlias = Callable[[Map], tuple[float, Map]]
"""From unknowns (N,) to the cost and its gradient (N,)."""

_MEMORY = 12
_ENOUGH = 2e-9
"""Of the cost: what gains less is at its end."""
_FALLS, _FLATTENS = 1e-3, 0.9
"""Wolfe's conditions: the share of the promised fall, and of the slope that may be left."""
_TRIES = 20


def descend(energy: Energy, start: Map, iterations: int) -> Map:
    """The unknowns after at most so many steps, each of which makes the energy smaller."""
    place = start
    cost, gradient = energy(place)
    past = deque[tuple[Map, Map, float]](maxlen=_MEMORY)
    for _ in range(iterations):
        direction = _downhill(gradient, past)
        length = 1.0 if past else min(1.0, 1 / max(float(np.linalg.norm(gradient)), 1e-12))
        found = _along(energy, place, direction, length, cost, float(gradient @ direction))
        if found is None:
            break
        length, lower, turned = found
        step = np.asarray(np.float32(length) * direction, np.float32)
        turn = turned - gradient
        place, gradient = place + step, turned
        curvature = float(step @ turn)
        if curvature > 0:
            past.append((step, turn, curvature))
        gained, cost = cost - lower, lower
        if gained <= _ENOUGH * max(abs(cost), 1.0):
            break
    return place


def _downhill(gradient: Map, past: deque[tuple[Map, Map, float]]) -> Map:
    """Minus the gradient, times what the past tells of the inverse curvature."""
    direction = -gradient
    shares = list[np.float32]()
    for step, turn, curvature in reversed(past):
        share = np.float32(float(step @ direction) / curvature)
        direction -= share * turn
        shares.append(share)
    if past:
        _, turn, curvature = past[-1]
        direction *= np.float32(curvature / float(turn @ turn))
    for (step, turn, curvature), share in zip(past, reversed(shares), strict=True):
        direction += (share - np.float32(float(turn @ direction) / curvature)) * step
    return direction


def _along(
    energy: Energy, place: Map, direction: Map, length: float, cost: float, slope: float
) -> tuple[float, float, Map] | None:
    """(length, cost, gradient) of a step that satisfies Wolfe; else of the best one tried, None if
    none is lower. Shortened by a parabola, lengthened by half."""
    below, above = 0.0, np.inf
    best = None
    for _ in range(_TRIES):
        tried: Real = place + np.float32(length) * direction
        there, gradient = energy(np.asarray(tried, np.float32))
        if there > cost + _FALLS * length * slope:
            above = length
            bend = there - cost - slope * length
            lowest = -0.5 * slope * length * length / bend if bend > 0 else 0.5 * length
            length = float(np.clip(lowest, below + 0.1 * (above - below), 0.5 * (below + above)))
            continue
        best = length, there, gradient
        if float(gradient @ direction) >= _FLATTENS * slope:
            break
        below = length
        length = 2 * length if above == np.inf else 0.5 * (below + above)
    return best
