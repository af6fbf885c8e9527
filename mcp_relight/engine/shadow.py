"""Shadows a height field casts on itself."""

import math

import cv2
import numpy as np

from .grid import Map

_STEPS = 28
_SMALLEST_DEG = 4.0
"""Steps this far apart cannot tell a smaller source from a point."""
_LONGEST = 0.5
"""How far a shadow reaches, as a share of the long side."""


def lit_by(height: Map, direction: tuple[float, float, float], source_deg: float) -> Map:
    """How much of a light every pixel sees, 0..1. `height` in pixels, `direction` a unit vector,
    `source_deg` how large the light looks from the subject.

    Walks towards the light and remembers by how much the terrain rises above the ray, measured in
    the width of the source at that distance: so the penumbra is as wide as the light makes it.
    """
    x, y, z = direction
    sideways = math.hypot(x, y)
    if sideways < 0.05:
        return np.ones_like(height)
    rows, columns = height.shape
    step_x, step_y, rise = x / sideways, -y / sideways, z / sideways
    penumbra = 2 * math.tan(math.radians(max(source_deg, _SMALLEST_DEG) / 2))
    longest = _LONGEST * max(rows, columns)
    hidden = np.zeros_like(height)
    relief = float(np.ptp(height))
    for step in range(1, _STEPS + 1):
        distance = longest * (step / _STEPS) ** 1.5
        if distance * rise > relief:
            break  # the ray has left all that could hide it below
        move = np.array([[1, 0, distance * step_x], [0, 1, distance * step_y]], np.float32)
        ahead = cv2.warpAffine(
            height,
            move,
            (columns, rows),
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_REPLICATE,
        )
        above = (np.asarray(ahead, np.float32) - height - distance * rise - 1) / (
            penumbra * distance + 1
        )
        np.maximum(hidden, above, out=hidden)
    return 1 - np.minimum(hidden, 1)
