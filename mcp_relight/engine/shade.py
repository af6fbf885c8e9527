"""New light on a known shape: how much brighter each working pixel gets, and in what colour."""

import math
from dataclasses import dataclass
from typing import Self

import numpy as np

from mcp_relight.domain.lighting import Light, Lighting, Region
from mcp_relight.domain.looks import look_of, names_color

from .analysis import Analysis
from .color import LUMINANCE, kelvin_color, light_color
from .evidence import Evidence, gather
from .grid import Map, Pixels, Real, blur, centered_axes, on_threads, wide_blur
from .highlights import Blown, drawn_in_color
from .lit_scene import LitScene, face_width
from .rim import Edge, held_back, outlined
from .sides import with_sides
from .staging import Backdrop, haze, shade_off

_DELIGHT = 1.4
"""`remove_existing` 0.7 divides by a trusted estimate of the shading almost in full."""

_SIDEWAYS, _MORE_SIDEWAYS = (10.0, 25.0), 0.2
"""Degrees beside the camera where an old light begins to show as one, and where it does, and how
much more of it is taken out there: paint has no lit side, so little of that can be paint."""

_SHADING_RANGE = (0.18, 3.0)
"""Dividing by less than this would show the noise of the dark parts."""

_REMOVED_IN_FRONT = 0.5
"""Of the old light, before a light from behind: nothing else would model the front."""

_WHITEST = 2.0
"""No paint is brighter than white, which is about twice as bright as the usual paint of a subject:
where the old light was estimated darker than that allows, it was estimated wrong."""

_BRIGHTEST_RAISED = 2.0
"""Of the usual light. What is brighter still may be a white shirt beside a dark suit."""

_GAIN_RANGE = (0.02, 4.5)

_SCENE_DELIGHT = 0.05
"""In long sides: finer, a scene without a subject tells nothing about its old light."""

_FACE_DELIGHT = 0.12
"""Of the width of a face."""
_FACE_DELIGHT_RANGE = (-0.8, 0.8)

_DARK, _DARK_SHINE = 0.08, 2.0
"""Linear luminance below which a rim is stronger, and by how much more on black."""

_MELT = 0.03
_BOUNCE, _BOUNCE_SKIN, _BOUNCE_REACH, _SKIN_NEAR = 0.1, 0.3, 0.04, 0.06
"""How much of the surroundings' color comes back: of any thing, of skin, and from how far, in long
sides, and how near skin is what counts as such. More on things would change the color of the light
that was asked for."""
_BESIDE, _OTHER_COLOR, _FALLS = 0.5, 0.5, 1.4
"""How far a lamp stands to its side, of 1; how much of its channels another color differs in; stops
that its light has more at its side of the frame than in the middle, and less at the other."""

_MOST_MIXING = 0.28
_PAPER = 0.5
"""Paper and print keep this much of their own white: nobody takes a logo for a lit thing."""


@dataclass(frozen=True, slots=True)
class Shading:
    """`gain` (H, W, 3) multiplies linear light. Inside the subject's outline alone, so does `rim`
    (H, W, 3), 1 or more, and `edging` (H, W, 3) is added. `gloss` (H, W, 3) is added after; `haze`
    (H, W, 3) is screened on at the end; `mixing` 0..1 is how far the photo's colors move to gray
    before, so that they stay readable in a colored light."""

    gain: Map
    rim: Map
    edging: Map
    gloss: Map
    haze: Map
    mixing: float


@dataclass(frozen=True, slots=True)
class Knobs:
    """The engine's own settings, each 0..1."""

    remove_existing: float
    shadow_strength: float
    specular: float


@dataclass(frozen=True, slots=True)
class Prepared:
    """An analysed photo with what stays the same under every light. `surroundings` (H, W, 3) is how
    much of an ambient light reaches a surface, and in what color."""

    analysis: Analysis
    evidence: Evidence
    scene: LitScene
    surroundings: Map
    blown: Blown
    edge: Edge

    @classmethod
    def of(cls, rgb: Pixels, analysis: Analysis) -> Self:
        evidence = gather(rgb, analysis)
        return cls(
            analysis,
            evidence,
            LitScene(analysis, evidence),
            _openness(analysis)[..., None] * _bounce(evidence, analysis),
            Blown.of(analysis, evidence, face_width(analysis)),
            Edge.of(analysis, evidence),
        )


