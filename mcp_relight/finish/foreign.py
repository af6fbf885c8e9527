"""Find what was painted into a relit picture: changes that light does not make.

Light on a surface fades, and where it stops sharply the shadow's edge runs on or ends at an edge
of the subject. A thing painted in is a compact spot of another gain or tint whose outline is sharp
nearly all the way round and lies where the original has no edge.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.float32]
Mask = NDArray[np.bool_]

_WORK_PX = 256
_LIGHTER_STEP, _DARKER_STEP, _TINT_STEP = 0.4, 0.5, 0.25
_SMALLEST, _LARGEST = 3e-4, 0.08
_OUTLINE, _DARKER_OUTLINE = 0.85, 0.92
"""Share of the outline that must be new. A dark spot may be a shadow, so more is asked of it."""
_LEVELS = np.arange(-2.0, 3.0, 0.25)


def find_foreign(level: Picture, bright: Picture, tint: Picture, known: Picture) -> Mask:
    """(h, w) mask of painted-in things.

    `level` is the original's log luminance, `bright` the log gain and `tint` (h, w, 3) its
    departure per channel, `known` the weight of each pixel's gain in 0…1.
    """
    height, width = level.shape
    factor = min(1.0, _WORK_PX / max(height, width))
    size = (max(1, round(width * factor)), max(1, round(height * factor)))
    level, bright, tint, known = (
        cv2.resize(one, size, interpolation=cv2.INTER_AREA) for one in (level, bright, tint, known)
    )
    old = _contrast(level)
    found = np.zeros(level.shape, np.bool_)
    for values, step, outline in (
        (bright, _LIGHTER_STEP, _OUTLINE),
        (-bright, _DARKER_STEP, _DARKER_OUTLINE),
        (tint[..., 0] - tint[..., 1], _TINT_STEP, _OUTLINE),
        (tint[..., 1] - tint[..., 0], _TINT_STEP, _OUTLINE),
        (tint[..., 2] - tint[..., 1], _TINT_STEP, _OUTLINE),
        (tint[..., 1] - tint[..., 2], _TINT_STEP, _OUTLINE),
    ):
        found |= _spots(values * known, old, step, outline)
    grown = cv2.dilate(found.astype(np.uint8), np.ones((7, 7), np.uint8))
    return cv2.resize(grown, (width, height), interpolation=cv2.INTER_NEAREST) > 0


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
    """The connected parts of `spot` that are compact and at least `least` of whose border is new."""
    filled = spot.astype(np.uint8)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(filled, connectivity=4)
    border = spot & (cv2.erode(filled, np.ones((3, 3), np.uint8)) == 0)
    length = np.bincount(labels[border], minlength=count)
    share = np.bincount(labels[border & new], minlength=count) / np.maximum(length, 1)
    area = stats[:, cv2.CC_STAT_AREA] / spot.size
    keep = (area > _SMALLEST) & (area < _LARGEST) & (share > least)
    keep[0] = False
    return keep[labels]
