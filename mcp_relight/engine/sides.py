"""The lit side and the shade of a look: far enough apart that a viewer names them at a glance."""

import math
from dataclasses import dataclass
from typing import Self

import numpy as np

from mcp_relight.domain.lighting import Light, Lighting
from mcp_relight.domain.looks import look_of

from .analysis import Analysis
from .color import LUMINANCE, light_color
from .evidence import Evidence
from .grid import Map, Real, centered_axes, wide_blur
from .lit_scene import face_width
from .staging import BEHIND, Backdrop, share_of

_FACES_COUNT = 4.0
_SHARP, _SHARP_APART, _SHARPEST = 1.3, 1.6, 2.5
"""How suddenly light turns to shade in the middle of a subject where both are so many stops apart;
more so where they are more, and never as a line."""
_GRADUAL = 1.25
"""The same across a frame: on a wall, a street or the sky a border would be a curtain."""

_STRAIGHT, _FACE_SHARE, _FACE_REACH = 0.95, 0.8, 1.1
"""Light from straight beside parts each of a group, and what is behind them once: how much of the
sides of a person are theirs, and how far these reach from the middle of a face, in widths of it."""
_FOREHEAD, _HEAD_SEEN = 0.3, 3.0
"""In widths of a face: how far beyond its mesh a head goes on, and how soon that counts."""

_UPRIGHT = 0.5
"""Light from beside tells its side more than light from above does."""
_REACH, _LEAST_REACH, _LEAST_BESIDE, _LEAST_OVER = 1.7, 0.4, 0.3, 0.25
_WIDE = 0.2, 0.35
"""How far the two sides of a subject differ in what the light does to them: a thin one has none,
and a border through its middle would go on in the sky."""

_SCENE_APART, _SCENE_MOST = 1.15, 5.1
"""Of what the two sides of a subject lie apart, and stops at most: light that fades across a frame
is seen less than where it turns on a body, and at its end is a good deal darker than in the mean of
the half that is in shade."""
_SHEET_LESS = 0.35
"""Of these stops: light fades across a printed sheet, it does not end on it."""
_BEFORE_APART, _BEFORE_LESS = 2.5, 0.7
"""Stops that the front of a scene lies deeper before a light behind it, and that its back is raised
less: it has no outline to show the light by."""

_MOST_RAISED, _MOST_DARKENED = 1.4, 6.0
"""Stops."""

_BLACK, _MOST_ON_BLACK, _FREE_STOPS, _NEAR_DARK = (0.06, 0.3), 1.6, 2.0, 0.006
"""Of the mean luminance of a lit side: what is black beside it, and what is so no more; how much
brighter the one may get, by how many stops more the other, and over how many long sides."""

_FULL, _WHITE = 0.3, 0.75
"""Linear luminance, over `_NEAR` long sides, from which a raised side is raised less, and no more:
beyond it only loses its drawing."""
_NEAR = 0.02
_BRIGHT, _BEYOND, _LEAVING = 0.3, 0.35, 0.3
"""What is lit beyond that gets so much of it; stops of light over which what cannot be raised
begins to darken."""

_DARK, _DEEPER = 1.8, 0.2
"""Stops below the photo from which a scene gets darker by so much of what is asked."""

_SHADE_WARM = 0.35
_MOST_WARMED = 1.0
_SKIN_WARM = 0.75
"""Of the warmth of the lit side: what its shade gets, and skin."""