def shade(prepared: Prepared, lighting: Lighting, knobs: Knobs) -> Shading:
    """Light the analysed shape; a key of intensity 1 keeps the mean exposure."""
    analysis, evidence, lit = prepared.analysis, prepared.evidence, prepared.scene
    removed = knobs.remove_existing * (1 - evidence.graphic)  # a drawing has no light in it
    is_behind = lighting.key is not None and lighting.key.direction[2] < 0
    if is_behind:
        removed = removed * _REMOVED_IN_FRONT
    existing = _existing_shading(analysis, evidence, lit, removed)
    fill = lit.fill()[..., None] if is_behind else np.float32(1)
    even = lighting.ambient * fill * kelvin_color(lighting.ambient_kelvin)
    ambient = (prepared.surroundings * even).astype(np.float32)
    asked, edge, gloss, leading, neutral = _summed(lit, lighting, knobs, ambient)
    weight = _exposed_for(analysis, lighting.lit_region)
    level, usual_level = (
        _mean_gain(analysis, bright / existing[..., 0], weight) for bright in (leading, neutral)
    )
    exposure = level / usual_level * 2.0**lighting.exposure_ev
    gain = _bounded(asked / existing / level) * exposure
    edged = np.asarray(asked + edge, np.float32)
    rim = np.maximum(_bounded(edged / existing / level) * exposure / gain, 1)
    rim = (_on_dark(rim, evidence) ** lighting.strength).astype(np.float32)
    backdrop = _backdrop(analysis, evidence, lit)
    darker = np.exp2(-shade_off(analysis, evidence, backdrop, lighting))[..., None]
    alone = gain * darker
    gain = with_sides(alone, analysis, evidence, backdrop, lighting, exposure)
    shaded = np.minimum((gain @ LUMINANCE) / (alone @ LUMINANCE), 1)[..., None]
    gain = _melted((gain**lighting.strength).astype(np.float32), evidence)
    shine = lighting.strength * min(exposure, 1.0)
    gloss = (gloss * darker * shaded * shine).astype(np.float32)
    gain = prepared.blown.restored(gain)
    rim = outlined(rim, edge, gain, analysis, evidence, lighting)
    rim = held_back(rim, evidence.photo * gain, analysis.skin)
    veil = haze(lighting, evidence.photo * gain, backdrop, evidence)
    stays_gray = evidence.gray and not names_color(lighting)
    paler = 1.0 if stays_gray else _PAPER * evidence.graphic
    gain, gloss, veil = _paler(gain, paler), _paler(gloss, paler), _paler(veil, paler)
    gain = drawn_in_color(gain, evidence.photo)
    rim, edging = prepared.edge.lay(_paler(rim, paler), gain)
    return Shading(gain, rim, edging, gloss, veil, _mixing(lighting))


def _summed(
    lit: LitScene, lighting: Lighting, knobs: Knobs, ambient: Map
) -> tuple[Real, Real, Real, Real, Real]:
    """(asked, edge, gloss, leading, neutral): all that reaches a surface, what there is along the
    outline, and what shines, (H, W, 3) each; of what reaches it the luminance, (H, W), that the
    leading lamps bring as they are and as is usual."""
    asked = ambient
    gloss, edge = np.zeros_like(ambient), np.zeros_like(ambient)
    leading = neutral = ambient @ LUMINANCE
    done = on_threads(
        lambda light: lit.light(light, knobs.shadow_strength, knobs.specular), lighting.lights
    )
    usuals = _neutral_intensities(lighting)
    for light, one, usual in zip(lighting.lights, done, usuals, strict=True):
        color = light_color(light) * _nearer(light, lighting, ambient)
        asked = asked + (light.intensity * one.diffuse)[..., None] * color
        edge = edge + (light.intensity * one.rim)[..., None] * color
        if light in lighting.leading:
            whole = (one.diffuse + one.rim) * (color @ LUMINANCE)
            leading, neutral = leading + light.intensity * whole, neutral + usual * whole
        gloss = gloss + (light.intensity * one.gloss)[..., None] * color
    return asked, edge, gloss, leading, neutral


def _nearer(light: Light, lighting: Lighting, size: Map) -> Map:
    """(H, W, 1): how much more of a light gets to its own side, where one of another color comes
    from the other: on what faces the camera both would mix to one gray all over."""
    x = light.direction[0]
    facing = [one for one in lighting.leading if one.at is None and one.direction[0] * x < 0]
    apart = max((float(np.ptp(light_color(one) - light_color(light))) for one in facing), default=0)
    if light.at is not None or abs(x) < _BESIDE or apart < _OTHER_COLOR:
        return np.ones((1, 1, 1), np.float32)
    across, _ = centered_axes(size.shape[:2])
    towards = math.copysign(math.log(2) * _FALLS, x) * across / across.max()
    return (1 + np.tanh(towards)).astype(np.float32)[..., None]


def _backdrop(analysis: Analysis, evidence: Evidence, lit: LitScene) -> Backdrop:
    if lit.has_subject:
        return Backdrop(1 - blur(analysis.alpha, 1.5), analysis.alpha, is_scene=False)
    return Backdrop(evidence.sky, lit.subject, is_scene=lit.is_scene)


def _on_dark(rim: Map, evidence: Evidence) -> Map:
    """Black hair and cloth shine in a light that grazes them, however little they reflect else."""
    dark = np.clip(1 - (evidence.photo @ LUMINANCE) / _DARK, 0, 1)[..., None]
    return (1 + (rim - 1) * (1 + _DARK_SHINE * dark)).astype(np.float32)


