"""The bright edge that a light from behind leaves on an outline."""

import math
from dataclasses import dataclass
from typing import Self

import cv2
import numpy as np

from mcp_relight.domain.lighting import Lighting
from mcp_relight.domain.looks import look_of

from .analysis import Analysis
from .color import LUMINANCE
from .evidence import Evidence, mean_of
from .grid import Map, blur, disk, dot, ramp, slopes, wide_blur
from .rim_trust import of_outline
from .trimmed import framed

_GRAZES = 1.1
"""How steeply light from behind comes in along an outline: its tangent. On a body as round as it is
thick it ends where the surface turns by 42 degrees, a quarter of a radius inside."""
_ENDS = 0.26
_LESS_ON_SKIN = 0.25
"""How much fainter it is there."""
_WRAP, _WRAP_SHARE = 2.0, 0.12
"""How far beyond that, in widths of the rim, a faint light gets around, and how much of it."""

_LOOSE, _TURNED = 0.02, 0.15
"""Over how many long sides an outline counts as one line, and how much of its steepness still turns
what lies inside towards it."""

_NEARBY, _BODY, _OF_NEARBY = 0.04, 0.07, 4.0
"""In long sides, how far off half the thickness of a body is looked for: a finger is thin, and lies
near a trunk. A body counts for so much of what is nearby at most."""
_LEAST_ROUND = 0.012

_OF_FACE = 0.08
"""Of the width of a face: no rim on people is wider."""

_INSIDE = 0.5, 0.9
"""A rim lies on what is the subject for certain, by this much of the outline's soft edge."""

_MOST, _MOST_ON_SKIN, _LEAST_ROOM = 0.9, 0.25, 0.03
"""Linear luminance."""

GAIN = 2.5
"""How much brighter than a surface that faces it light is along an outline."""

_GRAZED, _GRAZING, _GRAZED_NEAR = 2.0, 0.35, 0.004
_BLACK, _MOST_RAISED = 0.004, 5.0
"""Light that grazes a surface is thrown back by white and, by this power of it, by dark as well:
luminance, and over how many long sides. Beyond this the noise of the dark would be seen."""

_UNCLEAN, _OWN_NEAR, _ALL_THERE_IS = 0.004, 0.01, 0.05
"""In long sides: how far in the pixels of an outline are not the subject's alone, and over how much
of what lies within its color is taken; what those pixels count, for a thing as thin as a stalk."""

_MOST_OF_SEEN = 1.2
"""How much brighter that color may be than what is seen there: thin dark hair is no skin."""

_TEXTURED, _DRAWN = (0.1, 1.0), 0.02
"""How much of a rim lies on the pixels as they are, along the outline and further in, and the
luminance below which they are noise more than texture."""

_SOON_FULL = 1.5
"""How much sooner than its light a rim gets to its full brightness."""

_CORNER, _CORNER_NEAR, _CORNER_FULL = 0.02, 0.008, (0.54, 0.66)
"""In long sides, how far around an outline is looked, and how far inwards what is found there
counts; how much of what lies around is subject where an outline is straight, and in a corner."""

_SCRAP, _SCRAP_LONG, _SCRAP_SEEN = 0.012, 8, 0.5
"""In long sides, half as wide as a scrap of a mask; times that, how long a thing is; and how much
alpha it has."""


class Rim:
    """Where light from behind shows on the outline of `alpha` (H, W) 0..1, the subject."""

    def __init__(
        self,
        alpha: Map,
        trust: Map,
        face_width_px: float = 0,
        skin: Map | None = None,
        *,
        is_cut_out: bool = False,
    ) -> None:
        """On `skin` (H, W) 0..1 a rim is a fainter line: what wraps around a cheek looks like a
        stain, and what is bright on jaw and neck like a crack.

        What fades into nothing is the subject to its last pixel: left dark, it would be a fringe.
        """
        wide, frame = framed(alpha) if is_cut_out else (alpha, np.s_[:, :])
        wide = _without_scraps(wide)
        outward, sharp, wrapped = _contour(wide, face_width_px)
        sharp = (sharp * _out_of_corners(wide))[frame]
        self._outward, wrapped, alpha = outward[frame], wrapped[frame], wide[frame]
        band = sharp + wrapped
        if skin is not None:
            band = sharp * (1 - _LESS_ON_SKIN * skin) + wrapped * (1 - skin)
        self._band = band if is_cut_out else band * ramp(alpha, _INSIDE)
        self._trust = trust

    def of(self, towards: Map) -> Map:
        """(H, W) for unit vectors to the light, (3,) or (H, W, 3): n·l > 0 only on a sliver."""
        x, y, z = towards[..., 0], towards[..., 1], towards[..., 2]
        sideways = np.hypot(x, y)
        behind = np.clip((0.25 - z) / 0.9, 0, 1) * (sideways >= 0.05)
        facing = dot(self._outward, towards[..., :2]) / np.maximum(sideways, 0.05)
        rim = behind * np.clip(facing, 0, 1) ** 1.8 * self._band * self._trust
        return rim.astype(np.float32)


