"""How a cut-out stands off from what lies around it, all along its outline."""

import cv2
import numpy as np

from .grid import Bits, Map

_REACH_PX = 9


def contour_gaps(lab: Map, cut: Bits) -> Map:
    """The colour gap across the outline at each of its pixels, in Lab units of 8-bit pictures.

    Each side is the mean of its own pixels nearby, so a gap of next to nothing says that the
    outline runs through a plain sky or wall.
    """
    gap = np.linalg.norm(_mean_near(lab, cut) - _mean_near(lab, ~cut), axis=2)
    outline = cv2.morphologyEx(cut.astype(np.uint8), cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8))
    return np.asarray(gap[np.asarray(outline) > 0], np.float32)


def _mean_near(lab: Map, where: Bits) -> Map:
    """Mean colour of the pixels `where` around every pixel."""
    weight = where.astype(np.float32)
    side = (_REACH_PX, _REACH_PX)
    total = np.asarray(cv2.blur(lab * weight[..., None], side), np.float32)
    count = np.asarray(cv2.blur(weight, side), np.float32)
    return (total / np.maximum(count, 1e-3)[..., None]).astype(np.float32)
