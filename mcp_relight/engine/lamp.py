"""A lamp with a place: at every pixel another direction, another distance, another shadow.

Places are in pixels of the working grid: x to the right, y down as the rows run, z from the picture
plane to the viewer, where the outline of a subject lies and heights begin.
"""

import math
from dataclasses import dataclass

import cv2
import numpy as np

from mcp_relight.domain.lighting import Light

from .analysis import Analysis
from .grid import Map, blur

_BACKDROP = 0.12
"""How far the backdrop lies behind the subject's outline, in long sides."""

_BEHIND_LAMP = 0.3
"""A lamp behind the subject still stands before the backdrop, by this much at least."""

_CLEARANCE = 0.1
"""A lamp stands at least this far before what the picture shows at its place."""

_SMALLEST_RADIUS = 0.03
_STEPS = 28


@dataclass(frozen=True, slots=True)
class Lamp:
    """A lamp over the analysed photo.

    `towards` (H, W, 3): unit vectors to the lamp, y up; `fade` (H, W): how strong it is, 1 at the
    subject's middle; `hidden` (H, W) 0..1: how much of it other parts of the surface cover.
    """

    towards: Map
    fade: Map
    hidden: Map


def lamp(light: Light, analysis: Analysis, surface: Map) -> Lamp:
    """`surface` (H, W) is what `surface_of` makes of the analysis for this light."""
    rows, columns = surface.shape
    longest = max(rows, columns)
    place = _place(light, surface)
    row, column = np.mgrid[0:rows, 0:columns].astype(np.float32)
    ray = np.dstack([place[0] - column, row - place[1], place[2] - surface])
    squared = np.einsum("ijk,ijk->ij", ray, ray)
    usual = _usual_square(analysis, squared)
    half_angle = math.radians(min(light.angular_diameter_deg, 150.0) / 2)
    radius = max(math.tan(half_angle) * math.sqrt(usual), _SMALLEST_RADIUS * longest)
    fade = ((usual + radius**2) / (squared + radius**2)) ** light.falloff
    towards = ray / np.sqrt(np.maximum(squared, 1e-6))[..., None]
    hidden = _hidden(surface, place, (column, row), radius)
    return Lamp(towards.astype(np.float32), fade.astype(np.float32), hidden)


def surface_of(analysis: Analysis, light: Light, *, is_given: bool) -> Map:
    """(H, W): how far every pixel lies before the picture plane. `is_given`: its heights were."""
    longest = max(analysis.alpha.shape)
    if is_given:
        return analysis.height
    z = light.at[2] if light.at else 0.0
    far = np.float32(max(0.0, _BEHIND_LAMP - z if z < 0 else 0.0) * longest)
    if not analysis.has_subject:
        return np.full_like(analysis.height, -far)
    near = blur(analysis.alpha, 0.004 * longest)
    far = max(far, np.float32(_BACKDROP * longest))
    return (analysis.height * near - (1 - near) * far).astype(np.float32)


def _place(light: Light, surface: Map) -> tuple[float, float, float]:
    """The lamp in pixels, moved out in front of what it would stand in."""
    rows, columns = surface.shape
    longest = max(rows, columns)
    x, y, z = light.at or (0.5, 0.5, 1.0)
    column, row = x * columns - 0.5, y * rows - 0.5
    if z < 0 or not (0 <= x < 1 and 0 <= y < 1):
        return column, row, z * longest
    here = blur(surface, 0.02 * longest)[
        min(int(y * rows), rows - 1), min(int(x * columns), columns - 1)
    ]
    return column, row, max(z * longest, float(here) + _CLEARANCE * longest)


def _usual_square(analysis: Analysis, squared: Map) -> float:
    """The squared distance of the subject, or of the frame where there is none."""
    weight = analysis.alpha if analysis.has_subject else np.ones_like(squared)
    return float((squared * weight).sum() / weight.sum())


def _hidden(
    surface: Map, place: tuple[float, float, float], grid: tuple[Map, Map], radius: float
) -> Map:
    """How much of the lamp each pixel does not see: walk towards it and remember by how much the
    surface rises above the ray, against how wide the lamp looks from there."""
    column, row = grid
    across, down, rise = place[0] - column, place[1] - row, place[2] - surface
    hidden = np.zeros_like(surface)
    for step in range(1, _STEPS + 1):
        share = np.float32((step / (_STEPS + 1)) ** 1.5)
        ahead = cv2.remap(
            surface,
            column + share * across,
            row + share * down,
            cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_REPLICATE,
        )
        above = (ahead - surface - share * rise - 1) / (2 * radius * share + 1)
        np.maximum(hidden, above, out=hidden)
    return np.minimum(hidden, 1).astype(np.float32)
