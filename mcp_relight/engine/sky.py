"""The sky of a photo: what of it lies behind everything, and is lit like nothing else."""

import cv2
import numpy as np
from numpy.typing import NDArray

from .grid import Bits, Map, Pixels, blur, disk, filled, guided, slopes, wide_blur
from .matting import at_edges

_SKY_ALIKE, _SKY_SAME = 40, 24
"""Levels."""

_BLUE, _BRIGHTER = 20, 1.5
"""Levels of blue above red from which a sky is blue; times as bright as the rest, if it is not."""

_DARK, _AS_BRIGHT, _GOES_OVER = 0.15, 0.75, 0.25
"""√luminance that a sky has at least; of that of the sky, what is between has; and how much of the
border of such a thing is sky."""

_SKY_EDGE, _SKY_BESIDE, _FEW = 0.012, 0.03, 10
"""In long sides: how far off the edges a sky may be found, and how far off it lies what is compared
with it; and how many pixels are too few for that."""

_GAPS, _TOLD, _TOLD_BLUE = (0.02, 0.04), 0.7, 0.4
"""In long sides: how far below a sky it is looked for again; and how far what is found has to be on
its side of the mix of channels that tells it from the rest: less far where it is blue."""

_GAP_PX, _FLAT = 3, 3
"""Half as wide as a gap is at most; and how many times as wide as high what is flat is."""

_THIN, _MANY = 0.013, 0.3
"""In long sides: half as wide as what is thin before a sky; and how much of it lies where many such
things are."""


def sky_of(pixels: Pixels, guide: Map, subject: Map) -> Map:
    """(H, W) 0..1: what is smooth, as bright as a sky, bluish or colorless, and reaches the upper
    border.

    `pixels` (H, W, 3) and `guide` (H, W), their √luminance, on the working grid; `subject` (H, W)
    0..1 is no sky.
    """
    nothing = np.zeros(guide.shape, np.float32)
    longest = max(guide.shape)
    calm = blur(pixels.astype(np.float32), 0.004 * longest)
    smooth = _smooth(calm) & (guide > _DARK) & (subject < 0.5)
    bluish = calm[..., 2] - calm[..., 0] > -12
    green = calm[..., 1] - np.maximum(calm[..., 0], calm[..., 2])
    found = _from_above(smooth & bluish & (green < 8), calm)
    if not _is_sky(found, calm, guide):
        return nothing
    # Less is a window or a lamp; more is a wall in front of which everything stands.
    if not 0.06 < float(_with_clouds(found, guide).mean()) < 0.85:
        return nothing
    found = _with_clouds(found | _between(found, smooth, guide), guide)
    free = subject < 0.5
    found = _through_gaps(found, pixels.astype(np.float32), free)
    sure = found.astype(np.float32)
    edged = at_edges(_up_to_the_edges(sure, calm, free), pixels, _SKY_EDGE * longest)
    return _over_thin_things(np.maximum(edged, sure), subject)


def _smooth(calm: Map) -> Bits:
    """Where colors (H, W, 3) hardly change."""
    across, up = slopes(calm)
    steep = np.sqrt((across * across + up * up).sum(axis=2))
    return np.asarray(steep * np.float32(max(calm.shape[:2]) / 448) < 7, np.bool_)