def with_sides(
    gain: Map,
    analysis: Analysis,
    evidence: Evidence,
    backdrop: Backdrop,
    lighting: Lighting,
    exposure: float,
) -> Map:
    """The gain (H, W, 3) with the two sides of the subject, or of the scene, as far apart as the
    look has them, and the lit one as warm.

    What is so already stays. `exposure` is how bright the light was asked to be.
    """
    look, key = look_of(lighting), lighting.key
    if look is None or key is None:
        return gain
    counts = np.asarray(backdrop.subject + _FACES_COUNT * analysis.face, np.float32)
    seen = np.asarray(analysis.guide + 0.05, np.float32)
    asked = look.staging.lit + math.log2(exposure) - look.lighting.exposure_ev
    apart = share_of(look, lighting) * look.staging.apart
    if backdrop.is_before(key):
        if look.staging.apart:
            sides = _Sides.before(counts * seen, lighting, evidence.sky, _heads(analysis))
            apart = (apart + _BEFORE_APART) * (1 - evidence.graphic)
            asked = asked - _BEFORE_LESS
            gain = _parted(gain, analysis, evidence, sides, asked, apart)
        return _not_drowned(gain)
    if backdrop.is_scene:
        apart = min(_SCENE_APART * apart, _SCENE_MOST)
    apart = apart * (1 - _SHEET_LESS * evidence.graphic)
    sides = _Sides.of(counts, seen, key, apart, analysis.faces, backdrop)
    if sides is None:
        return gain
    if look.staging.apart:
        gain = _parted(gain, analysis, evidence, sides, asked, apart)
    return _warmed(gain, analysis, evidence, sides, key, look.staging.warm)


@dataclass(frozen=True, slots=True)
class _Sides:
    """`across` (H, W): -1 in the shade, 1 on the lit side. `of_lit` and `of_shade` (H, W) weigh
    what of the subject lies there, and add up to 1 each."""

    across: Map
    of_lit: Map
    of_shade: Map

    @classmethod
    def of(
        cls, counts: Map, seen: Map, light: Light, apart: float, faces: Map, backdrop: Backdrop
    ) -> Self | None:
        """By what `counts`, and how well it is `seen`; None where the light comes from no side."""
        x, y, z = light.direction
        if light.at is not None or z < BEHIND or abs(x) < _LEAST_BESIDE:
            return None
        # The more a lamp stands in front, the more gradually its light turns to shade.
        sharp = _SHARP * max(math.sqrt(abs(x)) * apart / _SHARP_APART, 1.0)
        along, reach = _along(counts, x, _UPRIGHT * max(y, 0))
        across = np.tanh(min(sharp, _SHARPEST) * along / reach)
        ground = _gradual(along)
        is_subject = np.zeros_like(along) if backdrop.is_scene else backdrop.subject
        across = ground + is_subject * (across - ground)
        if len(faces) > 1 and abs(x) > _STRAIGHT:
            theirs = _FACE_SHARE * np.minimum(counts, 1)
            across = across + theirs * (_of_each(faces, x, across.shape) - across)
        return cls._weighed(counts * seen, np.asarray(across, np.float32))

    @classmethod
    def before(cls, weight: Map, lighting: Lighting, sky: Map, heads: Map) -> Self:
        """Of a scene before lights behind it, which come over the top of what stands there; faces
        that are seen look away from them, wherever they are."""
        directions = [light.direction for light in lighting.leading]
        x, y = (sum(one[axis] for one in directions) / len(directions) for axis in (0, 1))
        along, reach = _along(weight, x, max(y, _LEAST_OVER))
        across = np.tanh(_SHARP * along / reach)
        across = across - heads * np.maximum(across, 0)
        return cls._weighed(weight, np.asarray(across + sky * (1 - across), np.float32))

    @classmethod
    def _weighed(cls, weight: Map, across: Map) -> Self:
        lit, shade = weight * np.maximum(across, 0), weight * np.maximum(-across, 0)
        return cls(across, lit / max(float(lit.sum()), 1e-6), shade / max(float(shade.sum()), 1e-6))

    def means(self, values: Real) -> tuple[float, float]:
        """Of values (H, W): on the lit side, and in the shade."""
        return float((values * self.of_lit).sum()), float((values * self.of_shade).sum())


