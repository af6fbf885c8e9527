"""The light in words and in IC-Light's five directions."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcp_relight.domain.lighting import LIGHT_FROM, Light, Lighting
from mcp_relight.domain.looks import LOOKS
from mcp_relight.providers.kit.translate import (
    ONLY_THE_LIGHT,
    color_words,
    compose_prompt,
    direction_words,
    honest,
    honest_in_words,
    light_source,
    softness_words,
)

SOURCES = {
    "golden_hour": "Left Light",
    "sunset_backlight": "Right Light",
    "blue_hour": "None",
    "noon_sun": "Top Light",
    "overcast": "None",
    "open_shade": "None",
    "window_left": "Left Light",
    "window_right": "Right Light",
    "rembrandt": "Right Light",
    "butterfly": "Top Light",
    "loop": "Left Light",
    "split": "Left Light",
    "clamshell": "None",
    "three_point": "Left Light",
    "rim_light": "None",
    "low_key": "Left Light",
    "high_key": "None",
    "neon": "None",
    "candlelight": "Bottom Light",
    "moonlight": "Top Light",
}


def test_the_table_covers_every_look() -> None:
    assert SOURCES.keys() == LOOKS.keys()


@pytest.mark.parametrize("look", LOOKS)
def test_a_look_maps_to_its_ic_light_source(look: str) -> None:
    assert light_source(LOOKS[look].lighting) == SOURCES[look]


@pytest.mark.parametrize(
    ("word", "source"),
    [
        ("left", "Left Light"),
        ("right", "Right Light"),
        ("top", "Top Light"),
        ("bottom", "Bottom Light"),
        ("front", "None"),
    ],
)
def test_light_from_maps_to_the_side_it_names(word: str, source: str) -> None:
    azimuth_deg, elevation_deg = LIGHT_FROM[word]
    light = Light(azimuth_deg=azimuth_deg, elevation_deg=elevation_deg)
    assert light_source(Lighting(lights=(light,))) == source


def test_sideways_wins_at_six_tenths_of_the_vertical_and_not_below() -> None:
    # At elevation 45°, d_x = sin(az)·0.707 and d_y = 0.707: the limit is sin(az) = 0.6.
    def at(azimuth_deg: float) -> str:
        light = Light(azimuth_deg=azimuth_deg, elevation_deg=45)
        return light_source(Lighting(lights=(light,)))

    assert at(36.9) == "Right Light"
    assert at(36.8) == "Top Light"


@pytest.mark.parametrize(("softness", "source"), [(0.79, "Left Light"), (0.8, "None")])
def test_a_dome_has_no_side(softness: float, source: str) -> None:
    light = Light(azimuth_deg=-60, softness=softness)
    assert light_source(Lighting(lights=(light,))) == source


@pytest.mark.parametrize(("ambient", "source"), [(0.79, "Left Light"), (0.8, "None")])
def test_flat_ambient_hides_the_side(ambient: float, source: str) -> None:
    lighting = Lighting(lights=(Light(azimuth_deg=-60),), ambient=ambient)
    assert light_source(lighting) == source


@pytest.mark.parametrize(
    ("role", "intensity", "source"),
    [
        ("key", 0.7, "None"),
        ("key", 0.69, "Left Light"),
        ("fill", 1.0, "Left Light"),
    ],
)
def test_only_an_equal_light_of_the_same_role_rivals_the_key(
    role: str, intensity: float, source: str
) -> None:
    key = Light(azimuth_deg=-60)
    other = Light.model_validate({"azimuth_deg": 60, "role": role, "intensity": intensity})
    assert light_source(Lighting(lights=(key, other))) == source


@pytest.mark.parametrize(
    ("kelvin", "words"),
    [
        (1500, "candle-orange light"),
        (2500, "candle-orange light"),
        (2501, "warm golden light"),
        (3500, "warm golden light"),
        (3501, "neutral-warm light"),
        (4800, "neutral-warm light"),
        (4801, "neutral daylight"),
        (6800, "neutral daylight"),
        (6801, "cool blue light"),
    ],
)
def test_a_color_temperature_has_a_word(kelvin: float, words: str) -> None:
    assert color_words(Light(kelvin=kelvin)) == words


@pytest.mark.parametrize(
    ("color", "hue"),
    [
        ("#FF1EB4", "magenta"),
        ("#14AAFF", "azure"),
        ("#FF8000", "orange"),
        ("#00FF00", "green"),
        ("#FFFFFF", "white"),
        ("#FF0010", "red"),
    ],
)
def test_a_color_is_named_and_given_as_it_is(color: str, hue: str) -> None:
    assert color_words(Light(color=color)) == f"{hue} colored light ({color})"


@pytest.mark.parametrize(
    ("softness", "words"),
    [(0.19, "hard, crisp shadows"), (0.2, ""), (0.6, ""), (0.61, "soft diffused")],
)
def test_softness_is_said_where_it_is_marked(softness: float, words: str) -> None:
    assert softness_words(Light(softness=softness)) == words


@pytest.mark.parametrize(
    ("azimuth_deg", "elevation_deg", "words"),
    [
        (0, 10, "light from the front"),
        (-45, 10, "light from the left front"),
        (45, 45, "light from the right front, high"),
        (90, 0, "light from the right"),
        (-135, 10, "strong rim light, backlit from the left rear"),
        (180, 25, "strong rim light, backlit"),
        (150, 60, "strong rim light, backlit from the right rear"),
        (0, 70, "light from above"),
        (0, -60, "light from below"),
        (180, 90, "light from above"),
    ],
)
def test_a_direction_is_said_as_the_viewer_sees_it(
    azimuth_deg: float, elevation_deg: float, words: str
) -> None:
    light = Light(azimuth_deg=azimuth_deg, elevation_deg=elevation_deg)
    assert direction_words(light) == words


def test_a_prompt_has_the_users_words_first_and_the_instruction_last() -> None:
    lighting = LOOKS["golden_hour"].lighting.model_copy(update={"prompt": "a quiet evening"})
    prompt = compose_prompt(lighting, instruction=ONLY_THE_LIGHT)
    assert prompt.startswith("a quiet evening, golden hour sunlight, long warm light, ")
    assert prompt.endswith(ONLY_THE_LIGHT)
    assert "warm golden light" in prompt


@given(words=st.text(max_size=1500), limit=st.integers(0, 800), look=st.sampled_from(list(LOOKS)))
def test_a_prompt_never_passes_the_limit(words: str, limit: int, look: str) -> None:
    lighting = LOOKS[look].lighting.model_copy(update={"prompt": words})
    assert len(compose_prompt(lighting, limit, instruction=ONLY_THE_LIGHT)) <= limit


def test_a_long_prompt_keeps_the_users_words_before_those_of_the_light() -> None:
    own = "word " * 150
    lighting = LOOKS["neon"].lighting.model_copy(update={"prompt": own})
    prompt = compose_prompt(lighting, 800)
    assert prompt.startswith(own.strip())
    assert "neon" in prompt
    assert len(prompt) <= 800


def test_every_field_of_a_light_is_accounted_for_once() -> None:
    lighting = Lighting(lights=(Light(kelvin=3000), Light(color="#FF0000")), prompt="words")
    names = [entry.name for entry in honest(lighting)]
    assert len(names) == len(set(names))
    assert {"kelvin", "color", "lights", "prompt", "strength", "falloff"} <= set(names)


def test_what_words_cannot_say_is_reported_as_ignored() -> None:
    entries = {entry.name: entry for entry in honest_in_words(Lighting(lights=(Light(),)))}
    assert entries["azimuth_deg"].how == "approximated"
    assert entries["strength"].how == "ignored"
    assert entries["falloff"].how == "ignored"


def test_words_that_are_cut_are_not_reported_as_honored() -> None:
    lighting = Lighting(prompt="x" * 801)
    by_name = {entry.name: entry for entry in honest_in_words(lighting, limit_chars=800)}
    assert by_name["prompt"].how == "approximated"
    assert "800" in by_name["prompt"].note


def test_a_lamp_becomes_the_direction_it_is_seen_in() -> None:
    light = Light(at=(0.0, 0.5, 0.2)).aimed((0.5, 0.5), 400, 300)
    assert light_source(Lighting(lights=(light,))) == "Left Light"
    assert direction_words(light) == "light from the left, from a lamp close by"


def test_a_lamps_place_is_approximated_by_whoever_takes_angles() -> None:
    lighting = Lighting(lights=(Light(at=(0.0, 0.5, 0.2)),))
    notes = {field.name: field for field in honest(lighting, honored={"azimuth_deg": ""})}
    assert notes["light_at"].how == "approximated"
    assert "the subject's middle" in notes["light_at"].note
    assert not {"azimuth_deg", "elevation_deg"} & notes.keys()
    assert {field.name: field.how for field in honest(lighting)}["light_at"] == "ignored"


def test_angles_are_accounted_for_beside_a_lamp() -> None:
    lighting = Lighting(lights=(Light(at=(0.0, 0.5, 0.2)), Light()))
    names = {field.name for field in honest_in_words(lighting)}
    assert {"light_at", "azimuth_deg", "elevation_deg", "lights"} <= names


@pytest.mark.parametrize("region", ["subject", "background"])
def test_a_region_is_said_in_words(region: str) -> None:
    lighting = Lighting.model_validate({"lights": [{}], "region": region})
    assert f"relight the {region} only" in compose_prompt(lighting)
    assert {field.name: field.how for field in honest_in_words(lighting)}["region"] == (
        "approximated"
    )
    assert {field.name: field.how for field in honest(lighting)}["region"] == "ignored"


def test_the_whole_picture_is_no_region_to_speak_of() -> None:
    lighting = Lighting(lights=(Light(),))
    assert "only" not in compose_prompt(lighting)
    assert "region" not in {field.name for field in honest_in_words(lighting)}


def test_a_light_for_the_background_is_said_to_be_one_and_lights_no_side() -> None:
    light = Light(role="background", azimuth_deg=-60)
    lighting = Lighting(lights=(light,))
    assert direction_words(light) == "background with light from the left front"
    assert light_source(lighting) == "None"
    assert "relight the background only" in compose_prompt(lighting)
    both = Lighting(lights=(light, Light(azimuth_deg=60, intensity=0.5)))
    assert light_source(both) == "Right Light"
    assert {field.name: field.how for field in honest_in_words(both)}["role"] == "approximated"
