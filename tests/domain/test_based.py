"""Requests that change an earlier job: steps, what replaces what, and the names of the results."""

import json
import re
from typing import Any

import pytest

from mcp_relight.domain.job import JobRequest
from mcp_relight.domain.light_arguments import STEPPED, limits_of
from mcp_relight.domain.looks import result_stem, words_of_changes
from mcp_relight.domain.request import PlanArguments, RelightArguments, asked_of, based_on
from mcp_relight.domain.steps import Step
from mcp_relight.errors import InvalidArgument, RelightError

ORIGINAL, MASK, MAP = ("0" * 31 + digit for digit in "123")
EARLIER = "job_" + "0" * 32


def request(base: JobRequest | None = None, **values: Any) -> JobRequest:
    """The request of a job that was made with these arguments."""
    extra = {name: values.pop(name) for name in ("mask_id", "extra_image_ids") if name in values}
    model = values.setdefault("model", "local/classic")
    asked = RelightArguments.parse({"image": "mug.jpg"} | values)
    (lighting,) = asked.lightings()
    return JobRequest(
        model=model,
        image_id=ORIGINAL,
        image_name="mug",
        changes=words_of_changes(lighting, model, base),
        asked=asked_of(asked, lighting.look),
        lighting=lighting,
        params=json.loads(asked.params or "{}"),
        finish=asked.finish or "auto",
        output_dir="/out",
        **extra,
    )


def change(base: JobRequest, *, same_picture: bool = True, **values: Any) -> RelightArguments:
    asked = RelightArguments.parse({"based_on": EARLIER} | values)
    return based_on(asked, base, same_picture=same_picture)[0]


def refusal(**values: Any) -> RelightError:
    with pytest.raises(RelightError) as caught:
        RelightArguments.parse(values)
    return caught.value


@pytest.mark.parametrize(
    ("text", "amount", "is_share", "after"),
    [
        ("+10%", 0.1, True, 2.2),
        ("-50 %", -0.5, True, 1.0),
        ("-0.2", -0.2, False, 1.8),
        ("+ .5", 0.5, False, 2.5),
        ("\N{MINUS SIGN}1", -1.0, False, 1.0),
        ("+300K", 300.0, False, 302.0),
    ],
)
def test_a_step_is_signed_text(text: str, amount: float, is_share: bool, after: float) -> None:
    step = Step.read(text)
    assert step is not None
    assert (float(step), step.is_share, step.applied(2.0)) == (amount, is_share, after)


@pytest.mark.parametrize("value", ["0.2", "10%", "+", "+-1", "+1e9", "softer", 0.2, -0.2, None])
def test_what_is_no_step_is_none(value: object) -> None:
    assert Step.read(value) is None


@pytest.mark.parametrize("name", STEPPED)
def test_a_step_without_a_job_is_refused_by_name(name: str) -> None:
    error = refusal(image="mug.jpg", **{name: "+10%"})
    assert name in error.message
    assert "based_on" in error.hint


@pytest.mark.parametrize("name", STEPPED)
@pytest.mark.parametrize("value", ["softer", "10%", "1e9", [1]])
def test_the_refusal_of_what_is_no_step_names_one_that_works(name: str, value: object) -> None:
    error = refusal(based_on=EARLIER, **{name: value})
    named = re.search(rf'step, such as {name}="(\S+)"', error.hint)
    assert named is not None, error.hint
    base = request(look="window_left")
    before, after = base.lighting, change(base, **{name: named[1]}).lightings()[0]
    of = before.key, after.key
    if name in ("strength", "ambient", "exposure_ev"):
        of = before, after
    assert getattr(of[0], name) != getattr(of[1], name)


def test_only_what_takes_steps_is_said_to() -> None:
    error = refusal(image="mug.jpg", azimuth_deg="left", elevation_deg="x", region="x", seed="x")
    assert "step" not in error.hint


def test_a_negative_number_as_text_is_a_number_without_a_job_and_a_step_with_one() -> None:
    asked = RelightArguments.parse({"image": "mug.jpg", "exposure_ev": "-0.5"})
    assert asked.exposure_ev == -0.5
    changed = change(request(look="neon", exposure_ev=1), exposure_ev="-0.5")
    assert changed.exposure_ev == 0.5


