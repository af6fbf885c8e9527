"""Damage as bad results show it, painted into a picture at a strength that everybody sees.

Each takes (H, W, 3) sRGB bytes and gives the same. Where it is laid depends on the picture: a
stain, a seam and a halo on its calmest bright ground, because among fine things nobody sees them:
where that is busy too, `is_seen` says so.
"""

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.lit_scenes import Pixels
from mcp_relight.domain.report import Flaw

Map = NDArray[np.float32]


def _lit(photo: Pixels, gain: Map) -> Pixels:
    linear = (photo / 255.0) ** 2.2 * gain[..., None]
    return np.asarray(np.rint(255 * np.clip(linear, 0, 1) ** (1 / 2.2)), np.uint8)


_BUSY = 22
"""Standard deviation, of 255: patches, rings and steps painted on ground like that were looked for
by eye and not seen."""
_PLACED: dict[Flaw, bool] = {"stain": False, "seam": False, "halo": True}
"""Those laid on calm ground, and whether they are brighter than it."""


def is_seen(flaw: Flaw, photo: Pixels) -> bool:
    """Whether that damage shows in the photo at all."""
    return flaw not in _PLACED or _busyness(photo, brighter=_PLACED[flaw]).min() < _BUSY


def _place(photo: Pixels, *, brighter: bool = False) -> tuple[int, int]:
    """(x, y) in the middle of the calmest ground."""
    busy = _busyness(photo, brighter=brighter)
    y, x = np.unravel_index(int(np.argmin(busy)), busy.shape)
    return int(x), int(y)


def _busyness(photo: Pixels, *, brighter: bool) -> Map:
    """(H, W) how much the ground varies, far more where it is dark or burnt; where something
    `brighter` is to show, no channel may be full."""
    gray = cv2.cvtColor(photo, cv2.COLOR_RGB2GRAY).astype(np.float32)
    sigma = 0.05 * max(gray.shape)
    mean = cv2.GaussianBlur(gray, (0, 0), sigma)
    spread = np.sqrt(np.maximum(cv2.GaussianBlur(gray * gray, (0, 0), sigma) - mean**2, 0))
    fullest = photo.max(axis=2).astype(np.float32) if brighter else gray
    burnt = cv2.GaussianBlur(fullest, (0, 0), sigma) > 225
    cost = spread + np.where((mean < 70) | burnt, 1000, 0)
    rim = max(1, round(0.12 * min(gray.shape)))
    cost[:rim] = cost[-rim:] = cost[:, :rim] = cost[:, -rim:] = np.inf
    return np.asarray(cost, np.float32)


def _away(photo: Pixels, *, brighter: bool = False) -> Map:
    """(H, W) distance from the place, of the long side."""
    x, y = _place(photo, brighter=brighter)
    down, across = np.mgrid[: photo.shape[0], : photo.shape[1]]
    return (np.hypot(across - x, down - y) / max(photo.shape)).astype(np.float32)


def stained(photo: Pixels) -> Pixels:
    """A dark patch with a soft edge."""
    edge = 0.5 - 0.5 * np.tanh((_away(photo) - 0.055) / 0.006)
    return _lit(photo, (1 - 0.6 * edge).astype(np.float32))


def seamed(photo: Pixels) -> Pixels:
    """A straight step across the picture."""
    x, _ = _place(photo)
    side = np.broadcast_to(np.arange(photo.shape[1]) > x, photo.shape[:2])
    return _lit(photo, np.where(side, 0.45, 1).astype(np.float32))


def haloed(photo: Pixels) -> Pixels:
    """A bright ring, as along an outline that is none."""
    ring = np.exp(-(((_away(photo, brighter=True) - 0.09) / 0.009) ** 2))
    return _lit(photo, (1 + 1.4 * ring).astype(np.float32))


def grainy(photo: Pixels) -> Pixels:
    grain = np.random.default_rng(1).normal(0, 16, photo.shape)
    return np.asarray(np.clip(photo + grain, 0, 255), np.uint8)


def banded(photo: Pixels) -> Pixels:
    return np.asarray(np.rint(np.rint(photo / 255.0 * 6) / 6 * 255), np.uint8)


def burnt(photo: Pixels) -> Pixels:
    """Exposed until a quarter of the picture is white."""
    bright = float(np.percentile(photo.min(axis=2), 75)) / 255
    gain = 1.1 / max(bright, 0.05) ** 2.2
    return _lit(photo, np.full(photo.shape[:2], max(gain, 2), np.float32))


DAMAGE: dict[Flaw, Callable[[Pixels], Pixels]] = {
    "stain": stained,
    "seam": seamed,
    "halo": haloed,
    "noise": grainy,
    "posterized": banded,
    "clipped": burnt,
}
