"""A lamp's place: how it is read, what it excludes, and the direction it is seen in."""

import json
from typing import Any

import pytest

from mcp_relight.domain.lighting import Light, Lighting
from mcp_relight.domain.position import DEFAULT_Z, MIDDLE, read_place
from tests.domain.test_request import asked, refusal


@pytest.mark.parametrize(
    "text",
    [
        "0.2,0.3",
        "0.2, 0.3",
        " 0.2 0.3 ",
        "(0.2, 0.3)",
        "[0.2, 0.3]",
        "20%, 30%",
        "0,2; 0,3",
        "x=0.2, y=0.3",
        "x: .2 y: .3",
        '{"x": 0.2, "y": 0.3}',
        [0.2, 0.3],
        ["0.2", "30%"],
        {"x": 0.2, "y": 0.3},
        {"X": 0.2, "Y": 0.3, "z": None},
    ],
)
def test_a_place_is_read_kindly(text: object) -> None:
    assert read_place(text) == pytest.approx((0.2, 0.3, DEFAULT_Z))


@pytest.mark.parametrize("text", ["-0.5,1.2,-0.4", "\N{MINUS SIGN}0.5 1.2 \N{MINUS SIGN}0.4"])
def test_a_place_may_lie_outside_and_behind(text: str) -> None:
    assert read_place(text) == pytest.approx((-0.5, 1.2, -0.4))


WRONG = ["", "0.5", "1,2,3,4", "left", "0.2,0.3 or so", "3,0", "0.5,0.5,9", "nan,0", "1e3,2"]


@pytest.mark.parametrize("text", [*WRONG, True, None, [True, 0.2], {"x": 1}, {"x": 1, "q": 2}])
def test_what_is_no_place_is_refused(text: object) -> None:
    with pytest.raises(ValueError, match="fractions"):
        read_place(text)


def test_pixels_are_told_what_to_do() -> None:
    error = refusal(light_at="640,480")
    assert error.message.startswith("light_at must be")
    assert "divide pixels" in error.message
    assert "640" not in error.message


def test_light_at_is_a_lamp_that_fades_with_the_square_of_the_distance() -> None:
    (lighting,) = asked(light_at="0.2, 0.3").lightings()
    assert lighting.lights[0].at == pytest.approx((0.2, 0.3, DEFAULT_Z))
    assert lighting.lights[0].falloff == 1


def test_light_at_moves_the_key_light_of_a_look() -> None:
    (lighting,) = asked(look="three_point", light_at="0.9,0.1").lightings()
    assert [light.at is not None for light in lighting.lights] == [True, False, False]
    assert lighting.lights[0].kelvin == 5200


@pytest.mark.parametrize("place", ["0.2,0.3", "20% 30% ", "(0.2; 0.3; 0.35)"])
def test_one_place_has_one_spelling(place: str) -> None:
    assert asked(light_at=place).light_at == "0.2,0.3,0.35"


@pytest.mark.parametrize("name", ["light_from", "azimuth_deg", "elevation_deg"])
def test_light_at_excludes_a_direction(name: str) -> None:
    error = refusal(light_at="0,0", **{name: "left" if name == "light_from" else 10})
    assert (error.argument, name in error.message) == ("light_at", True)


@pytest.mark.parametrize("at", [[0.2, 0.3], [0.2, 0.3, -0.4], "0.2,0.3", {"x": 0.2, "y": 0.3}])
def test_lights_take_places(at: object) -> None:
    (lighting,) = asked(lights=json.dumps([{"at": at, "kelvin": 3000}])).lightings()
    light = lighting.lights[0]
    assert light.at is not None
    assert light.at[:2] == pytest.approx((0.2, 0.3))
    assert light.falloff == 1


def test_lights_take_the_names_of_the_single_light_arguments() -> None:
    text = json.dumps([{"light_at": "0.2,0.3"}, {"light_from": "Top Left", "role": "fill"}])
    (lighting,) = asked(lights=text).lightings()
    assert lighting.lights[0].at is not None
    assert (lighting.lights[1].azimuth_deg, lighting.lights[1].elevation_deg) == (-45, 45)


@pytest.mark.parametrize(
    "light",
    [
        {"at": [0.2, 0.3], "azimuth_deg": 0},
        {"at": [0.2, 0.3], "light_from": "left"},
        {"at": [0.2]},
        {"at": "left"},
        {"light_from": "nowhere"},
        {"light_from": "left", "elevation_deg": 3},
    ],
)
def test_a_light_of_the_list_has_one_place_or_one_direction(light: dict[str, Any]) -> None:
    error = refusal(lights=json.dumps([light]))
    assert error.argument == "lights"
    assert error.message.startswith("lights[0].")


def test_lights_exclude_light_at() -> None:
    assert refusal(lights="[{}]", light_at="0,0").argument == "lights"


def test_a_lighting_with_places_survives_being_written_down() -> None:
    (lighting,) = asked(light_at="0.1,0.2,-0.3", region="background").lightings()
    aimed = lighting.aimed(MIDDLE, 400, 300)
    assert Lighting.model_validate(aimed.model_dump(mode="json")) == aimed


@pytest.mark.parametrize(
    ("at", "azimuth", "elevation"),
    [
        ((0.5, 0.5, 0.35), 0, 0),
        ((0.0, 0.5, 0.5), -45, 0),
        ((1.0, 0.5, 0.5), 45, 0),
        ((0.5, 0.0, 0.25), 0, 45),
        ((0.5, 1.0, 0.25), 0, -45),
        ((0.5, 0.5, -0.4), 180, 0),
        ((1.0, 0.5, -0.5), 135, 0),
        ((0.5, 0.5, 0.0), 0, 0),
    ],
)
def test_a_lamp_is_seen_from_the_middle(
    at: tuple[float, float, float], azimuth: float, elevation: float
) -> None:
    """In a picture of 2:1 a fraction of the height is half a fraction of the width."""
    light = Light(at=at).aimed(MIDDLE, 800, 400)
    assert (light.azimuth_deg, light.elevation_deg) == pytest.approx((azimuth, elevation))


def test_a_light_for_the_background_is_the_key_only_when_alone() -> None:
    background = Light(role="background", intensity=5)
    fill = Light(role="fill", intensity=0.5)
    assert Lighting(lights=(background, fill)).key == fill
    assert Lighting(lights=(background,)).key == background
    assert Lighting(lights=(background,)).lit_region == "background"
    assert Lighting(lights=(background, fill)).lit_region == "all"
