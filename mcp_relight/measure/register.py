"""Where the pixels of one picture lie in another that shows the same scene under other light.

Edges are compared, not brightness (see `edges`). A coarse search over scales and shifts at 128 px
is followed by block matching, from which an affine map is fitted robustly.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.fft import fft2, ifft2
from numpy.typing import NDArray

from .blocks import Blocks, Shifts
from .edges import EdgeField, agreement, edges

Affine = NDArray[np.float64]
"""(2, 3): unit-square position (x, y) in the reference to unit-square position in the other."""

IDENTITY: Affine = np.array([[1.0, 0, 0], [0, 1.0, 0]])
_COARSE_PX = 128
_FINE_PX = 384
_ZOOMS = (0.90, 0.94, 0.97, 1.0, 1.03, 1.07, 1.12)
_MAX_SHIFT = 0.15
_MIN_EDGE_PX = 16
_OTHER_LARGER = 1.25
"""The other picture keeps some more pixels, since it may be cropped."""
_GRID, _GRID_OVERLAP = 5, 4
_LEAST_BLOCKS = 6
_ROUNDS, _SETTLED_PX = 3, 0.05
_THINNED = 2
_UNSURE, _TELLING, _AS_WELL = 0.65, 0.3, 0.75
"""Agreement below which a map may have slid along what little there is to hold on to; the least by
which a picture still tells that nothing moved; and of what the map found reaches."""


@dataclass(frozen=True, slots=True)
class Alignment:
    """How the other picture lies on the reference.

    `affine` maps unit-square positions, so it holds at any size. `score` is the agreement of edge
    directions after alignment (1 = equal, about 0 = unrelated), `residual_px` the median distance
    at 384 px that blocks still disagree with the affine map by, `distortion` how far the map is
    from a plain resize or centred crop, as a log ratio.
    """

    affine: Affine
    score: float
    residual_px: float
    distortion: float = 0.0

    @property
    def scale(self) -> float:
        """Size of the other picture's content relative to filling its own frame (1 = as is)."""
        return float(np.sqrt(abs(np.linalg.det(self.affine[:, :2]))))

    @property
    def crop(self) -> float:
        """Share of the reference's frame that the other picture does not show."""
        return round(1 - float(coverage(self.affine, (64, 64)).mean()), 3)


@dataclass(frozen=True, slots=True)
class Registered:
    """An alignment, and the edges (h, w) of the reference and of the other picture laid on it."""

    alignment: Alignment
    reference_edges: EdgeField
    other_edges: EdgeField


def warp(picture: NDArray[np.uint8], affine: Affine, size: tuple[int, int]) -> NDArray[np.uint8]:
    """The other picture resampled onto a reference of `size` (width, height), edges repeated."""
    return cv2.warpAffine(
        picture,
        to_pixels(affine, size, (picture.shape[1], picture.shape[0])),
        size,
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REPLICATE,
    ).astype(np.uint8, copy=False)


def coverage(affine: Affine, size: tuple[int, int]) -> NDArray[np.float32]:
    """1 where the other picture shows the pixel of a reference of `size` (w, h), else 0."""
    x, y = np.meshgrid(*((np.arange(edge) + 0.5) / edge for edge in size))
    across = affine[0, 0] * x + affine[0, 1] * y + affine[0, 2]
    down = affine[1, 0] * x + affine[1, 1] * y + affine[1, 2]
    inside = (across >= 0) & (across <= 1) & (down >= 0) & (down <= 1)
    return inside.astype(np.float32)


def to_pixels(affine: Affine, size: tuple[int, int], other: tuple[int, int]) -> Affine:
    """The unit-square map as pixel centres of `size` to pixel centres of `other` (w, h)."""
    enter = np.array([[1 / size[0], 0, 0.5 / size[0]], [0, 1 / size[1], 0.5 / size[1]], [0, 0, 1]])
    leave = np.array([[other[0], 0, -0.5], [0, other[1], -0.5], [0, 0, 1.0]])
    return (leave @ np.vstack([affine, [0, 0, 1]]) @ enter)[:2]