def test_neither_image_nor_job_is_refused() -> None:
    assert refusal(look="neon").message == "image is required."


def test_everything_is_taken_over_and_what_is_given_replaces_its_own() -> None:
    base = request(
        look="golden_hour",
        light_from="left",
        strength=0.8,
        region="subject",
        finish="light-only",
        params='{"specular": 0.2}',
        mask_id=MASK,
        extra_image_ids={"depth_map": MAP},
    )
    changed = change(base, softness=0.9, elevation_deg=60)
    assert (changed.look, changed.strength, changed.softness) == ("golden_hour", 0.8, 0.9)
    assert (changed.azimuth_deg, changed.elevation_deg) == (-60, 60)
    assert (changed.region, changed.finish, changed.model) == (
        "subject", "light-only", "local/classic"
    )  # fmt: skip
    assert changed.image == f"relight://images/{ORIGINAL}"
    assert changed.mask == f"relight://images/{MASK}"
    assert json.loads(changed.params or "") == {
        "specular": 0.2,
        "depth_map": f"relight://images/{MAP}",
    }


def test_what_belongs_to_the_picture_goes_with_it_and_what_belongs_to_the_model_too() -> None:
    base = request(
        look="loop", params='{"specular": 0.2}', mask_id=MASK, extra_image_ids={"depth_map": MAP}
    )
    other = change(base, same_picture=False, image="cup.jpg")
    assert (other.mask, json.loads(other.params or "")) == (None, {"specular": 0.2})
    assert change(base, model="segmind/ic-light").params is None


@pytest.mark.parametrize(
    ("first", "then", "left"),
    [
        ({"light_from": "left"}, {"light_at": "0.1,0.1"}, {"light_at"}),
        ({"light_at": "0.1,0.1"}, {"light_from": "left"}, {"light_from"}),
        ({"light_at": "0.1,0.1"}, {"azimuth_deg": 3}, {"azimuth_deg"}),
        ({"kelvin": 3000}, {"color": "#FF0000"}, {"color"}),
        ({"color": "#FF0000"}, {"kelvin": 3000}, {"kelvin"}),
        ({"look": "loop", "kelvin": 3000}, {"look": "split"}, {"look", "kelvin"}),
        ({"lights": '[{"kelvin": 3000}]'}, {"look": "split"}, {"look"}),
        ({"look": "loop", "kelvin": 3000}, {"lights": '[{"kelvin": 2000}]'}, {"lights"}),
    ],
)
def test_what_excludes_an_earlier_argument_replaces_it(
    first: dict[str, Any], then: dict[str, Any], left: set[str]
) -> None:
    changed = change(request(**first), **then)
    changed.lightings()
    names = ("look", "lights", "light_from", "azimuth_deg", "elevation_deg", "light_at")
    found = {name for name in (*names, "kelvin", "color") if getattr(changed, name) is not None}
    assert found == left


def test_steps_start_from_the_light_that_was_rendered() -> None:
    base = request(look="golden_hour")
    key = base.lighting.key
    assert key is not None
    assert key.kelvin is not None
    changed = change(base, softness="+10%", kelvin="-300", exposure_ev="+0.3", ambient="-50%")
    assert changed.softness == pytest.approx(key.softness * 1.1)
    assert changed.kelvin == key.kelvin - 300
    assert changed.exposure_ev == pytest.approx(base.lighting.exposure_ev + 0.3)
    assert changed.ambient == pytest.approx(base.lighting.ambient / 2)


def test_steps_with_a_new_look_start_from_that_look() -> None:
    changed = change(request(look="golden_hour"), look="moonlight", kelvin="+100")
    (moon,) = RelightArguments.parse({"image": "x", "look": "moonlight"}).lightings()
    assert moon.key is not None
    assert moon.key.kelvin is not None
    assert changed.kelvin == moon.key.kelvin + 100


