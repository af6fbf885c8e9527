"""How far the blocks of two edge fields lie apart, by phase-free correlation of each pair."""

from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np
from numpy.fft import fft2, ifft2
from numpy.typing import NDArray

from .edges import EdgeField

_REACH_PX = 8


@dataclass(frozen=True, slots=True)
class Shifts:
    """`px` (n, 2) shift of every block as (x, y); `weights` (n,), 0 where nothing matched;
    `centers` (n, 2) in px."""

    px: NDArray[np.float64]
    weights: NDArray[np.float64]
    centers: NDArray[np.float64]


class Blocks:
    """A reference field cut into `count` x `count` overlapping blocks of `edge_px`, to lay other
    fields of its size on."""

    def __init__(self, reference: EdgeField, *, edge_px: int, count: int) -> None:
        height, width = reference.shape
        self._size = min(edge_px, height), min(edge_px, width)
        self._corners = [
            (top, left)
            for top in _starts(height - self._size[0], count)
            for left in _starts(width - self._size[1], count)
        ]
        rows, columns = self._size
        self.centers = np.array(
            [(left + columns / 2, top + rows / 2) for top, left in self._corners], np.float64
        )
        parts = self._cut(reference)
        self._power = _norms(parts)
        self._spectra = np.conj(self._transformed(parts))

    def shifts_of(self, moved: EdgeField) -> Shifts:
        """Where each block of the reference lies in `moved`."""
        parts = self._cut(moved)
        correlation = np.asarray(ifft2(self._spectra * self._transformed(parts)).real, np.float32)
        reach = min(_REACH_PX, min(self._size) // 4)
        near = _around(reach)
        windows = correlation[:, near[:, None], near]
        power = self._power * _norms(parts)
        rows = [_peak(window, float(one)) for window, one in zip(windows, power, strict=True)]
        table = np.array(rows, np.float64)
        return Shifts(table[:, :2], table[:, 2], self.centers)

    def _cut(self, field: EdgeField) -> EdgeField:
        rows, columns = self._size
        return np.stack([field[y : y + rows, x : x + columns] for y, x in self._corners])

    def _transformed(self, parts: EdgeField) -> EdgeField:
        size = [cv2.getOptimalDFTSize(edge) for edge in self._size]
        return np.asarray(fft2(parts, size), np.complex64)


def _starts(last: int, count: int) -> list[int]:
    """`count` places spread evenly over 0 … `last`."""
    return [int(last * index / (count - 1)) for index in range(count)]


@cache
def _around(reach: int) -> NDArray[np.intp]:
    """Indices of the shifts -reach … reach in a correlation, which starts at shift 0."""
    return np.arange(-reach, reach + 1)


def _norms(parts: EdgeField) -> NDArray[np.float64]:
    flat = parts.reshape(len(parts), -1)
    return np.sqrt(np.einsum("ij,ij->i", flat, flat.conj()).real).astype(np.float64)


def _peak(window: NDArray[np.float32], power: float) -> tuple[float, float, float]:
    """Subpixel shift (x, y) and weight of one block's correlation, which spans ± its reach."""
    reach = window.shape[0] // 2
    y, x = divmod(int(window.argmax()), window.shape[1])
    if power <= 0 or not (0 < x < 2 * reach and 0 < y < 2 * reach):
        return 0.0, 0.0, 0.0
    quality = max(0.0, float(window[y, x]) / power)
    dx = x - reach + _parabola(*window[y, x - 1 : x + 2].tolist())
    dy = y - reach + _parabola(*window[y - 1 : y + 2, x].tolist())
    return dx, dy, quality**2 * power


def _parabola(left: float, middle: float, right: float) -> float:
    """Offset of the vertex of the parabola through three neighbouring samples."""
    curvature = left - 2 * middle + right
    return 0.0 if curvature >= 0 else min(max(0.5 * (left - right) / curvature, -0.5), 0.5)