def shrink(rgb: NDArray[np.uint8], long_edge_px: int) -> NDArray[np.uint8]:
    """The picture with its long edge at most `long_edge_px`, averaged; never enlarged."""
    height, width = rgb.shape[:2]
    factor = long_edge_px / max(height, width)
    if factor >= 1:
        return rgb
    size = (max(1, round(width * factor)), max(1, round(height * factor)))
    step = int(1 / factor) // _THINNED
    if step > 1:
        # Averaging every pixel of a large photo costs more than all that is measured on it: of
        # every square of `step` pixels this reads the four in its middle.
        thinned = (max(1, width // step), max(1, height // step))
        rgb = np.asarray(cv2.resize(rgb, thinned, interpolation=cv2.INTER_LINEAR), np.uint8)
    return np.asarray(cv2.resize(rgb, size, interpolation=cv2.INTER_AREA), np.uint8)


def align(reference: NDArray[np.uint8], other: NDArray[np.uint8]) -> Alignment:
    """Register `other` (H', W', 3) on `reference` (H, W, 3), both sRGB bytes of any size."""
    return register(reference, other).alignment


def register(reference: NDArray[np.uint8], other: NDArray[np.uint8]) -> Registered:
    """`align`, and the edges it compared."""
    fine = gray(shrink(reference, _FINE_PX))
    second = gray(shrink(other, round(max(fine.shape) * _OTHER_LARGER)))
    first_edges = edges(fine)
    if min(*reference.shape[:2], *other.shape[:2]) < _MIN_EDGE_PX:
        moved = edges(_warped(second, IDENTITY, fine.shape))
        return Registered(Alignment(IDENTITY, 0.0, 0.0), first_edges, moved)
    affine = _coarse(shrink(fine, _COARSE_PX), second, reference.shape, other.shape)
    blocks = Blocks(
        first_edges, edge_px=max(_MIN_EDGE_PX, max(fine.shape) // _GRID_OVERLAP), count=_GRID
    )
    residual = 0.0
    moved = edges(_warped(second, affine, fine.shape))
    for _ in range(_ROUNDS):
        step, residual = _correction(blocks.shifts_of(moved), fine.shape)
        affine = affine @ step
        if _farthest_px(step, fine.shape) < _SETTLED_PX:
            break
        moved = edges(_warped(second, affine, fine.shape))
    framings = _framings(reference.shape, other.shape)
    score = agreement(first_edges, moved)
    if score < _UNSURE:
        # On plain ground blocks follow the light; as in the search, the plainer map is the truth.
        for base in framings:
            unmoved = edges(_warped(second, base, fine.shape))
            agreed = agreement(first_edges, unmoved)
            if agreed > max(_TELLING, _AS_WELL * score):
                affine, moved, score = base, unmoved, agreed
    distortion = min(_distortion(affine, base) for base in framings)
    score = round(score, 4)
    return Registered(Alignment(affine, score, residual, distortion), first_edges, moved)


def gray(rgb: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """(H, W) of (H, W, 3)."""
    return cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY).astype(np.uint8, copy=False)


def _warped(
    picture: NDArray[np.uint8], affine: Affine, shape: tuple[int, ...]
) -> NDArray[np.uint8]:
    return warp(picture, affine, (shape[1], shape[0]))


def _coarse(
    first: NDArray[np.uint8],
    second: NDArray[np.uint8],
    reference_shape: tuple[int, ...],
    other_shape: tuple[int, ...],
) -> Affine:
    """The best of a small set of scalings, each with its best shift."""
    one = np.asarray(fft2(edges(first)), np.complex64)
    best, found = -np.inf, IDENTITY
    for base in _framings(reference_shape, other_shape):
        for zoom in _ZOOMS:
            affine = _zoomed(base, zoom)
            moved = edges(_warped(second, affine, first.shape))
            dx, dy, peak = _shift(one, moved)
            # Of two scalings that fit equally well the plainer one is the truth.
            peak *= 1 - 0.3 * abs(zoom - 1)
            if peak > best:
                best = peak
                height, width = first.shape
                found = affine @ np.array([[1, 0, dx / width], [0, 1, dy / height], [0, 0, 1]])
    return found


def _framings(reference_shape: tuple[int, ...], other_shape: tuple[int, ...]) -> list[Affine]:
    """Whole frame stretched; and, when the shapes differ, cropped or padded about the centre."""
    aspect = reference_shape[1] / reference_shape[0]
    other_aspect = other_shape[1] / other_shape[0]
    if abs(np.log(aspect / other_aspect)) < 0.02:
        return [IDENTITY]
    ratio = aspect / other_aspect
    cropped = (max(ratio, 1.0), max(1 / ratio, 1.0))
    padded = (min(ratio, 1.0), min(1 / ratio, 1.0))
    return [IDENTITY, *(_centered(x, y) for x, y in (cropped, padded))]


def _centered(scale_x: float, scale_y: float) -> Affine:
    return np.array([[scale_x, 0, (1 - scale_x) / 2], [0, scale_y, (1 - scale_y) / 2]])


def _zoomed(base: Affine, zoom: float) -> Affine:
    return base @ np.vstack([_centered(zoom, zoom), [0, 0, 1]])


def _distortion(affine: Affine, base: Affine) -> float:
    """Stretch of `affine` beyond `base`, as the larger log ratio of its two axes."""
    beyond = affine[:, :2] @ np.linalg.inv(base[:, :2])
    return float(np.abs(np.log(np.linalg.svd(beyond, compute_uv=False))).max())


def _shift(one: NDArray[np.complex64], moved: NDArray[np.complex64]) -> tuple[float, float, float]:
    """Shift (x, y in px) that lays `moved` on the picture with spectrum `one`, and its peak."""
    correlation = ifft2(np.conj(one) * fft2(moved)).real
    height, width = correlation.shape
    reach_y, reach_x = (max(1, int(_MAX_SHIFT * edge)) for edge in (height, width))
    window = np.roll(correlation, (reach_y, reach_x), (0, 1))[: 2 * reach_y + 1, : 2 * reach_x + 1]
    dy, dx = np.unravel_index(int(window.argmax()), window.shape)
    power = float(np.linalg.norm(moved)) or 1.0
    return float(dx) - reach_x, float(dy) - reach_y, float(window[dy, dx]) / power


def _correction(shifts: Shifts, shape: tuple[int, ...]) -> tuple[Affine, float]:
    """The (3, 3) unit-square map that explains the block shifts, and what it leaves over in px."""
    step, used = np.eye(3), shifts.weights > 0
    if used.sum() < _LEAST_BLOCKS:
        return step, 0.0
    size = np.array([shape[1], shape[0]], np.float64)
    design = np.column_stack([shifts.centers[used] / size, np.ones(int(used.sum()))])
    target, weight = shifts.px[used] / size, shifts.weights[used]
    # The small ridge on the linear terms keeps few or badly spread blocks from bending it.
    ridge = np.diag([1.0, 1.0, 0.0]) * 0.004
    error: NDArray[np.float64] = np.zeros(len(weight))
    robust = weight
    for _ in range(6):
        normal = design.T * robust @ design + ridge * robust.sum()
        fit = np.asarray(np.linalg.solve(normal, design.T * robust @ target), np.float64)
        error = np.linalg.norm((target - design @ fit) * size, axis=1)
        robust = weight / (1 + (error / max(0.3, float(np.median(error)))) ** 2) ** 2
        step[:2] = np.eye(3)[:2] + fit.T
    return step, round(float(np.average(error, weights=weight)), 3)


def _farthest_px(step: Affine, shape: tuple[int, ...]) -> float:
    """How far a map moves the corner it moves most."""
    corners = np.array([[0, 0, 1], [1, 0, 1], [0, 1, 1], [1, 1, 1]], np.float64)
    moved = (corners @ (step - np.eye(3)).T)[:, :2] * (shape[1], shape[0])
    return float(np.abs(moved).max())
