"""The light in one photo, in numbers and in one plain sentence."""

import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from mcp_relight.domain.report import LightAnalysis, SuggestedLook
from mcp_relight.engine.color import decode, luminance
from mcp_relight.engine.grid import Map

from .color import LightColor, color_of, kelvin_words
from .direction import Light, light_of
from .register import shrink
from .shape import GRID_PX, Shape, box_of, find_shapes

_COLOR_PX = 384
_MID_GRAY = 0.18
_SURE = 0.4
_BACKLIT_STOPS, _BRIGHT = 1.0, 0.2
_SIDE_DEG = 25
_MOST_LOOKS = 3


def analyze(
    rgb: NDArray[np.uint8],
    *,
    alpha: NDArray[np.uint8] | None = None,
    mask: NDArray[np.bool_ | np.uint8] | None = None,
) -> LightAnalysis:
    """Measure the light of an (H, W, 3) sRGB photo.

    `alpha` (0…255) and `mask` (bool, or 0…255), (H, W) at any size, mark the subject if known.
    """
    small = shrink(rgb, GRID_PX)
    linear = decode(small)
    level = luminance(linear)
    shape = find_shapes([small], mask=mask, alpha=alpha)[0]
    light = light_of(level, [shape])
    colored = shrink(rgb, _COLOR_PX)
    color = color_of(decode(colored))
    backlit = _is_backlit(level, shape)
    exposure = math.log2(max(float(level.mean()), 1e-4) / _MID_GRAY)
    azimuth, elevation = light.angles
    return LightAnalysis(
        azimuth_deg=azimuth,
        elevation_deg=elevation,
        direction_confidence=light.confidence,
        key_to_fill_stops=light.key_to_fill_stops,
        kelvin=_rounded_kelvin(color.kelvin),
        tint=round(color.off_locus, 2),
        color_confidence=color.confidence,
        exposure_ev=round(exposure, 1),
        clipped_shadows=round(float((colored.max(axis=2) <= 2).mean()), 3),
        clipped_highlights=round(float((colored.max(axis=2) >= 254).mean()), 3),
        subject_box=None if shape.subject is None else box_of(shape.subject),
        backlit=backlit,
        sentence=_sentence(light, color, exposure, backlit),
        looks=tuple(_looks(light, color, exposure, backlit))[:_MOST_LOOKS],
    )


def _rounded_kelvin(kelvin: float) -> int:
    return round(kelvin / 50) * 50


def _is_backlit(level: Map, shape: Shape) -> bool:
    """The background is bright and clearly brighter than the subject."""
    if shape.subject is None or bool(shape.subject.all()):
        return False
    inside, outside = (float(level[area].mean()) for area in (shape.subject, ~shape.subject))
    return outside > _BRIGHT and math.log2(outside / max(inside, 1e-4)) > _BACKLIT_STOPS


def direction_words(azimuth_deg: int, elevation_deg: int) -> str:
    """Plain words for a direction: "the upper left", "behind on the right", "the camera"."""
    side = "left" if azimuth_deg < 0 else "right"
    height = "above" if elevation_deg > 30 else "below" if elevation_deg < -20 else ""
    if abs(elevation_deg) > 65:
        return height
    if abs(azimuth_deg) < _SIDE_DEG:
        return f"{height} the camera" if height else "the camera"
    if abs(azimuth_deg) > 110:
        return "behind" if abs(azimuth_deg) > 165 else f"behind on the {side}"
    return {"above": "the upper ", "below": "the lower ", "": "the "}[height] + side


def _sentence(light: Light, color: LightColor, exposure: float, backlit: bool) -> str:
    where = (
        f"Light comes from {direction_words(*light.angles)}"
        if light.confidence >= _SURE
        else "No clear direction of light shows"
    )
    hard = "hard" if light.key_to_fill_stops > 3 else "soft"
    kind = f"{hard}, " if light.confidence >= _SURE else ""
    tone = (
        f"{kind}{kelvin_words(color.kelvin)} (about {_rounded_kelvin(color.kelvin)} K)"
        if color.confidence >= _SURE
        else f"{kind}of uncertain colour"
    )
    parts = [f"{where}; it is {tone}"]
    if backlit:
        parts.append("the subject is darker than its background")
    if abs(exposure) >= 1.5:
        parts.append("the picture is dark" if exposure < 0 else "the picture is bright")
    return ", and ".join(parts) + "."


def _looks(
    light: Light, color: LightColor, exposure: float, backlit: bool
) -> Iterator[SuggestedLook]:
    """Looks that suit, the most telling reason first."""
    azimuth, _ = light.angles
    sure = light.confidence >= _SURE
    if backlit:
        yield SuggestedLook(name="loop", why="front light opens up the dark subject")
        if not sure:
            yield SuggestedLook(
                name="sunset_backlight", why="the light may already be behind the subject"
            )
    if sure and abs(azimuth) >= _SIDE_DEG:
        name = "window_left" if azimuth < 0 else "window_right"
        yield SuggestedLook(name=name, why="keeps the side the light comes from, softer")
    if not sure:
        yield SuggestedLook(name="rembrandt", why="gives the flat light a direction")
    if sure and light.key_to_fill_stops > 4:
        yield SuggestedLook(name="overcast", why="softens the hard shadows")
    if exposure < -2:
        yield SuggestedLook(name="moonlight", why="fits a picture that is already dark")
    if color.confidence >= _SURE and color.kelvin < 4500:
        yield SuggestedLook(name="golden_hour", why="fits the warm colours that are there")
    else:
        yield SuggestedLook(name="golden_hour", why="adds warmth to neutral colours")
    yield SuggestedLook(name="butterfly", why="flatters most subjects from the front")
