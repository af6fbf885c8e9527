"""Shape from shading: adjust a rounded shape and its light until the rest looks like paint.

A small relative of SIRFS (Barron & Malik 2015): over the height of every pixel and four light
coefficients it minimises how much the implied albedo varies, how far normals and height leave the
rounded start, and how much the surface bends. Coarse to fine, by L-BFGS.
"""

from dataclasses import dataclass
from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from .grid import Bits, Map, resize, unit
from .light_fit import Coefficients

Grid: TypeAlias = NDArray[np.float64]

_LEVELS_PX = (32, 64, 128)
_ITERATIONS = 120
_ALBEDO_EDGE = 1.0
_ALBEDO_SPREAD = 0.2
_NORMAL_PRIOR = 0.15
_CONTOUR_PRIOR = 10.0
_CURVATURE = 0.45
_HEIGHT_PRIOR = 0.02
_LIGHT_PRIOR = 0.2
_OUTSIDE_PRIOR = 0.01


def refine(
    log_luminance: Map, mask: Bits, height: Map, normals: Map, light: Coefficients
) -> tuple[Map, Coefficients]:
    """(normals, light) refined inside `mask`; outside it the given normals stay.

    `log_luminance` is centred on 0 inside the mask; `height` is in pixels of the same grid.
    """
    crop = _bounding_box(mask)
    frame = _Frame(
        log_luminance[crop].astype(np.float64), mask[crop], height[crop], normals[crop], light
    )
    heights, current = frame.height.astype(np.float64), light.astype(np.float64)
    for edge_px in _LEVELS_PX:
        heights, current = _solve(_level(frame, edge_px), heights, current)
    refined = _normals(_slopes(heights))[0]
    rows, columns = frame.mask.shape
    result = normals.copy()
    found = cv2.resize(refined.astype(np.float32), (columns, rows), interpolation=cv2.INTER_CUBIC)
    result[crop] = np.where(
        frame.mask[..., None], unit(np.asarray(found, np.float32)), result[crop]
    )
    return result, current


def _bounding_box(mask: Bits) -> tuple[slice, slice]:
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    margin = 3
    return (
        slice(max(0, rows[0] - margin), rows[-1] + 1 + margin),
        slice(max(0, columns[0] - margin), columns[-1] + 1 + margin),
    )


@dataclass(frozen=True, slots=True)
class _Frame:
    """The problem at full working size, cut to the subject."""

    log_luminance: Grid
    mask: Bits
    height: Map
    normals: Map
    light: Coefficients


@dataclass(frozen=True, slots=True)
class _Level:
    """The problem at one size of the pyramid. Grids are (H, W) float64."""

    log_luminance: Grid
    inside: Grid
    across: Grid
    down: Grid
    interior: Grid
    start_height: Grid
    start_normals: Grid
    normal_weight: Grid
    start_curvature: Grid
    height_weight: Grid
    light: Coefficients


def _level(frame: _Frame, edge_px: int) -> _Level:
    rows, columns = frame.mask.shape
    scale = min(1.0, edge_px / max(rows, columns))
    size = max(8, round(rows * scale)), max(8, round(columns * scale))

    def shrink(values: NDArray[np.floating]) -> Grid:
        return resize(values.astype(np.float32), size).astype(np.float64)

    mask = shrink(frame.mask.astype(np.float32)) > 0.6
    inside = mask.astype(np.float64)
    padded = np.pad(mask, 1, mode="edge").astype(np.uint8)
    eroded = np.asarray(cv2.erode(padded, np.ones((3, 3), np.uint8)))[1:-1, 1:-1] > 0
    interior = np.zeros(size)
    interior[1:-1, 1:-1] = (
        mask[1:-1, 1:-1] & mask[:-2, 1:-1] & mask[2:, 1:-1] & mask[1:-1, :-2] & mask[1:-1, 2:]
    )
    start = shrink(frame.height) * scale
    return _Level(
        log_luminance=shrink(frame.log_luminance),
        inside=inside,
        across=inside[:, 1:] * inside[:, :-1],
        down=inside[1:] * inside[:-1],
        interior=interior,
        start_height=start,
        start_normals=shrink(frame.normals),
        normal_weight=_NORMAL_PRIOR * (inside + _CONTOUR_PRIOR * (mask & ~eroded)),
        start_curvature=0.5 * np.clip(_laplacian(start), -0.3, 0.3),
        height_weight=np.where(mask, _HEIGHT_PRIOR / (edge_px / 32) ** 2, _OUTSIDE_PRIOR),
        light=frame.light,
    )


def _solve(level: _Level, heights: Grid, light: Coefficients) -> tuple[Grid, Coefficients]:
    """The best heights and light at one level, from those of the level before (any size)."""
    rows, columns = level.inside.shape
    shrinking = columns < heights.shape[1]
    method = cv2.INTER_AREA if shrinking else cv2.INTER_CUBIC
    scaled = cv2.resize(heights, (columns, rows), interpolation=method)
    begin = np.asarray(scaled, np.float64) * (columns / heights.shape[1])
    found = minimize(
        lambda unknowns: _energy(level, unknowns),
        np.concatenate([begin.ravel(), light]),
        jac=True,
        method="L-BFGS-B",
        options={"maxiter": _ITERATIONS, "maxcor": 12},
    )
    solution = np.asarray(found.x, np.float64)
    return solution[:-4].reshape(rows, columns), solution[-4:]


