"""Looks that follow from what a photo shows and from the light it has already."""

from collections.abc import Iterator

from mcp_relight.domain.report import LightAnalysis, SuggestedLook

_SIDE_DEG = 25
_WARM_KELVIN, _COOL_KELVIN = 4200, 7500
_HARD_STOPS = 3.5
_MOST_LOOKS = 3


def looks_for(light: LightAnalysis) -> tuple[SuggestedLook, ...]:
    """The few looks that suit best, the most telling reason first."""
    found: dict[str, str] = {}
    for name, why in (*_against_faults(light), *_by_kind(light), *_by_light(light)):
        found.setdefault(name, why)
    picked = list(found.items())[:_MOST_LOOKS]
    return tuple(SuggestedLook(name=name, why=why) for name, why in picked)


def _against_faults(light: LightAnalysis) -> Iterator[tuple[str, str]]:
    if light.kind == "graphic":
        return
    if light.backlit and light.kind != "landscape":
        yield "loop", "light from the front opens up the dark subject"
        if light.azimuth_deg is None:
            yield "rim_light", "the light may already be behind the subject"
    if light.contrast_confidence >= 0.4 and light.key_to_fill_stops > _HARD_STOPS:
        yield "overcast", "softens the hard shadows"


def _by_kind(light: LightAnalysis) -> Iterator[tuple[str, str]]:
    match light.kind:
        case "night":
            yield "moonlight", "fits a picture that is dark already"
            yield "neon", "coloured lamps suit a night scene"
        case "landscape":
            yield from _outdoors(light)
        case "product":
            yield "high_key", "clean and even before the plain ground"
            yield "three_point", "studio light gives the thing shape"
        case "portrait":
            yield from _window(light)
            yield "rembrandt", "gives the face shape"
            yield "butterfly", "flatters most faces"
        case "graphic":
            yield "overcast", "a drawing has no shape to light: only tone and colour can change"
        case "scene":
            yield from _window(light)


def _outdoors(light: LightAnalysis) -> Iterator[tuple[str, str]]:
    if light.kelvin is not None and light.kelvin < _WARM_KELVIN:
        yield "blue_hour", "the light is warm already; this is its counterpart"
        yield "sunset_backlight", "carries the warm evening further"
    else:
        yield "golden_hour", "low warm sun suits the open view"
        yield "blue_hour", "the calm light after sunset"
    yield "overcast", "soft light without a direction"


def _by_light(light: LightAnalysis) -> Iterator[tuple[str, str]]:
    if light.azimuth_deg is None and light.kind != "graphic":
        yield "rembrandt", "gives the flat light a direction"
    if light.kelvin is not None and light.kelvin < _WARM_KELVIN:
        yield "window_left", "neutral daylight instead of the warm light that is there"
        yield "candlelight", "fits the warm colours that are there"
    elif light.kelvin is not None and light.kelvin > _COOL_KELVIN:
        yield "golden_hour", "warms the cool light that is there"
    else:
        yield "golden_hour", "adds warmth to neutral colours"
    yield "loop", "a gentle light from the front and one side"


def _window(light: LightAnalysis) -> Iterator[tuple[str, str]]:
    if light.azimuth_deg is not None and abs(light.azimuth_deg) >= _SIDE_DEG:
        name = "window_left" if light.azimuth_deg < 0 else "window_right"
        yield name, "keeps the side the light comes from, softer"
