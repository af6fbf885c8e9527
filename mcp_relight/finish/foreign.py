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
_BRIGHT_STEP, _TINT_STEP = 0.5, 0.25
_SMALLEST, _LARGEST = 3e-4, 0.08
_NEW_OUTLINE = 0.8
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
    for values, step in (
        (bright, _BRIGHT_STEP),
        (tint[..., 0] - tint[..., 1], _TINT_STEP),
        (tint[..., 2] - tint[..., 1], _TINT_STEP),
    ):
        found |= _spots(values * known, old, step)
    grown = cv2.dilate(found.astype(np.uint8), np.ones((5, 5), np.uint8))
    return cv2.resize(grown, (width, height), interpolation=cv2.INTER_NEAREST) > 0


def _contrast(values: Picture) -> Picture:
    """Range of the values within two pixels."""
    kernel = np.ones((5, 5), np.uint8)
    return (cv2.dilate(values, kernel) - cv2.erode(values, kernel)).astype(np.float32)


def _spots(values: Picture, old: Picture, step: float) -> Mask:
    """Compact spots that stand out from `values` either way, with a new outline all round."""
    found = np.zeros(values.shape, np.bool_)
    edge = _contrast(values)
    new = (edge > step) & (edge > old)
    centred = values - np.median(values)
    for level in _LEVELS:
        found |= _closed(centred > level, new) | _closed(centred < -level, new)
    return found


def _closed(spot: Mask, new: Mask) -> Mask:
    """The connected parts of `spot` that are compact and whose outline is nearly all `new`."""
    filled = spot.astype(np.uint8)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(filled, connectivity=4)
    outline = spot & (cv2.erode(filled, np.ones((3, 3), np.uint8)) == 0)
    length = np.bincount(labels[outline], minlength=count)
    share = np.bincount(labels[outline & new], minlength=count) / np.maximum(length, 1)
    area = stats[:, cv2.CC_STAT_AREA] / spot.size
    keep = (area > _SMALLEST) & (area < _LARGEST) & (share > _NEW_OUTLINE)
    keep[0] = False
    return keep[labels]
