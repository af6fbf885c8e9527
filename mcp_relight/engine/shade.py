"""New light on a known shape: how much brighter each working pixel gets, and in what colour."""

from dataclasses import dataclass

import numpy as np

from mcp_relight.domain.lighting import Lighting
from mcp_relight.domain.looks import LOOKS

from .analysis import Analysis
from .color import LUMINANCE, kelvin_color, light_color
from .grid import Map, blur
from .stage import Stage

_DELIGHT = 1.4
"""`remove_existing` 0.7 divides by a trusted estimate of the shading almost in full."""

_SHADING_RANGE = (0.18, 3.0)
"""Dividing by less than this would show the noise of the dark parts."""

_WHITEST = 2.0
"""No paint is brighter than white, which is about twice as bright as the usual paint of a subject:
where the old light was estimated darker than that allows, it was estimated wrong."""

_BRIGHTEST_RAISED = 2.0
"""Of the usual light. What is brighter still may be a white shirt beside a dark suit."""

_GAIN_RANGE = (0.02, 4.5)


@dataclass(frozen=True, slots=True)
class Shading:
    """`gain` (H, W, 3) multiplies linear light; `gloss` (H, W, 3) is added after."""

    gain: Map
    gloss: Map


@dataclass(frozen=True, slots=True)
class Knobs:
    """The engine's own settings, each 0..1."""

    remove_existing: float
    shadow_strength: float
    specular: float


def shade(analysis: Analysis, lighting: Lighting, knobs: Knobs) -> Shading:
    """Light the analysed shape; a key of intensity 1 keeps the mean exposure."""
    stage = Stage(analysis)
    existing = _existing_shading(analysis, stage.subject, knobs.remove_existing)
    ambient = (lighting.ambient * _openness(analysis))[..., None] * kelvin_color(
        lighting.ambient_kelvin
    )
    asked, neutral = ambient, ambient
    gloss = np.zeros_like(ambient)
    for light, usual in zip(lighting.lights, _neutral_intensities(lighting), strict=True):
        color = light_color(light)
        diffuse, shine = stage.light(light, knobs.shadow_strength, knobs.specular)
        asked = asked + (light.intensity * diffuse)[..., None] * color
        neutral = neutral + (usual * diffuse)[..., None] * color
        gloss = gloss + (light.intensity * shine)[..., None] * color
    around = analysis.has_subject and lighting.lit_region == "background"
    weight = 1 - analysis.alpha if around else _weight_of_all(analysis)
    level = _mean_gain(analysis, asked / existing, weight)
    usual_level = _mean_gain(analysis, neutral / existing, weight)
    exposure = level / usual_level * 2.0**lighting.exposure_ev
    relative = _bounded(asked / existing / level)
    return Shading(
        ((relative * exposure) ** lighting.strength).astype(np.float32),
        (gloss * lighting.strength * min(exposure, 1.0)).astype(np.float32),
    )


def _bounded(gain: Map) -> Map:
    """Keep the brightness of a gain in range. Clipping each channel would turn candles green."""
    bright = np.maximum(gain @ LUMINANCE, 1e-6)
    return np.maximum(gain * (np.clip(bright, *_GAIN_RANGE) / bright)[..., None], 1e-4)


def _existing_shading(analysis: Analysis, subject: Map, remove: float) -> Map:
    """The divisor that takes the old light out: weaker where, and when, it is only a guess."""
    trust = 0.3 + 0.7 * analysis.light_confidence
    power = _DELIGHT * remove * trust * (0.3 + 0.7 * subject)
    shading = np.clip(_possible_shading(analysis), *_SHADING_RANGE)
    return np.power(shading, power)[..., None].astype(np.float32)


def _possible_shading(analysis: Analysis) -> Map:
    """The estimated shading, raised to where the paint it leaves behind is no whiter than white.

    Without a subject paint is of any brightness, and an estimate nobody trusts corrects nothing.
    """
    estimated, bright = analysis.shading, analysis.guide**2
    region = analysis.alpha > 0.5
    if not region.any():
        return estimated
    paint = bright[region] / np.maximum(estimated[region], _SHADING_RANGE[0])
    least = bright / max(_WHITEST * float(np.median(paint)), 1e-4)
    missing = np.maximum(np.minimum(least, _BRIGHTEST_RAISED) - estimated, 0)
    return estimated + np.float32(analysis.light_confidence) * missing


def _openness(analysis: Analysis) -> Map:
    """Ambient occlusion from height: hollows get up to a quarter less of the ambient light."""
    depth = np.clip(blur(analysis.height, 8) - analysis.height, 0, 20) / 20
    return (1 - 0.25 * depth).astype(np.float32)


def _neutral_intensities(lighting: Lighting) -> list[float]:
    """The intensities that keep the mean exposure: all scaled until the key has its usual one.

    Usual is 1, or in a look the look's own, since its table states brightness apart, as exposure.
    """
    key = lighting.key
    if key is None or key.intensity == 0:
        return [light.intensity or 1.0 for light in lighting.lights]
    look = LOOKS.get(lighting.look or "")
    usual = look.lighting.key.intensity if look and look.lighting.key else 1.0
    return [light.intensity * usual / key.intensity for light in lighting.lights]


def _weight_of_all(analysis: Analysis) -> Map:
    """How much each pixel counts for the exposure: mostly the subject does."""
    return analysis.alpha + np.float32(0.15 if analysis.has_subject else 1.0)


def _mean_gain(analysis: Analysis, gain: Map, weight: Map) -> float:
    """Mean gain of the photo's luminance."""
    counted = weight * (analysis.guide**2 + np.float32(1e-4))
    mean = float((counted * (gain @ LUMINANCE)).sum()) / max(float(counted.sum()), 1e-6)
    return max(mean, 1e-3)
