"""What the working photo itself says to a photographer, beside subject and shape.

Made anew for every light, from the pixels, in a few hundredths of a second; nothing is stored.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from .analysis import Analysis
from .color import decode
from .grid import Bits, Map, Pixels, blur, disk, filled, guided, resize_pixels, slopes, wide_blur
from .matting import at_edges

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

_SKY_ALIKE, _SKY_SAME = 40, 24
"""Levels."""

_BLUE, _BRIGHTER = 20, 1.5
"""Levels of blue above red from which a sky is blue; times as bright as the rest, if it is not."""

_SKY_EDGE, _SKY_BESIDE = 0.012, 0.03
"""In long sides: how far off the edges a sky may be found, and how far off it lies what is compared
with it."""

_THIN = 0.013
"""In long sides: half as wide as what is thin before a sky."""

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
        flat if graphic else _sky(pixels, analysis),
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


def _sky(pixels: Pixels, analysis: Analysis) -> Map:
    """What is smooth, as bright as a sky, bluish or colorless, and reaches the upper border."""
    guide = analysis.guide
    longest = max(guide.shape)
    values = pixels.astype(np.float32)
    calm = blur(values, 0.004 * longest)
    across, up = slopes(calm)
    steep = np.sqrt((across * across + up * up).sum(axis=2)) * np.float32(longest / 448)
    bluish = calm[..., 2] - calm[..., 0] > -12
    green = calm[..., 1] - np.maximum(calm[..., 0], calm[..., 2])
    likely = (steep < 7) & bluish & (green < 8) & (guide > 0.15) & (analysis.alpha < 0.5)
    likely = cv2.morphologyEx(likely.astype(np.uint8), cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    count, parts = cv2.connectedComponents(np.asarray(likely, np.uint8))
    parts = np.asarray(parts, np.int32)
    top = max(2, guide.shape[0] // 40)
    touching = np.bincount(parts[:top].ravel(), minlength=count) > 0.12 * top * guide.shape[1]
    touching[0] = False
    touching |= _as_the_sky(parts, touching, calm)
    found = touching[parts]
    if not _is_sky(found, calm, guide):
        return np.zeros(guide.shape, np.float32)
    found = _with_clouds(found, guide).astype(np.float32)
    share = float(found.mean())
    # Less is a window or a lamp; more is a wall in front of which everything stands.
    if not 0.06 < share < 0.85:
        return np.zeros(guide.shape, np.float32)
    found = _up_to_the_edges(found, calm, guide)
    return _over_thin_things(at_edges(found, pixels, _SKY_EDGE * longest))


def _over_thin_things(sky: Map) -> Map:
    """Stalks, wires and poles before a sky are lit as it is: an outline as fine as theirs is never
    quite right, and what is left out beside them would be a halo."""
    reach = max(1, round(_THIN * max(sky.shape)))
    return np.asarray(cv2.morphologyEx(sky, cv2.MORPH_CLOSE, disk(reach)), np.float32)


def _is_sky(found: Bits, colors: Map, guide: Map) -> bool:
    """A gray sky is brighter than all below it; what is not so may be a road."""
    if not found.any() or found.all():
        return False
    usual = np.median(colors[found], axis=0)
    if usual[2] - usual[0] > _BLUE:
        return True
    return float(np.mean(guide[found] ** 2)) > _BRIGHTER * float(np.mean(guide[~found] ** 2))


def _as_the_sky(parts: NDArray[np.int32], sky: Bits, colors: Map) -> Bits:
    """Which of the `parts` are the `sky` beyond a tower or a tree: of its color, and at the border
    of the upper half."""
    inside = sky[parts]
    if not inside.any():
        return sky
    usual = np.median(colors[inside], axis=0)
    half = parts[: parts.shape[0] // 2]
    at_border = np.zeros(len(sky), np.bool_)
    for border in (half[:2], half[:, :2], half[:, -2:]):
        at_border[np.unique(border)] = True
    at_border[0] = False
    size = np.maximum(np.bincount(parts.ravel(), minlength=len(sky)), 1)
    mean = [
        np.bincount(parts.ravel(), colors[..., one].ravel(), len(sky)) / size for one in range(3)
    ]
    away = np.abs(np.stack(mean, axis=1) - usual).max(axis=1)
    return at_border & (away < _SKY_SAME)


def _with_clouds(sky: Bits, guide: Map) -> Bits:
    """What is as bright and has sky on all sides is a cloud."""
    holes = filled(sky) & ~sky
    if not holes.any():
        return sky
    return sky | (holes & (guide > float(guide[sky].mean())))


def _up_to_the_edges(found: Map, colors: Map, guide: Map) -> Map:
    """Close the gap between a sky and what stands before it, else a halo of the old light stays."""
    longest = max(guide.shape)
    reach = 0.03 * longest
    weight = wide_blur(found, reach)
    local = wide_blur(colors * found[..., None], reach) / np.maximum(weight, 1e-3)[..., None]
    alike = np.abs(colors - local).max(axis=2) < _SKY_ALIKE
    grown = np.maximum(found, (alike & (weight > 0.05)).astype(np.float32))
    telling = _telling(grown, colors)
    slope, offset = guided(telling, grown, max(2, int(0.006 * longest)), 1e-3)
    return np.clip(slope * telling + offset, 0, 1).astype(np.float32)


def _telling(sky: Map, colors: Map) -> Map:
    """(H, W) the mix of the channels that tells the sky best from what stands before it, 1 in the
    one and 0 in the other (Fisher's discriminant): a stalk may be as bright as what it hides."""
    reach = np.ones((2 * max(2, round(_SKY_BESIDE * max(sky.shape))) + 1,) * 2, np.uint8)
    inside = sky > 0.5
    beside = (np.asarray(cv2.dilate(inside.astype(np.uint8), reach)) > 0) & ~inside
    if not beside.any():
        return np.asarray(colors.mean(axis=2) / 255, np.float32)
    spread = np.asarray(np.cov(colors[inside].T) + np.cov(colors[beside].T) + np.eye(3), np.float64)
    ours, theirs = colors[inside].mean(axis=0), colors[beside].mean(axis=0)
    _, column = cv2.solve(spread, (ours - theirs)[:, None].astype(np.float64))
    mix = column[:, 0].astype(np.float32)
    values = (colors - theirs) @ mix / max(float((ours - theirs) @ mix), 1e-6)
    return np.asarray(np.clip(values, -1, 2), np.float32)


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