def _from_above(likely: Bits, calm: Map) -> Bits:
    """The parts of what is `likely` a sky that lie along the upper border, and those like them."""
    opened = cv2.morphologyEx(likely.astype(np.uint8), cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    count, parts = cv2.connectedComponents(np.asarray(opened, np.uint8))
    parts = np.asarray(parts, np.int32)
    rows, columns = parts.shape
    top = max(2, rows // 40)
    touching = np.bincount(parts[:top].ravel(), minlength=count) > 0.12 * top * columns
    touching[0] = False
    touching |= _as_the_sky(parts, touching, calm)
    return touching[parts]


def _between(sky: Bits, smooth: Bits, guide: Map) -> Bits:
    """What is as smooth and not darker, with sky above and below, into which the sky goes over
    without an edge: where the sun sets, and where that is mirrored, a sky has other colors."""
    above = np.logical_or.accumulate(sky, axis=0)
    below = np.logical_or.accumulate(sky[::-1], axis=0)[::-1]
    bright = guide > _AS_BRIGHT * float(guide[sky].mean())
    between = above & below & smooth & bright & ~sky
    count, labels = cv2.connectedComponents(between.astype(np.uint8), connectivity=4)
    labels = np.asarray(labels, np.int32)
    near = np.ones((3, 3), np.uint8)
    around = np.asarray(cv2.dilate(labels.astype(np.float32), near), np.int32)
    around[labels > 0] = 0
    length = np.maximum(np.bincount(around.ravel(), minlength=count), 1)
    open_ = np.bincount(around[sky], minlength=count) / length > _GOES_OVER
    open_[0] = False
    return open_[labels]


def _over_thin_things(sky: Map, subject: Map) -> Map:
    """Stalks, wires and poles before a sky are lit as it is: an outline as fine as theirs is never
    quite right, and what is left out beside them would be a halo.

    Where there are many, as in grass, the sky ends gradually. A subject is no such thing.
    """
    longest = max(sky.shape)
    closed = cv2.morphologyEx(sky, cv2.MORPH_CLOSE, disk(max(1, round(_THIN * longest))))
    closed = np.asarray(closed, np.float32)
    many = np.clip(wide_blur(closed - sky, _THIN * longest) / _MANY, 0, 1)
    many = many * (1 - np.clip(4 * wide_blur(subject, 2 * _THIN * longest), 0, 1))
    return (closed + many * (wide_blur(closed, _THIN * longest) - closed)).astype(np.float32)


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


def _through_gaps(sky: Bits, colors: Map, free: Bits) -> Bits:
    """Together with what is seen of it between stalks and twigs: too little at a time to be smooth,
    and of the color that the sky has nearest to it."""
    longest = max(sky.shape)
    found = sky.astype(np.float32)
    blue = colors[..., 2] - colors[..., 0] > _BLUE
    tells = _telling(found, colors) > np.where(blue, _TOLD_BLUE, _TOLD)
    for reach in _GAPS:
        more = _alike(found, colors, reach * longest, 0.02) & tells & free
        # What blurs the edge of a smooth sky is no gap, and would join all that are.
        found = np.maximum(found, more & (cv2.dilate(found, disk(_GAP_PX + 1)) > 0))
        found = np.maximum(found, _gaps(more & (found == 0), found))
    return found > 0.5


def _alike(found: Map, colors: Map, reach_px: float, least: float) -> Bits:
    """Where the color is that of what was `found` nearby, which is so much of what lies there at
    least."""
    weight = wide_blur(found, reach_px)
    near = wide_blur(colors * found[..., None], reach_px) / np.maximum(weight, 1e-3)[..., None]
    return (np.abs(colors - near).max(axis=2) < _SKY_ALIKE) & (weight > least)


def _gaps(bits: Bits, found: Map) -> Map:
    """The parts that are gaps: thin, not flat as a road below a sky is, and beside what was
    `found`."""
    part = bits.astype(np.uint8)
    part = part - np.asarray(cv2.morphologyEx(part, cv2.MORPH_OPEN, disk(_GAP_PX)), np.uint8)
    _, labels, boxes, _ = cv2.connectedComponentsWithStats(part)
    labels, boxes = np.asarray(labels, np.intp), np.asarray(boxes)
    beside = np.asarray(cv2.dilate(found, disk(round(2 * _THIN * max(found.shape))))) > 0
    is_gap = np.bincount(labels[beside], minlength=len(boxes)) > 0
    is_gap &= boxes[:, cv2.CC_STAT_WIDTH] <= _FLAT * boxes[:, cv2.CC_STAT_HEIGHT]
    is_gap[0] = False
    return is_gap[labels].astype(np.float32)


def _up_to_the_edges(found: Map, colors: Map, free: Bits) -> Map:
    """Close the gap between a sky and what stands before it, else a halo of the old light stays."""
    longest = max(found.shape)
    alike = _alike(found, colors, 0.03 * longest, 0.05)
    grown = np.maximum(found, (alike & free).astype(np.float32))
    telling = _telling(grown, colors)
    slope, offset = guided(telling, grown, max(2, int(0.006 * longest)), 1e-3)
    return np.clip(slope * telling + offset, 0, 1).astype(np.float32)


def _telling(sky: Map, colors: Map) -> Map:
    """(H, W) the mix of the channels that tells the sky best from what stands before it, 1 in the
    one and 0 in the other (Fisher's discriminant): a stalk may be as bright as what it hides."""
    reach = np.ones((2 * max(2, round(_SKY_BESIDE * max(sky.shape))) + 1,) * 2, np.uint8)
    is_sky = sky > 0.5
    beside = (np.asarray(cv2.dilate(is_sky.astype(np.uint8), reach)) > 0) & ~is_sky
    inside = (np.asarray(cv2.dilate(beside.astype(np.uint8), reach)) > 0) & is_sky
    if min(int(beside.sum()), int(inside.sum())) < _FEW:
        return np.asarray(colors.mean(axis=2) / 255, np.float32)
    spread = np.asarray(np.cov(colors[inside].T) + np.cov(colors[beside].T) + np.eye(3), np.float64)
    ours, theirs = colors[inside].mean(axis=0), colors[beside].mean(axis=0)
    _, column = cv2.solve(spread, (ours - theirs)[:, None].astype(np.float64))
    mix = column[:, 0].astype(np.float32)
    values = (colors - theirs) @ mix / max(float((ours - theirs) @ mix), 1e-6)
    return np.asarray(np.clip(values, -1, 2), np.float32)
