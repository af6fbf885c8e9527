"""Words as people and models write them; what is published stays strict."""

import json

import pytest

from mcp_relight.domain.looks import LOOKS
from mcp_relight.domain.queries import FindArguments, ListJobsArguments
from mcp_relight.domain.request import RelightArguments
from mcp_relight.errors import InvalidArgument, RequestError
from mcp_relight.server.schema import flat_schema


def asked(**arguments: object) -> RelightArguments:
    return RelightArguments.parse({"image": "mug.jpg"} | arguments)


@pytest.mark.parametrize(
    ("word", "side"),
    [
        ("Left", "left"),
        ("from the LEFT", "left"),
        ("right side", "right"),
        ("bottom right", "bottom-right"),
        ("Bottom_Right", "bottom-right"),
        ("right bottom", "bottom-right"),
        ("lower left", "bottom-left"),
        ("top and left", "top-left"),
        ("below", "bottom"),
        ("from underneath", "bottom"),
        ("above", "top"),
        ("Overhead", "top"),
        ("behind", "back"),
        ("camera", "front"),
    ],
)
def test_sides(word: str, side: str) -> None:
    assert asked(light_from=word).light_from == side
    inside = asked(lights=json.dumps([{"light_from": word}])).lightings()
    assert (
        inside[0].lights[0].direction == asked(light_from=side).lightings()[0].lights[0].direction
    )


@pytest.mark.parametrize("word", ["sideways", "down", "left or right", "12", "left top bottom"])
def test_a_side_that_could_be_another_is_refused_with_all_words(word: str) -> None:
    with pytest.raises(InvalidArgument, match="light_from must be one of left, right") as caught:
        asked(light_from=word)
    assert word not in caught.value.message.partition("Did you")[0].split(",")


@pytest.mark.parametrize(
    ("word", "color"),
    [
        ("orange", "#FFA500"),
        ("Dark Orange", "#FF8C00"),
        ("dark_orange", "#FF8C00"),
        ("light grey", "#D3D3D3"),
        ("#f80", "#FF8800"),
        ("#ff8800", "#ff8800"),
        ("ff8800", "#FF8800"),
        ("0xFF8800", "#FF8800"),
        ("#FF8800FF", "#FF8800"),
        ("rgb(255, 136, 0)", "#FF8800"),
        ("255,136,0", "#FF8800"),
        (" #FF8800 ", "#FF8800"),
    ],
)
def test_colors(word: str, color: str) -> None:
    assert asked(color=word).color == color
    (lighting,) = asked(lights=json.dumps([{"color": word}])).lightings()
    assert lighting.lights[0].color == color


@pytest.mark.parametrize(
    "word", ["orangish", "#ff88", "#ff880080", "rgb(300,0,0)", "facade", "bad", "#gg0000", "orang"]
)
def test_a_color_nobody_can_be_sure_of_is_refused(word: str) -> None:
    with pytest.raises(InvalidArgument, match="color must be #RRGGBB or the name of a colour"):
        asked(color=word)


def test_a_color_almost_spelled_right_is_named() -> None:
    with pytest.raises(InvalidArgument, match='Did you mean "turquoise"'):
        asked(color="turqoise")


@pytest.mark.parametrize("kelvin", ["3200K", "3200 k", "3200 Kelvin", "3200", 3200])
def test_kelvin_may_carry_its_unit(kelvin: object) -> None:
    assert asked(kelvin=kelvin).kelvin == 3200


@pytest.mark.parametrize("look", LOOKS)
def test_looks_in_any_case(look: str) -> None:
    for word in (look.upper(), look.replace("_", " ").title(), look.replace("_", "-")):
        assert asked(look=word).lightings() == asked(look=look).lightings()
    assert len(asked(look=f"{look.upper()}, {look}").lightings()) == 1


def test_choices_in_any_case() -> None:
    assert asked(finish="Light Only", look="loop").finish == "light-only"
    assert asked(region="SUBJECT", look="loop").region == "subject"
    assert ListJobsArguments.parse({"status": "Succeeded"}).status == "succeeded"
    assert FindArguments.parse({"include": " Results"}).include == "results"
    (lighting,) = asked(lights='[{"role": "Rim"}]').lightings()
    assert lighting.lights[0].role == "rim"


def test_what_is_published_stays_strict() -> None:
    properties = flat_schema(RelightArguments)["properties"]
    assert properties["light_from"]["enum"][0] == "left"
    assert properties["color"]["pattern"] == "^#[0-9A-Fa-f]{6}$"
    with pytest.raises(RequestError):
        asked(finish="lightonly")
