"""What a photographer shades off: a pool of light, a darker ground, haze before a light behind."""

import math
from dataclasses import dataclass

import numpy as np

from mcp_relight.domain.lighting import Light, Lighting
from mcp_relight.domain.looks import Look, Staging, look_of

from .analysis import Analysis
from .color import LUMINANCE, light_color
from .evidence import Evidence
from .grid import Map, centered_axes, wide_blur

_POOL_RADIUS = 0.75
"""Of half the long side, for a subject that fills little of the frame."""

_FACES_COUNT = 4.0
"""The pool lies round the faces rather than the middle of the clothes."""

_DARK_GROUND, _BRIGHT_GROUND = 0.02, 0.25
"""Mean linear luminance: a ground is darkened in full from the second on, not at all below the
first."""

_BACKLIT, _SKY_GROUND, _LAND_GROUND = 0.3, 0.65, 0.3
"""Of the stops a look takes from the ground behind a subject: what it takes from a scene before a
light behind it, from the sky, whose border is less certain, and from what lies under the sky."""

_LOW_KEY, _HIGH_KEY = 0.03, 0.2
_AMBIENT_FLOOR = 0.05

BEHIND = -0.2
"""A light whose direction is less towards the viewer comes from behind."""
_VEIL, _GLOW = 0.02, 0.06
_SCENE_VEIL, _SCENE_GLOW = 0.05, 0.2
_VEILING, _VEILING_REACH, _LEAST_VEILED = 0.3, 0.12, 0.03
"""Luminance, over so many long sides, of what casts a full veil on a scene, and what of it a dark
one gets."""
_WARM_KELVIN, _LOW_DEG = 3600, 20
_WARM_VEIL, _WARM_GLOW = 0.006, 0.05
_GLOW_ABOVE = 0.55
_MOST_HAZE = 0.6


@dataclass(frozen=True, slots=True)
class Backdrop:
    """`cover` (H, W) 0..1: what lies behind the subject, or the sky of a scene without one."""

    cover: Map
    subject: Map
    is_scene: bool

    def is_before(self, light: Light) -> bool:
        """Whether all of it is a scene before this light, which comes over and through it."""
        return self.is_scene and light.direction[2] < BEHIND

    def shaded_off(self, light: Light) -> Map:
        """(H, W) 0..1: what the ground of a look is. Before a light behind a scene all is but the
        sky."""
        if self.is_before(light):
            return _BACKLIT * (1 - self.cover)
        if self.is_scene:
            return _LAND_GROUND + (_SKY_GROUND - _LAND_GROUND) * self.cover
        return self.cover


def shade_off(
    analysis: Analysis, evidence: Evidence, backdrop: Backdrop, lighting: Lighting
) -> Map:
    """(H, W) stops the staging of the look takes away, 0 or more."""
    look = look_of(lighting)
    if look is None or look.staging == Staging() or lighting.key is None:
        return np.zeros(analysis.alpha.shape, np.float32)
    staging, light = look.staging, lighting.key
    share = share_of(look, lighting)
    bright = evidence.photo @ LUMINANCE
    lit_for = np.asarray(backdrop.subject + _FACES_COUNT * analysis.face, np.float32)
    weight = 0.2 + lit_for
    level = float((bright * weight).sum() / weight.sum())
    stops = staging.pool * _outside_pool(lit_for, light)
    ground = backdrop.shaded_off(light)
    ground_level = float((bright * ground).sum() / max(float(ground.sum()), 1.0))
    ground = ground * _ramp(ground_level, _DARK_GROUND, _BRIGHT_GROUND)
    stops = stops + staging.ground * ground
    if not backdrop.is_before(light):  # such a scene is dark by itself, and its sky is not
        stops = stops + staging.key * _ramp(level, _LOW_KEY, _HIGH_KEY)
    return (share * stops).astype(np.float32)


def share_of(look: Look, lighting: Lighting) -> float:
    """How much of its staging a look keeps: less where more ambient light is asked for."""
    usual = look.lighting.ambient + _AMBIENT_FLOOR
    return min(1.0, usual / (lighting.ambient + _AMBIENT_FLOOR))