def _energy(level: _Level, unknowns: Grid) -> tuple[float, Grid]:
    """The cost and its gradient for unknowns = heights then 4 light coefficients."""
    heights, light = unknowns[:-4].reshape(level.inside.shape), unknowns[-4:]
    normals, length = _normals(_slopes(heights))
    flat = light[0] + normals @ light[1:]
    root = np.sqrt(flat * flat + 0.01)
    bright = 0.5 * (flat + root)
    albedo_cost, by_albedo = _albedo_cost(level, level.log_luminance - np.log(bright))
    by_flat = -by_albedo * 0.5 * (1 + flat / root) / bright
    by_light = np.concatenate([[by_flat.sum()], np.einsum("ij,ijk->k", by_flat, normals)])

    away = normals - level.start_normals
    pull = level.normal_weight[..., None] * away
    by_normal = by_flat[..., None] * light[1:] + pull
    tangent = by_normal - np.einsum("ijk,ijk->ij", by_normal, normals)[..., None] * normals
    by_height = _slopes_adjoint(-tangent[..., 0] / length, -tangent[..., 1] / length)

    curvature_cost, curvature_gradient = _curvature_cost(level, heights)
    drop = heights - level.start_height
    turn = light - level.light
    stiffness = _LIGHT_PRIOR * level.inside.sum()
    cost = (
        albedo_cost
        + curvature_cost
        + 0.5 * float((pull * away).sum())
        + 0.5 * float((level.height_weight * drop * drop).sum())
        + 0.5 * stiffness * float(turn @ turn)
    )
    by_height += curvature_gradient + level.height_weight * drop
    return cost, np.concatenate([by_height.ravel(), by_light + stiffness * turn])


def _albedo_cost(level: _Level, log_albedo: Grid) -> tuple[float, Grid]:
    """Paint is piecewise constant and of few shades: Charbonnier on its steps and its spread."""
    gradient = np.zeros_like(log_albedo)
    step_x = (log_albedo[:, 1:] - log_albedo[:, :-1]) * level.across
    step_y = (log_albedo[1:] - log_albedo[:-1]) * level.down
    size_x, size_y = np.sqrt(step_x**2 + 0.02**2), np.sqrt(step_y**2 + 0.02**2)
    slope_x, slope_y = step_x / size_x * level.across, step_y / size_y * level.down
    gradient[:, 1:] += slope_x
    gradient[:, :-1] -= slope_x
    gradient[1:] += slope_y
    gradient[:-1] -= slope_y
    count = max(level.inside.sum(), 1.0)
    centered = (log_albedo - (log_albedo * level.inside).sum() / count) * level.inside
    spread = np.sqrt(centered**2 + 0.01)
    pull = centered / spread
    cost = _ALBEDO_EDGE * (size_x.sum() + size_y.sum()) + _ALBEDO_SPREAD * spread.sum()
    by_spread = pull - level.inside * (pull.sum() / count)
    return float(cost), _ALBEDO_EDGE * gradient + _ALBEDO_SPREAD * by_spread


def _curvature_cost(level: _Level, heights: Grid) -> tuple[float, Grid]:
    """Charbonnier on the Laplacian beyond that of the rounded start."""
    curvature = (_laplacian(heights) - level.start_curvature) * level.interior
    size = np.sqrt(curvature * curvature + 0.01)
    force = _CURVATURE * curvature / size
    gradient = -4 * force
    gradient[:-1] += force[1:]
    gradient[1:] += force[:-1]
    gradient[:, :-1] += force[:, 1:]
    gradient[:, 1:] += force[:, :-1]
    return float(_CURVATURE * size.sum()), gradient


def _laplacian(heights: Grid) -> Grid:
    result = np.zeros_like(heights)
    result[1:-1, 1:-1] = (
        heights[:-2, 1:-1]
        + heights[2:, 1:-1]
        + heights[1:-1, :-2]
        + heights[1:-1, 2:]
        - 4 * heights[1:-1, 1:-1]
    )
    return result


def _normals(slopes: tuple[Grid, Grid]) -> tuple[Grid, Grid]:
    """Unit normals (H, W, 3) and the length they had before."""
    across, up = slopes
    length = np.sqrt(1 + across * across + up * up)
    return np.stack([-across / length, -up / length, 1 / length], axis=2), length


def _slopes(heights: Grid) -> tuple[Grid, Grid]:
    """Central differences, one-sided at the frame; y up."""
    across, up = np.zeros_like(heights), np.zeros_like(heights)
    across[:, 1:-1] = (heights[:, 2:] - heights[:, :-2]) / 2
    across[:, 0] = heights[:, 1] - heights[:, 0]
    across[:, -1] = heights[:, -1] - heights[:, -2]
    up[1:-1] = (heights[:-2] - heights[2:]) / 2
    up[0] = heights[0] - heights[1]
    up[-1] = heights[-2] - heights[-1]
    return across, up


def _slopes_adjoint(by_across: Grid, by_up: Grid) -> Grid:
    """The transpose of `_slopes`: gradients by slope become gradients by height."""
    result = np.zeros_like(by_across)
    result[:, 2:] += by_across[:, 1:-1] / 2
    result[:, :-2] -= by_across[:, 1:-1] / 2
    result[:, 1] += by_across[:, 0]
    result[:, 0] -= by_across[:, 0]
    result[:, -1] += by_across[:, -1]
    result[:, -2] -= by_across[:, -1]
    result[:-2] += by_up[1:-1] / 2
    result[2:] -= by_up[1:-1] / 2
    result[0] += by_up[0]
    result[1] -= by_up[0]
    result[-2] += by_up[-1]
    result[-1] -= by_up[-1]
    return result
