"""What the working photo itself says to a photographer, beside subject and shape.

Made anew for every light, from the pixels, in a few hundredths of a second; nothing is stored.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from .analysis import Analysis
from .color import decode
from .grid import Bits, Map, Pixels, resize_pixels, wide_blur

_GRAY_CHROMA = 8
"""Levels between the channels of 99.5 % of a black-and-white photo, compression noise included."""

_EVEN, _SOFT, _HARD = 3, 24, 60
_GRAPHIC_SOFT, _GRAPHIC_HARD = 0.25, 0.025
_LINES = 0.03
_EXACT_SHARE = 0.35, 0.45
_EVEN_SHARE = 0.44, 0.52
_CUT_SHARE = 0.1
"""A drawing, beside its ground, changes softly from pixel to pixel on little of it. Either much of
it does not change at all, or most hardly and the rest by much; or it is lines on next to nothing.
Photographs and rendered things do neither."""

_SIDE = 0.012
_CLEAR_GAP = 22.0
_SPREAD = 0.03


@dataclass(frozen=True, slots=True)
class Evidence:
    """Maps on the working grid. `photo` (H, W, 3) is linear light.

    `gray`: the photo has no color. `graphic` 0..1: it is a drawing, a logo or a page of text, and
    what is drawn has no relief. `sky` (H, W) 0..1. `trust` (H, W) 0..1: how clearly the photo
    itself shows an edge where the subject was found to end; 1 away from the outline, and for a
    subject that was given.
    """

    photo: Map
    gray: bool
    graphic: float
    sky: Map
    trust: Map


def gather(rgb: Pixels, analysis: Analysis) -> Evidence:
    """Look at the photo (H, W, 3) `analysis` was made of."""
    size = analysis.alpha.shape[0], analysis.alpha.shape[1]
    pixels = resize_pixels(rgb, size)
    photo = decode(pixels)
    seen = _visible(analysis)
    graphic = _graphic(pixels, seen)
    flat = np.zeros(size, np.float32)
    return Evidence(
        photo,
        _is_gray(pixels, seen),
        graphic,
        flat if graphic else analysis.sky,
        flat + 1 if graphic else _outline_trust(pixels, analysis),
    )


def _visible(analysis: Analysis) -> Bits:
    """What of the frame can be seen: all of it, or a cut-out alone."""
    if analysis.is_cut_out:
        return analysis.alpha > 0.5
    return np.ones(analysis.alpha.shape, np.bool_)


def _is_gray(pixels: Pixels, seen: Bits) -> bool:
    chroma = pixels.max(axis=2) - pixels.min(axis=2)
    return float(np.percentile(chroma[seen], 99.5)) <= _GRAY_CHROMA if seen.any() else False


def _graphic(pixels: Pixels, seen: Bits) -> float:
    """0 for a photograph, 1 for a drawing. Its ground, the commonest color, is left out."""
    near = np.ones((3, 3), np.uint8)
    span = np.asarray(cv2.dilate(pixels, near), np.uint8) - np.asarray(cv2.erode(pixels, near))
    change: Pixels = span.max(axis=2)
    coarse = (pixels >> 3).astype(np.int32)
    code = (coarse[..., 0] << 10) | (coarse[..., 1] << 5) | coarse[..., 2]
    # The ground of a cut-out is what has been cut away.
    ground = (code == np.bincount(code[seen]).argmax()) if seen.all() else ~seen
    drawn = seen & (np.asarray(cv2.dilate(ground.astype(np.uint8), near)) == 0)
    soft = float(((change > _EVEN) & (change <= _SOFT))[seen].mean())
    hard = float((change > _HARD)[seen].mean())
    if soft > _GRAPHIC_SOFT or hard < _GRAPHIC_HARD:
        return 0.0
    if float(drawn.mean()) < _LINES:
        return 1.0
    inside = change[drawn]
    even = _ramp(float((inside <= _EVEN).mean()), _EVEN_SHARE)
    cut = even if float((inside > _HARD).mean()) > _CUT_SHARE else 0.0
    return max(cut, _ramp(float((inside == 0).mean()), _EXACT_SHARE))


def _ramp(value: float, between: tuple[float, float]) -> float:
    low, high = between
    return float(np.clip((value - low) / (high - low), 0, 1))


def _outline_trust(pixels: Pixels, analysis: Analysis) -> Map:
    """Gap of color across the outline, spread along it."""
    if analysis.mode != "auto_mask":
        return np.ones(analysis.alpha.shape, np.float32)
    longest = max(analysis.alpha.shape)
    reach = max(2.0, _SIDE * longest)
    lab = np.asarray(cv2.cvtColor(pixels, cv2.COLOR_RGB2LAB), np.float32)
    solid = analysis.alpha > 0.5
    gap = np.linalg.norm(mean_of(lab, solid, reach) - mean_of(lab, ~solid, reach), axis=2)
    clear = np.clip((gap / _CLEAR_GAP - 0.3) / 0.7, 0, 1)
    grown = cv2.morphologyEx(solid.astype(np.uint8), cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8))
    edge = np.asarray(grown, np.float32)
    spread = _SPREAD * longest
    weight = wide_blur(edge, spread)
    along = wide_blur((clear * edge).astype(np.float32), spread) / np.maximum(weight, 1e-4)
    near = np.clip(weight * spread * 4, 0, 1)
    return (1 - near * (1 - np.clip(along, 0, 1))).astype(np.float32)


def mean_of(values: Map, where: Bits | Map, reach_px: float) -> Map:
    """The mean of values (H, W, C) near each pixel, as far as they lie `where` (H, W) 0..1."""
    weight = where.astype(np.float32)
    total = wide_blur(values * weight[..., None], reach_px)
    return (total / np.maximum(wide_blur(weight, reach_px), 1e-2)[..., None]).astype(np.float32)