def _ramp(value: float, low: float, high: float) -> float:
    """0 at `low`, 1 from `high` on, even in stops between."""
    return float(np.clip(math.log(max(value, 1e-4) / low) / math.log(high / low), 0, 1))


def _outside_pool(subject: Map, light: Light) -> Map:
    """0 in the pool of light round the subject, shifted towards the light; 1 far from it."""
    x, y = centered_axes((subject.shape[0], subject.shape[1]))
    weight = subject + np.float32(1e-3)
    total = float(weight.sum())
    middle_x, middle_y = float((x * weight).sum()) / total, float((y * weight).sum()) / total
    spread_x = float((weight * (x - middle_x) ** 2).sum()) / total
    spread_y = float((weight * (y - middle_y) ** 2).sum()) / total
    radius = max(_POOL_RADIUS, 1.5 * math.sqrt(max(spread_x, spread_y)))
    towards_x, towards_y, _ = light.direction
    away_x, away_y = x - middle_x - 0.2 * towards_x, y - middle_y - 0.15 * towards_y
    return (1 - np.exp(-(away_x**2 + away_y**2) / radius**2)).astype(np.float32)


def haze(lighting: Lighting, lit: Map, backdrop: Backdrop, evidence: Evidence) -> Map:
    """(H, W, 3) of light scattered on its way to the camera, to be screened on.

    `lit` (H, W, 3) is the relit working photo. A light behind the subject veils the picture and
    makes what is bright glow; so does, weaker, a warm low sun. On a dark ground it stays small:
    there it would only be fog.
    """
    behind = [light for light in lighting.lights if light.direction[2] < BEHIND]
    key = lighting.key
    if behind:
        lights, veil, glow = behind, _VEIL, _GLOW
        if backdrop.is_scene:
            veil, glow = _SCENE_VEIL, _SCENE_GLOW
    elif key and key.kelvin and key.kelvin < _WARM_KELVIN and 0 < key.elevation_deg < _LOW_DEG:
        lights, veil, glow = [key], _WARM_VEIL, _WARM_GLOW
    else:
        return np.zeros_like(lit)
    size = lit.shape[0], lit.shape[1]
    seen = 0.1 + 0.9 * _ramp(_ground_level(lit, backdrop), 0.01, 0.2)
    total, veiled = np.zeros_like(lit), np.float32(1)
    if behind and backdrop.is_scene:
        near = wide_blur((lit @ LUMINANCE).astype(np.float32), _VEILING_REACH * max(size))
        veiled = (_LEAST_VEILED + (1 - _LEAST_VEILED) * np.clip(near / _VEILING, 0, 1))[..., None]
    for light in lights:
        share = veiled * (veil * seen / len(lights)) * _veil_of(light, size)[..., None]
        total += share * light_color(light)
    bright = np.maximum(lit @ LUMINANCE, 1e-4)[..., None]
    over = np.minimum(lit, 2) * (np.clip(bright - _GLOW_ABOVE, 0, 0.5) / bright)
    glowing = wide_blur((over * np.float32(1.6 * glow)).astype(np.float32), 0.03 * max(size))
    mean_color = np.mean([light_color(light) for light in lights], axis=0)
    haze = np.clip(total + glowing * mean_color, 0, _MOST_HAZE) * np.float32(1 - evidence.graphic)
    return haze.astype(np.float32)


def _ground_level(lit: Map, backdrop: Backdrop) -> float:
    """Mean luminance of what the haze is seen against, after the light."""
    cover = backdrop.cover if backdrop.cover.any() else np.ones_like(backdrop.cover)
    return float(((lit @ LUMINANCE) * cover).sum() / cover.sum())


def _veil_of(light: Light, size: tuple[int, int]) -> Map:
    """(H, W) 0..1, densest on the side the light comes from."""
    x, y = centered_axes(size)
    towards_x, towards_y, _ = light.direction
    sideways = max(math.hypot(towards_x, towards_y), 0.05)
    along = (x * towards_x + y * max(towards_y, 0.25)) / sideways
    return (np.clip(0.5 + 0.55 * along, 0, 1) ** 2.2).astype(np.float32)
