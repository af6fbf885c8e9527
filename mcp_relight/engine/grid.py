"""Float maps on the working grid.

The engine thinks on a copy of the photo whose long side is at most `WORK_EDGE_PX`. A `Map` is
(H, W) or (H, W, C) float32; x runs to the right, y up, so row 0 has the largest y.
"""

from collections.abc import Callable, Generator, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, TypeAlias, TypeVar, cast

import cv2
import numpy as np
from numpy.typing import NDArray

Map: TypeAlias = NDArray[np.float32]
Real: TypeAlias = NDArray[np.floating[Any]]
"""What a step may hand over; every step returns float32."""
Bits: TypeAlias = NDArray[np.bool_]
Pixels: TypeAlias = NDArray[np.uint8]

WORK_EDGE_PX = 448
MIN_EDGE_PX = 8
"""Smaller pictures are enlarged to this on the working grid, so that filters have room."""

_AT_ONCE = 2

_Item = TypeVar("_Item")
_Done = TypeVar("_Done")


def on_threads(work: Callable[[_Item], _Done], items: Iterable[_Item]) -> list[_Done]:
    """What `work` makes of every item, in their order; NumPy and OpenCV leave room for another
    thread. What is raised in one is raised here."""
    with ThreadPoolExecutor(_AT_ONCE) as threads:
        return list(threads.map(work, items))


@contextmanager
def beside(work: Callable[[], _Done]) -> Generator[Callable[[], _Done]]:
    """`work` on another thread while this one goes on; what is given waits for what came of it, and
    raises what was raised."""
    with ThreadPoolExecutor(1) as threads:
        yield threads.submit(work).result


def working_size(height_px: int, width_px: int) -> tuple[int, int]:
    """(rows, columns) of the working grid for a photo of this size."""
    scale = min(1.0, WORK_EDGE_PX / max(height_px, width_px))
    return max(MIN_EDGE_PX, round(height_px * scale)), max(MIN_EDGE_PX, round(width_px * scale))


def resize(values: Real, size: tuple[int, int]) -> Map:
    """Bring a map to `size` (rows, columns): area average when shrinking, linear otherwise."""
    rows, columns = size
    if values.shape[:2] == size:
        return values.astype(np.float32)
    shrinking = rows * columns < values.shape[0] * values.shape[1]
    method = cv2.INTER_AREA if shrinking else cv2.INTER_LINEAR
    return np.asarray(
        cv2.resize(values.astype(np.float32), (columns, rows), interpolation=method), np.float32
    )


def resize_pixels(pixels: Pixels, size: tuple[int, int]) -> Pixels:
    """Bring 8-bit pixels to `size` (rows, columns) by area average."""
    rows, columns = size
    if pixels.shape[:2] == size:
        return pixels
    resized = cv2.resize(pixels, (columns, rows), interpolation=cv2.INTER_AREA)
    return np.asarray(resized, np.uint8)


def blur(values: Map, sigma_px: float) -> Map:
    """Gaussian blur; below a third of a pixel it changes nothing."""
    if sigma_px <= 0.3:
        return values
    return np.asarray(cv2.GaussianBlur(values, (0, 0), sigma_px), np.float32)


def wide_blur(values: Map, sigma_px: float) -> Map:
    """Gaussian blur of many pixels, worked out on a smaller copy: a tenth of the time."""
    step = int(sigma_px / 3)
    if step < 2:
        return blur(values, sigma_px)
    rows, columns = values.shape[:2]
    small = resize(values, (max(2, rows // step), max(2, columns // step)))
    return resize(blur(small, sigma_px / step), (rows, columns))


def box_mean(values: Real, radius_px: int) -> Map:
    """Mean over a square of (2 radius + 1)²."""
    side = 2 * radius_px + 1
    return np.asarray(
        cv2.blur(values.astype(np.float32), (side, side), borderType=cv2.BORDER_REFLECT), np.float32
    )


def disk(radius_px: int) -> NDArray[np.uint8]:
    """What a morphological operation looks at: all that is so near."""
    return np.asarray(
        cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius_px + 1,) * 2), np.uint8
    )


def filled(bits: Bits) -> Bits:
    """Without holes: what is off and has no way to the frame, by sides, is on."""
    outside = np.pad(~bits, 1, constant_values=True).astype(np.uint8)
    _, parts = cv2.connectedComponents(outside, connectivity=4)
    labels = np.asarray(parts)
    return labels[1:-1, 1:-1] != labels[0, 0]


def slopes(height: Map) -> tuple[Map, Map]:
    """(d/dx, d/dy) with y up, in height per pixel."""
    across = cv2.Sobel(height, cv2.CV_32F, 1, 0, scale=1 / 8)
    down = cv2.Sobel(height, cv2.CV_32F, 0, 1, scale=1 / 8)
    return np.asarray(across, np.float32), -np.asarray(down, np.float32)


def unit(vectors: Real) -> Map:
    """Scale (H, W, C) vectors to length 1; a zero vector stays zero."""
    length = np.sqrt(np.einsum("ijk,ijk->ij", vectors, vectors))
    return (vectors / np.maximum(length, 1e-9)[..., None]).astype(np.float32)


def dot(vectors: Map, others: Map) -> Map:
    """(H, W): the scalar product of (H, W, C) with (H, W, C) or (C,) at each pixel."""
    if others.ndim == 1:
        return vectors @ others
    return np.einsum("hwc,hwc->hw", vectors, others)


def ramp(values: Map, between: tuple[float, float]) -> Map:
    """0 up to the first of both values, 1 from the second on."""
    low, high = between
    return np.clip((values - low) / (high - low), 0, 1).astype(np.float32)


def peak(values: Any) -> Any:
    """The largest channel of every pixel, (H, W)."""
    red, green, blue = cast(Any, cv2.split(values))  # the stubs know no images of 16 bits
    return cast(Any, cv2.max(cast(Any, cv2.max(red, green)), blue))


def facing(rows: int, columns: int) -> Map:
    """Normals of a flat plane that faces the camera."""
    normals = np.zeros((rows, columns, 3), np.float32)
    normals[..., 2] = 1
    return normals


def centered_axes(size: tuple[int, int]) -> tuple[Map, Map]:
    """(x, y) of every pixel from the centre, y up, in halves of the long side."""
    rows, columns = size
    half = max(rows, columns) / 2
    x = (np.arange(columns, dtype=np.float32) + 0.5 - columns / 2) / half
    y = -(np.arange(rows, dtype=np.float32) + 0.5 - rows / 2) / half
    return np.broadcast_to(x, size), np.broadcast_to(y[:, None], size)


def guided(guide: Map, target: Map, radius_px: int, eps: float) -> tuple[Map, Map]:
    """Smoothed guided-filter coefficients (a, b): target ≈ a·guide + b (He et al. 2010).

    `guide` is (H, W); `target` (H, W) or (H, W, C) and so are a and b.
    """
    mean = box_mean(guide, radius_px)
    variance = box_mean(guide * guide, radius_px) - mean * mean
    if target.ndim == 3:
        mean, variance = mean[..., None], variance[..., None]
        guide = guide[..., None]
    target_mean = box_mean(target, radius_px).reshape(target.shape)
    covariance = box_mean(guide * target, radius_px).reshape(target.shape) - mean * target_mean
    a = covariance / (variance + eps)
    b = target_mean - a * mean
    return box_mean(a, radius_px).reshape(a.shape), box_mean(b, radius_px).reshape(b.shape)
