"""What one light does to the analysed shape."""

import math
from dataclasses import dataclass

import numpy as np

from mcp_relight.domain.lighting import Light

from .analysis import Analysis
from .evidence import Evidence
from .grid import Map, Real, centered_axes, dot, facing, unit, wide_blur
from .lamp import lamp, surface_of
from .rim import GAIN, Rim
from .rim_trust import believed
from .shadow import lit_by

_SCENE_SUBJECT = 0.45
"""Without a subject everything counts as this much of one."""

# A relief guessed from color edges breaks up under a hard light: soften it by this much.
_SCENE_DOUBT = 0.35

# How far away the backdrop is nobody knows: a full, sharp shadow on it looks like a halo.
_BACKDROP_SHADOW = 0.35
_BACKDROP_BLUR = 0.03

_UNSURE = 0.36
_UNSURE_FACE = 0.12
"""How far guessed normals are off, in radians: those of a subject in its middle, those of a face.
A light that only grazes them ends as softly as that."""
_UNSURE_OUTLINE = 0.35
"""Of that: at its outline a subject turns away for certain."""
_UNSURE_LESS = 0.75
"""Less by so much where the shape explains the light in the photo."""

_SIDE = 0.8
"""In powers of e, from the middle of a subject to its side, where its normals say least."""

_SHADOW_FACING = 0.45
"""Cosine from which on what turns to a light is shadowed in full by what else rises: a guessed
surface that turns away is dark already, and the border of its own shadow would be a line."""
_SHADOW_CALM = 0.012

_FACE_WRAP = 0.05
"""A face turns into its shadow slowly: skin scatters light."""
_FACE_SHADOW_BLUR = 0.07
_FACE_SHADOW_LIFT = 0.5
"""Heights of a face are only roughly known, so what brow and nose cast is kept soft and open."""

_SUBJECT_REACH = 0.5
_BACKDROP_REACH = 2.7

_SCENE_SIDE = 0.55, 0.75
"""How fast light fades across a scene without a subject, which is all that shows its side there:
of any light, and of a hard one in addition. Per half of the long side, in powers of e."""
_SKY_REACH, _SKY_BEHIND = 0.5, 0.15
"""The sky is farther away than any lamp: it fades by this share of that, and hardly before a light
behind it."""
_GROUND_SLOPE = 0.45
"""How much the ground of a scene with a sky leans up."""

_SCENE_SHARP = 1.0
"""How suddenly a hard light ends in the middle of a scene."""

_SCENE_THROUGH = 0.35
_SKY_THROUGH = 1.4
_SKYLINE = 1.6
_TRANSLUCENT, _TRANSLUCENT_RANGE = 0.75, (0.3, 3.0)
"""Of a light behind a scene: what comes through and over things, what the sky gets, and what edges
before the sky do. What is bright against the rest of a scene lets more of it
through: leaves, clouds, lamps."""
_SCENE_EDGES = 1.5
_SCENE_BEHIND = 2.2

_FILL, _FILL_FROM = 0.6, (0.0, 0.3, 0.954)
"""How much of the light that fills a front has a direction, and which."""

_RIM_GLOSS = 0.3
_RIM_NEAREST = 2.0


@dataclass(frozen=True, slots=True)
class Lit:
    """What one light of intensity 1 and no color does, each (H, W): `rim` is the part of its
    diffuse light that lies along the outline, and not in `diffuse`."""

    diffuse: Map
    gloss: Map
    rim: Map


@dataclass(frozen=True, slots=True)
class _Rays:
    """How a light reaches the pixels: unit vectors to it, (3,) or (H, W, 3), how it fades (H, W),
    and how much of a lamp other parts of the surface hide (H, W)."""

    towards: Map
    fade: Map
    hidden: Map | None