def _heads(analysis: Analysis) -> Map:
    """(H, W) 0..1: faces and what is next to them."""
    if not analysis.faces.size:
        return analysis.face
    near = wide_blur(analysis.face, _FOREHEAD * face_width(analysis))
    return np.clip(_HEAD_SEEN * near, 0, 1).astype(np.float32)


def _along(weight: Map, x: float, up: float) -> tuple[Map, float]:
    """(H, W) how far along the direction (x, up) from the middle of what counts, in halves of the
    long side, and how far that reaches."""
    axis_x, axis_y = centered_axes((weight.shape[0], weight.shape[1]))
    along = (axis_x * x + axis_y * up) / math.hypot(x, up)
    total = float(weight.sum())
    along = along - float((along * weight).sum()) / total
    spread = math.sqrt(float((along * along * weight).sum()) / total)
    return along.astype(np.float32), max(_REACH * spread, _LEAST_REACH)


def _gradual(along: Map) -> Map:
    """(H, W) -1..1, from one border of the frame to the other."""
    half = float(along.max() - along.min()) / 2
    across = np.tanh(_GRADUAL * along / half) / math.tanh(_GRADUAL)
    return np.clip(across, -1, 1).astype(np.float32)


def _of_each(faces: Map, x: float, size: tuple[int, ...]) -> Map:
    """(H, W) -1..1: the sides of the nearest of the people, left and right of each."""
    columns = np.arange(size[1], dtype=np.float32) + 0.5
    total, sides = np.full(size[1], 1e-6, np.float32), np.zeros(size[1], np.float32)
    for left, _, right, _, _ in faces.tolist():
        away = (columns - (left + right) / 2) / (_FACE_REACH * max(right - left, 1))
        near = np.exp(-away * away)
        total, sides = total + near, sides + near * np.tanh(2 * away)
    return np.broadcast_to(math.copysign(1, x) * sides / total, size[:2]).astype(np.float32)


def _parted(
    gain: Map, analysis: Analysis, evidence: Evidence, sides: _Sides, asked: float, apart: float
) -> Map:
    """`_apart`, with nothing that glares by it, and nothing black that turns gray."""
    gain = _still_dark(_apart(gain, analysis, evidence, sides, asked, apart), evidence, sides)
    return _drawn(gain, evidence, analysis)


def _apart(
    gain: Map, analysis: Analysis, evidence: Evidence, sides: _Sides, asked: float, apart: float
) -> Map:
    """The lit side `asked` stops above the photo at least, the shade `apart` stops below that."""
    stops = np.log2(np.maximum(gain @ LUMINANCE, 1e-4))
    near = _near(evidence, gain, analysis)
    room = np.clip((_WHITE - near) / (_WHITE - _FULL), 0, 1)
    raised = (1 + sides.across) / 2
    darkened = 1 - raised
    raised = raised * room
    lit, shade = sides.means(stops)
    raised_lit, raised_shade = sides.means(raised)
    dark_lit, dark_shade = sides.means(darkened)
    separation = dark_shade - dark_lit
    low, full = _WIDE
    wide = float(np.clip((separation - low) / (full - low), 0, 1))
    if wide == 0:
        return gain
    # Raise until the lit side is `asked` in spite of the darkening, which makes up the rest.
    slope = (raised_lit - raised_shade) * dark_lit / separation
    missing = max(asked - lit, 0) + max(apart - (lit - shade), 0) * dark_lit / separation
    up = min(missing / max(raised_lit + slope, 1e-3), _MOST_RAISED)
    apart_so = lit - shade + up * (raised_lit - raised_shade)
    down = min(max(apart - apart_so, 0) / separation, _MOST_DARKENED)
    up, down = wide * up, wide * down
    change = np.exp2(up * raised - down * darkened)
    return (gain * change[..., None]).astype(np.float32)


