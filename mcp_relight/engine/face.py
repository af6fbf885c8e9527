"""A face to hang the subject on: an oval of skin with two eyes in it.

Skin is told by ratios of linear red, green and blue, eyes by log luminance. Both stay the same
when a face is darker or lit less, so skin of every tone counts alike.
"""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np

from .color import LUMINANCE, decode
from .grid import Bits, Map, Pixels, Real, blur, resize, resize_pixels

_SEARCH_EDGES_PX = 256, 128
"""Small faces need the larger picture; in the smaller one large faces lose strands of hair."""

_DARKEST = 0.002

_RED_CENTERS = (0.1, 0.25, 0.4, 0.6, 0.8, 1.0)
_BLUE_CENTERS = (-1.1, -0.85, -0.6, -0.4, -0.2, -0.05)
_RED_REACH, _BLUE_REACH = 0.2, 0.28
"""Skin of one face varies this much around its own colour; that of people and lamps far more."""

_LEAST_WARMTH = 0.15

_WIDTH = 0.12, 0.75
"""In short sides of the photo."""

_WIDTH_PX = 20, 80
_ASPECT = 0.8, 1.9
_FILL = 0.7, 1.15
"""Area of the blob in ovals of its width and height."""

_EYES_APART_PX = 8
_EYES_SIZE = 8, 13
"""Rows and columns of the pattern of the eyes at that distance."""

_EYE_ROW, _EYE_COLUMN = 2, 6
_EYES_IN_WIDTHS = 0.4, 0.5
_EYES_BELOW_TOP = 0.12, 0.75
_OFF_MIDDLE = 0.12
"""In widths of the blob."""

_LEAST_FIT = 0.7
_LEAST_DEPTH = 0.25
_LEAST_SKIN = 0.8


@dataclass(frozen=True, slots=True)
class Face:
    """Midpoint of the eyes and their distance, in pixels of the searched picture, y down.

    `score` 0..1 says how well the eyes fit.
    """

    x: float
    y: float
    eyes_apart: float
    score: float

    def scaled(self, factor: float) -> "Face":
        """The same face in a picture `factor` times as large."""
        return Face(self.x * factor, self.y * factor, self.eyes_apart * factor, self.score)


@dataclass(frozen=True, slots=True)
class _Blob:
    """A box, and which of its pixels have one skin colour."""

    left: int
    top: int
    skin: Map

    @property
    def width(self) -> int:
        return self.skin.shape[1]


def find_face(rgb: Pixels, *, large_only: bool = False) -> Face | None:
    """The most face-like place of a photo (H, W, 3) in sRGB; None without one or without colour.

    Finds upright faces seen from the front whose width is 12 to 75 % of the photo's short side;
    `large_only` leaves out those below 16 % of the long one, which saves most of the time.
    """
    largest = max(rgb.shape[:2])
    searched = _SEARCH_EDGES_PX[large_only:]
    # A picture smaller than both sizes looks the same at either.
    edges_px = sorted({min(edge_px, largest) for edge_px in searched}, reverse=True)
    faces = [face for edge_px in edges_px for face in _faces(rgb, edge_px)]
    return max(faces, key=lambda face: face.score * face.eyes_apart**0.25, default=None)


def _faces(rgb: Pixels, edge_px: int) -> Iterator[Face]:
    """Faces seen in a copy of the photo with this long side."""
    scale = min(1.0, edge_px / max(rgb.shape[:2]))
    size = max(1, round(rgb.shape[0] * scale)), max(1, round(rgb.shape[1] * scale))
    linear = decode(resize_pixels(rgb, size))
    bright = np.log(linear @ LUMINANCE + np.float32(_DARKEST))
    for blob in _blobs(linear):
        face = _with_eyes(bright, blob)
        if face is not None:
            yield Face(face.x / scale, face.y / scale, face.eyes_apart / scale, face.score)


def _blobs(linear: Map) -> Iterator[_Blob]:
    """Oval pieces of one colour, for every colour skin may have."""
    levels = np.log(blur(linear, 0.8) + np.float32(_DARKEST))
    red, blue = levels[..., 0] - levels[..., 1], levels[..., 2] - levels[..., 1]
    warm = red - blue > _LEAST_WARMTH
    seen: set[tuple[int, ...]] = set()
    reds = [((red - center) / _RED_REACH) ** 2 for center in _RED_CENTERS]
    blues = [((blue - center) / _BLUE_REACH) ** 2 for center in _BLUE_CENTERS]
    for off_red, off_blue in itertools.product(reds, blues):
        yield from _ovals(warm & (off_red + off_blue < 1), seen)


