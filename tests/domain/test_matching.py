"""The light of a reference becomes arguments; what the caller gave stays."""

import pytest

from mcp_relight.domain.matching import matched
from mcp_relight.domain.report import LightAnalysis
from mcp_relight.domain.request import PlanArguments
from mcp_relight.errors import InvalidArgument

ADDRESS = "relight://images/" + "0" * 32
OWN = LightAnalysis(
    direction_confidence=0.1,
    key_to_fill_stops=1.0,
    ambient=1.0,
    softness=0.8,
    contrast_confidence=0.1,
    color_confidence=0.1,
    exposure_ev=0.5,
    clipped_shadows=0.0,
    clipped_highlights=0.0,
    backlit=False,
)
SUNSET = OWN.model_copy(
    update={
        "azimuth_deg": -70,
        "elevation_deg": 5,
        "direction_confidence": 0.8,
        "kelvin": 3000,
        "color_confidence": 0.8,
        "ambient": 0.2,
        "softness": 0.3,
        "contrast_confidence": 0.8,
        "exposure_ev": -0.5,
    }
)


def request(**given: object) -> PlanArguments:
    return PlanArguments.model_validate({"image": "a.jpg", "reference": "b.jpg", **given})


def filled(light: LightAnalysis, own: LightAnalysis = OWN, **given: object) -> PlanArguments:
    return matched(request(**given), light=light, own=own, reference=ADDRESS)


def test_everything_that_was_not_given_comes_from_the_reference() -> None:
    (lighting,) = filled(SUNSET).lightings()
    (light,) = lighting.lights
    assert (light.azimuth_deg, light.elevation_deg, light.kelvin) == (-70, 5, 3000)
    assert (light.softness, lighting.ambient, lighting.exposure_ev) == (0.3, 0.2, -1.0)
    assert lighting.ambient_kelvin == 3000


def test_what_the_caller_gave_stays() -> None:
    (lighting,) = filled(SUNSET, light_from="right", kelvin=5000, ambient=0.6).lightings()
    (light,) = lighting.lights
    assert (light.azimuth_deg, light.kelvin, lighting.ambient) == (60, 5000, 0.6)
    assert light.softness == 0.3


def test_a_reference_without_a_sure_direction_is_an_even_light() -> None:
    (lighting,) = filled(OWN).lightings()
    assert lighting.ambient >= 0.8
    assert lighting.lights[0].kelvin is None


def test_the_photo_s_own_color_is_taken_into_account() -> None:
    warm = OWN.model_copy(update={"kelvin": 3500, "color_confidence": 0.8})
    (lighting,) = filled(SUNSET, warm).lightings()
    assert lighting.lights[0].kelvin is not None
    assert 3800 < lighting.lights[0].kelvin < 5500


def test_a_tinted_light_is_matched_by_its_color() -> None:
    green = SUNSET.model_copy(update={"color": "#AAFFAA"})
    (lighting,) = filled(green).lightings()
    assert lighting.lights[0].color == "#AAFFAA"
    assert lighting.lights[0].kelvin is None


@pytest.mark.parametrize("other", [{"look": "split"}, {"lights": '[{"azimuth_deg": 10}]'}])
def test_a_reference_excludes_what_describes_the_whole_light(other: dict[str, str]) -> None:
    with pytest.raises(InvalidArgument, match="reference excludes"):
        request(**other).lightings()
