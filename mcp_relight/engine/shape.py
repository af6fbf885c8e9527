"""The shape of what is in the photo: from a normal map, a depth map, or the outline."""

from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from . import inflate
from .grid import Bits, Map, Pixels, blur, resize, slopes, unit
from .mask import Subject
from .trimmed import framed

NormalConvention = Literal["opengl", "directx"]
DepthConvention = Literal["near_is_bright", "near_is_dark"]

_DEPTH_RELIEF = 0.45
"""Depth maps carry no scale: their whole range becomes this share of the long side."""

_STEEPEST = 3.0
_INFLATED_HEIGHT = 0.85


@dataclass(frozen=True, slots=True)
class Shape:
    """Unit normals (H, W, 3) and height in pixels (H, W) on the working grid."""

    normals: Map
    height: Map


def from_normal_map(pixels: Pixels, convention: NormalConvention, size: tuple[int, int]) -> Shape:
    """An 8-bit RGB normal map. OpenGL's green is up, DirectX's is down."""
    normals = pixels.astype(np.float32) / 127.5 - 1
    if convention == "directx":
        normals = normals * np.array([1, -1, 1], np.float32)
    return from_normals(normals, size)


def from_normals(normals: Map, size: tuple[int, int]) -> Shape:
    """Normals (h, w, 3) with x right, y up, z to the viewer."""
    normals = resize(normals, size)
    normals[..., 2] = np.maximum(normals[..., 2], 0.02)
    return with_height(unit(normals))


def with_height(normals: Map) -> Shape:
    """Unit normals with the height that agrees with them."""
    return Shape(normals, _integrate(normals))


def from_depth_map(
    depth: NDArray[np.uint8] | NDArray[np.uint16] | Map,
    convention: DepthConvention,
    size: tuple[int, int],
) -> Shape:
    """A depth map of any scale."""
    relative = resize(depth.astype(np.float32), size)
    lowest, span = float(relative.min()), float(np.ptp(relative))
    relative = (relative - lowest) / max(span, 1e-6)
    if convention == "near_is_dark":
        relative = 1 - relative
    # 8-bit depth comes in terraces; the bilateral filter melts them and keeps the outlines.
    calm = np.asarray(cv2.bilateralFilter(relative, 9, 0.05, 4), np.float32)
    height = calm * np.float32(_DEPTH_RELIEF * max(size))
    return Shape(_without_cliffs(blur(height, 1.5)), height)


def _without_cliffs(height: Map) -> Map:
    """Normals that fade to facing where depth jumps, else every outline lights up like a wire."""
    across, up = slopes(height)
    steepness = np.sqrt(across * across + up * up)
    keep = 1 / (1 + (steepness / _STEEPEST) ** 4)
    return unit(np.dstack([-across * keep, -up * keep, np.ones_like(height)]))


def _integrate(normals: Map) -> Map:
    height = _of_slopes(*_slopes(normals))
    return height - height.min()


def height_between(normals: Map, others: Map) -> Map:
    """What to add to the height of the first normals to get that of the others, in pixels; about 0
    where most of both agree."""
    (across, down), (other_across, other_down) = _slopes(normals), _slopes(others)
    height = _of_slopes(other_across - across, other_down - down)
    return height - np.median(height)


def _slopes(normals: Map) -> tuple[Map, Map]:
    """(d/dx, d/dy), y down."""
    depth = np.maximum(normals[..., 2], np.float32(0.15))
    across, down = -normals[..., 0] / depth, normals[..., 1] / depth
    return across.astype(np.float32), down.astype(np.float32)


def _of_slopes(across: Map, down: Map) -> Map:
    """Height by least squares (Frankot & Chellappa 1988, cosine basis)."""
    rows, columns = across.shape
    divergence = np.zeros((rows, columns), np.float64)
    step_x, step_y = (across[:, 1:] + across[:, :-1]) / 2, (down[1:] + down[:-1]) / 2
    divergence[:, :-1] += step_x
    divergence[:, 1:] -= step_x
    divergence[:-1] += step_y
    divergence[1:] -= step_y
    wave_y = 2 * np.cos(np.pi * np.arange(rows, dtype=np.float64) / rows) - 2
    wave_x = 2 * np.cos(np.pi * np.arange(columns, dtype=np.float64) / columns) - 2
    scale = wave_y[:, None] + wave_x[None]
    scale[0, 0] = 1.0
    down_basis, across_basis = _cosines(rows), _cosines(columns)
    spectrum = down_basis @ divergence @ across_basis.T / scale
    spectrum[0, 0] = 0.0
    return (down_basis.T @ spectrum @ across_basis).astype(np.float32)


def _cosines(count: int) -> NDArray[np.float64]:
    """The orthonormal cosine basis (DCT-II), a wave per row."""
    waves, places = np.arange(count)[:, None], np.arange(count) + 0.5
    basis = np.sqrt(2 / count) * np.cos(np.pi / count * waves * places)
    basis[0] = np.sqrt(1 / count)
    return basis


def from_outline(rgb: Pixels, subject: Subject) -> Shape:
    """A rounded guess: the subject inflated, or without one a frame that bulges as a whole."""
    solid = subject.solid
    if not solid.any():
        return _bulging_frame(rgb)
    if subject.source == "alpha":
        wide, frame = framed(subject.alpha)
        normals, height = (part[frame] for part in inflate.silhouette(wide > 0.5))
    else:
        normals, height = inflate.silhouette(solid)
    return Shape(normals, height * np.float32(_INFLATED_HEIGHT))


def _bulging_frame(rgb: Pixels) -> Shape:
    """Half a dome over the frame, half a relief between colour edges.

    The relief alone leans every way at once: light from the left would show on each edge and
    nowhere else. The dome gives the picture a left and a right.
    """
    relief, height = inflate.soft_edges(rgb)
    dome, _ = inflate.silhouette(np.ones(rgb.shape[:2], np.bool_))
    return Shape(unit(relief + dome), height)


def looks_flipped(normals: Map, region: Bits) -> bool:
    """Whether the upper parts of convex things point down: the other convention, most likely."""
    rows = np.flatnonzero(region.any(axis=1))
    if len(rows) < 8:
        return False
    row, _ = np.nonzero(region)
    up = normals[..., 1][region]
    if up.std() < 0.05:
        return False
    return float(np.corrcoef(-row, up)[0, 1]) < -0.4
