"""Where the pixels of one picture lie in another that shows the same scene under other light.

Brightness cannot be compared across a change of light, so edges are: the doubled angle of the
gradient, which stays when light comes from the other side and an edge flips from dark-bright to
bright-dark. A coarse search over scales and shifts at 128 px is followed by block matching, from
which an affine map is fitted robustly.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.fft import fft2, ifft2

from mcp_relight.engine.grid import blur

Affine = NDArray[np.float64]
"""(2, 3): unit-square position (x, y) in the reference to unit-square position in the other."""

IDENTITY: Affine = np.array([[1.0, 0, 0], [0, 1.0, 0]])
_COARSE_PX = 128
_FINE_PX = 384
_ZOOMS = (0.90, 0.94, 0.97, 1.0, 1.03, 1.07, 1.12)
_MAX_SHIFT = 0.15
_MIN_EDGE_PX = 16
_GRID = 5
_AVERAGED = 4


@dataclass(frozen=True, slots=True)
class Alignment:
    """How the other picture lies on the reference.

    `affine` maps unit-square positions, so it holds at any size. `score` is the agreement of edge
    directions after alignment (1 = equal, about 0 = unrelated), `residual_px` the median distance
    at 384 px that blocks still disagree with the affine map by, `bend` how far the map is from a
    plain resize or centred crop, as a log ratio.
    """

    affine: Affine
    score: float
    residual_px: float
    bend: float = 0.0

    @property
    def scale(self) -> float:
        """Size of the other picture's content relative to filling its own frame (1 = as is)."""
        return float(np.sqrt(abs(np.linalg.det(self.affine[:, :2]))))

    @property
    def crop(self) -> float:
        """Share of the reference's frame that the other picture does not show."""
        return round(1 - float(coverage(self.affine, (64, 64)).mean()), 3)


def edges(grey: NDArray[np.uint8]) -> NDArray[np.complex64]:
    """Doubled-angle edge field of an (H, W) grey picture; magnitude 0…1, locally normalised."""
    smooth = blur(np.sqrt(grey.astype(np.float32) + 2), 1.0)
    gx = np.asarray(cv2.Scharr(smooth, cv2.CV_32F, 1, 0), np.float32)
    gy = np.asarray(cv2.Scharr(smooth, cv2.CV_32F, 0, 1), np.float32)
    size = np.hypot(gx, gy)
    around = blur(size, max(4.0, max(grey.shape) / 20))
    weight = size / (size + around + 2.0)
    unit = (gx + 1j * gy) / np.maximum(size, 1e-6)
    return (unit * unit * weight).astype(np.complex64)