def outlined(
    rim: Map, edge: Map, gain: Map, analysis: Analysis, evidence: Evidence, lighting: Lighting
) -> Map:
    """A rim (H, W, 3) on what is lit by `gain` alone, as bright as the look has its lit side.

    `edge` (H, W, 3) is the light along the outline. What grazes a surface is thrown back by a dark
    one almost as by a bright one.
    """
    look, key = look_of(lighting), lighting.key
    if look is None or not look.staging.lit or key is None or key.direction[2] > 0:
        return rim
    full = GAIN * max(light.intensity for light in lighting.leading)
    share = 1 - (1 - np.clip(edge / max(full, 1e-3), 0, 1)) ** _SOON_FULL
    share = share**lighting.strength
    near = mean_of(evidence.photo, analysis.shown, _GRAZED_NEAR * max(rim.shape)) @ LUMINANCE
    bright = np.maximum(near, _BLACK)[..., None]
    wanted = (_GRAZED / bright) ** _GRAZING * 2.0 ** (look.staging.lit * lighting.strength)
    wanted = np.minimum(wanted, _MOST_RAISED) / (gain @ LUMINANCE)[..., None]
    return np.maximum(rim, 1 + share * (wanted - 1)).astype(np.float32)


def held_back(rim: Map, photo: Map, skin: Map) -> Map:
    """A rim (H, W, 3) on `photo` as lit without it: on what is bright it adds little, on skin less.

    Both would lose their drawing.
    """
    bright = (photo @ LUMINANCE)[..., None]
    most = _MOST + (_MOST_ON_SKIN - _MOST) * skin[..., None]
    room = np.maximum(most - bright, _LEAST_ROOM)
    more = rim - 1
    return (1 + more / np.sqrt(1 + (more * bright / room) ** 2)).astype(np.float32)


@dataclass(frozen=True, slots=True)
class Edge:
    """What a rim falls on, under every light: `own` (H, W, 3) the subject's color along its
    outline, `textured` (H, W, 1) 0..1 how much of a rim lies on the pixels as they are.

    The last pixels of an outline are half ground, and jagged where a thing was cut out: the rim
    there lies on the subject's own color a little further in. Inside, it shows every hair.
    """

    own: Map
    textured: Map

    @classmethod
    def of(cls, analysis: Analysis, evidence: Evidence) -> Self:
        longest = max(analysis.alpha.shape)
        certain = (analysis.alpha > _INSIDE[1]).astype(np.uint8)
        edge_px = max(1, round(_UNCLEAN * longest))
        within = cv2.erode(certain, np.ones((2 * edge_px + 1,) * 2, np.uint8), borderValue=1)
        within = np.asarray(within, np.float32)
        clean = (within + _ALL_THERE_IS * analysis.alpha).astype(np.float32)
        own = mean_of(evidence.photo, clean, _OWN_NEAR * longest)
        seen = mean_of(evidence.photo, analysis.alpha, _GRAZED_NEAR * longest) @ LUMINANCE
        most = np.minimum(_MOST_OF_SEEN * seen / np.maximum(own @ LUMINANCE, 1e-4), 1)
        own = (own * most[..., None]).astype(np.float32)
        low, high = _TEXTURED
        drawn = np.clip(own @ LUMINANCE / _DRAWN, 0, 1)
        share = drawn * (low + (high - low) * blur(within, edge_px))
        return cls(own, share[..., None].astype(np.float32))

    def lay(self, rim: Map, gain: Map) -> tuple[Map, Map]:
        """(multiplied, added), (H, W, 3) each: a rim, 1 or more on what is lit by `gain`, as what
        it multiplies the pixels by, and the linear light it adds whatever they are."""
        more = rim - 1
        if more.max() <= 0:
            return rim, np.zeros_like(rim)
        return 1 + self.textured * more, (1 - self.textured) * more * gain * self.own


