"""Find what was painted into a relit picture: changes that light does not make.

Light on a surface fades, and where it stops sharply the shadow's edge runs on or ends at an edge
of the subject. A thing painted in is a compact spot of another gain or tint whose outline is sharp
nearly all the way round and lies where the original has no edge.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from mcp_relight.engine.grid import blur

Picture = NDArray[np.float32]
Mask = NDArray[np.bool_]

_WORK_PX = 256
_LIGHTER_STEP, _DARKER_STEP, _TINT_STEP = 0.4, 0.5, 0.25
_SMALLEST, _LARGEST = 3e-4, 0.08
_OUTLINE, _DARKER_OUTLINE = 0.9, 0.97
"""Share of the outline that must be new. A dark spot may be a shadow, so more is asked of it."""
_DIM, _BURNT = np.log(0.03), np.log(0.9)
_TEXTURE, _KEPT = 0.12, 0.3
_CONVEX = 0.93
_LEVELS = np.arange(-2.0, 3.0, 0.25)


def find_foreign(original: Picture, result: Picture, known: Picture) -> Mask:
    """(h, w) mask of painted-in things.

    `original` and `result` are log values (h, w, 3) of registered pictures, `known` in 0…1 is how
    far the original is bright enough for its gain to mean anything.
    """
    height, width = known.shape
    factor = min(1.0, _WORK_PX / max(height, width))
    size = (max(1, round(width * factor)), max(1, round(height * factor)))
    original, result, known = (
        np.asarray(cv2.resize(one, size, interpolation=cv2.INTER_AREA), np.float32)
        for one in (original, result, known)
    )
    before = _level(original)
    old = _contrast(before)
    old_tint = [_contrast(one) for one in _tints(original)]
    found = np.zeros(known.shape, np.bool_)
    for source, margin in ((result - original, 1.0), (result, 2.0)):
        bright = _level(source) * known
        found |= _spots(bright, margin * old, _LIGHTER_STEP, _OUTLINE)
        found |= _spots(-bright, margin * old, _DARKER_STEP, _DARKER_OUTLINE)
        for tint, beside in zip(_tints(source), old_tint, strict=True):
            found |= _spots(tint * known, margin * beside, _TINT_STEP, _OUTLINE)
            found |= _spots(-tint * known, margin * beside, _TINT_STEP, _OUTLINE)
    found |= _erased(before, _level(result))
    grown = cv2.dilate(found.astype(np.uint8), np.ones((7, 7), np.uint8))
    return cv2.resize(grown, (width, height), interpolation=cv2.INTER_NEAREST) > 0


def _erased(before: Picture, after: Picture) -> Mask:
    """Where the original has clear texture and the well-lit result has none of it."""
    detail = (before - blur(before, 2.0)).astype(np.float32)
    power = blur(detail * detail, 2.0)
    kept = blur((detail * (after - blur(after, 2.0))).astype(np.float32), 2.0)
    lit = (after > _DIM) & (after < _BURNT)
    return lit & (power > _TEXTURE**2) & (kept < _KEPT * power)


def _level(log_rgb: Picture) -> Picture:
    return log_rgb.mean(axis=2, dtype=np.float32)


def _tints(log_rgb: Picture) -> tuple[Picture, Picture]:
    """Red and blue against green, as logs."""
    return log_rgb[..., 0] - log_rgb[..., 1], log_rgb[..., 2] - log_rgb[..., 1]


def _contrast(values: Picture) -> Picture:
    """Range of the values within two pixels."""
    kernel = np.ones((5, 5), np.uint8)
    return (cv2.dilate(values, kernel) - cv2.erode(values, kernel)).astype(np.float32)


def _spots(values: Picture, old: Picture, step: float, outline: float) -> Mask:
    """Compact spots of higher `values`, `outline` of whose border is new and `step` high."""
    found = np.zeros(values.shape, np.bool_)
    edge = _contrast(values)
    new = (edge > step) & (edge > old)
    middle = np.median(values)
    for level in _LEVELS:
        found |= _closed(values > middle + level, new, outline)
    return found


def _closed(spot: Mask, new: Mask, least: float) -> Mask:
    """The connected, compact parts of `spot` with at least `least` of their border new."""
    filled = spot.astype(np.uint8)
    count, parts, stats, _ = cv2.connectedComponentsWithStats(filled, connectivity=4)
    labels = np.asarray(parts, np.intp)
    border = spot & (cv2.erode(filled, np.ones((3, 3), np.uint8)) == 0)
    length = np.bincount(labels[border], minlength=count)
    share = np.bincount(labels[border & new], minlength=count) / np.maximum(length, 1)
    area = stats[:, cv2.CC_STAT_AREA] / spot.size
    keep = (area > _SMALLEST) & (area < _LARGEST) & (share > least)
    keep[0] = False
    for part in np.flatnonzero(keep):
        keep[part] = _is_convex(labels == part)
    return keep[labels]


def _is_convex(part: Mask) -> bool:
    """Nearly its own convex hull, as things are and the shadows of noses and folds are not."""
    points = np.argwhere(part).astype(np.int32)
    hull = cv2.convexHull(points)
    # Pixels are points here: the hull through their centres misses half a pixel all round.
    around = cv2.contourArea(hull) + 0.5 * cv2.arcLength(hull, True) + 1
    return len(points) >= _CONVEX * around
