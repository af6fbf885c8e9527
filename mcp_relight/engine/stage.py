"""What one light does to the analysed shape."""

from dataclasses import dataclass

import cv2
import numpy as np

from mcp_relight.domain.lighting import Light

from .analysis import Analysis
from .grid import Map, blur, centred_axes, slopes, unit
from .lamp import lamp, surface_of
from .shadow import lit_by

_SCENE_SUBJECT = 0.45
"""Without a subject everything counts as this much of one."""

# A relief guessed from colour edges breaks up under a hard light: soften it by this much.
_SCENE_DOUBT = 0.35

# How far away the backdrop is nobody knows: a full, sharp shadow on it looks like a halo.
_BACKDROP_SHADOW = 0.35
_BACKDROP_BLUR = 0.03

_SUBJECT_REACH = 0.5
_BACKDROP_REACH = 2.7

_RIM_WIDTH = 0.014
_RIM_GAIN = 2.2
_RIM_GLOSS = 0.55


class Stage:
    """The analysed photo, ready to be lit by any number of lights."""

    def __init__(self, analysis: Analysis) -> None:
        self._analysis = analysis
        self._size = analysis.alpha.shape[0], analysis.alpha.shape[1]
        self._x, self._y = centred_axes(self._size)
        self.subject: Map = (
            analysis.alpha
            if analysis.has_subject
            else np.full(self._size, _SCENE_SUBJECT, np.float32)
        )
        self._doubt = 0.0 if analysis.has_subject or _given(analysis) else _SCENE_DOUBT
        self._contour = _contour(analysis.alpha) if analysis.has_subject else None

    def light(self, light: Light, shadow_strength: float, specular: float) -> tuple[Map, Map]:
        """(diffuse, gloss), each (H, W), of a light of intensity 1 and no colour."""
        rays = self._rays(light)
        lit = self._shadow(light, rays, shadow_strength)
        diffuse = self._lambert(light, rays) * lit * rays.fade
        gloss = specular * (1 - self._doubt) * self._blinn_phong(light, rays) * lit * self.subject
        if self._contour is not None:
            rim = self._rim(rays)
            diffuse, gloss = diffuse + _RIM_GAIN * rim, gloss + _RIM_GLOSS * rim
        if light.role == "background":
            around = 1 - self._analysis.alpha
            diffuse, gloss = diffuse * around, gloss * around
        return diffuse, gloss

    def _rays(self, light: Light) -> "_Rays":
        if light.at is not None:
            surface = surface_of(self._analysis, light, is_given=_given(self._analysis))
            near = lamp(light, self._analysis, surface)
            return _Rays(near.towards, near.fade, near.hidden, is_lamp=True)
        direction = np.array(light.direction, np.float32)
        return _Rays(direction, self._falloff(light), None, is_lamp=False)

    def _lambert(self, light: Light, rays: "_Rays") -> Map:
        """Diffuse light, wrapped around the terminator by large sources."""
        normals = self._analysis.normals
        wrap = 0.5 * light.softness + self._doubt
        cosine = (normals * rays.towards).sum(axis=2)
        diffuse = np.clip((cosine + wrap) / (1 + wrap), 0, None) ** (1 + 0.5 * wrap)
        depth = rays.towards[..., 2]
        grazing = 1 - np.clip(normals[..., 2], 0, 1)
        diffuse = diffuse * np.where(depth < 0, 1 + 2 * grazing**2, 1)
        if not rays.is_lamp and depth <= 0.05:
            # A light behind the subject mostly touches the subject's contour.
            diffuse = diffuse * (0.15 + 0.85 * self.subject)
        return diffuse.astype(np.float32)

    def _shadow(self, light: Light, rays: "_Rays", strength: float) -> Map:
        # The heights of a scene without a subject are made up, and a shadow tells on that most:
        # a rocket would cast one on the sky.
        if strength == 0 or self._doubt:
            return np.ones(self._size, np.float32)
        if rays.hidden is not None:
            hidden = rays.hidden
        elif light.direction[2] > 0.05:
            hidden = 1 - lit_by(self._analysis.height, light.direction, light.softness)
        else:
            return np.ones(self._size, np.float32)
        distant = blur(hidden, _BACKDROP_BLUR * max(self._size))
        hidden = self.subject * hidden + (1 - self.subject) * _BACKDROP_SHADOW * distant
        kept = 1 - hidden * strength * (1 - 0.35 * light.softness)
        return kept.astype(np.float32)

    def _falloff(self, light: Light) -> Map:
        """A near light fades across the frame, most of all on the backdrop."""
        x, y, _ = light.direction
        towards = self._x * x + self._y * y
        reach = light.falloff * (
            _SUBJECT_REACH * self.subject + _BACKDROP_REACH * (1 - self.subject)
        )
        return np.exp(reach * towards).astype(np.float32)

    def _blinn_phong(self, light: Light, rays: "_Rays") -> Map:
        half = rays.towards + np.array([0, 0, 1], np.float32)
        half = half / np.maximum(np.linalg.norm(half, axis=-1, keepdims=True), 1e-3)
        shininess = 60 * (1 - light.softness) + 12
        cosine = (self._analysis.normals * half).sum(axis=2)
        return (np.clip(cosine, 0, 1) ** shininess).astype(np.float32)

    def _rim(self, rays: "_Rays") -> Map:
        """The bright edge of a light behind: n·l > 0 only on a sliver, so it is drawn apart."""
        if self._contour is None:
            return np.zeros(self._size, np.float32)
        outward, band = self._contour
        x, y, z = rays.towards[..., 0], rays.towards[..., 1], rays.towards[..., 2]
        sideways = np.hypot(x, y)
        behind = np.clip((0.25 - z) / 0.9, 0, 1) * (sideways >= 0.05)
        towards = (outward * rays.towards[..., :2]).sum(axis=2) / np.maximum(sideways, 0.05)
        return (behind * np.clip(towards, 0, 1) ** 1.2 * band).astype(np.float32)


@dataclass(frozen=True, slots=True)
class _Rays:
    """How a light reaches the pixels: unit vectors to it, (3,) or (H, W, 3), how it fades, and
    what of a lamp other parts hide."""

    towards: Map
    fade: Map
    hidden: Map | None
    is_lamp: bool


def _given(analysis: Analysis) -> bool:
    return analysis.mode in ("user_normals", "user_depth")


def _contour(alpha: Map) -> tuple[Map, Map]:
    """(outward (H, W, 2), band (H, W)): where the subject ends, and which way it faces there."""
    longest = max(alpha.shape)
    solid = (alpha > 0.5).astype(np.uint8)
    framed = cv2.copyMakeBorder(solid, 1, 1, 1, 1, cv2.BORDER_REPLICATE)
    depth = np.asarray(cv2.distanceTransform(framed, cv2.DIST_L2, 5), np.float32)[1:-1, 1:-1]
    depth = np.minimum(depth, longest)  # a mask of the whole frame has no edge to be near to
    across, up = slopes(blur(alpha, 0.02 * longest))
    outward = np.dstack([-across, -up])
    band = np.exp(-((depth / (_RIM_WIDTH * longest)) ** 1.5)) * alpha
    return unit(outward), band.astype(np.float32)
