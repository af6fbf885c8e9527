"""What one light does to the analysed shape."""

import math

import cv2
import numpy as np

from mcp_relight.domain.lighting import Light

from .analysis import Analysis
from .grid import Map, blur, centered_axes, slopes, unit
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


class LitScene:
    """The analysed photo, ready to be lit by any number of lights."""

    def __init__(self, analysis: Analysis) -> None:
        self._analysis = analysis
        self._size = analysis.alpha.shape[0], analysis.alpha.shape[1]
        self._x, self._y = centered_axes(self._size)
        self.subject: Map = (
            analysis.alpha
            if analysis.has_subject
            else np.full(self._size, _SCENE_SUBJECT, np.float32)
        )
        self._doubt = 0.0 if analysis.has_subject or _given(analysis) else _SCENE_DOUBT
        self._contour = _contour(analysis.alpha) if analysis.has_subject else None

    def light(self, light: Light, shadow_strength: float, specular: float) -> tuple[Map, Map]:
        """(diffuse, gloss), each (H, W), of a light of intensity 1 and no colour."""
        direction = light.direction
        lit = self._shadow(light, shadow_strength)
        diffuse = self._lambert(light) * lit * self._falloff(light)
        gloss = specular * (1 - self._doubt) * self._blinn_phong(light) * lit * self.subject
        if self._contour is not None:
            rim = self._rim(direction)
            diffuse, gloss = diffuse + _RIM_GAIN * rim, gloss + _RIM_GLOSS * rim
        return diffuse, gloss

    def _lambert(self, light: Light) -> Map:
        """Diffuse light, wrapped around the terminator by large sources."""
        normals, direction = self._analysis.normals, light.direction
        wrap = 0.5 * light.softness + self._doubt
        cosine = normals @ np.array(direction, np.float32)
        diffuse = np.clip((cosine + wrap) / (1 + wrap), 0, None) ** (1 + 0.5 * wrap)
        if direction[2] < 0:
            grazing = 1 - np.clip(normals[..., 2], 0, 1)
            diffuse = diffuse * (1 + 2 * grazing**2)
        if direction[2] <= 0.05:
            # A light behind the subject mostly touches the subject's contour.
            diffuse = diffuse * (0.15 + 0.85 * self.subject)
        return diffuse.astype(np.float32)

    def _shadow(self, light: Light, strength: float) -> Map:
        direction = light.direction
        # The heights of a scene without a subject are made up, and a shadow tells on that most:
        # a rocket would cast one on the sky.
        if direction[2] <= 0.05 or strength == 0 or self._doubt:
            return np.ones(self._size, np.float32)
        hidden = 1 - lit_by(self._analysis.height, direction, light.softness)
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

    def _blinn_phong(self, light: Light) -> Map:
        half = np.array(light.direction, np.float32) + np.array([0, 0, 1], np.float32)
        half /= max(float(np.linalg.norm(half)), 1e-3)
        shininess = 60 * (1 - light.softness) + 12
        return (np.clip(self._analysis.normals @ half, 0, 1) ** shininess).astype(np.float32)

    def _rim(self, direction: tuple[float, float, float]) -> Map:
        """The bright edge of a light behind: n·l > 0 only on a sliver, so it is drawn apart."""
        x, y, z = direction
        sideways = math.hypot(x, y)
        behind = min(max((0.25 - z) / 0.9, 0.0), 1.0)
        if self._contour is None or behind == 0 or sideways < 0.05:
            return np.zeros(self._size, np.float32)
        outward, band = self._contour
        towards = outward @ np.array([x / sideways, y / sideways], np.float32)
        return behind * np.clip(towards, 0, 1) ** 1.2 * band


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
