"""Guided filter (He, Sun, Tang 2010) with a grey guide and a weight per pixel."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Planes:
    """Per pixel `slope * guide + offset` stands for the filtered values; each (H, W)."""

    slope: Picture
    offset: Picture

    def at(self, guide: Picture) -> Picture:
        """The filtered values for a guide of the same size as the planes."""
        return self.slope * guide + self.offset


def fit_planes(
    values: Picture, guide: Picture, weight: Picture, radius_px: int, smoothness: float
) -> Planes:
    """Planes that explain `values` by `guide` around each pixel, each (H, W) float32.

    `smoothness` is the variance of the guide below which a neighbourhood counts as flat.
    """
    total = np.maximum(_box(weight, radius_px), np.float32(1e-6))
    mean_guide = _box(weight * guide, radius_px) / total
    mean_value = _box(weight * values, radius_px) / total
    spread = _box(weight * guide * guide, radius_px) / total - mean_guide**2
    shared = _box(weight * guide * values, radius_px) / total - mean_guide * mean_value
    slope = shared / (np.maximum(spread, np.float32(0)) + np.float32(smoothness))
    offset = mean_value - slope * mean_guide
    # Neighbourhoods that hold little trustworthy data give way to better ones beside them.
    trusted = _box(total, radius_px)
    return Planes(
        _box(slope * total, radius_px) / trusted, _box(offset * total, radius_px) / trusted
    )


def _box(values: NDArray[np.floating], radius_px: int) -> Picture:
    edge = 2 * radius_px + 1
    return np.asarray(cv2.blur(np.asarray(values, np.float32), (edge, edge)), np.float32)
