"""The light that lies between two registered pictures, as gains per colour channel."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from mcp_relight.engine.color import luminance
from mcp_relight.engine.grid import blur

from .foreign import find_foreign
from .guided import Planes, fit_planes

Picture = NDArray[np.float32]

_FLOOR = 0.004
_FLATNESS = 0.005
_STRUCTURE = 0.9
_WIDER = (1.5, 2.25)
_BLURS_PX = (0.0, 0.6, 0.9, 1.3, 1.8, 2.5, 3.5)


@dataclass(frozen=True, slots=True)
class GainMap:
    """Natural-log gains at working size: `brightness` follows the original's edges through its
    guide, `tint` (H, W, 3) is the smooth departure of each channel from it."""

    brightness: Planes
    tint: Picture


def guide_of(linear: Picture) -> Picture:
    """(H, W) guide: the square root of luminance, near to even steps for the eye."""
    return np.sqrt(luminance(linear))


def estimate_gain(
    original: Picture, result: Picture, shown: Picture, enlarged_by: float = 1.0
) -> GainMap:
    """Gains that turn `original` into the light of `result`; both linear (h, w, 3), registered.

    `shown` (h, w) is 1 where the result has the pixel at all, `enlarged_by` how many times larger
    the full picture is than these.
    """
    softened = _as_soft_as(original, result)
    level = np.log(luminance(softened) + _FLOOR)
    bright = np.log(luminance(result) + _FLOOR) - level
    tint = np.log(result + _FLOOR) - np.log(softened + _FLOOR) - bright[..., None]
    known = luminance(softened)
    known = (known / (known + np.float32(0.01))).astype(np.float32)
    foreign = find_foreign(np.log(softened + _FLOOR), np.log(result + _FLOOR), known)
    weight = np.where(foreign, 0, shown * known + np.float32(1e-4)).astype(np.float32)
    bright = fill(bright, weight)
    planes = _brightness(bright, original, np.maximum(weight, np.float32(1e-4)), enlarged_by)
    return GainMap(planes, _smooth(tint, weight, max(level.shape) / 60))


def _brightness(bright: Picture, original: Picture, weight: Picture, enlarged_by: float) -> Planes:
    """The gain as planes over the original, as sharp as keeps the original's fine structure.

    A smooth wall or cheek has little structure of its own: there even a slight texture in the gain
    would be all one sees, so the gain is smoothed until the structure is the original's again.
    """
    guide = guide_of(original)
    level = np.log(luminance(original) + np.float32(0.02))
    radius = max(4.0, max(level.shape) / 100)
    planes = fit_planes(bright, guide, weight, round(radius), _FLATNESS)
    for wider in _WIDER:
        if _structure_kept(level, planes.at(guide), weight, 2 / enlarged_by) >= _STRUCTURE:
            break
        planes = fit_planes(bright, guide, weight, round(radius * wider), _FLATNESS)
    return planes


def _structure_kept(level: Picture, gain: Picture, weight: Picture, sigma_px: float) -> float:
    """Correlation of the fine structure of the log `level` before and after the gain."""
    if sigma_px < 0.5:
        return 1.0
    lit = weight > 0.5
    before = (level - blur(level, sigma_px))[lit]
    after = before + (gain - blur(gain, sigma_px))[lit]
    power = float(np.linalg.norm(before) * np.linalg.norm(after))
    return float(before @ after) / power if power > 0 else 1.0


def fill(values: Picture, weight: Picture) -> Picture:
    """(h, w) `values` with the pixels of no weight grown over from their surroundings."""
    if min(values.shape) < 2 or bool((weight > 0).all()):
        return values
    half = (max(1, values.shape[1] // 2), max(1, values.shape[0] // 2))
    total = cv2.resize(weight, half, interpolation=cv2.INTER_AREA)
    summed = cv2.resize(values * weight, half, interpolation=cv2.INTER_AREA)
    coarse = fill(
        (summed / np.maximum(total, np.float32(1e-9))).astype(np.float32),
        total.astype(np.float32, copy=False),
    )
    grown = cv2.resize(coarse, values.shape[::-1], interpolation=cv2.INTER_LINEAR)
    return np.where(weight > 0, values, grown).astype(np.float32)


def _smooth(tint: Picture, weight: Picture, sigma_px: float) -> Picture:
    """(h, w, 3) tint, blurred over the pixels that are known and the holes filled."""
    total = blur(weight, sigma_px)
    summed = blur(tint * weight[..., None], sigma_px)
    smooth = summed / np.maximum(total, np.float32(1e-6))[..., None]
    trusted = (total > 1e-5).astype(np.float32)
    channels = np.asarray(smooth, np.float32).transpose(2, 0, 1)
    return np.dstack([fill(channel, trusted) for channel in channels])


def _as_soft_as(original: Picture, result: Picture) -> Picture:
    """The original blurred until its fine structure is as soft as the result's."""
    target = _fine(result)
    blurred = [original if s == 0 else blur(original, s) for s in _BLURS_PX]
    scores = [float(np.corrcoef(_fine(one).ravel(), target.ravel())[0, 1]) for one in blurred]
    return blurred[int(np.argmax(scores))]


def _fine(linear: Picture) -> Picture:
    level = np.log(luminance(linear) + _FLOOR)
    return level - blur(level, 2.5)
