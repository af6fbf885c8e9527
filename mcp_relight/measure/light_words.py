"""A light in plain words for a person."""

from mcp_relight.domain.report import SURE, LightAnalysis

from .color import kelvin_words

_SIDE_DEG = 25
_HARD_STOPS = 3.0
_NOTICED_STOPS = 1.5


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


def sentence_of(light: LightAnalysis) -> str:
    """What was measured, in one sentence. It says nothing of what is not sure."""
    parts = [f"{_where(light)}; it is {_tone(light)}"]
    if light.backlit:
        parts.append("the subject is darker than its background")
    if abs(light.exposure_ev) >= _NOTICED_STOPS:
        parts.append("the picture is dark" if light.exposure_ev < 0 else "the picture is bright")
    return ", and ".join(parts) + "."


def _where(light: LightAnalysis) -> str:
    if light.azimuth_deg is None or light.elevation_deg is None:
        return "No clear direction of light shows"
    return f"Light comes from {direction_words(light.azimuth_deg, light.elevation_deg)}"


def _tone(light: LightAnalysis) -> str:
    hard = "hard" if light.key_to_fill_stops > _HARD_STOPS else "soft"
    kind = f"{hard}, " if light.contrast_confidence >= SURE else ""
    if light.kelvin is None:
        return f"{kind}of uncertain colour"
    return f"{kind}{kelvin_words(light.kelvin)} (about {light.kelvin} K)"