def agreement(one: NDArray[np.complex64], other: NDArray[np.complex64]) -> float:
    """Normalised correlation of two edge fields: 1 equal, 0 unrelated, negative crossing."""
    power = float(np.vdot(one, one).real * np.vdot(other, other).real)
    return float(np.vdot(one, other).real) / power**0.5 if power > 0 else 0.0


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
    step = int(1 / factor) // _AVERAGED
    if step > 1:
        # Averaging every pixel of a large photo costs more than all that is measured on it.
        thinned = (max(1, width // step), max(1, height // step))
        rgb = np.asarray(cv2.resize(rgb, thinned, interpolation=cv2.INTER_NEAREST), np.uint8)
    return np.asarray(cv2.resize(rgb, size, interpolation=cv2.INTER_AREA), np.uint8)


def align(reference: NDArray[np.uint8], other: NDArray[np.uint8]) -> Alignment:
    """Register `other` (H', W', 3) on `reference` (H, W, 3), both sRGB bytes of any size."""
    if min(*reference.shape[:2], *other.shape[:2]) < _MIN_EDGE_PX:
        return Alignment(IDENTITY, 0.0, 0.0)
    fine = _grey(shrink(reference, _FINE_PX))
    second = _grey(shrink(other, round(max(fine.shape) * 1.25)))
    affine = _coarse(shrink(fine, _COARSE_PX), second, reference.shape, other.shape)
    first_edges = edges(fine)
    residual = 0.0
    for _ in range(3):
        moved = edges(_warp_grey(second, affine, fine.shape))
        shifts, weights, centres = _block_shifts(first_edges, moved)
        affine, residual = _corrected(affine, shifts, weights, centres, fine.shape)
    moved = edges(_warp_grey(second, affine, fine.shape))
    bend = min(_bend(affine, base) for base in _framings(reference.shape, other.shape))
    return Alignment(affine, round(agreement(first_edges, moved), 4), residual, bend)


def _grey(rgb: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY).astype(np.uint8, copy=False)


def _warp_grey(
    grey: NDArray[np.uint8], affine: Affine, shape: tuple[int, ...]
) -> NDArray[np.uint8]:
    return warp(grey, affine, (shape[1], shape[0]))


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
            moved = edges(_warp_grey(second, affine, first.shape))
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
    return [IDENTITY, *(_centred(x, y) for x, y in (cropped, padded))]


def _centred(scale_x: float, scale_y: float) -> Affine:
    return np.array([[scale_x, 0, (1 - scale_x) / 2], [0, scale_y, (1 - scale_y) / 2]])


def _zoomed(base: Affine, zoom: float) -> Affine:
    return base @ np.vstack([_centred(zoom, zoom), [0, 0, 1]])


def _bend(affine: Affine, base: Affine) -> float:
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


def _block_shifts(
    one: NDArray[np.complex64], moved: NDArray[np.complex64]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Shift of every overlapping block: (n, 2) px, (n,) weights, (n, 2) centres in px."""
    height, width = one.shape
    edge = max(_MIN_EDGE_PX, max(height, width) // 4)
    rows: list[tuple[float, ...]] = []
    for y in np.linspace(0, max(0, height - edge), _GRID).astype(int):
        for x in np.linspace(0, max(0, width - edge), _GRID).astype(int):
            a, b = one[y : y + edge, x : x + edge], moved[y : y + edge, x : x + edge]
            dx, dy, weight = _block_shift(a, b)
            rows.append((dx, dy, weight, x + a.shape[1] / 2, y + a.shape[0] / 2))
    table = np.array(rows)
    return table[:, :2], table[:, 2], table[:, 3:]


def _block_shift(
    one: NDArray[np.complex64], moved: NDArray[np.complex64]
) -> tuple[float, float, float]:
    """Subpixel shift of one block and a weight that is 0 where nothing could be matched."""
    correlation = ifft2(np.conj(fft2(one)) * fft2(moved)).real
    reach = min(8, min(one.shape) // 4)
    window = np.roll(correlation, (reach, reach), (0, 1))[: 2 * reach + 1, : 2 * reach + 1]
    y, x = (int(i) for i in np.unravel_index(int(window.argmax()), window.shape))
    power = float(np.linalg.norm(one) * np.linalg.norm(moved))
    inside = 0 < x < 2 * reach and 0 < y < 2 * reach
    if not inside or power <= 0:
        return 0.0, 0.0, 0.0
    quality = max(0.0, float(window[y, x]) / power)
    dx = x - reach + _parabola(*window[y, x - 1 : x + 2])
    dy = y - reach + _parabola(*window[y - 1 : y + 2, x])
    return dx, dy, quality**2 * power


def _parabola(left: float, middle: float, right: float) -> float:
    """Offset of the vertex of the parabola through three neighbouring samples."""
    bend = left - 2 * middle + right
    return 0.0 if bend >= 0 else float(np.clip(0.5 * (left - right) / bend, -0.5, 0.5))


def _corrected(
    affine: Affine,
    shifts: NDArray[np.float64],
    weights: NDArray[np.float64],
    centres: NDArray[np.float64],
    shape: tuple[int, ...],
) -> tuple[Affine, float]:
    """`affine` after the map that explains the block shifts, and what it leaves over in px."""
    used = weights > 0
    if used.sum() < 6:
        return affine, 0.0
    size = np.array([shape[1], shape[0]], np.float64)
    design = np.column_stack([centres[used] / size, np.ones(int(used.sum()))])
    target, weight = shifts[used] / size, weights[used]
    # The small ridge on the linear terms keeps few or badly spread blocks from bending it.
    ridge = np.diag([1.0, 1.0, 0.0]) * 0.004
    fit: NDArray[np.float64] = np.zeros((3, 2))
    error: NDArray[np.float64] = np.zeros(len(weight))
    robust = weight
    for _ in range(6):
        normal = design.T * robust @ design + ridge * robust.sum()
        fit = np.asarray(np.linalg.solve(normal, design.T * robust @ target), np.float64)
        error = np.linalg.norm((target - design @ fit) * size, axis=1)
        robust = weight / (1 + (error / max(0.3, float(np.median(error)))) ** 2) ** 2
    step = np.eye(3)
    step[:2] += np.transpose(fit)
    return affine @ step, round(float(np.average(error, weights=weight)), 3)
