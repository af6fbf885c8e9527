"""Every range, choice and default of the documented parameters."""

from typing import Any

import pytest

from mcp_relight.domain.models import RESERVED, ModelSpec, parse_json_object
from mcp_relight.errors import InvalidArgument
from mcp_relight.providers.local import CLASSIC
from mcp_relight.providers.pixazo import Pixazo
from mcp_relight.providers.pixeldojo import PixelDojo
from mcp_relight.providers.segmind import Segmind

SPECS: dict[str, ModelSpec] = {
    spec.id: spec for spec in (CLASSIC, *PixelDojo().specs(), *Pixazo().specs(), *Segmind().specs())
}
SIDES = range(256, 1025, 64)

RANGES = [
    ("segmind/ic-light", "cfg", 1, 32, 0.01),
    ("segmind/ic-light", "highres_denoise", 0.1, 1, 0.01),
    ("segmind/ic-light", "highres_scale", 1, 3, 0.01),
    ("segmind/ic-light", "lowres_denoise", 0.1, 1, 0.01),
    ("segmind/ic-light", "output_quality", 0, 100, 1),
    ("segmind/ic-light", "steps", 1, 100, 1),
    ("segmind/segmind-relighting-v2", "output_compression", 0, 100, 1),
    ("segmind/qwen-image-edit-plus-relight", "quality", 0, 100, 1),
    ("pixeldojo/image-relighting", "steps", 10, 50, 1),
    ("pixeldojo/image-relighting", "cfg", 1, 32, 0.01),
    ("pixeldojo/image-relighting", "highres_scale", 1, 3, 0.01),
    ("pixeldojo/image-relighting", "highres_denoise", 0.1, 1, 0.01),
    ("pixeldojo/image-relighting", "lowres_denoise", 0.1, 1, 0.01),
    ("pixeldojo/image-relighting", "output_quality", 0, 100, 1),
    ("pixeldojo/image-relighting", "width", 256, 2048, 1),
    ("pixeldojo/image-relighting", "height", 256, 2048, 1),
    ("pixazo/pixelforge-relighting", "num_inference_steps", 1, 150, 1),
    ("pixazo/pixelforge-relighting", "guidance_scale", 1, 20, 0.01),
]


@pytest.mark.parametrize(("model", "name", "low", "high", "step"), RANGES)
def test_a_number_is_taken_up_to_its_documented_bounds_and_no_further(
    model: str, name: str, low: float, high: float, step: float
) -> None:
    check = SPECS[model].check
    assert check({name: low})[name] == low
    assert check({name: high})[name] == high
    for outside in (low - step, high + step):
        with pytest.raises(InvalidArgument, match=name):
            check({name: outside})


@pytest.mark.parametrize(("model", "name"), sorted({(row[0], row[1]) for row in RANGES}))
@pytest.mark.parametrize("value", [True, "12", [], float("nan"), float("inf")])
def test_a_number_is_never_read_out_of_something_else(model: str, name: str, value: Any) -> None:
    with pytest.raises(InvalidArgument):
        SPECS[model].check({name: value})


CHOICES = [
    ("segmind/ic-light", "width", list(SIDES)),
    ("segmind/ic-light", "height", list(SIDES)),
    (
        "segmind/ic-light",
        "light_source",
        ["None", "Left Light", "Right Light", "Top Light", "Bottom Light"],
    ),
    ("segmind/ic-light", "output_format", ["webp", "jpg", "png"]),
    ("segmind/segmind-relighting", "light_direction", ["left", "right", "top", "back"]),
    ("segmind/segmind-relighting", "light_intensity", ["mood", "bright", "medium", "strong"]),
    ("segmind/segmind-relighting", "light_temperature", ["warm", "cool", "neutral", "sunset"]),
    ("segmind/segmind-relighting", "light_type", ["softbox", "sunlight", "spotlight", "ambient"]),
    ("pixeldojo/image-relighting", "output_format", ["png", "jpg", "webp"]),
    ("pixeldojo/image-relighting", "aspect_ratio", ["1:1", "16:9", "9:16", "4:3", "3:4"]),
    (
        "pixeldojo/p-image-edit",
        "aspect_ratio",
        ["1:1", "2:3", "3:2", "3:4", "4:3", "9:16", "16:9"],
    ),
    (
        "pixazo/pixelforge-relighting",
        "image_size",
        [
            "square_hd",
            "square",
            "portrait_4_3",
            "portrait_16_9",
            "landscape_4_3",
            "landscape_16_9",
        ],
    ),
    ("pixazo/pixelforge-relighting", "output_format", ["jpeg", "png"]),
    ("pixazo/pixelforge-relighting", "acceleration", ["none", "regular"]),
]


@pytest.mark.parametrize(("model", "name", "choices"), CHOICES)
def test_every_documented_choice_is_taken_and_no_other(
    model: str, name: str, choices: list[Any]
) -> None:
    check = SPECS[model].check
    for choice in choices:
        assert check({name: choice})[name] == choice
    other = choices[-1] + 64 if isinstance(choices[-1], int) else "other"
    with pytest.raises(InvalidArgument, match=name):
        check({name: other})


def test_ic_light_has_thirteen_sides() -> None:
    assert len(SIDES) == 13


