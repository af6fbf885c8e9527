"""What a requested lighting would do to a rough shape: the yardstick for weaker and stronger."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mcp_relight.domain.lighting import Lighting
from mcp_relight.engine.grid import Map

_EVEN_SOFTNESS, _EVEN_AMBIENT = 0.8, 0.8
_NOTICED, _SIDE_BEATS_HEIGHT = 0.2, 0.3
_OPPOSITE_SIDE, _OPPOSITE_HEIGHT = -0.1, -0.35
"""Height is read with less certainty than side, so more is asked before it is called wrong."""
_OFF_AXIS = math.sin(math.radians(20))


@dataclass(frozen=True, slots=True)
class Wish:
    """The direction asked for; `single` when the picture is to have one, neither even light nor
    lights from two sides, and `sided` when a viewer would name a side for it besides."""

    angles: tuple[int, int]
    direction: NDArray[np.float64]
    single: bool
    sided: bool

    def opposed_by(self, after: NDArray[np.floating]) -> bool:
        """The light after comes from the other side."""
        limit = _OPPOSITE_SIDE if self._is_across else _OPPOSITE_HEIGHT
        return self._towards(after) < limit

    def approached(self, before: NDArray[np.floating], after: NDArray[np.floating]) -> bool:
        """The light went to the asked side, wherever it came from and however far it got."""
        return self._towards(after) - self._towards(before) > _NOTICED

    @property
    def _is_across(self) -> bool:
        """Whether left and right count, as for a side light, or up and down."""
        across, up = (abs(float(part)) for part in self.direction[:2])
        return across >= _NOTICED and across >= _SIDE_BEATS_HEIGHT * up

    def _towards(self, direction: NDArray[np.floating]) -> float:
        """How far (-1…1) a direction lies on the asked side."""
        axis = 0 if self._is_across else 1
        return float(direction[axis]) * math.copysign(1, float(self.direction[axis]))


def wished(lighting: Lighting) -> Wish | None:
    """The key light's direction, or None when nothing with a direction was asked for."""
    key = lighting.key
    if key is None or key.intensity == 0 or lighting.strength == 0:
        return None
    direction = np.array(key.direction)
    even = key.softness >= _EVEN_SOFTNESS or lighting.ambient >= _EVEN_AMBIENT * key.intensity
    opposed = any(
        light.role == key.role
        and light.direction[0] * direction[0] < 0
        and light.intensity > 0.7 * key.intensity
        for light in lighting.lights
    )
    single = not even and not opposed
    sided = single and float(np.linalg.norm(direction[:2])) > _OFF_AXIS
    return Wish((round(key.azimuth_deg), round(key.elevation_deg)), direction, single, sided)


def asked_kelvin(lighting: Lighting) -> int | None:
    """The key light's kelvin, when it was asked for in kelvin."""
    key = lighting.key
    return None if key is None or key.kelvin is None else round(key.kelvin)


def log_shading(normals: Map, lighting: Lighting) -> Map:
    """Log brightness (h, w) of a white surface under the lighting, exposure not counted."""
    total = np.full(normals.shape[:2], max(lighting.ambient, 0.03), np.float32)
    for light in lighting.lights:
        facing = normals @ np.array(light.direction, np.float32)
        wrap = np.float32(light.softness / 2)
        lit = np.maximum((facing + wrap) / (1 + wrap), 0)
        total += np.float32(light.intensity) * lit
    return np.log(total)
