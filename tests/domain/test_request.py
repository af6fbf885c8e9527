"""What a caller may ask of the light, and what a wrong request is told."""

import json
import math
from typing import Any

import pytest

from mcp_relight.domain.looks import LOOKS
from mcp_relight.domain.request import RelightArguments
from mcp_relight.errors import InvalidArgument, RelightError, UnknownArgument, UnknownLook


def asked(**values: Any) -> RelightArguments:
    return RelightArguments.parse({"image": "photo.jpg"} | values)


def refusal(**values: Any) -> RelightError:
    with pytest.raises(RelightError) as caught:
        asked(**values).lightings()
    return caught.value


def test_a_look_brings_its_lights_and_its_surroundings() -> None:
    (lighting,) = asked(look="golden_hour").lightings()
    assert lighting == LOOKS["golden_hour"].lighting


def test_explicit_arguments_override_the_key_light_of_a_look_alone() -> None:
    (lighting,) = asked(look="three_point", azimuth_deg=10, kelvin=3000).lightings()
    key, fill, rim = lighting.lights
    assert (key.azimuth_deg, key.kelvin) == (10, 3000)
    assert (fill, rim) == LOOKS["three_point"].lighting.lights[1:]


def test_a_color_replaces_the_kelvin_of_a_look() -> None:
    (lighting,) = asked(look="loop", color="#ff0000").lightings()
    assert (lighting.lights[0].color, lighting.lights[0].kelvin) == ("#ff0000", None)


def test_a_kelvin_replaces_the_color_of_a_look() -> None:
    (lighting,) = asked(look="neon", kelvin=3000).lightings()
    assert (lighting.lights[0].color, lighting.lights[0].kelvin) == (None, 3000)


def test_several_looks_make_several_lightings_in_order() -> None:
    looks = [lighting.look for lighting in asked(look="split, Rembrandt,loop").lightings()]
    assert looks == ["split", "rembrandt", "loop"]


@pytest.mark.parametrize(
    ("word", "angles"),
    [
        ("left", (-60, 10)),
        ("right", (60, 10)),
        ("top", (0, 70)),
        ("bottom", (0, -50)),
        ("front", (0, 10)),
        ("back", (180, 25)),
        ("top-left", (-45, 45)),
        ("bottom-right", (45, -45)),
    ],
)
def test_light_from_is_a_word_for_both_angles(word: str, angles: tuple[float, float]) -> None:
    (lighting,) = asked(light_from=word).lightings()
    assert (lighting.lights[0].azimuth_deg, lighting.lights[0].elevation_deg) == angles


@pytest.mark.parametrize(
    ("given", "wrapped"), [(200, -160), (-200, 160), (360, 0), (-180, 180), (180, 180), (-360, 0)]
)
def test_azimuths_wrap_into_half_a_turn(given: float, wrapped: float) -> None:
    (lighting,) = asked(azimuth_deg=given).lightings()
    assert lighting.lights[0].azimuth_deg == wrapped


def test_image_left_is_the_viewers_left() -> None:
    (lighting,) = asked(light_from="left").lightings()
    x, _, z = lighting.lights[0].direction
    assert x < 0 < z


def test_an_unknown_argument_is_refused_with_the_nearest_name() -> None:
    error = refusal(azimut=10)
    assert isinstance(error, UnknownArgument)
    assert "azimuth_deg" in error.message


def test_an_unknown_look_is_refused_with_the_nearest_name() -> None:
    error = refusal(look="golden_our")
    assert isinstance(error, UnknownLook)
    assert "golden_hour" in error.message


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({"kelvin": 3000, "color": "#ffffff"}, "kelvin"),
        ({"light_from": "left", "azimuth_deg": 10}, "light_from"),
        ({"lights": "[{}]", "look": "loop"}, "lights"),
        ({"lights": "[{}]", "softness": 0.1}, "lights"),
        ({"azimuth_deg": math.nan}, "azimuth_deg"),
        ({"azimuth_deg": math.inf}, "azimuth_deg"),
        ({"azimuth_deg": 361}, "azimuth_deg"),
        ({"elevation_deg": 91}, "elevation_deg"),
        ({"elevation_deg": True}, "elevation_deg"),
        ({"kelvin": 1499}, "kelvin"),
        ({"kelvin": 20001}, "kelvin"),
        ({"color": "reddish"}, "color"),
        ({"intensity": 8.1}, "intensity"),
        ({"softness": -0.1}, "softness"),
        ({"ambient": 4.1}, "ambient"),
        ({"exposure_ev": -4.1}, "exposure_ev"),
        ({"strength": 1.6}, "strength"),
        ({"count": 0}, "count"),
        ({"count": 13}, "count"),
        ({"count": 1.5}, "count"),
        ({"seed": -1}, "seed"),
        ({"wait_s": 46}, "wait_s"),
        ({"finish": "fast"}, "finish"),
        ({"light_from": "lefft"}, "light_from"),
        ({"look": ","}, "look"),
        ({"lights": "not json"}, "lights"),
        ({"lights": "{}"}, "lights"),
        ({"lights": "[]"}, "lights"),
        ({"lights": "[1]"}, "lights"),
        ({"lights": "[" * 100_000}, "lights"),
        ({"lights": json.dumps([{}] * 9)}, "lights"),
        ({"lights": '[{"azimuth_deg": NaN}]'}, "lights"),
        ({"prompt": "half an emoji \ud83d"}, "prompt"),
        ({"lights": '[{"kelvin": 10}]'}, "kelvin"),
        ({"lights": '[{"kelvin": 3000, "color": "#ffffff"}]'}, "lights"),
        ({"lights": '[{"intensity": true}]'}, "intensity"),
    ],
)
def test_a_bad_value_is_refused_naming_its_argument(values: dict[str, Any], named: str) -> None:
    error = refusal(**values)
    assert isinstance(error, (InvalidArgument, UnknownLook))
    assert named in error.message
    assert error.hint


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"lights": "[" * 9000}, "at most 8,000 characters"),
        ({"idempotency_key": "x" * 201}, "at most 200 characters"),
        ({"image": ""}, "must not be empty"),
    ],
)
def test_a_text_of_a_wrong_length_is_told_the_limit(values: dict[str, Any], words: str) -> None:
    assert words in refusal(**values).message