DEFAULTS: dict[str, dict[str, Any]] = {
    "segmind/ic-light": {
        "appended_prompt": "best quality",
        "cfg": 2,
        "highres_denoise": 0.5,
        "highres_scale": 1.5,
        "lowres_denoise": 0.9,
        "negative_prompt": "lowres, bad anatomy, bad hands, cropped, worst quality",
        "output_format": "png",
        "output_quality": 80,
        "steps": 25,
    },
    "pixeldojo/image-relighting": {
        "appended_prompt": "best quality",
        "output_format": "png",
        "steps": 25,
        "cfg": 2,
        "highres_scale": 1.5,
        "highres_denoise": 0.5,
        "lowres_denoise": 0.9,
        "output_quality": 100,
    },
    "pixazo/pixelforge-relighting": {
        "num_inference_steps": 50,
        "guidance_scale": 4,
        "enable_safety_checker": True,
        "output_format": "png",
        "acceleration": "regular",
        "loras": [],
    },
    "pixazo/pixelforge-image": {},
    "pixeldojo/p-image-edit": {},
}


@pytest.mark.parametrize("model", DEFAULTS)
def test_defaults_are_the_documented_ones(model: str) -> None:
    assert SPECS[model].check({}) == DEFAULTS[model]


@pytest.mark.parametrize(
    ("size", "is_good"),
    [
        ({"width": 1280, "height": 720}, True),
        ({"width": 1280}, False),
        ({"width": 1280, "height": 720, "depth": 1}, False),
        ({"width": "1280", "height": 720}, False),
        ({"width": 63, "height": 720}, False),
    ],
)
def test_pixazo_takes_a_size_of_ones_own(size: dict[str, Any], is_good: bool) -> None:
    check = SPECS["pixazo/pixelforge-relighting"].check
    if is_good:
        assert check({"image_size": size})["image_size"] == size
    else:
        with pytest.raises(InvalidArgument, match="image_size"):
            check({"image_size": size})


@pytest.mark.parametrize(
    ("loras", "is_good"),
    [
        ([{"path": "https://files.example.com/a.safetensors"}], True),
        ([{"path": "https://files.example.com/a.safetensors", "scale": 0}], True),
        ([{"path": "https://files.example.com/a.safetensors", "scale": 2}], True),
        ([{"path": "https://files.example.com/a.safetensors", "scale": 2.01}], False),
        ([{"path": "https://files.example.com/a.safetensors", "scale": -0.01}], False),
        ([{"path": "https://files.example.com/a"}] * 3, True),
        ([{"path": "https://files.example.com/a"}] * 4, False),
        ([{"path": "http://files.example.com/a"}], False),
        ([{"path": "file:///etc/passwd"}], False),
        ([{"path": "https://127.0.0.1/a"}], False),
        ([{"path": "https://[::1]/a"}], False),
        ([{"path": "https://2130706433/a"}], False),
        ([{"path": "https://localhost/a"}], False),
        ([{"path": "https://user:word@files.example.com/a"}], False),
        ([{"path": "https://printer.local/a"}], False),
        ([{"path": "https://files.example.com:8443/a"}], False),
        ([{"scale": 1.0}], False),
    ],
)
def test_loras_are_few_bounded_and_public(loras: list[dict[str, Any]], is_good: bool) -> None:
    check = SPECS["pixazo/pixelforge-relighting"].check
    if is_good:
        assert len(check({"loras": loras})["loras"]) == len(loras)  # type: ignore[arg-type]
    else:
        with pytest.raises(InvalidArgument, match="loras"):
            check({"loras": loras})


@pytest.mark.parametrize("model", [m for m in SPECS if SPECS[m].relights])
@pytest.mark.parametrize("name", RESERVED)
def test_arguments_of_the_tool_are_not_set_through_params(model: str, name: str) -> None:
    with pytest.raises(InvalidArgument, match="not set through params") as caught:
        SPECS[model].check({name: "x"})
    assert caught.value.hint == RESERVED[name]


def test_a_refusal_never_quotes_the_value() -> None:
    with pytest.raises(InvalidArgument) as caught:
        SPECS["segmind/ic-light"].check({"steps": "SG_0123456789abcdef"})
    assert "SG_" not in caught.value.message + caught.value.hint


def test_a_wrong_name_is_answered_with_the_nearest() -> None:
    with pytest.raises(InvalidArgument) as caught:
        SPECS["segmind/ic-light"].check({"highres_denoize": 0.5})
    assert '"highres_denoise"' in caught.value.hint


@pytest.mark.parametrize("model", [m for m in SPECS if SPECS[m].example])
def test_an_example_passes_its_own_check(model: str) -> None:
    assert SPECS[model].check(dict(SPECS[model].example))


@pytest.mark.parametrize(
    ("model", "count"), [("pixazo/pixelforge-relighting", 9), ("pixazo/pixelforge-image", 2)]
)
def test_further_pictures_are_declared_as_such(model: str, count: int) -> None:
    assert len(SPECS[model].image_fields) == count
    assert SPECS[model].check({"reference_image_1": "latest"})["reference_image_1"] == "latest"


@pytest.mark.parametrize(
    "text", ["{", "[]", '{"a": NaN}', '{"a": 1e999}', '{"a": [-1e999]}', '{"a": "\\ud83d"}']
)
def test_params_that_no_request_can_carry_are_refused(text: str) -> None:
    """Before there is a job: found out while sending, they would leave it unknown for ever."""
    with pytest.raises(InvalidArgument, match="params"):
        parse_json_object(text, "params")
