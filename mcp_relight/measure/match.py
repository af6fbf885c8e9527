"""How near a relit picture came to the light of a reference photo."""

import math

from mcp_relight.domain.lighting import Light
from mcp_relight.domain.report import SURE, Angles, LightAnalysis, MatchReport, Parts

_NEAR_DEG, _NEAR_PERCENT = 35, 12


def match_of(target: LightAnalysis, made: LightAnalysis, after: Angles | None) -> MatchReport:
    """`made` is the light of the finished picture alone, `after` where the comparison with the
    original places it."""
    contrast = None
    if min(target.contrast_confidence, made.contrast_confidence) >= SURE:
        contrast = round(made.key_to_fill_stops - target.key_to_fill_stops, 1)
    return MatchReport(
        direction_deg=_direction_deg(target, after or _angles(made)),
        kelvin_percent=_kelvin_percent(target, made),
        contrast_stops=contrast,
        exposure_stops=round(made.exposure_ev - target.exposure_ev, 1),
    )


def parts_by(match: MatchReport, parts: Parts) -> Parts:
    """The parts, as asked where the light is the reference's: it may have been there before."""
    near: dict[str, str] = {}
    if match.direction_deg is not None and match.direction_deg <= _NEAR_DEG:
        near["direction"] = "as asked"
    if match.kelvin_percent is not None and abs(match.kelvin_percent) <= _NEAR_PERCENT:
        near["colour"] = "as asked"
    return parts.model_copy(update=near)


def _angles(light: LightAnalysis) -> Angles | None:
    if light.azimuth_deg is None or light.elevation_deg is None:
        return None
    return light.azimuth_deg, light.elevation_deg


def _direction_deg(target: LightAnalysis, after: Angles | None) -> int | None:
    wanted = _angles(target)
    if wanted is None or after is None:
        return None
    one, other = (
        Light(azimuth_deg=azimuth, elevation_deg=elevation).direction
        for azimuth, elevation in (wanted, after)
    )
    cosine = sum(first * second for first, second in zip(one, other, strict=True))
    return round(math.degrees(math.acos(max(-1.0, min(1.0, cosine)))))


def _kelvin_percent(target: LightAnalysis, made: LightAnalysis) -> int | None:
    if target.kelvin is None or made.kelvin is None:
        return None
    return round(100 * (made.kelvin / target.kelvin - 1))
