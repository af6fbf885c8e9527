"""How a cut-out stands off from what lies around it, all along its outline."""

import cv2
import numpy as np
from numpy.typing import NDArray

from .grid import Bits, Map, Pixels, blur

_REACH_PX = 9
_AROUND = 0.12
"""In long sides: how far out from a cut-out its surroundings are compared with it."""
_BESIDE_PX = 2
_COLOR_STEPS = 16, 22, 22
_STEP = 16.0, 6.0, 6.0
_LEAST_PIXELS = 50

_HUE_STEPS, _COLORED, _HUES_AROUND = 48, 25.0, 0.25
"""Steps of the circle of hues; mean chroma from which a hue counts; in long sides, how far out."""


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


def colors_shared(pixels: Pixels, found: Map) -> float:
    """0..1: the common part of the colors inside a cut-out (H, W) 0..1 and of those around it.

    `pixels` (H, W, 3). 0 when there is too little of either to say.
    """
    lab = _calm_lab(pixels)
    inside = (found > 0.7) & (_distance(found > 0.5) > _BESIDE_PX)
    around = _around(found, _AROUND)
    if min(int(inside.sum()), int(around.sum())) < _LEAST_PIXELS:
        return 0.0
    shared = np.minimum(_histogram(lab[inside]), _histogram(lab[around]))
    return float(shared.sum())


def hues_shared(pixels: Pixels, found: Map) -> float:
    """0..1: the common part of the hues inside a cut-out (H, W) 0..1 and of those around it.

    0 when either is nearly gray, and its hue says nothing.
    """
    lab = _calm_lab(pixels).astype(np.float32)
    chroma = np.hypot(lab[..., 1] - 128, lab[..., 2] - 128)
    turn = np.arctan2(lab[..., 2] - 128, lab[..., 1] - 128) / (2 * np.pi) + 0.5
    step = np.minimum(turn * _HUE_STEPS, _HUE_STEPS - 1).astype(np.intp)
    shares: list[NDArray[np.float64]] = []
    for where in (found > 0.7, _around(found, _HUES_AROUND)):
        if int(where.sum()) < _LEAST_PIXELS or float(chroma[where].mean()) < _COLORED:
            return 0.0
        weight = np.minimum(chroma[where], _COLORED)
        counts = np.bincount(step[where], weight, _HUE_STEPS)
        counts = counts + 0.5 * (np.roll(counts, 1) + np.roll(counts, -1))
        shares.append(counts / counts.sum())
    return float(np.minimum(*shares).sum())


def _calm_lab(pixels: Pixels) -> Pixels:
    calm = cv2.GaussianBlur(pixels, (0, 0), 1)
    return np.asarray(cv2.cvtColor(calm, cv2.COLOR_RGB2LAB), np.uint8)


def _around(found: Map, reach: float) -> Bits:
    """What lies around a cut-out (H, W) 0..1, past its soft edge, up to `reach` long sides off."""
    away = _distance(found <= 0.5)
    return (found < 0.3) & (away > _BESIDE_PX) & (away < reach * max(found.shape))


def _distance(solid: Bits) -> Map:
    away = cv2.distanceTransform(solid.astype(np.uint8), cv2.DIST_L2, 5)
    return np.asarray(away, np.float32)


def _histogram(lab: Pixels) -> Map:
    """Of colors (N, 3), smoothed over those next to each other; sums up to 1."""
    place = (lab - np.array([0, 64, 64], np.float32)) / np.array(_STEP, np.float32)
    steps = np.clip(place, 0, np.array(_COLOR_STEPS) - 1).astype(np.intp)
    counts = np.zeros(_COLOR_STEPS, np.float32)
    np.add.at(counts, tuple(steps.T), 1)
    counts = blur(counts.transpose(1, 2, 0).copy(), 0.8)  # over both chromas
    return counts / counts.sum()