class LitScene:
    """The analysed photo, ready to be lit by any number of lights."""

    def __init__(self, analysis: Analysis, evidence: Evidence) -> None:
        self._size = analysis.alpha.shape[0], analysis.alpha.shape[1]
        self._x, self._y = centered_axes(self._size)
        self._sky = evidence.sky
        # What is drawn lies flat, and stands before nothing.
        self.has_subject = analysis.has_subject and evidence.graphic < 0.5
        self.subject: Map = (
            analysis.alpha if self.has_subject else np.full(self._size, _SCENE_SUBJECT, np.float32)
        )
        given = analysis.mode in ("user_normals", "user_depth", "shape_model")
        self._doubt = 0.0 if self.has_subject or given else _SCENE_DOUBT
        self.is_scene = not self.has_subject and not given
        self._normals = self._shape(analysis, evidence)
        self._height = analysis.height
        self._translucent = _translucent(analysis.guide)
        self._alpha = analysis.alpha
        self._is_given = given
        self._unsure = self._doubted_normals(analysis)
        self._middle, self._extent = _place(self.subject, (self._x, self._y))
        self._face = analysis.face if analysis.faces.size and not evidence.graphic else None
        self._face_width = face_width(analysis)
        self._rim = None
        if self.has_subject:
            skin = np.maximum(analysis.face, analysis.skin)
            self._rim = Rim(
                analysis.alpha,
                believed(analysis, evidence),
                self._face_width,
                skin,
                is_cut_out=analysis.is_cut_out,
            )
        self._skyline = Rim(1 - self._sky, 1 - self._sky) if self._sky.any() else None

    def _shape(self, analysis: Analysis, evidence: Evidence) -> Map:
        normals = analysis.normals
        if evidence.graphic:
            flat = np.float32(evidence.graphic)
            normals = unit(normals * (1 - flat) + facing(*self._size) * flat)
        if not self.is_scene or not self._sky.any():
            return normals
        # The sky faces nobody, and the ground below it lies.
        sky = self._sky[..., None]
        ground = np.clip(0.3 - self._y, 0, 1)[..., None] * np.array(
            [0, _GROUND_SLOPE, 0], np.float32
        )
        return unit((normals + ground) * (1 - sky) + facing(*self._size) * sky)

    def _doubted_normals(self, analysis: Analysis) -> Map:
        """(H, W): by how many radians the normals may be off."""
        if self._is_given:
            return np.zeros(self._size, np.float32)
        sure = np.float32(1 - _UNSURE_OUTLINE)
        usual = np.float32(_UNSURE * (1 - _UNSURE_LESS * analysis.light_confidence))
        unsure = usual * (1 - sure * (1 - np.clip(self._normals[..., 2], 0, 1)))
        return (unsure + analysis.face * (np.float32(_UNSURE_FACE) - unsure)).astype(np.float32)

    def fill(self) -> Map:
        """(H, W) about 1 in the subject: how much of the light that fills the front before a light
        from behind gets where. From above, as it comes from a sky or a ceiling, it models what even
        light would flatten."""
        if self.is_scene:
            return np.ones(self._size, np.float32)
        facing_it = np.clip(self._normals @ np.array(_FILL_FROM, np.float32), 0, 1) ** 2
        usual = float((facing_it * self.subject).sum()) / max(float(self.subject.sum()), 1e-3)
        return (1 + _FILL * self.subject * (facing_it / max(usual, 1e-3) - 1)).astype(np.float32)

    def light(self, light: Light, shadow_strength: float, specular: float) -> Lit:
        """What a light of intensity 1 does, whatever its color."""
        rays = self._rays(light)
        lit = self._shadow(light, rays, shadow_strength)
        diffuse = self._lambert(light, rays) * lit * rays.fade
        gloss = specular * (1 - self._doubt) * self._blinn_phong(light, rays) * lit * self.subject
        rim = np.zeros(self._size, np.float32)
        if self._rim is not None:
            rim = self._rim.of(rays.towards) * np.minimum(rays.fade, _RIM_NEAREST)
            gloss = gloss + _RIM_GLOSS * rim
        if light.role == "background":
            around = 1 - self._alpha
            diffuse, gloss, rim = diffuse * around, gloss * around, rim * around
        return Lit(diffuse, gloss, GAIN * rim)

    def _rays(self, light: Light) -> _Rays:
        if light.at is None:
            return _Rays(np.array(light.direction, np.float32), self._falloff(light), None)
        subject = self._alpha if self.has_subject else None
        surface = surface_of(self._height, subject, light.at, is_given=self._is_given)
        is_for_backdrop = light.role == "background" or light.at[2] < 0
        lit = 1 - self._alpha if subject is not None and is_for_backdrop else self.subject
        near = lamp(light, light.at, surface, lit)
        sky = (1 - _SKY_REACH) * self._sky if self.is_scene else np.float32(0)
        return _Rays(near.towards, near.fade ** (1 - sky), near.hidden)

    def _lambert(self, light: Light, rays: _Rays) -> Map:
        """Diffuse light, wrapped around the terminator by large sources."""
        normals, depth = self._normals, rays.towards[..., 2]
        doubt = np.float32(self._doubt)
        if self._face is not None:
            doubt = doubt + self._face * np.float32(_FACE_WRAP - self._doubt)
        wrap = np.float32(0.5 * light.softness) + doubt
        cosine = dot(normals, rays.towards)
        off = self._unsure * np.sqrt(np.clip(1 - cosine * cosine, 0, 1))
        diffuse = _expected((cosine + wrap) / (1 + wrap), off) ** (1 + 0.5 * wrap)
        if self.is_scene:
            # From behind it comes over and through whatever stands there, and shows on all sides.
            behind = np.maximum(-depth, 0)
            sideways = dot(normals[..., :2], rays.towards[..., :2])
            edges = np.clip(sideways, 0, 1) * (1 - normals[..., 2]) * (behind > 0)
            through = _SCENE_THROUGH + (_SKY_THROUGH - _SCENE_THROUGH) * self._sky
            through = through * self._translucent
            diffuse = np.maximum(diffuse, through * behind) + _SCENE_EDGES * edges
            if self._skyline is not None and rays.hidden is None and depth < 0:
                diffuse = diffuse + _SKYLINE * self._skyline.of(rays.towards)
        else:
            grazing = 1 - np.clip(normals[..., 2], 0, 1)
            diffuse = diffuse * np.where(depth < 0, 1 + 2 * grazing**2, 1)
        if rays.hidden is None and depth <= 0.05:
            # A light behind the subject mostly touches the subject's contour.
            diffuse = diffuse * (0.15 + 0.85 * self.subject)
        return diffuse.astype(np.float32)

    def _shadow(self, light: Light, rays: _Rays, strength: float) -> Map:
        if strength == 0 or (self._doubt and self._face is None):
            return np.ones(self._size, np.float32)
        if rays.hidden is not None:
            hidden = np.asarray(rays.hidden, np.float32)
        elif light.direction[2] > 0.05:
            lit = lit_by(self._height, light.direction, light.angular_diameter_deg)
            hidden = np.asarray(1 - lit, np.float32)
        else:
            return np.ones(self._size, np.float32)
        if self._face is not None:
            open_ = (1 - _FACE_SHADOW_LIFT) * wide_blur(
                hidden, _FACE_SHADOW_BLUR * self._face_width
            )
            hidden = hidden + self._face * (open_ - hidden)
            hidden = np.asarray(hidden, np.float32)
        if self._doubt and self._face is not None:
            # The other heights of a scene without a subject are made up, and a shadow tells on that
            # most: a rocket would cast one on the sky.
            return (1 - hidden * self._face * strength).astype(np.float32)
        distant = wide_blur(hidden, _BACKDROP_BLUR * max(self._size))
        if not self._is_given:
            hidden = self._guessed(hidden, rays)
        hidden = self.subject * hidden + (1 - self.subject) * _BACKDROP_SHADOW * distant
        kept = 1 - hidden * strength * (1 - 0.35 * light.softness)
        return kept.astype(np.float32)

    def _guessed(self, hidden: Map, rays: _Rays) -> Map:
        """What of a shadow can be believed where all heights are a guess."""
        calm = wide_blur(hidden, _SHADOW_CALM * max(self._size))
        turned = np.clip(dot(self._normals, rays.towards) / _SHADOW_FACING, 0, 1)
        believed = calm * turned * turned * (3 - 2 * turned)
        if self._face is None:
            return believed.astype(np.float32)
        return (believed + self._face * (hidden - believed)).astype(np.float32)

    def _falloff(self, light: Light) -> Map:
        """A near light fades across the frame, most of all on the backdrop."""
        x, y, _ = light.direction
        towards = self._x * x + self._y * y
        reach = light.falloff * (
            _SUBJECT_REACH * self.subject + _BACKDROP_REACH * (1 - self.subject)
        )
        fading = reach * towards
        if self.has_subject and not self._is_given:
            fading = fading + self._unsure / _UNSURE * self._subject_side(light)
        if self.is_scene:
            fading = fading + self._scene_side(light)
            reach = _SKY_BEHIND if light.direction[2] < 0 else _SKY_REACH
            fading = fading * (1 - (1 - reach) * self._sky)
        return np.exp(fading).astype(np.float32)

    def _subject_side(self, light: Light) -> Map:
        """What normals that may be off do not tell: a light from beside fades across a subject."""
        x, y, z = light.direction
        along = (self._x - self._middle[0]) * x + (self._y - self._middle[1]) * max(y, 0)
        beside = max(1 - abs(z), 0) * (1 - light.softness)
        share = np.clip(along / self._extent, -1, 1) * self._alpha
        return (_SIDE * beside * share).astype(np.float32)

    def _scene_side(self, light: Light) -> Map:
        x, y, z = light.direction
        soft, hard = _SCENE_SIDE
        side = soft + hard * (1 - light.softness)
        if z >= 0:
            up = 0.6 * max(y, 0)
            length = max(math.hypot(x, up), 1e-3)
            along = (self._x * x + self._y * up) / length
            sharp = _SCENE_SHARP * (1 - light.softness) + 0.1
            return (side * length * np.tanh(sharp * along) / math.tanh(sharp)).astype(np.float32)
        # However far behind, it comes from one side of the frame, or over its top.
        sideways = max(math.hypot(x, y), 0.2)
        along = (self._x * x + self._y * max(y, 0)) / sideways
        return (_SCENE_BEHIND * along).astype(np.float32)

    def _blinn_phong(self, light: Light, rays: _Rays) -> Map:
        half = rays.towards + np.array([0, 0, 1], np.float32)
        half = half / np.maximum(np.linalg.norm(half, axis=-1, keepdims=True), 1e-3)
        shininess = 60 * (1 - light.softness) + 12
        cosine = dot(self._normals, half)
        return (np.clip(cosine, 0, 1) ** shininess).astype(np.float32)


