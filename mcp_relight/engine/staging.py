"""What a photographer shades off: a pool of light, a darker ground, haze before a light behind."""

import math
from dataclasses import dataclass

import numpy as np

from mcp_relight.domain.lighting import Light, Lighting
from mcp_relight.domain.looks import LOOKS, Staging

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

_LOW_KEY, _HIGH_KEY = 0.03, 0.2
_AMBIENT_FLOOR = 0.05

_BEHIND = -0.2
_VEIL, _GLOW = 0.035, 0.12
_WARM_KELVIN, _LOW_DEG = 3600, 20
_WARM_VEIL, _WARM_GLOW = 0.014, 0.07
_GLOW_ABOVE = 0.55
_MOST_HAZE = 0.6


@dataclass(frozen=True, slots=True)
class Backdrop:
    """`cover` (H, W) 0..1: what lies behind the subject, or the sky of a scene."""

    cover: Map
    subject: Map

    def brightness(self, evidence: Evidence) -> float:
        """Mean linear luminance of what it covers."""
        bright = evidence.photo @ LUMINANCE
        return float((bright * self.cover).sum() / max(float(self.cover.sum()), 1.0))


def shade_off(
    analysis: Analysis, evidence: Evidence, backdrop: Backdrop, lighting: Lighting
) -> Map:
    """(H, W) stops the staging of the look takes away, 0 or more."""
    look = LOOKS.get(lighting.look or "")
    if look is None or look.staging == Staging() or lighting.key is None:
        return np.zeros(analysis.alpha.shape, np.float32)
    staging, light = look.staging, lighting.key
    usual = look.lighting.ambient + _AMBIENT_FLOOR
    share = min(1.0, usual / (lighting.ambient + _AMBIENT_FLOOR))
    bright = evidence.photo @ LUMINANCE
    weight = 0.2 + backdrop.subject
    level = float((bright * weight).sum() / weight.sum())
    lit_for = np.asarray(backdrop.subject + _FACES_COUNT * analysis.face, np.float32)
    stops = staging.pool * _outside_pool(lit_for, light)
    ground = _ramp(backdrop.brightness(evidence), _DARK_GROUND, _BRIGHT_GROUND)
    stops = stops + staging.ground * ground * backdrop.cover
    stops = stops + staging.key * _ramp(level, _LOW_KEY, _HIGH_KEY)
    return (share * stops).astype(np.float32)


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
    behind = [light for light in lighting.lights if light.direction[2] < _BEHIND]
    key = lighting.key
    if behind:
        lights, veil, glow = behind, _VEIL, _GLOW
    elif key and key.kelvin and key.kelvin < _WARM_KELVIN and 0 < key.elevation_deg < _LOW_DEG:
        lights, veil, glow = [key], _WARM_VEIL, _WARM_GLOW
    else:
        return np.zeros_like(lit)
    size = lit.shape[0], lit.shape[1]
    seen = 0.1 + 0.9 * _ramp(_ground_level(lit, backdrop), 0.01, 0.2)
    total = np.zeros_like(lit)
    for light in lights:
        total += (veil * seen / len(lights)) * _veil_of(light, size)[..., None] * light_color(light)
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
