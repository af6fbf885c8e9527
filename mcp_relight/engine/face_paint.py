"""Whether a face is of flesh and blood: those of stone and of lines have one paint all over.

Lips are redder than cheeks, whatever the skin and the light; in a photo of one tone, eyes
are far darker.
"""

import cv2
import numpy as np

from .color import LUMINANCE, decode
from .face_mesh import MeshFace
from .grid import Map, Pixels, Real, blur, resize_pixels

_EYES = (33, 133, 159, 145), (263, 362, 386, 374)
_CHEEKS = (50, 205, 36), (280, 425, 266)
_LIPS = 0, 17, 37, 267, 84, 314

_DARKEST = 0.01
_SMALLEST_PX = 24
"""Width below which eyes and lips cannot be told from their surroundings."""

_LOOK_PX = 160
"""Width of the face it is looked at in."""

_EYE_REACH = 0.05
"""Half of an eye's width, in widths of the face."""

_PALE_EYES = -0.5
"""Log luminance of the lighter eye against its cheek; people measured: -0.7 to -2.8, stone in soft
light: -0.1 to -0.4, line drawings: -0.2."""

_LIPS_LIKE_SKIN = 0.05
"""Difference in log chromaticity; people measured: 0.08 and more, stone and
bronze up to 0.03."""


_GRAY_LEVELS = 8
_TONED, _TONED_APART = 5.0, 3.0
"""Chroma of a photo toned like sepia, and how far pixels of one brightness differ in it, in 8-bit
Lab."""

_TONED_EDGE_PX = 256


def is_monochrome(pixels: Pixels) -> bool:
    """Whether a photo (H, W, 3) is black-and-white, or toned: one chroma for each brightness."""
    scale = min(1.0, _TONED_EDGE_PX / max(pixels.shape[:2]))
    size = max(1, round(pixels.shape[0] * scale)), max(1, round(pixels.shape[1] * scale))
    small = resize_pixels(pixels, size)
    if float(np.percentile(np.ptp(small, axis=2), 99.5)) <= _GRAY_LEVELS:
        return True
    lab = np.asarray(cv2.cvtColor(small, cv2.COLOR_RGB2LAB), np.float32)
    lab = blur(lab, 1.0).reshape(-1, 3).astype(np.float64)
    light, chroma = lab[:, 0] / 255, lab[:, 1:] - 128
    if float(np.linalg.norm(chroma, axis=1).mean()) < _TONED:
        return False
    powers = np.vander(light, 5)
    fitted = powers @ np.linalg.lstsq(powers, chroma)[0]
    apart = np.linalg.norm(chroma - fitted, axis=1)
    return float(np.percentile(apart, 90)) < _TONED_APART


def is_painted(pixels: Pixels, face: MeshFace, *, monochrome: bool) -> bool:
    """False for line drawings and statues; in a monochrome photo a hard light that darkens a
    statue's eyes lets it pass.

    `face` is in pixels of the photo (H, W, 3).
    """
    if face.width < _SMALLEST_PX:
        return True
    left, top, right, bottom = (round(edge) for edge in face.box)
    near = slice(max(top, 0), max(bottom, 0)), slice(max(left, 0), max(right, 0))
    crop = pixels[near]
    if min(crop.shape[:2]) < _SMALLEST_PX // 2:
        return True
    points = face.points[:, :2] - (near[1].start, near[0].start)
    scale = min(1.0, _LOOK_PX / face.width)
    size = round(crop.shape[0] * scale), round(crop.shape[1] * scale)
    linear, points, width = decode(resize_pixels(crop, size)), points * scale, face.width * scale
    if _lip_chroma(linear, points, width) > _LIPS_LIKE_SKIN:
        return True
    return monochrome and _lighter_eye(linear, points, width) < _PALE_EYES


def _lip_chroma(linear: Map, points: Real, width: float) -> float:
    """How far the lips differ from the cheeks in chroma: nothing in a photo without color."""
    logs = np.log(blur(linear, max(0.02 * width, 0.5)) + np.float32(_DARKEST))
    chroma = logs[..., ::2] - logs[..., 1:2]
    lips = _values(chroma, points[list(_LIPS)]).mean(axis=0)
    cheeks = _values(chroma, points[[*_CHEEKS[0], *_CHEEKS[1]]]).mean(axis=0)
    return float(np.hypot(*(lips - cheeks)))


def _lighter_eye(linear: Map, points: Real, width: float) -> float:
    """Log luminance of the darkest spot of an eye against its cheek, of the eye less dark."""
    bright = np.log(blur(linear @ LUMINANCE, max(0.01 * width, 0.5)) + np.float32(_DARKEST))
    steps = np.array([(x, y) for x in (-1, -0.5, 0, 0.5, 1) for y in (-0.5, 0, 0.5)])
    differences = [
        _values(bright, points[list(eye)].mean(axis=0) + steps * _EYE_REACH * width).min()
        - np.median(_values(bright, points[list(cheek)]))
        for eye, cheek in zip(_EYES, _CHEEKS, strict=True)
    ]
    return float(max(differences))


def _values(field: Map, points: Real) -> Map:
    """The values at points (N, 2), x and y; those outside are taken from the edge."""
    column = np.clip(points[:, 0].astype(np.intp), 0, field.shape[1] - 1)
    row = np.clip(points[:, 1].astype(np.intp), 0, field.shape[0] - 1)
    return field[row, column]