def _still_dark(gain: Map, evidence: Evidence, sides: _Sides) -> Map:
    """Less gain on what is dark beside the rest of the lit side: hair, a coat or a pencil stays
    what it is, and shows no noise of the camera, however much light its neighbors need."""
    bright = (evidence.photo @ LUMINANCE).astype(np.float32)
    near = wide_blur(bright, _NEAR_DARK * max(bright.shape))
    usual = float((bright * sides.of_lit).sum())
    beside = np.log(np.maximum(near / max(usual, 1e-4), 1e-4))
    low, free = np.log(_BLACK)
    share = np.clip((beside - low) / (free - low), 0, 1)
    most = _MOST_ON_BLACK * np.exp2(share * _FREE_STOPS)
    held = np.minimum(most / np.maximum(gain @ LUMINANCE, 1e-4), 1)
    return (gain * held[..., None]).astype(np.float32)


def _not_drowned(gain: Map) -> Map:
    """Before a light behind it a scene gets dark, and can still be read."""
    stops = np.log2(np.maximum(gain @ LUMINANCE, 1e-4))
    drowned = np.minimum(stops + _DARK, 0)
    return (gain * np.exp2((_DEEPER - 1) * drowned)[..., None]).astype(np.float32)


def _near(evidence: Evidence, gain: Map, analysis: Analysis) -> Map:
    """(H, W) mean luminance around each pixel after the light, of the sky and of what stands before
    it apart: beside a roof the sky is no darker. What is hidden under a cut-out does not count."""
    bright = (evidence.photo * gain) @ LUMINANCE
    sky, seen = evidence.sky, analysis.shown
    reach = _NEAR * max(seen.shape)

    def near_by(where: Map) -> Map:
        total = wide_blur((bright * where).astype(np.float32), reach)
        return (total / np.maximum(wide_blur(where, reach), 1e-3)).astype(np.float32)

    near = near_by(seen * (1 - sky))
    if sky.any():
        near = near + sky * (near_by(seen * sky) - near)
    # The paper of a printed sheet is one white, also beside what is printed dark: no glow there.
    near = near + evidence.graphic * np.maximum(bright - near, 0)
    return near.astype(np.float32)


def _drawn(gain: Map, evidence: Evidence, analysis: Analysis) -> Map:
    """Less gain on what gets bright by it: in a dark subject, what else the mask holds would glare.

    It stays about as bright as in the photo at least, and leaves that gradually: where a sky that
    cannot be raised began to darken, there would be a border.
    """
    bright = gain @ LUMINANCE
    near = _near(evidence, gain, analysis)
    held = (_BRIGHT + _BEYOND * (near - _BRIGHT)) / np.maximum(near, _BRIGHT)
    stops = np.log2(np.maximum(bright, 1e-4))
    least = np.exp2(-_LEAVING * np.logaddexp2(0, stops / _LEAVING))
    share = np.where(near > _BRIGHT, np.maximum(held, least), 1)
    return (gain * share[..., None]).astype(np.float32)


def _warmed(
    gain: Map, analysis: Analysis, evidence: Evidence, sides: _Sides, key: Light, warm: float
) -> Map:
    """The lit side with at least the share `warm` of the key's own color."""
    color = np.log(light_color(key))
    tone = float(color[0] - color[2])
    if warm == 0 or evidence.gray or abs(tone) < 1e-3:
        return gain
    logs = np.log(np.maximum(gain, 1e-4))
    is_so = sides.means(logs[..., 0] - logs[..., 2])[0] / tone
    missing = min(max(warm - is_so, 0), _MOST_WARMED)
    lit = _SHADE_WARM + (1 - _SHADE_WARM) * (1 + sides.across) / 2
    lit = lit * (1 - (1 - _SKIN_WARM) * np.maximum(analysis.skin, analysis.face))
    tint = np.exp(np.float32(missing) * lit[..., None] * color)
    photo = evidence.photo + np.float32(0.01)
    kept = (photo @ LUMINANCE) / ((photo * tint) @ LUMINANCE)
    return (gain * tint * kept[..., None]).astype(np.float32)
