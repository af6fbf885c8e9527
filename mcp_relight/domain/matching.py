"""A request whose light is that of another photo."""

from typing import Any

from .lighting import DAYLIGHT_KELVIN
from .report import LightAnalysis
from .request import Asked, PlanArguments

_WARMEST, _COOLEST = 1500, 20_000
_EVEN_SOFTNESS, _EVEN_AMBIENT = 0.9, 0.9
_MOST_EV = 2.0
_SURE_OF_COLOR = 0.3


def matched(arguments: Asked, *, light: LightAnalysis, own: LightAnalysis, reference: str) -> Asked:
    """The arguments with everything that was not given taken from `light`, the reference's.

    `own` is the light of the photo itself: exposure is told relative to it. `reference` is the
    address of the reference in the image store.
    """
    found: dict[str, Any] = {"reference": reference, **_direction(arguments, light)}
    if arguments.kelvin is None and arguments.color is None:
        if light.color is not None:
            found["color"] = light.color
        elif light.kelvin is not None:
            found["kelvin"] = laid_kelvin(light.kelvin, own)
    if arguments.exposure_ev is None:
        brighter = light.exposure_ev - own.exposure_ev
        found["exposure_ev"] = round(min(max(brighter, -_MOST_EV), _MOST_EV), 1)
    return arguments.model_copy(update=found)


def laid_kelvin(wanted: int, own: LightAnalysis) -> float:
    """The light that turns the photo's own colour into the wanted one.

    A model lays its light on what is there: steps in reciprocal kelvin add up.
    """
    there = 0.0
    if own.kelvin is not None and own.color_confidence >= _SURE_OF_COLOR:
        there = 1 / own.kelvin - 1 / DAYLIGHT_KELVIN
    needed = 1 / wanted - there
    kelvin = 1 / needed if needed > 1 / _COOLEST else _COOLEST
    return round(min(max(kelvin, _WARMEST), _COOLEST))


def _direction(arguments: PlanArguments, light: LightAnalysis) -> dict[str, Any]:
    """Angles, softness and fill; an even light where the reference shows no direction."""
    given = (
        arguments.light_from,
        arguments.light_at,
        arguments.azimuth_deg,
        arguments.elevation_deg,
    )
    is_open = all(value is None for value in given)
    is_placed = light.azimuth_deg is not None and light.elevation_deg is not None
    found: dict[str, Any] = {}
    if is_open and is_placed:
        found |= {"azimuth_deg": light.azimuth_deg, "elevation_deg": light.elevation_deg}
    even = is_open and not is_placed
    if arguments.softness is None:
        found["softness"] = _EVEN_SOFTNESS if even else light.softness
    if arguments.ambient is None:
        found["ambient"] = _EVEN_AMBIENT if even else light.ambient
    return found