def _melted(gain: Map, evidence: Evidence) -> Map:
    """Without a visible edge along the outline, the light has none there either."""
    if evidence.trust.min() == 1:
        return gain
    logs = np.log(gain).astype(np.float32)
    soft = wide_blur(logs, _MELT * max(gain.shape[:2]))
    trust = evidence.trust[..., None]
    return np.exp(logs * trust + soft * (1 - trust)).astype(np.float32)


def _bounce(evidence: Evidence, analysis: Analysis) -> Map:
    """(H, W, 3) at luminance 1: what surrounds a point tints the light in its shadow.

    Skin beside skin is why shadows on a face are warm, not gray.
    """
    if evidence.gray:
        return np.ones((1, 1, 3), np.float32)
    weight = (analysis.shown + 1e-3).astype(np.float32)
    reach = _BOUNCE_REACH * max(weight.shape)
    near = wide_blur(evidence.photo * weight[..., None], reach)
    near = near / wide_blur(weight, reach)[..., None]
    skin = np.maximum(analysis.skin, analysis.face).astype(np.float32)
    if skin.any():  # and what is blown between it, and the hair around
        skin = np.clip(2 * wide_blur(skin, _SKIN_NEAR * max(skin.shape)), skin, 1)
    skin = skin[..., None]
    tint = np.power(near + 0.01, _BOUNCE + (_BOUNCE_SKIN - _BOUNCE) * skin)
    return (tint / (tint @ LUMINANCE)[..., None]).astype(np.float32)


def _paler(values: Map, share: float) -> Map:
    """(H, W, 3) moved towards its own luminance: 1 leaves no color."""
    if share == 0:
        return values
    gray = (values @ LUMINANCE)[..., None]
    return (values + np.float32(share) * (gray - values)).astype(np.float32)


def _mixing(lighting: Lighting) -> float:
    """More for light that is nearly of one color."""
    purest = 0.0
    for light in lighting.leading:
        color = light_color(light)
        purest = max(purest, 1 - float(color.min() / color.max()))
    return _MOST_MIXING * min(max((purest - 0.6) / 0.3, 0.0), 1.0) * min(lighting.strength, 1.0)


def _bounded(gain: Map) -> Map:
    """Keep the brightness of a gain in range. Clipping each channel would turn candles green."""
    bright = np.maximum(gain @ LUMINANCE, 1e-6)
    return np.maximum(gain * (np.clip(bright, *_GAIN_RANGE) / bright)[..., None], 1e-4)


def _existing_shading(analysis: Analysis, evidence: Evidence, lit: LitScene, remove: float) -> Map:
    """The divisor that takes the old light out: weaker where, and when, it is only a guess."""
    trust = 0.3 + 0.7 * analysis.light_confidence
    begins, whole = _SIDEWAYS
    sideways = min(max((abs(analysis.light_azimuth_deg) - begins) / (whole - begins), 0.0), 1.0)
    certain = 1 + _MORE_SIDEWAYS * sideways * analysis.light_confidence
    power = _DELIGHT * certain * remove * trust * (0.3 + 0.7 * lit.subject)
    shading = np.clip(_possible_shading(analysis), *_SHADING_RANGE)
    divisor = power * np.log(shading)
    if analysis.mode == "scene":
        # A relief between edges leans along every one of them, and would leave a band there.
        wide = wide_blur(divisor.astype(np.float32), _SCENE_DELIGHT * max(shading.shape))
        divisor = wide * (1 - evidence.sky)
    if analysis.faces.size:
        # On skin every fine mistake shows: there only what is as large as a cheek is taken out.
        reach = _FACE_DELIGHT * face_width(analysis)
        wide = np.clip(wide_blur(divisor.astype(np.float32), reach), *_FACE_DELIGHT_RANGE)
        divisor = divisor + analysis.face * (wide - divisor)
    return np.exp(divisor)[..., None].astype(np.float32)


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
    depth = np.clip(wide_blur(analysis.height, 8) - analysis.height, 0, 20) / 20
    return (1 - 0.25 * depth).astype(np.float32)


def _neutral_intensities(lighting: Lighting) -> list[float]:
    """The intensities that keep the mean exposure: all scaled until the key has its usual one.

    Usual is 1, or in a look the look's own, since its table states brightness apart, as exposure.
    """
    key = lighting.key
    if key is None or key.intensity == 0:
        return [light.intensity or 1.0 for light in lighting.lights]
    look = look_of(lighting)
    usual = look.lighting.key.intensity if look and look.lighting.key else 1.0
    return [light.intensity * usual / key.intensity for light in lighting.lights]


def _exposed_for(analysis: Analysis, region: Region) -> Map:
    """How much each pixel counts for the exposure: mostly the subject does, unless it stays."""
    if analysis.has_subject and region == "background":
        return 1 - analysis.alpha
    return analysis.alpha + np.float32(0.15 if analysis.has_subject else 1.0)


def _mean_gain(analysis: Analysis, bright: Real, weight: Map) -> float:
    """Mean of what the photo's luminance is multiplied by (H, W)."""
    counted = weight * (analysis.guide**2 + np.float32(1e-4))
    mean = float((counted * bright).sum()) / max(float(counted.sum()), 1e-6)
    return max(mean, 1e-3)
