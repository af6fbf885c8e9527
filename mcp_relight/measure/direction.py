"""Where the light came from and comes from: the two directions whose shading of a rough shape
explains two pictures of one thing.

Every pair of directions is tried, with several amounts of fill; the winner is the one whose log
shading correlates best with the log brightness, and whose ratio with the ratio of the pictures:
there the paint cancels. Correlation does not care for exposure.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mcp_relight.engine.grid import Map

from .light import TRIED, Light
from .shape import Shape

_FILLS = (0.03, 0.1, 0.3)
_SAMPLES = 800
_DARKEST = 0.02
_CLEAR_SLOPE = 0.1
_PAIR_FILL = 1
"""Of `_FILLS`: the one pairs of directions are compared with."""
_PAIR_FITS, _FIT_RANGE = 0.25, 0.4
"""The score of a pair that says nothing yet, and how much more is sure."""
_BEHIND_COSTS = 0.5
"""A light behind shows on the rim alone; without a cost it explains whatever hardly changed."""


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
        facing = np.maximum(self.normals @ TRIED.T, 0)
        self._logs = [_centered(np.log(facing + np.float32(fill))) for fill in _FILLS]
        self._sizes = [np.sqrt(np.einsum("nd,nd->d", logs, logs)) for logs in self._logs]

    def log_of(self, luminance: Map) -> NDArray[np.float32]:
        """Log brightness of the samples, exposure taken out, deep shadows levelled."""
        values = luminance[self._at]
        return np.log(np.maximum(values / max(float(np.percentile(values, 95)), 1e-4), _DARKEST))

    def pairs_explained(self, ratio: NDArray[np.float32]) -> NDArray[np.float32]:
        """(d, d) correlation of the log ratio with that of every pair, before x after."""
        logs, size = self._logs[_PAIR_FILL], self._sizes[_PAIR_FILL]
        seen = (ratio - ratio.mean()) @ logs
        power = size[:, None] ** 2 + size**2 - 2 * (logs.T @ logs)
        total = np.sqrt(np.maximum(power, 1e-3)) * np.linalg.norm(ratio - ratio.mean())
        return ((seen - seen[:, None]) / (total + np.float32(1e-5))).astype(np.float32)

    def explained(self, values: NDArray[np.float32]) -> NDArray[np.float32]:
        """(fills, d) correlation of every candidate with the samples' values."""
        centered = values - values.mean()
        size = np.linalg.norm(centered)
        rows = [
            (centered @ logs) / (own * size + np.float32(1e-5))
            for logs, own in zip(self._logs, self._sizes, strict=True)
        ]
        return np.array(rows)


def _centered(logs: NDArray[np.float32]) -> NDArray[np.float32]:
    """(n, d) with the mean of every column taken out."""
    return logs - logs.mean(axis=0)


def change_of(before: Map, after: Map, shapes: list[Shape]) -> Change:
    """The light before and after, from two aligned small (h, w) luminance pictures."""
    changes = [_change(_Samples(shape), before, after, shape) for shape in shapes]
    return max(changes, key=lambda change: change.explained)


def _change(samples: _Samples, before: Map, after: Map, shape: Shape) -> Change:
    start, end = samples.log_of(before), samples.log_of(after)
    scores = _pair_scores(samples, start, end)
    explained = float(scores.max()) * (0.5 + 0.5 * shape.confidence)
    first, second = (
        _chosen(best - _PAIR_FITS, logs, shape)
        for best, logs in ((scores.max(axis=1), start), (scores.max(axis=0), end))
    )
    return Change(first, second, explained)


def _pair_scores(
    samples: _Samples, start: NDArray[np.float32], end: NDArray[np.float32]
) -> NDArray[np.float32]:
    """(d, d), before x after: how well two directions explain two pictures and their ratio."""
    ratio = end - start
    spread = float(ratio.std())
    share = 0.5 * spread / (spread + 0.1)
    alone = [samples.explained(logs).max(axis=0) for logs in (start, end)]
    each = 0.5 * (alone[0][:, None] + alone[1])
    scores = share * samples.pairs_explained(ratio) + (1 - share) * each
    behind = _BEHIND_COSTS * np.minimum(TRIED[:, 2], 0)
    scores = scores + behind[:, None] + behind
    slope = _slope(samples.normals, ratio)
    if abs(slope) > _CLEAR_SLOPE:
        # Of all that is measured the way the ratio leans is the surest: paint cancels in it.
        moved = TRIED[:, 0] - TRIED[:, :1]
        scores[moved * slope < 0] -= 2
    return scores.astype(np.float32)


def _slope(normals: NDArray[np.float32], ratio: NDArray[np.float32]) -> float:
    """Change of log brightness per unit of the normal's x: above 0 the light moved right."""
    design = np.column_stack([np.ones(len(ratio)), normals]).astype(np.float64)
    return float(np.linalg.lstsq(design, ratio.astype(np.float64))[0][1])


def _chosen(fits_by: NDArray[np.float32], logs: NDArray[np.float32], shape: Shape) -> Light:
    contrast = float(logs.std())
    fits = min(max(float(fits_by.max()) / _FIT_RANGE, 0.0), 1.0)
    confidence = fits * shape.confidence * contrast / (contrast + 0.1)
    return Light(TRIED[int(fits_by.argmax())], round(confidence, 2))