def _without_scraps(alpha: Map) -> Map:
    """A subject without what is narrow and juts out of it a little: a mask tears there as often as
    anything is. What is longer is a finger or a pole."""
    reach = max(1, round(_SCRAP * max(alpha.shape)))
    pad = 2 * reach
    framed = cv2.copyMakeBorder(alpha, pad, pad, pad, pad, cv2.BORDER_REPLICATE)
    body = np.asarray(cv2.morphologyEx(framed, cv2.MORPH_OPEN, disk(reach)), np.float32)
    body = body[pad:-pad, pad:-pad]
    apart = (alpha - body > _SCRAP_SEEN).astype(np.uint8)
    _, labels, boxes, _ = cv2.connectedComponentsWithStats(apart)
    labels, boxes = np.asarray(labels, np.intp), np.asarray(boxes)
    beside = np.asarray(cv2.dilate((body > 0.5).astype(np.uint8), np.ones((3, 3), np.uint8))) > 0
    juts_out = np.bincount(labels[beside], minlength=len(boxes)) > 0
    is_short = boxes[:, 2:4].max(axis=1) <= _SCRAP_LONG * reach
    scrap = is_short & juts_out & (boxes[:, cv2.CC_STAT_AREA] > reach**2)
    scrap[0] = False
    return np.where(scrap[labels], body, alpha).astype(np.float32)


def _contour(alpha: Map, face_width_px: float) -> tuple[Map, Map, Map]:
    """(outward (H, W, 2), sharp (H, W), wrapped (H, W)): which way the subject faces, the sliver
    that light from behind grazes, and what gets around it there."""
    longest = max(alpha.shape)
    solid = (alpha > 0.5).astype(np.uint8)
    framed = cv2.copyMakeBorder(solid, 1, 1, 1, 1, cv2.BORDER_REPLICATE)
    depth = np.asarray(cv2.distanceTransform(framed, cv2.DIST_L2, 5), np.float32)[1:-1, 1:-1]
    depth = np.minimum(depth, longest)  # a mask of the whole frame has no edge to be near to
    round_ = np.minimum(_deepest(depth, _BODY), _OF_NEARBY * _deepest(depth, _NEARBY))
    round_ = wide_blur(round_, 0.5 * _NEARBY * longest)
    most = min(_BODY * longest, _OF_FACE / _ENDS * face_width_px or math.inf)
    round_ = np.clip(round_, _LEAST_ROUND * longest, most)
    across, up = slopes(wide_blur(alpha, _LOOSE * longest))
    outward = np.dstack([-across, -up])
    # Half-way between two outlines neither is near enough to turn the surface to it.
    steepest = 1 / (_LOOSE * longest * math.sqrt(2 * math.pi))
    steep = np.linalg.norm(outward, axis=2, keepdims=True)
    outward = outward / np.hypot(steep, _TURNED * steepest)
    inside = np.clip(depth / round_, 0, 1)
    sharp = np.clip(1 - inside - _GRAZES * np.sqrt(inside * (2 - inside)), 0, 1)
    wrapped = np.exp(-((inside / (_WRAP * _ENDS)) ** 1.5))
    return outward.astype(np.float32), sharp.astype(np.float32), np.float32(_WRAP_SHARE) * wrapped


def _out_of_corners(alpha: Map) -> Map:
    """Less where an outline turns inwards, as under a jaw: the subject's own parts stand between
    the light and its corner, and what is bright there looks like a spot."""
    longest = max(alpha.shape)
    solid = (alpha > 0.5).astype(np.float32)
    near = of_outline(wide_blur(solid, _CORNER * longest), alpha, _CORNER_NEAR * longest)
    free, none = _CORNER_FULL
    return np.clip((none - near) / (none - free), 0, 1).astype(np.float32)


def _deepest(depth: Map, reach: float) -> Map:
    """The greatest depth in a square of so many long sides each way."""
    near = np.ones((2 * round(reach * max(depth.shape)) + 1,) * 2, np.uint8)
    return np.asarray(cv2.dilate(depth, near), np.float32)