def test_an_unknown_name_inside_lights_is_refused_with_the_nearest() -> None:
    error = refusal(lights='[{"azimut_deg": 3}]')
    assert "azimuth_deg" in error.message


@pytest.mark.parametrize("value", ["secret-value-123", "#12345", "javascript:alert(1)"])
def test_an_error_never_repeats_the_value(value: str) -> None:
    for name in ("color", "look", "light_from", "lights", "finish"):
        error = refusal(**{name: value})
        assert value not in error.message + error.hint


@pytest.mark.parametrize(
    "values",
    [
        {"kelvin": 1500},
        {"kelvin": 20000},
        {"azimuth_deg": -360},
        {"elevation_deg": -90},
        {"azimuth_deg": 0, "strength": 1.5},
        {"azimuth_deg": 0, "ambient": 4},
        {"azimuth_deg": 0, "intensity": 8, "softness": 1, "exposure_ev": 4},
        {"lights": json.dumps([{"azimuth_deg": 10}] * 8)},
    ],
)
def test_boundaries_are_allowed(values: dict[str, Any]) -> None:
    assert asked(**values).lightings()


def test_every_wrong_argument_is_named_at_once_with_its_limits() -> None:
    error = refusal(kelvin=99, light_from="lefft", count="many", azimut=3, softnes=1, preview="x")
    for words in (
        "kelvin must be a number from 1500 to 20000.",
        "light_from must be one of left, right, top, bottom, front, back, top-left",
        'Did you mean "left"?',
        "count must be a whole number from 1 to 12.",
        "preview must be true or false.",
        "2 unknown arguments.",
        'Did you mean "azimuth_deg"?',
        'Did you mean "softness"?',
    ):
        assert words in error.message
    assert "lefft" not in error.message + error.hint
    assert "softnes " not in error.message + error.hint


def test_conflicts_texts_to_be_read_and_required_arguments_are_told_with_the_rest() -> None:
    with pytest.raises(InvalidArgument) as caught:
        RelightArguments.parse(
            {"kelvin": 3000, "color": "#ffffff", "seed": -1, "look": "lop", "lights": "{"}
        )
    message = caught.value.message
    for words in (
        "image is required.",
        "seed must be a whole number from 0 to 4294967295.",
        "kelvin and color exclude each other.",
        "lights excludes look, kelvin, color.",
        'Did you mean "loop"?',
        "lights is not valid JSON.",
    ):
        assert words in message


def test_errors_of_one_kind_keep_its_code() -> None:
    assert isinstance(refusal(azimut=1, kelvn=2), UnknownArgument)
    assert isinstance(refusal(look="lop"), UnknownLook)
    assert type(refusal(look="lop", kelvn=2)) is InvalidArgument


def test_a_light_of_the_list_may_fill_in_what_it_does_not_say() -> None:
    filled = '[{"azimuth_deg": -60, "color": "", "kelvin": "null", "intensity": null, "role": ""}]'
    assert asked(lights=filled).lightings() == asked(lights='[{"azimuth_deg": -60}]').lightings()


def test_null_counts_as_absent() -> None:
    assert asked(look="loop", kelvin=None, lights=None) == asked(look="loop")


def test_lights_may_come_as_a_parsed_list() -> None:
    (lighting,) = asked(lights=[{"azimuth_deg": -60, "role": "rim"}]).lightings()
    assert lighting.lights[0].role == "rim"


def test_a_light_without_key_role_still_has_a_key() -> None:
    (lighting,) = asked(lights='[{"role":"fill","intensity":2},{"role":"rim"}]').lightings()
    assert lighting.key is lighting.lights[0]


def test_surroundings_apply_to_every_look() -> None:
    lightings = asked(look="loop,split", ambient=0.5, exposure_ev=1, strength=0.5).lightings()
    assert {(one.ambient, one.exposure_ev, one.strength) for one in lightings} == {(0.5, 1, 0.5)}
