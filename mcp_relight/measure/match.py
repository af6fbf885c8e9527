"""How near a relit picture came to the light of a reference photo."""

import math

from mcp_relight.domain.lighting import Light
from mcp_relight.domain.matching import laid_kelvin
from mcp_relight.domain.report import SURE, Angles, LightAnalysis, MatchReport, Parts, PartWord

_NEAR_DEG, _NEAR_PERCENT = 35, 12
_FAR_DEG, _FAR_PERCENT = 60, 20


def asked_of(target: LightAnalysis, own: LightAnalysis, key: Light | None) -> int | None:
    """The kelvin asked for: the reference's, where the request was filled with it."""
    if key is None or key.kelvin is None:
        return None
    is_filled = target.kelvin is not None and laid_kelvin(target.kelvin, own) == key.kelvin
    return target.kelvin if is_filled else round(key.kelvin)


def match_of(
    target: LightAnalysis, made: LightAnalysis, after: Angles | None, kelvin: int | None
) -> MatchReport:
    """`made` is the light of the finished picture alone; `after` and `kelvin` where the comparison
    with the original places it."""
    contrast = None
    if min(target.contrast_confidence, made.contrast_confidence) >= SURE:
        contrast = round(made.key_to_fill_stops - target.key_to_fill_stops, 1)
    return MatchReport(
        direction_deg=_direction_deg(target, after or _angles(made)),
        kelvin_percent=_kelvin_percent(target, kelvin),
        contrast_stops=contrast,
        exposure_stops=round(made.exposure_ev - target.exposure_ev, 1),
    )


def parts_by(
    match: MatchReport, parts: Parts, *, is_direction_filled: bool, is_color_filled: bool
) -> Parts:
    """The parts, by the distance to the reference's light where that was asked for: it may have
    been there before."""
    words: dict[str, PartWord] = {}
    away = match.direction_deg
    if is_direction_filled and away is not None and parts.direction != "not asked":
        words["direction"] = _by_distance(away, _NEAR_DEG, _FAR_DEG, parts.direction)
    off = match.kelvin_percent
    if is_color_filled and off is not None and parts.colour != "not asked":
        words["colour"] = _by_distance(abs(off), _NEAR_PERCENT, _FAR_PERCENT, parts.colour)
    return parts.model_copy(update=words)


def _by_distance(away: float, near: float, far: float, word: PartWord) -> PartWord:
    """As asked when near; when far no longer; between them what was said before."""
    if away <= near:
        return "as asked"
    return "weaker" if away > far and word == "as asked" else word


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


def _kelvin_percent(target: LightAnalysis, kelvin: int | None) -> int | None:
    if target.kelvin is None or kelvin is None:
        return None
    return round(100 * (kelvin / target.kelvin - 1))
