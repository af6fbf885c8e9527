"""Rounded shapes from outlines: a silhouette, or soft colour edges, blown up like a balloon."""

import cv2
import numpy as np

from .grid import Bits, Map, Pixels, blur, resize, resize_pixels, slopes, unit
from .membrane import stretched

_SILHOUETTE_EDGE_PX = 160
_EDGES_EDGE_PX = 144
_PLAIN_SLOPE = 0.6
"""Change of lightness (0…255) over a thousandth of the long side; a clear sky has less."""
WHOLE_FRAME = 0.97
"""A silhouette that covers more of the frame than this has no contour to inflate."""
_SOLVABLE = 1e-6
"""Stiffness, next to none, for masks that touch the frame on every side."""


def silhouette(mask: Bits, *, edge_px: int = _SILHOUETTE_EDGE_PX) -> tuple[Map, Map]:
    """(normals, height_px) of the mask inflated: Δh = -4 inside, 0 on the contour, height √h.

    Solved on a grid of at most `edge_px`.
    Where the mask runs into the frame the surface goes on. A mask of the whole frame becomes a
    gentle dome, which is right for close crops of faces and round things.
    """
    scale = min(1.0, edge_px / max(mask.shape))
    rows, columns = (max(8, int(edge * scale)) for edge in mask.shape)
    small = resize(mask.astype(np.float32), (rows, columns)) > 0.5
    squared = _dome(rows, columns) if small.mean() > WHOLE_FRAME else _membrane(small)
    height = resize(np.sqrt(np.maximum(squared, 0)), (mask.shape[0], mask.shape[1])) / scale
    return _normals_of_square(height.astype(np.float32), mask), height.astype(np.float32)


def _dome(rows: int, columns: int) -> Map:
    x = (np.arange(columns, dtype=np.float32) - (columns - 1) / 2) / (columns / 2)
    y = (np.arange(rows, dtype=np.float32) - (rows - 1) / 2) / (rows / 2)
    radius = 0.75 * 0.5 * max(rows, columns)
    dome = radius**2 * np.clip(2.2 - x[None] ** 2 - y[:, None] ** 2, 0.05, None)
    return dome.astype(np.float32)


def _membrane(mask: Bits) -> Map:
    """h with Δh = -4 inside the mask, 0 outside it, and no slope across the picture frame."""
    return stretched(_SOLVABLE, 4.0, mask).astype(np.float32)


def _normals_of_square(height: Map, mask: Bits) -> Map:
    """Normals from ∇(z²): the slope of √h is infinite at the contour, that of h is not."""
    squared = blur(height * height, 1.0)
    across, up = slopes(squared)
    normals = unit(np.dstack([-across / 2, -up / 2, np.sqrt(np.maximum(squared, 1.0))]))
    normals[~mask] = (0, 0, 1)
    return normals


def soft_edges(rgb: Pixels) -> tuple[Map, Map]:
    """(normals, height_px) of a relief that rises between colour edges, and lies flat where the
    picture is plain.

    Solves (λ + μ·edge)·h - Δh = 1 at two scales; needs no segmentation.
    """
    rows, columns = rgb.shape[:2]
    scale = min(1.0, _EDGES_EDGE_PX / max(rows, columns))
    size = (max(12, int(rows * scale)), max(12, int(columns * scale)))
    small = resize_pixels(rgb, size)
    normals, height = np.zeros((*size, 3), np.float32), np.zeros(size, np.float32)
    for sigma in (0.010, 0.03):
        walls = _edge_strength(small, max(0.8, sigma * max(size)))
        layer = blur(_relief(walls), 1.0)
        across, up = slopes(layer)
        z = np.sqrt(2 * np.maximum(layer, 1e-3))
        normals += unit(np.dstack([-across, -up, z]))
        height += z / 2
    # A clear sky rises nowhere: it would darken beside everything that stands before it.
    detail = _detail(small)
    normals = unit(normals)
    normals[..., :2] *= detail[..., None]
    height *= detail
    return unit(resize(normals, (rows, columns))), resize(height, (rows, columns)) / scale


def _detail(rgb: Pixels) -> Map:
    """(h, w): 0 where the picture is plain, 1 where there is something to see."""
    long_px = max(rgb.shape[:2])
    lightness = cv2.cvtColor(rgb, cv2.COLOR_RGB2LAB)[..., 0].astype(np.float32)
    across, up = slopes(blur(lightness, 0.004 * long_px))
    slope = np.sqrt(across * across + up * up) * np.float32(long_px / 1000)
    return 1 - np.exp(-((blur(slope, 0.008 * long_px) / np.float32(_PLAIN_SLOPE)) ** 2))


def _edge_strength(rgb: Pixels, sigma_px: float) -> Map:
    """Colour-edge strength, 0 to about 2.8; chroma counts double, since shading has little."""
    calm = cv2.pyrMeanShiftFiltering(rgb, 6, 14, maxLevel=1)
    lab = np.asarray(cv2.cvtColor(calm, cv2.COLOR_RGB2LAB), np.float32)
    lab = blur(lab * np.array([0.7, 1.3, 1.3], np.float32), sigma_px)
    across, up = slopes(lab)
    edge = np.sqrt((across * across + up * up).sum(axis=2)) * sigma_px
    strong = np.percentile(edge, 92) + 0.4
    return (np.clip((edge / strong) ** 2, 0, 2) ** 1.5).astype(np.float32)


def _relief(walls: Map) -> Map:
    widest = (np.pi / (0.55 * max(walls.shape))) ** 2
    stiffness = widest + 0.25 * walls.astype(np.float64)
    return stretched(stiffness, 1.0, np.ones(walls.shape, np.bool_)).astype(np.float32)
