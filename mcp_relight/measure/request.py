"""What a requested lighting would do to a rough shape: the yardstick for weaker and stronger."""

import math
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from mcp_relight.domain.lighting import Lighting, Side
from mcp_relight.engine.color import kelvin_color, light_color
from mcp_relight.engine.grid import Map, centered_axes, unit

from .gain import WEIGHTS, Gain, stops_and_tone

_OPPOSITE_SIDE, _OPPOSITE_HEIGHT = -0.1, -0.35
"""Height is read with less certainty than side, so more is asked before it is called wrong."""
_DOME, _DOME_RIM, _DOME_PX = (0.95, 0.8), 0.05, (48, 64)
_LEAST_AMBIENT = 0.03
_OTHER_TONE, _BEHIND = 0.8, -0.2


@dataclass(frozen=True, slots=True)
class Wish:
    """The direction asked for.

    `even`, `opposed` and `side` are those of `Lighting`; `two_toned`: the lights from two sides
    differ in colour; `behind`: no light but those from behind.
    """

    angles: tuple[int, int]
    direction: NDArray[np.float64]
    is_across: bool
    """Whether left and right count, as for a side light, or up and down."""
    side: Side | None = None
    even: bool = False
    opposed: bool = False
    two_toned: bool = False
    behind: bool = False

    @property
    def single(self) -> bool:
        return not self.even and not self.opposed

    @property
    def sided(self) -> bool:
        return self.side is not None

    def opposed_by(self, after: NDArray[np.floating]) -> bool:
        """The light after comes from the other side."""
        limit = _OPPOSITE_SIDE if self.is_across else _OPPOSITE_HEIGHT
        return self._towards(after) < limit

    @property
    def axis(self) -> tuple[float, float]:
        """(x, y) in the picture along which the light is judged."""
        across, up = (math.copysign(1, float(part)) for part in self.direction[:2])
        return (across, 0.0) if self.is_across else (0.0, up)

    def _towards(self, direction: NDArray[np.floating]) -> float:
        """How far (-1…1) a direction lies on the asked side."""
        axis = 0 if self.is_across else 1
        return float(direction[axis]) * math.copysign(1, float(self.direction[axis]))


def wished(lighting: Lighting) -> Wish | None:
    """The key light's direction, or None when no light was asked for."""
    key = lighting.key
    if key is None or key.intensity == 0 or lighting.strength == 0:
        return None
    rivals = lighting.rivals
    tones = [np.log(light_color(light)) for light in (key, *rivals)]
    return Wish(
        (round(key.azimuth_deg), round(key.elevation_deg)),
        np.array(key.direction),
        is_across=key.is_sideways,
        side=lighting.named_side,
        even=lighting.is_even,
        opposed=lighting.is_opposed,
        two_toned=any(float(np.abs(tone - tones[0]).max()) > _OTHER_TONE for tone in tones),
        behind=all(light.direction[2] < _BEHIND for light in (key, *rivals)),
    )


def asked_kelvin(lighting: Lighting) -> int | None:
    """The key light's kelvin, when it was asked for in kelvin."""
    key = lighting.key
    return None if key is None or key.kelvin is None else round(key.kelvin)


def expected(lighting: Lighting) -> Gain:
    """The gain (h, w) that the lighting would bring to a white dome as wide as the frame, at its
    strength."""
    normals = _dome(_DOME_PX)
    total = np.full(normals.shape, max(lighting.ambient, _LEAST_AMBIENT), np.float32)
    total *= kelvin_color(lighting.ambient_kelvin)
    for light in lighting.lights:
        facing = normals @ np.array(light.direction, np.float32)
        wrap = np.float32(light.softness / 2)
        lit = np.maximum((facing + wrap) / (1 + wrap), 0)
        total += np.float32(light.intensity) * lit[..., None] * light_color(light)
    everywhere = np.ones(normals.shape[:2], np.bool_)
    stops, tone = stops_and_tone(np.float32(lighting.strength) * np.log(total))
    level = np.sqrt(total @ WEIGHTS)
    return Gain(
        stops=stops,
        plain=stops,
        tone=tone,
        usable=everywhere,
        toned=everywhere,
        level=level,
        veiled=~everywhere,
        surfaces=np.ones_like(normals),
    )


@cache
def _dome(size: tuple[int, int]) -> Map:
    x, y = centered_axes(size)
    across, up = _DOME[0] * x / np.abs(x).max(), _DOME[1] * y / np.abs(y).max()
    towards = np.sqrt(np.maximum(1 - across * across - up * up, _DOME_RIM))
    return unit(np.dstack([across, up, towards]))
