"""A lamp with a place: at every pixel another direction, another distance, another shadow.

Places are in pixels of the working grid: x to the right, y down as the rows run, z from the picture
plane to the viewer, where the outline of a subject lies and heights begin.
"""

import math
from dataclasses import dataclass

import cv2
import numpy as np

from mcp_relight.domain.lighting import Light
from mcp_relight.domain.position import Place

from .grid import Map, blur

_BACKDROP = 0.12
"""How far the backdrop lies behind the subject's outline, in long sides."""

_BEHIND_LAMP = 0.3
"""A lamp behind the subject still stands before the backdrop, by this much at least."""

_CLEARANCE = 0.1
"""A lamp stands at least this far before what the picture shows at its place."""

_SMALLEST_RADIUS = 0.03
_STEPS = 28
_CALM = 0.012


@dataclass(frozen=True, slots=True)
class Lamp:
    """A lamp over the analysed photo.

    `towards` (H, W, 3): unit vectors to the lamp, y up; `fade` (H, W): how strong it is, 1 at the
    usual distance; `hidden` (H, W) 0..1: how much of it other parts of the surface cover.
    """

    towards: Map
    fade: Map
    hidden: Map


def lamp(light: Light, place: Place, surface: Map, lit: Map) -> Lamp:
    """A light at `place` over what `surface_of` makes of the heights. `lit` (H, W) 0..1 is what it
    is there for: at that distance it is as strong as any light."""
    rows, columns = surface.shape
    longest = max(rows, columns)
    spot = _spot(place, surface)
    row, column = np.mgrid[0:rows, 0:columns].astype(np.float32)
    ray = np.dstack([spot[0] - column, row - spot[1], spot[2] - surface])
    squared = np.einsum("ijk,ijk->ij", ray, ray)
    usual = float((squared * lit).sum() / max(float(lit.sum()), 1e-6))
    half_angle = math.radians(min(light.angular_diameter_deg, 150.0) / 2)
    radius = max(math.tan(half_angle) * math.sqrt(usual), _SMALLEST_RADIUS * longest)
    fade = ((usual + radius**2) / (squared + radius**2)) ** light.falloff
    towards = ray / np.sqrt(np.maximum(squared, 1e-6))[..., None]
    hidden = _hidden(surface, spot, (column, row), radius)
    return Lamp(towards.astype(np.float32), fade.astype(np.float32), hidden)


def surface_of(height: Map, alpha: Map | None, place: Place, *, is_given: bool) -> Map:
    """(H, W): how far every pixel lies before the picture plane, for a lamp at `place`.

    `alpha` (H, W) is the subject, where there is one; `is_given`: these heights are the user's.
    """
    if is_given:
        return height
    longest, z = max(height.shape), place[2]
    far = np.float32(_BEHIND_LAMP - z if z < 0 else 0.0)
    if alpha is None:
        return np.full_like(height, -far * longest)
    near = blur(alpha, 0.004 * longest)
    far = max(far, np.float32(_BACKDROP))
    return (height * near - (1 - near) * far * longest).astype(np.float32)


def _spot(place: Place, surface: Map) -> tuple[float, float, float]:
    """The lamp in pixels, moved out in front of what it would stand in."""
    rows, columns = surface.shape
    longest = max(rows, columns)
    x, y, z = place
    column, row = x * columns - 0.5, y * rows - 0.5
    if z < 0 or not (0 <= x < 1 and 0 <= y < 1):
        return column, row, z * longest
    here = blur(surface, 0.02 * longest)[int(y * rows), int(x * columns)]
    return column, row, max(z * longest, float(here) + _CLEARANCE * longest)


def _hidden(
    surface: Map, spot: tuple[float, float, float], grid: tuple[Map, Map], radius: float
) -> Map:
    """How much of the lamp each pixel does not see: walk towards it and remember by how much the
    surface rises above the ray, against how wide the lamp looks from there."""
    column, row = grid
    across, down, rise = spot[0] - column, spot[1] - row, spot[2] - surface
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
    # The heights are a guess; their small steps would draw lines.
    return blur(np.minimum(hidden, 1).astype(np.float32), _CALM * max(surface.shape))
