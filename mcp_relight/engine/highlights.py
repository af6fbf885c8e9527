"""What the camera has lost in highlights, given back where they get darker.

A blown highlight was brighter than white and had the color of what it lies on. Darkened as it is,
it would leave a gray patch.
"""

from dataclasses import dataclass
from typing import Self

import cv2
import numpy as np

from .analysis import Analysis
from .color import LUMINANCE
from .evidence import Evidence
from .grid import Map, blur, peak, ramp, wide_blur

_PALE = (0.35, 0.85)
"""Luminance from which skin is losing its color, and at which it has lost it."""

_CLIPPED = (0.8, 0.97)
_COLORED, _BENT = (0.5, 0.8), (0.3, 0.5)
"""How much less than its fullest a color's faintest channel is, from where it is no white; what of
its fullest the middle one is, from where a color has turned to another by what was cut off."""
_LOST, _LOST_OF_COLOR, _LOST_SOON = 0.35, 0.6, 2.0
"""How much brighter than white a blown highlight is taken to have been, or the fullest channel of a
color, and how soon that shows in less light: a white wall fades out of its glare, and has no border
there."""

_REACH = 0.15
"""Of the width of a face: how far away skin tells what a highlight lies on."""

_SKIN_AROUND = (0.25, 0.6)
_LARGEST = 0.25
"""In squares of the width of a face: what is pale over more than this is a wall or a shirt."""
_WALL_EDGE = 0.03
"""Of the width of a face: how far the border of such a wall is pale as well."""

_FULL, _NEAR = 0.42, 0.02
"""Of a channel, the mean over so many long sides from which it fills up."""

_LEAST_PALE_SHARE = 0.05
_TINT_RANGE = 0.4, 2.5


@dataclass(frozen=True, slots=True)
class Blown:
    """What was lost under every light: `lost` (H, W, 3) of light, more than shows; `pale_skin`
    (H, W) 0..1 where skin has lost its color, which is `usual` (3,). None without skin."""

    photo: Map
    lost: Map
    pale_skin: Map | None
    usual: Map

    @classmethod
    def of(cls, analysis: Analysis, evidence: Evidence, face_width: float) -> Self:
        bright = evidence.photo @ LUMINANCE
        lost = ((1 - evidence.graphic) * _lost(evidence.photo, bright)).astype(np.float32)
        if evidence.gray or not face_width:
            return cls(evidence.photo, lost, None, np.ones(3, np.float32))
        pale = ramp(bright, _PALE)
        skin = _on_skin(analysis, pale, bright, face_width)
        return cls(evidence.photo, lost, skin * pale, _usual(evidence.photo, skin, pale))

    def restored(self, gain: Map) -> Map:
        """The gain (H, W, 3) with lost light and, on skin, lost color in what it darkens."""
        darker = np.clip(-np.log2(np.maximum(gain @ LUMINANCE, 1e-4)), 0, 1)
        shown = 1 - np.exp(-_LOST_SOON * darker)
        gain = (gain * (1 + self.lost * shown[..., None])).astype(np.float32)
        if self.pale_skin is None:
            return gain
        share = self.pale_skin * darker
        rows, columns = np.flatnonzero(share.any(axis=1)), np.flatnonzero(share.any(axis=0))
        if not rows.size:
            return gain
        part = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]  # the rest stays
        own = self.photo[part] + np.float32(0.01)
        own = own / (own @ LUMINANCE)[..., None]
        tint = np.power(np.clip(self.usual / own, *_TINT_RANGE), share[part][..., None])
        kept = (own * tint) @ LUMINANCE / (own @ LUMINANCE)
        gain[part] *= tint / kept[..., None]
        return gain


def drawn_in_color(gain: Map, photo: Map) -> Map:
    """Less gain (H, W, 3) where light of one color fills a channel: what is bright in it loses all
    drawing there, long before it is bright."""
    near = wide_blur(np.asarray(peak(photo * gain), np.float32), _NEAR * max(gain.shape))
    room = 1 - _FULL
    bent = _FULL + room * (1 - np.exp(-np.maximum(near - _FULL, 0) / room))
    held = np.minimum(bent / np.maximum(near, 1e-3), 1)
    purity = np.clip(peak(gain) / np.maximum(gain @ LUMINANCE, 1e-4) - 1, 0, 1)
    return (gain * (held**purity)[..., None]).astype(np.float32)


def _lost(photo: Map, bright: Map) -> Map:
    """(H, W, 3): how much brighter than it shows each channel was before the camera cut it off. In
    a color that is the fullest one alone: an orange turns yellow by it, and green in the shade."""
    fullest, faintest = np.maximum(peak(photo), 1e-3), -peak(-photo)
    middle = photo @ np.ones(3, np.float32) - fullest - faintest
    colored = ramp(1 - faintest / fullest, _COLORED) * ramp(middle / fullest, _BENT)
    white = (_LOST * ramp(bright, _CLIPPED))[..., None]
    channel = _LOST_OF_COLOR * ramp(photo, _CLIPPED)
    return (white + colored[..., None] * (channel - white)).astype(np.float32)


def _on_skin(analysis: Analysis, pale: Map, bright: Map, face_width: float) -> Map:
    """(H, W) 0..1: faces, and what is pale where all around has the color of skin.

    What is dark does not count: hair lies beside a forehead.
    """
    room = analysis.alpha if analysis.has_subject else np.ones_like(bright)
    room = room * (1 - _walls(pale * (1 - analysis.face), face_width))
    known = (bright * (1 - pale) * room + np.float32(1e-4)).astype(np.float32)
    reach_px = _REACH * face_width
    around = wide_blur(known * analysis.skin, reach_px) / wide_blur(known, reach_px)
    return np.maximum(analysis.face, ramp(around, _SKIN_AROUND) * room)


def _walls(pale: Map, face_width: float) -> Map:
    """(H, W) 0..1: what is pale in one piece too large for a highlight on skin."""
    _, parts, stats, _ = cv2.connectedComponentsWithStats((pale > 0.5).astype(np.uint8))
    is_large = np.asarray(stats)[:, cv2.CC_STAT_AREA] > _LARGEST * face_width**2
    is_large[0] = False
    walls = is_large[np.asarray(parts, np.intp)].astype(np.float32)
    edge_px = max(1.0, _WALL_EDGE * face_width)
    return np.clip(4 * blur(walls, edge_px), 0, 1).astype(np.float32)


def _usual(photo: Map, weight: Map, pale: Map) -> Map:
    """(3,) the color of skin at luminance 1, from where the camera has kept it."""
    kept = weight * (1 - pale)
    if float(kept.sum()) < _LEAST_PALE_SHARE * float(weight.sum()):
        kept = weight
    usual = (photo * kept[..., None]).sum(axis=(0, 1))
    return np.asarray(usual / max(float(usual @ LUMINANCE), 1e-4), np.float32)