def _place(subject: Map, axes: tuple[Map, Map]) -> tuple[tuple[float, float], float]:
    """The middle of a subject, and how far it reaches from there at most, in halves of the long
    side of the frame."""
    x, y = axes
    total = max(float(subject.sum()), 1e-3)
    middle = float((x * subject).sum()) / total, float((y * subject).sum()) / total
    away = (x - middle[0]) ** 2, (y - middle[1]) ** 2
    spread = max(float((subject * square).sum()) / total for square in away)
    return middle, max(1.7 * math.sqrt(spread), 0.1)


def _translucent(guide: Map) -> Map:
    """(H, W) about 1: how much light from behind comes through, by its square root of luminance."""
    usual = max(float(np.mean(guide)), 1e-3)
    share = np.power(guide * guide / (usual * usual) + 1e-3, _TRANSLUCENT)
    return np.clip(share, *_TRANSLUCENT_RANGE).astype(np.float32)


def _expected(cosine: Map, off: Map) -> Map:
    """The mean of max(cosine, 0) where the cosine is off by as much (normal distribution)."""
    spread = np.maximum(off, np.float32(1e-3))
    away = cosine / spread
    density = np.exp(-0.5 * away * away) * np.float32(1 / math.sqrt(2 * math.pi))
    below = _share_below(away, density)
    return np.maximum(spread * density + cosine * below, 0).astype(np.float32)


def _share_below(values: Real, density: Real) -> Map:
    """Of a normal distribution with that density there: Abramowitz & Stegun 26.2.17, to 1e-7."""
    near = 1 / (1 + np.float32(0.2316419) * np.abs(values))
    tail = np.zeros_like(near)
    for factor in (1.330274429, -1.821255978, 1.781477937, -0.356563782, 0.319381530):
        tail = (tail + np.float32(factor)) * near
    tail *= density
    return np.where(values > 0, 1 - tail, tail).astype(np.float32)


def face_width(analysis: Analysis) -> float:
    """Of the largest face, in pixels of the grid; 0 without one."""
    if not analysis.faces.size:
        return 0.0
    return float((analysis.faces[:, 2] - analysis.faces[:, 0]).max())
