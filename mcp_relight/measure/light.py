"""A light found in a picture, and the directions that are tried to find one."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_DIRECTIONS = 320
_BEHIND = -0.25
_MOST_STOPS = 6.0


@dataclass(frozen=True, slots=True)
class Light:
    """A unit direction to the light, and how far to trust it (0…1)."""

    direction: NDArray[np.float32]
    confidence: float

    @property
    def angles(self) -> tuple[int, int]:
        """(azimuth_deg, elevation_deg)."""
        x, y, z = (float(part) for part in self.direction)
        return round(math.degrees(math.atan2(x, z))), round(math.degrees(math.asin(y)))


def _half_sphere() -> NDArray[np.float32]:
    """(d, 3) directions spread evenly over z > _BEHIND (Fibonacci spiral)."""
    index = np.arange(_DIRECTIONS) + 0.5
    z = 1 - index / _DIRECTIONS * (1 - _BEHIND)
    angle = index * math.pi * (3 - math.sqrt(5))
    radius = np.sqrt(1 - z * z)
    return np.column_stack([radius * np.cos(angle), radius * np.sin(angle), z]).astype(np.float32)


TRIED = _half_sphere()
"""(d, 3) unit directions."""


def key_to_fill_stops(
    normals: NDArray[np.float32], direction: NDArray[np.float32], values: NDArray[np.float32]
) -> float:
    """Stops between the fully lit side and the fill alone, from a line through the linear `values`
    seen on `normals` (n, 3)."""
    facing = np.maximum(normals @ direction, 0)
    spread = float(facing.var())
    if spread < 1e-6:
        return 0.0
    slope = float(((facing - facing.mean()) * values).mean()) / spread
    fill = float(values.mean()) - slope * float(facing.mean())
    if slope <= 0:
        return 0.0
    return round(min(math.log2((slope + max(fill, 0.0)) / max(fill, slope / 63)), _MOST_STOPS), 1)
