"""Where the light comes from: the direction whose shading of a rough shape explains the picture.

Every direction of a half sphere (and a little behind it) is tried, with several amounts of fill;
the winner is the one whose log shading correlates best with the log brightness. Correlation does
not care for exposure, and paint only adds noise to it. Of two pictures of the same thing the ratio
is explained as well: there the paint cancels.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mcp_relight.engine.grid import Map

from .shape import Shape

_FILLS = (0.03, 0.1, 0.3)
_DIRECTIONS = 320
_BEHIND = -0.25
_SAMPLES = 1500
_DARKEST = 0.02
_CLEAR_SLOPE = 0.1


def _half_sphere() -> NDArray[np.float32]:
    """(d, 3) directions spread evenly over z > _BEHIND (Fibonacci spiral)."""
    index = np.arange(_DIRECTIONS) + 0.5
    z = 1 - index / _DIRECTIONS * (1 - _BEHIND)
    angle = index * math.pi * (3 - math.sqrt(5))
    radius = np.sqrt(1 - z * z)
    return np.column_stack([radius * np.cos(angle), radius * np.sin(angle), z]).astype(np.float32)


_TRIED = _half_sphere()


@dataclass(frozen=True, slots=True)
class Light:
    """A unit direction to the light, and how far to trust it (0…1)."""

    direction: NDArray[np.float32]
    confidence: float
    key_to_fill_stops: float

    @property
    def angles(self) -> tuple[int, int]:
        """(azimuth_deg, elevation_deg)."""
        x, y, z = (float(part) for part in self.direction)
        return round(math.degrees(math.atan2(x, z))), round(math.degrees(math.asin(y)))


@dataclass(frozen=True, slots=True)
class Change:
    """The light before and after.

    `explained` 0…1 is how well the found light explains what is seen.
    """

    before: Light
    after: Light
    explained: float


class _Samples:
    """Evenly taken pixels of a shape with the log shading of every direction and fill."""

    def __init__(self, shape: Shape) -> None:
        rows, columns = np.nonzero(shape.region)
        step = max(1, math.ceil(len(rows) / _SAMPLES))
        self._at = (rows[::step], columns[::step])
        self.normals = shape.normals[self._at]
        facing = np.maximum(self.normals @ _TRIED.T, 0)
        self.logs = [np.log(facing + np.float32(fill)) for fill in _FILLS]

    def log_of(self, luminance: Map) -> NDArray[np.float32]:
        """Log brightness of the samples, exposure taken out, deep shadows levelled."""
        values = luminance[self._at]
        return np.log(np.maximum(values / max(float(np.percentile(values, 95)), 1e-4), _DARKEST))

    def values_of(self, luminance: Map) -> NDArray[np.float32]:
        return luminance[self._at]

    def explained(self, values: NDArray[np.float32]) -> NDArray[np.float32]:
        """(fills, d) correlation of every candidate with the samples' values."""
        centred = values - values.mean()
        rows: list[NDArray[np.float32]] = []
        for logs in self.logs:
            spread = logs - logs.mean(axis=0)
            power = np.sqrt(np.einsum("nd,nd->d", spread, spread)) * np.linalg.norm(centred)
            rows.append((centred @ spread) / (power + np.float32(1e-5)))
        return np.array(rows)


def light_of(luminance: Map, shapes: list[Shape]) -> Light:
    """The light in one small (h, w) linear luminance picture.

    Only the first shape counts: a frame taken as one dome would find a front light wherever a
    bright subject stands before a dark background.
    """
    return _light(_Samples(shapes[0]), luminance, shapes[0])


def change_of(before: Map, after: Map, shapes: list[Shape]) -> Change:
    """The light before and after, from two aligned small (h, w) luminance pictures."""
    changes = [_change(_Samples(shape), before, after, shape) for shape in shapes]
    return max(changes, key=lambda change: change.explained)


def _light(samples: _Samples, luminance: Map, shape: Shape) -> Light:
    logs = samples.log_of(luminance)
    scores = samples.explained(logs)
    return _chosen(samples, scores, logs, samples.values_of(luminance), shape)


def _change(samples: _Samples, before: Map, after: Map, shape: Shape) -> Change:
    first = _light(samples, before, shape)
    start, end = samples.log_of(before), samples.log_of(after)
    ratio = end - start
    scores = _paired(samples, ratio, first, end)
    explained = float(scores.max()) * (0.5 + 0.5 * shape.confidence)
    second = _chosen(samples, scores, end, samples.values_of(after), shape)
    slope = _slope(samples.normals, ratio)
    scores = _paired(samples, -ratio, second, start)
    if abs(slope) > _CLEAR_SLOPE:
        # Of all that is measured the way the ratio leans is the surest: paint cancels in it.
        scores[:, (second.direction[0] - _TRIED[:, 0]) * slope < 0] -= 2
    first = _chosen(samples, scores, start, samples.values_of(before), shape)
    return Change(first, second, explained)


def _paired(
    samples: _Samples, ratio: NDArray[np.float32], other: Light, logs: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Scores of every candidate for the picture with `logs`, `ratio` above one lit by `other`.

    The shading of the other picture is added back as far as it is known, so that the ratio speaks
    of this picture's light and not of the difference of the two.
    """
    known = _log_shading(samples.normals, other.direction) * np.float32(other.confidence)
    alone = samples.explained(logs)
    spread = float(ratio.std())
    share = spread / (spread + 0.1)
    paired = samples.explained((ratio + known).astype(np.float32))
    mixed = share * (paired + 0.5 * alone) / 1.5 + (1 - share) * alone
    return mixed.astype(np.float32)


def _slope(normals: NDArray[np.float32], ratio: NDArray[np.float32]) -> float:
    """Change of log brightness per unit of the normal's x: above 0 the light moved right."""
    design = np.column_stack([np.ones(len(ratio)), normals]).astype(np.float64)
    return float(np.linalg.lstsq(design, ratio.astype(np.float64))[0][1])


def _log_shading(
    normals: NDArray[np.float32], direction: NDArray[np.float32], fill: float = 0.1
) -> NDArray[np.float32]:
    return np.log(np.maximum(normals @ direction, 0) + np.float32(fill))


def _chosen(
    samples: _Samples,
    scores: NDArray[np.float32],
    logs: NDArray[np.float32],
    values: NDArray[np.float32],
    shape: Shape,
) -> Light:
    _, best = np.unravel_index(int(scores.argmax()), scores.shape)
    direction = _TRIED[best]
    contrast = float(logs.std())
    fits = min(max((float(scores.max()) - 0.35) / 0.4, 0.0), 1.0)
    confidence = fits * shape.confidence * contrast / (contrast + 0.1)
    return Light(direction, round(confidence, 2), _key_to_fill(samples, direction, values))


def _key_to_fill(
    samples: _Samples, direction: NDArray[np.float32], values: NDArray[np.float32]
) -> float:
    """Stops between the fully lit side and the fill alone, from a line through the samples."""
    facing = np.maximum(samples.normals @ direction, 0)
    spread = float(facing.var())
    if spread < 1e-6:
        return 0.0
    slope = float(((facing - facing.mean()) * values).mean()) / spread
    fill = float(values.mean()) - slope * float(facing.mean())
    if slope <= 0:
        return 0.0
    return round(min(math.log2((slope + max(fill, 0.0)) / max(fill, slope / 63)), 6.0), 1)
