"""What an affine map leaves over: the small, smooth warp of a model that redraws what it relights.

A coarse grid of block shifts between two edge fields, freed of outliers, strongly smoothed and
bounded. It is used only where the edges agree clearly better with it.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from mcp_relight.engine.grid import Map

from .blocks import Blocks, Shifts
from .edges import EdgeField, agreement, edges

_BLOCKS = 11
_BLOCK_SHARE = 0.14
_MOST = 0.02
"""Of the long side."""
_SMOOTHED_BLOCKS = 1.1
_STEADY = 0.15
"""Weight of standing still, in usual blocks: where nothing matches nothing moves."""
_LEAST_GAIN = 0.025
"""In agreement of the edges. Measured: what a change of light alone pretends gains up to 0.022."""
_ROUNDS = 2


@dataclass(frozen=True, slots=True)
class ResidualWarp:
    """`shift` (n, n, 2): how far from its place a part of the reference lies in the other picture,
    x and y as shares of the frame, on an even grid whose outermost points lie `margin` (x, y), in
    shares of the frame, within it."""

    shift: Map
    margin: tuple[float, float]

    def straightened(self, picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """The picture (h, w, …), already on the reference's frame, with the warp taken out."""
        return cv2.remap(
            picture, *self._places(picture.shape), cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
        ).astype(np.uint8, copy=False)

    def _places(self, shape: tuple[int, ...]) -> tuple[Map, Map]:
        """Where every pixel of the reference lies, (h, w) px across and down."""
        size, last = (shape[1], shape[0]), self.shift.shape[0] - 1
        enter = np.zeros((2, 3))
        for axis, (edge, margin) in enumerate(zip(size, self.margin, strict=True)):
            step = last / (edge * (1 - 2 * margin))
            enter[axis, axis], enter[axis, 2] = step, (0.5 - edge * margin) * step
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        wide = cv2.warpAffine(self.shift, enter, size, flags=flags, borderMode=cv2.BORDER_REPLICATE)
        x = np.arange(size[0], dtype=np.float32) + size[0] * wide[..., 0]
        y = np.arange(size[1], dtype=np.float32)[:, None] + size[1] * wide[..., 1]
        return x.astype(np.float32), y.astype(np.float32)


def find_residual_warp(reference: EdgeField, moved: NDArray[np.uint8]) -> ResidualWarp | None:
    """The warp of the grey picture `moved` (h, w) against the edges of the reference on the same
    grid; None when there is none worth the risk."""
    height, width = reference.shape
    longest = max(height, width)
    blocks = Blocks(reference, edge_px=max(16, round(_BLOCK_SHARE * longest)), count=_BLOCKS)
    before = edges(moved)
    size = np.array([width, height], np.float32)
    left, top = blocks.centers[0] / size
    warp, seen = (
        ResidualWarp(np.zeros((_BLOCKS, _BLOCKS, 2), np.float32), (left, top)),
        before,
    )
    for _ in range(_ROUNDS):
        step = (_smooth(blocks.shifts_of(seen)) / size).astype(np.float32)
        warp = ResidualWarp(_bounded(warp.shift + step, longest / size), warp.margin)
        seen = edges(warp.straightened(moved))
    gained = agreement(reference, seen) - agreement(reference, before)
    return warp if gained > _LEAST_GAIN else None


def _smooth(shifts: Shifts) -> Map:
    """(n, n, 2) px: every block's shift, averaged with those around it that agree."""
    grid = shifts.px.reshape(_BLOCKS, _BLOCKS, 2).astype(np.float32)
    weight = shifts.weights.reshape(_BLOCKS, _BLOCKS).astype(np.float32)
    usual = max(float(weight.mean()), 1e-6)
    weight = np.minimum(weight / usual, 2)
    calm = _mean_around(grid, weight)
    away = np.hypot(*(grid - calm).transpose(2, 0, 1))
    return _mean_around(grid, weight / (1 + away**4))


def _mean_around(grid: Map, weight: Map) -> Map:
    total = _blurred(weight)[..., None] + np.float32(_STEADY)
    return (_blurred(grid * weight[..., None]) / total).astype(np.float32)


def _blurred(values: Map) -> Map:
    sigma = _SMOOTHED_BLOCKS
    blurred = cv2.GaussianBlur(values, (0, 0), sigma, borderType=cv2.BORDER_REPLICATE)
    return np.asarray(blurred, np.float32)


def _bounded(shift: Map, long_sides: NDArray[np.floating]) -> Map:
    """No longer than `_MOST` of the long side; `long_sides` is that in widths and heights."""
    length = np.hypot(*(shift / long_sides).transpose(2, 0, 1))
    return (shift * np.minimum(1, _MOST / np.maximum(length, 1e-9))[..., None]).astype(np.float32)