def _ovals(skin: Bits, seen: set[tuple[int, ...]]) -> Iterator[_Blob]:
    """The pieces with the size and shape of a head that are not `seen` yet."""
    if skin.mean() < _WIDTH[0] ** 2 / 2:
        return
    opened = cv2.morphologyEx(skin.astype(np.uint8), cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    _, parts, stats, _ = cv2.connectedComponentsWithStats(opened)
    for part, box in enumerate(np.asarray(stats).tolist()):
        if part and tuple(box) not in seen and _is_oval(*box[2:], short_px=min(skin.shape)):
            seen.add(tuple(box))
            left, top, width, height, _ = box
            here = np.asarray(parts)[top : top + height, left : left + width] == part
            yield _Blob(left, top, here.astype(np.float32))


def _is_oval(width: int, height: int, area: int, *, short_px: int) -> bool:
    if not _WIDTH_PX[0] <= width <= _WIDTH_PX[1]:
        return False
    return (
        _WIDTH[0] <= width / short_px <= _WIDTH[1]
        and _ASPECT[0] <= height / width <= _ASPECT[1]
        and _FILL[0] <= area / (np.pi / 4 * width * height) <= _FILL[1]
    )


@cache
def _eyes() -> Map:
    """Two dark eyes, bright nose between and bright cheeks below, in log luminance."""
    rows, columns = _EYES_SIZE
    x = np.abs(np.arange(columns) - _EYE_COLUMN) / _EYES_APART_PX
    y = ((np.arange(rows) - _EYE_ROW) / _EYES_APART_PX)[:, None]
    eyes = _spot((x - 0.5) / 0.22, y / 0.13)
    cheeks = _spot((x - 0.5) / 0.25, (y - 0.45) / 0.17)
    nose = _spot(x / 0.12, (y - 0.1) / 0.3)
    return (0.45 * cheeks + 0.35 * nose - eyes).astype(np.float32)


def _spot(x: Real, y: Real) -> Real:
    return np.exp(-(x * x + y * y) / 2)


def _with_eyes(bright: Map, blob: _Blob) -> Face | None:
    """The face a blob is when it has eyes in the right place."""
    tries = [_eyes_at(bright, blob, share) for share in _EYES_IN_WIDTHS]
    return max((face for face in tries if face), key=lambda face: face.score, default=None)


def _eyes_at(bright: Map, blob: _Blob, share: float) -> Face | None:
    """Eyes that are `share` of the blob's width apart, near its middle and above its mouth."""
    scale = _EYES_APART_PX / (share * blob.width)
    rows, columns = blob.skin.shape
    size = round(rows * scale), round(columns * scale)
    part = bright[blob.top : blob.top + rows, blob.left : blob.left + columns]
    level = blur(resize(part, size), 0.8)
    detail = np.clip(level - blur(level, _EYES_APART_PX), -1, 1)
    fit = np.asarray(cv2.matchTemplate(detail, _eyes(), cv2.TM_CCOEFF_NORMED), np.float32)
    row, column = np.mgrid[: fit.shape[0], : fit.shape[1]]
    y, x = (row + _EYE_ROW + 0.5) / size[1], (column + _EYE_COLUMN + 0.5) / size[1]
    placed = (y > _EYES_BELOW_TOP[0]) & (y < _EYES_BELOW_TOP[1]) & (np.abs(x - 0.5) < _OFF_MIDDLE)
    fit = np.where(placed, fit, -1)
    best = np.unravel_index(int(fit.argmax()), fit.shape)
    score = float(fit[best])
    eye_row, eye_column = int(best[0]) + _EYE_ROW, int(best[1]) + _EYE_COLUMN
    if score < _LEAST_FIT or _depth(level, eye_row, eye_column) < _LEAST_DEPTH:
        return None
    if _cheeks(resize(blob.skin, size), eye_row, eye_column) < _LEAST_SKIN:
        return None
    x_px, y_px = blob.left + (eye_column + 0.5) / scale, blob.top + (eye_row + 0.5) / scale
    return Face(x_px, y_px, share * blob.width, score)


def _depth(level: Map, row: int, column: int) -> float:
    """How much darker the fainter eye is than the nose beside and the cheek below it."""
    half = _EYES_APART_PX // 2
    nose = level[row, column]
    eyes = level[row, [column - half, column + half]]
    cheeks = level[row + half, [column - half, column + half]]
    return float(((nose + cheeks) / 2 - eyes).min())


def _cheeks(skin: Map, row: int, column: int) -> float:
    """Share of skin from below the eyes to the mouth."""
    half = _EYES_APART_PX // 2
    return float(skin[row + 2 : row + 1 + _EYES_APART_PX, column - half : column + half + 1].mean())
