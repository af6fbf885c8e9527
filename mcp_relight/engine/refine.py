"""Shape from shading: adjust a rounded shape and its light until the rest looks like paint.

A small relative of SIRFS (Barron & Malik 2015): over the height of every pixel and four light
coefficients it minimises how much the implied albedo varies, how far normals and height leave the
rounded start, and how much the surface bends. Coarse to fine, by L-BFGS.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from .descent import descend
from .grid import Bits, Map, Real, resize, unit
from .light_fit import Coefficients

_LEVELS_PX = (32, 64, 128)
_ITERATIONS = 120
_ALBEDO_SPREAD = 0.2
"""Against its steps."""
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
        log_luminance[crop], mask[crop], height[crop], normals[crop], light.astype(np.float32)
    )
    heights, current = frame.height, frame.light
    for edge_px in _LEVELS_PX:
        heights, current = _solve(_level(frame, edge_px), heights, current)
    refined = np.dstack(_normals(*_slopes(heights))[0])
    rows, columns = frame.mask.shape
    result = normals.copy()
    found = cv2.resize(refined, (columns, rows), interpolation=cv2.INTER_CUBIC)
    result[crop] = np.where(
        frame.mask[..., None], unit(np.asarray(found, np.float32)), result[crop]
    )
    return result, current.astype(np.float64)


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

    log_luminance: Map
    mask: Bits
    height: Map
    normals: Map
    light: Map


@dataclass(frozen=True, slots=True)
class _Level:
    """The problem at one size of the pyramid. Maps are (H, W)."""

    log_luminance: Map
    inside: Map
    count: np.float32
    across: Map
    down: Map
    interior: Map
    start_height: Map
    start_normals: tuple[Map, Map, Map]
    normal_weight: Map
    start_curvature: Map
    height_weight: Map
    light: Map


def _level(frame: _Frame, edge_px: int) -> _Level:
    rows, columns = frame.mask.shape
    scale = min(1.0, edge_px / max(rows, columns))
    size = max(8, round(rows * scale)), max(8, round(columns * scale))
    mask = resize(frame.mask.astype(np.float32), size) > 0.6
    inside = mask.astype(np.float32)
    padded = np.pad(mask, 1, mode="edge").astype(np.uint8)
    eroded = np.asarray(cv2.erode(padded, np.ones((3, 3), np.uint8)))[1:-1, 1:-1] > 0
    interior = np.zeros(size, np.float32)
    interior[1:-1, 1:-1] = (
        mask[1:-1, 1:-1] & mask[:-2, 1:-1] & mask[2:, 1:-1] & mask[1:-1, :-2] & mask[1:-1, 2:]
    )
    start = resize(frame.height, size) * np.float32(scale)
    x, y, z = (plane.copy() for plane in np.moveaxis(resize(frame.normals, size), 2, 0))
    height_weight = np.where(mask, _HEIGHT_PRIOR / (edge_px / 32) ** 2, _OUTSIDE_PRIOR)
    return _Level(
        log_luminance=resize(frame.log_luminance, size),
        inside=inside,
        count=np.float32(max(inside.sum(), 1)),
        across=inside[:, 1:] * inside[:, :-1],
        down=inside[1:] * inside[:-1],
        interior=interior,
        start_height=start,
        start_normals=(x, y, z),
        normal_weight=np.float32(_NORMAL_PRIOR)
        * (inside + np.float32(_CONTOUR_PRIOR) * (mask & ~eroded)),
        start_curvature=np.float32(0.5) * np.clip(_laplacian(start), -0.3, 0.3),
        height_weight=height_weight.astype(np.float32),
        light=frame.light,
    )


def _solve(level: _Level, heights: Map, light: Map) -> tuple[Map, Map]:
    """The best heights and light at one level, from those of the level before (any size)."""
    rows, columns = level.inside.shape
    shrinking = columns < heights.shape[1]
    method = cv2.INTER_AREA if shrinking else cv2.INTER_CUBIC
    scaled = np.asarray(cv2.resize(heights, (columns, rows), interpolation=method), np.float32)
    begin = scaled * np.float32(columns / heights.shape[1])
    unknowns = np.concatenate([begin.ravel(), light])
    solution = descend(lambda tried: _energy(level, tried), unknowns, _ITERATIONS)
    return solution[:-4].reshape(rows, columns), solution[-4:]


def _energy(level: _Level, unknowns: Map) -> tuple[float, Map]:
    """The cost and its gradient for unknowns = heights then 4 light coefficients."""
    heights, light = unknowns[:-4].reshape(level.inside.shape), unknowns[-4:]
    normals, short = _normals(*_slopes(heights))
    flat = light[0] + normals[0] * light[1] + normals[1] * light[2] + normals[2] * light[3]
    root = np.sqrt(flat * flat + np.float32(0.01))
    bright = np.float32(0.5) * (flat + root)
    albedo_cost, by_albedo = _albedo_cost(level, level.log_luminance - np.log(bright))
    by_flat = -by_albedo / root

    by_light = [float(by_flat.sum())] + [float((by_flat * normal).sum()) for normal in normals]
    normal_cost, by_normal = _normal_cost(level, normals)
    for plane, coefficient in zip(by_normal, light[1:], strict=True):
        plane += by_flat * coefficient
    along = by_normal[0] * normals[0] + by_normal[1] * normals[1] + by_normal[2] * normals[2]
    gradient = np.empty_like(unknowns)
    by_height = gradient[:-4].reshape(heights.shape)
    curvature_cost = _curvature_cost(level, heights, by_height)
    _add_slopes_adjoint(
        (along * normals[0] - by_normal[0]) * short,
        (along * normals[1] - by_normal[1]) * short,
        by_height,
    )
    drop = heights - level.start_height
    held = level.height_weight * drop
    by_height += held
    turn = light - level.light
    stiffness = np.float32(_LIGHT_PRIOR) * level.count
    gradient[-4:] = np.array(by_light, np.float32) + stiffness * turn
    priors = normal_cost + float(np.vdot(held, drop)) + float(stiffness * (turn @ turn))
    return albedo_cost + curvature_cost + 0.5 * priors, gradient


def _normal_cost(level: _Level, normals: tuple[Map, Map, Map]) -> tuple[float, list[Map]]:
    """Twice what it costs to leave the rounded start, and half its gradient by each coordinate."""
    cost, by_normal = 0.0, list[Map]()
    for normal, start in zip(normals, level.start_normals, strict=True):
        away = normal - start
        pull = np.asarray(level.normal_weight * away, np.float32)
        cost += float(np.vdot(pull, away))
        by_normal.append(pull)
    return cost, by_normal


def _albedo_cost(level: _Level, log_albedo: Map) -> tuple[float, Map]:
    """Paint is piecewise constant and of few shades: Charbonnier on its steps and its spread."""
    mean = np.vdot(log_albedo, level.inside) / level.count
    centered = (log_albedo - mean) * level.inside
    spread = np.sqrt(centered * centered + np.float32(0.01))
    pull = centered / spread
    gradient = np.float32(_ALBEDO_SPREAD) * (pull - level.inside * (pull.sum() / level.count))
    step_x = (log_albedo[:, 1:] - log_albedo[:, :-1]) * level.across
    step_y = (log_albedo[1:] - log_albedo[:-1]) * level.down
    size_x = np.sqrt(step_x * step_x + np.float32(0.02**2))
    size_y = np.sqrt(step_y * step_y + np.float32(0.02**2))
    slope_x, slope_y = step_x / size_x, step_y / size_y
    gradient[:, 1:] += slope_x
    gradient[:, :-1] -= slope_x
    gradient[1:] += slope_y
    gradient[:-1] -= slope_y
    steps = float(size_x.sum(dtype=np.float64) + size_y.sum(dtype=np.float64))
    return steps + _ALBEDO_SPREAD * float(spread.sum(dtype=np.float64)), gradient


def _curvature_cost(level: _Level, heights: Map, by_height: Map) -> float:
    """Charbonnier on the Laplacian beyond that of the rounded start; writes its gradient."""
    curvature = (_laplacian(heights) - level.start_curvature) * level.interior
    size = np.sqrt(curvature * curvature + np.float32(0.01))
    force = np.float32(_CURVATURE) * curvature / size
    np.multiply(force, np.float32(-4), out=by_height)
    by_height[:-1] += force[1:]
    by_height[1:] += force[:-1]
    by_height[:, :-1] += force[:, 1:]
    by_height[:, 1:] += force[:, :-1]
    return _CURVATURE * float(size.sum(dtype=np.float64))


def _laplacian(heights: Map) -> Map:
    result = np.zeros_like(heights)
    result[1:-1, 1:-1] = (
        heights[:-2, 1:-1]
        + heights[2:, 1:-1]
        + heights[1:-1, :-2]
        + heights[1:-1, 2:]
        - 4 * heights[1:-1, 1:-1]
    )
    return result


def _normals(across: Map, up: Map) -> tuple[tuple[Map, Map, Map], Map]:
    """Unit normals (x, y, z), and z again: the inverse of the length they had before."""
    z = np.asarray(1 / np.sqrt(1 + across * across + up * up), np.float32)
    return (-across * z, -up * z, z), z


def _slopes(heights: Map) -> tuple[Map, Map]:
    """Central differences, one-sided at the frame; y up."""
    half = np.float32(0.5) * heights
    across, up = np.empty_like(heights), np.empty_like(heights)
    across[:, 1:-1] = half[:, 2:] - half[:, :-2]
    across[:, 0] = heights[:, 1] - heights[:, 0]
    across[:, -1] = heights[:, -1] - heights[:, -2]
    up[1:-1] = half[:-2] - half[2:]
    up[0] = heights[0] - heights[1]
    up[-1] = heights[-2] - heights[-1]
    return across, up


def _add_slopes_adjoint(by_across: Real, by_up: Real, by_height: Map) -> None:
    """The transpose of `_slopes`: gradients by slope are added to those by height."""
    half = np.float32(0.5) * by_across
    by_height[:, 2:] += half[:, 1:-1]
    by_height[:, :-2] -= half[:, 1:-1]
    by_height[:, 1] += by_across[:, 0]
    by_height[:, 0] -= by_across[:, 0]
    by_height[:, -1] += by_across[:, -1]
    by_height[:, -2] -= by_across[:, -1]
    half = np.float32(0.5) * by_up
    by_height[:-2] += half[1:-1]
    by_height[2:] -= half[1:-1]
    by_height[0] += by_up[0]
    by_height[1] -= by_up[0]
    by_height[-2] += by_up[-1]
    by_height[-1] -= by_up[-1]