def test_a_chain_of_steps_adds_up() -> None:
    first = request(look="golden_hour", softness=0.2)
    second = change(first, softness="+0.2")
    third = change(request(look="golden_hour", softness=second.softness), softness="+0.2")
    assert third.softness == pytest.approx(0.6)


@pytest.mark.parametrize("name", STEPPED)
def test_a_step_ends_at_the_range_and_says_so(name: str) -> None:
    low, high = limits_of(name)
    for text, end in (("+99999", high), ("-99999", low)):
        asked = RelightArguments.parse({"based_on": EARLIER, name: text})
        changed, warnings = based_on(asked, request(look="golden_hour"), same_picture=True)
        assert getattr(changed, name) == end
        assert len(warnings) == 1
        assert name in warnings[0]


def test_a_step_changes_the_key_of_several_lights_alone() -> None:
    lights = '[{"azimuth_deg": -50, "softness": 0.2}, {"role": "rim", "at": [0.9, 0.1, -0.3]}]'
    base = request(lights=lights)
    (lighting,) = change(base, softness="+0.3", kelvin=3000).lightings()
    key, rim = lighting.lights
    assert (key.softness, key.kelvin, key.azimuth_deg) == (0.5, 3000, -50)
    assert rim == base.lighting.lights[1]


@pytest.mark.parametrize(
    ("first", "step"),
    [
        ({"color": "#FF0000"}, {"kelvin": "+100"}),
        ({"light_from": "left", "ambient": 0}, {"ambient": "+10%"}),
    ],
)
def test_a_step_that_has_nothing_to_start_from_is_refused(
    first: dict[str, Any], step: dict[str, Any]
) -> None:
    with pytest.raises(InvalidArgument) as caught:
        change(request(**first), **step)
    assert next(iter(step)) in caught.value.message


def test_a_row_of_an_earlier_version_is_changed_by_its_lights() -> None:
    base = request(look="three_point", exposure_ev=0.4).model_copy(update={"asked": None})
    (lighting,) = change(base, kelvin=3000).lightings()
    assert lighting.exposure_ev == 0.4
    assert next(light.kelvin for light in lighting.lights) == 3000
    assert lighting.lights[1:] == base.lighting.lights[1:]


@pytest.mark.parametrize(
    ("values", "stem"),
    [
        ({"look": "golden_hour"}, "mug-golden_hour"),
        ({"look": "golden_hour", "strength": 0.5}, "mug-golden_hour-gentler"),
        ({"light_from": "left", "kelvin": 3000}, "mug-from_left-warm"),
        ({"light_at": "0.2,0.2", "color": "#FF00AA"}, "mug-lamp-ff00aa"),
        ({"prompt": "soft", "model": "segmind/ic-light"}, "mug-relit"),
    ],
)
def test_the_name_of_a_result_says_what_its_light_is(values: dict[str, Any], stem: str) -> None:
    assert result_stem(request(**values)) == stem
    assert result_stem(request(**values), 2) == f"{stem}-2"


def test_the_names_along_a_chain_say_what_changed_and_stay_short() -> None:
    base = request(look="golden_hour")
    stems: list[str] = []
    for step in (
        {"softness": "+20%"},
        {"kelvin": "-400"},
        {"kelvin": "-400"},
        {"softness": "-50%"},
        {"light_from": "right", "exposure_ev": "+0.3"},
        {"look": "blue_hour"},
    ):
        arguments = change(base, **step)
        values = arguments.model_dump(exclude_none=True, exclude={"image", "based_on"})
        base = request(base, **values)
        stems.append(result_stem(base))
    assert stems[:5] == [
        "mug-golden_hour-softer",
        "mug-golden_hour-softer-warmer",
        "mug-golden_hour-softer-warmer",
        "mug-golden_hour-warmer-harder",
        "mug-golden_hour-warmer-harder-from_right-brighter",
    ]
    assert stems[5].startswith("mug-blue_hour-")


def test_plans_take_the_same() -> None:
    assert PlanArguments.parse({"based_on": EARLIER, "softness": "+10%"}).based_on == EARLIER
