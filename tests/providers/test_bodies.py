"""What each provider is sent, field by field, against its own documents."""

from typing import Any

import pytest

from mcp_relight.domain.exchange import Picture
from mcp_relight.domain.lighting import LIGHT_FROM, Light, Lighting
from mcp_relight.domain.looks import LOOKS
from mcp_relight.errors import InvalidArgument
from mcp_relight.providers.pixazo import Pixazo
from mcp_relight.providers.pixeldojo import PixelDojo
from mcp_relight.providers.segmind import Segmind

from .calls import PHOTO_URL, call

ADAPTERS = {"pixeldojo": PixelDojo(), "pixazo": Pixazo(), "segmind": Segmind()}
SPECS = {spec.id: spec for adapter in ADAPTERS.values() for spec in adapter.specs()}
CAT = Lighting(prompt="cat, photoshoot, 4k")


def body(model: str, params: dict[str, Any] | None = None, **changes: Any) -> dict[str, Any]:
    checked = SPECS[model].check(params or {})
    request = ADAPTERS[model.partition("/")[0]].submit(call(model, params=checked, **changes))
    assert isinstance(request.json, dict)
    return request.json


def test_ic_light_is_sent_the_fields_of_segminds_sample() -> None:
    """The sample's values, given as params, come out as the sample; only our PNG differs."""
    sent = body(
        "segmind/ic-light",
        {"width": 512, "height": 640, "output_format": "webp"},
        lighting=CAT,
        seed=42,
        images=(Picture(512, 640, "image/jpeg", url="https://a.example.com/input.jpeg"),),
    )
    assert sent == {
        "cfg": 2,
        "seed": 42,
        "steps": 25,
        "width": 512,
        "height": 640,
        "prompt": "cat, photoshoot, 4k",
        "highres_scale": 1.5,
        "output_format": "webp",
        "subject_image": "https://a.example.com/input.jpeg",
        "lowres_denoise": 0.9,
        "output_quality": 80,
        "appended_prompt": "best quality",
        "highres_denoise": 0.5,
        "negative_prompt": "lowres, bad anatomy, bad hands, cropped, worst quality",
        "number_of_images": 1,
        "light_source": "None",
    }


def test_a_seed_that_was_not_asked_for_is_left_out() -> None:
    for model in ("segmind/ic-light", "pixeldojo/image-relighting"):
        assert "seed" not in body(model)


@pytest.mark.parametrize(
    ("width", "height", "size"),
    [
        (1000, 1000, (640, 640)),
        (640, 800, (512, 640)),
        (4000, 3000, (704, 512)),
        (1920, 1080, (704, 384)),
        (1080, 1920, (384, 704)),
        (10_000, 100, (1024, 256)),
    ],
)
def test_ic_light_gets_the_nearest_of_its_sizes(
    width: int, height: int, size: tuple[int, int]
) -> None:
    sent = body("segmind/ic-light", images=(Picture(width, height, "image/png", url=PHOTO_URL),))
    assert (sent["width"], sent["height"]) == size


def test_a_light_source_in_params_wins_over_the_light() -> None:
    assert body("segmind/ic-light")["light_source"] == "Left Light"
    chosen = body("segmind/ic-light", {"light_source": "Top Light"})
    assert chosen["light_source"] == "Top Light"


@pytest.mark.parametrize("model", ["segmind/segmind-relighting", "segmind/segmind-relighting-v2"])
@pytest.mark.parametrize(
    ("look", "direction", "intensity", "temperature", "kind"),
    [
        ("golden_hour", "left", "medium", "warm", "sunlight"),
        ("sunset_backlight", "back", "strong", "sunset", "sunlight"),
        ("overcast", "top", "bright", "neutral", "ambient"),
        ("moonlight", "top", "mood", "cool", "sunlight"),
        ("window_right", "right", "medium", "neutral", "softbox"),
        ("candlelight", "top", "mood", "sunset", "sunlight"),
    ],
)
def test_a_light_becomes_segminds_four_controls(
    model: str, look: str, direction: str, intensity: str, temperature: str, kind: str
) -> None:
    sent = body(model, lighting=LOOKS[look].lighting)
    assert sent["image"] == PHOTO_URL
    assert sent["light_direction"] == direction
    assert sent["light_intensity"] == intensity
    assert sent["light_temperature"] == temperature
    assert sent["light_type"] == kind


def test_segminds_controls_in_params_win_over_the_light() -> None:
    assert body("segmind/segmind-relighting", {"light_direction": "right"}) == {
        "image": PHOTO_URL,
        "light_direction": "right",
        "light_intensity": "medium",
        "light_temperature": "warm",
        "light_type": "sunlight",
    }


def test_relighting_v2_is_sent_the_fields_of_its_page() -> None:
    assert body("segmind/segmind-relighting-v2").keys() == {
        "image",
        "light_direction",
        "light_type",
        "light_temperature",
        "light_intensity",
        "size",
        "quality",
        "background",
        "output_compression",
        "output_format",
    }


def test_qwen_relight_keeps_the_shape_of_the_picture() -> None:
    sent = body("segmind/qwen-image-edit-plus-relight", seed=7)
    assert sent["image_1"] == PHOTO_URL
    assert sent["aspect_ratio"] == "match_input_image"
    assert sent["seed"] == 7
    assert "warm golden light" in sent["prompt"]


def test_magic_lighting_is_sent_only_fields_of_pixeldojos_table() -> None:
    """width and height are texts there; aspectRatio is for the other routes."""
    sent = body("pixeldojo/image-relighting", seed=3, count=2)
    assert sent.keys() == {
        "subject_image",
        "prompt",
        "light_source",
        "model_type",
        "number_of_images",
        "appended_prompt",
        "output_format",
        "width",
        "height",
        "steps",
        "cfg",
        "highres_scale",
        "highres_denoise",
        "lowres_denoise",
        "output_quality",
        "seed",
    }
    assert (sent["width"], sent["height"]) == ("896", "1152")
    assert sent["model_type"] == "magic-lighting"
    assert (sent["number_of_images"], sent["seed"]) == (2, 3)


@pytest.mark.parametrize("model_type", ["nano-banana-pro", "nano-banana-2", "qwen-image-edit"])
def test_the_other_routes_are_sent_no_field_of_magic_lighting(model_type: str) -> None:
    sent = body(f"pixeldojo/image-relighting:{model_type}")
    assert sent["model_type"] == model_type
    assert sent["aspectRatio"] == "3:4"
    assert not sent.keys() & {"width", "height", "steps", "appended_prompt", "light_source"}


@pytest.mark.parametrize("spelling", ["aspect_ratio", "aspectRatio"])
def test_both_spellings_of_the_aspect_ratio_are_taken_and_one_is_sent(spelling: str) -> None:
    sent = body("pixeldojo/image-relighting:nano-banana-2", {spelling: "16:9"})
    assert sent["aspectRatio"] == "16:9"
    assert "aspect_ratio" not in sent


def test_p_image_edit_is_sent_its_three_fields() -> None:
    second = Picture(10, 10, "image/png", url="https://example.com/2.png")
    sent = body("pixeldojo/p-image-edit", extra_images={"reference_image_1": second})
    assert sent.keys() == {"prompt", "images", "aspect_ratio"}
    assert sent["images"] == [PHOTO_URL, "https://example.com/2.png"]
    assert sent["aspect_ratio"] == "3:4"


def test_pixazo_relighting_is_sent_the_fields_of_its_full_request() -> None:
    """Its webhook fields are never used; a blank negative prompt is left out."""
    sent = body(
        "pixazo/pixelforge-relighting",
        {
            "image_size": "square_hd",
            "negative_prompt": " ",
            "loras": [{"path": "https://files.example.com/lighting-lora.safetensors"}],
        },
        lighting=Lighting(prompt="Professional studio lighting with soft shadows"),
    )
    prompt = sent.pop("prompt")
    assert prompt.startswith("Professional studio lighting with soft shadows")
    assert sent == {
        "image_urls": [PHOTO_URL],
        "image_size": "square_hd",
        "num_inference_steps": 50,
        "guidance_scale": 4,
        "num_images": 1,
        "enable_safety_checker": True,
        "output_format": "png",
        "negative_prompt": " ",
        "acceleration": "regular",
        "loras": [{"path": "https://files.example.com/lighting-lora.safetensors", "scale": 1.0}],
    }


def test_pixazo_keeps_the_shape_of_the_picture_instead_of_its_square_default() -> None:
    assert body("pixazo/pixelforge-relighting")["image_size"] == {"width": 912, "height": 1152}
    assert "negative_prompt" not in body("pixazo/pixelforge-relighting")


def test_pixazos_prompt_stays_within_its_800_characters() -> None:
    lighting = LOOKS["three_point"].lighting.model_copy(update={"prompt": "a " * 390})
    assert len(body("pixazo/pixelforge-relighting", lighting=lighting)["prompt"]) <= 800


def test_pixelforge_image_is_sent_prompt_and_pictures_alone() -> None:
    sent = body("pixazo/pixelforge-image")
    assert sent.keys() == {"prompt", "image_urls"}


PATHS = {
    "pixeldojo/image-relighting": "/api/v1/models/image-relighting/run",
    "pixeldojo/image-relighting:nano-banana-pro": "/api/v1/models/image-relighting/run",
    "pixeldojo/p-image-edit": "/api/v1/models/p-image-edit/run",
    "pixazo/pixelforge-relighting": "/pixelforge-relighting-api/v1/relighting/generate",
    "pixazo/pixelforge-image": "/pixelforge-image/v1/qwen_image_gen/serve_image",
    "segmind/ic-light": "/v2/ic-light",
    "segmind/segmind-relighting": "/v2/segmind-relighting",
    "segmind/qwen-image-edit-plus-relight": "/v2/qwen-image-edit-plus-relight",
}


@pytest.mark.parametrize("model", PATHS)
def test_a_submit_goes_to_the_documented_path(model: str) -> None:
    params = SPECS[model].check({})
    request = ADAPTERS[model.partition("/")[0]].submit(call(model, params=params))
    assert (request.method, request.path) == ("POST", PATHS[model])


def test_the_key_travels_in_each_providers_own_header() -> None:
    assert ADAPTERS["pixeldojo"].auth("k") == {"Authorization": "Bearer k"}
    assert ADAPTERS["segmind"].auth("k") == {"x-api-key": "k"}
    assert ADAPTERS["pixazo"].auth("k")["Ocp-Apim-Subscription-Key"] == "k"


QWEN_SCHEMA: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "required": ["prompt", "image"],
    "properties": {
        "prompt": {"type": "string", "maxLength": 500},
        "image": {"type": "array", "items": {"type": "string"}, "maxItems": 3},
        "n": {"type": "integer", "minimum": 1, "maximum": 6},
        "seed": {"type": "integer"},
        "watermark": {"type": "boolean"},
        "aspect_ratio": {"type": "string", "enum": ["1:1", "3:4", "16:9"]},
    },
}


def by_schema(schema: dict[str, Any], **changes: Any) -> dict[str, Any]:
    request = PixelDojo().submit(call("pixeldojo/qwen-image-2-edit", schema=schema, **changes))
    assert isinstance(request.json, dict)
    return request.json


def test_a_model_known_by_schema_is_sent_what_its_schema_names() -> None:
    sent = by_schema(QWEN_SCHEMA, seed=5, count=2, params={"watermark": False})
    assert sent["image"] == [PHOTO_URL]
    assert sent["aspect_ratio"] == "3:4"
    assert (sent["n"], sent["seed"], sent["watermark"]) == (2, 5, False)
    assert len(sent["prompt"]) <= 500


@pytest.mark.parametrize("field", ["subject_image", "image_url", "input_image", "image"])
def test_the_pictures_field_is_read_from_the_schema(field: str) -> None:
    schema = {"properties": {"prompt": {"type": "string"}, field: {"type": "string"}}}
    assert by_schema(schema) == {"prompt": by_schema(schema)["prompt"], field: PHOTO_URL}


def test_the_spelling_of_the_aspect_ratio_is_read_from_the_schema() -> None:
    schema = {
        "properties": {
            "prompt": {},
            "image_url": {},
            "aspectRatio": {"enum": ["1:1", "match_input_image"]},
        }
    }
    assert by_schema(schema)["aspectRatio"] == "match_input_image"


@pytest.mark.parametrize(
    ("params", "word"),
    [
        ({"size": "1k"}, "does not know"),
        ({"watermark": "yes"}, "watermark"),
        ({"aspect_ratio": "5:4"}, "aspect_ratio"),
    ],
)
def test_a_parameter_the_schema_refuses_is_never_sent(params: dict[str, Any], word: str) -> None:
    with pytest.raises(InvalidArgument, match=word):
        by_schema(QWEN_SCHEMA, params=params)


def test_a_model_without_a_picture_cannot_be_asked_to_relight() -> None:
    with pytest.raises(InvalidArgument, match="cannot relight"):
        by_schema({"properties": {"prompt": {"type": "string"}}})


def test_a_model_that_makes_one_picture_refuses_a_count() -> None:
    with pytest.raises(InvalidArgument, match="one picture") as caught:
        by_schema({"properties": {"prompt": {}, "image": {}}}, count=2)
    assert caught.value.argument == "count"


def test_a_light_that_only_the_words_describe_is_honest_about_the_rest() -> None:
    lighting = Lighting(lights=(Light(azimuth_deg=-60, elevation_deg=-40, kelvin=3000),))
    entries = {e.name: e for e in SPECS["segmind/segmind-relighting"].honesty(lighting, {})}
    assert "no light from below" in entries["elevation_deg"].note
    assert entries["kelvin"].note == "light_temperature=warm"
    assert entries["ambient"].how == "ignored"


OPEN_SCHEMA: dict[str, Any] = {
    "additionalProperties": True,
    "properties": {"prompt": {}, "image_url": {"type": "string"}, "loras": {"type": "array"}},
}


@pytest.mark.parametrize(
    "params",
    [
        {"style_reference": "https://example.com/other.png"},
        {"callback": "https://example.com/hook"},
        {"control": {"inner": ["http://169.254.169.254/"]}},
        {"depth": "data:image/png;base64,AAAA"},
        {"loras": [{"path": "http://example.com/a.safetensors"}]},
        {"loras": [{"path": "https://127.0.0.1/a.safetensors"}]},
    ],
)
def test_no_address_gets_in_through_a_field_only_the_schema_knows(params: dict[str, Any]) -> None:
    with pytest.raises(InvalidArgument, match="must not be an address") as caught:
        by_schema(OPEN_SCHEMA, params=params)
    assert "example.com" not in caught.value.message + caught.value.hint


def test_weights_at_a_public_address_may_be_named() -> None:
    loras = [{"path": "https://files.example.com/a.safetensors", "scale": 1}]
    assert by_schema(OPEN_SCHEMA, params={"loras": loras})["loras"] == loras


def test_what_the_schema_requires_is_asked_for_before_anything_is_sent() -> None:
    schema = OPEN_SCHEMA | {"required": ["prompt", "image_url", "strength"]}
    with pytest.raises(InvalidArgument, match=r"params\.strength is required"):
        by_schema(schema)
    assert by_schema(schema, params={"strength": 0.5})["strength"] == 0.5


def controls_of(lighting: Lighting) -> tuple[dict[str, Any], dict[str, Any]]:
    """What is sent, and what is said of each field."""
    spec = SPECS["segmind/segmind-relighting"]
    return body(spec.id, lighting=lighting), {e.name: e for e in spec.honesty(lighting, {})}


@pytest.mark.parametrize(
    ("color", "word"),
    [
        ("#FF8020", "warm"),
        ("#FFC060", "warm"),
        ("#2060FF", "cool"),
        ("#20C0FF", "cool"),
        ("#F0F0E8", "neutral"),
        ("#FF1EB4", None),
        ("#20FF40", None),
        ("#8020FF", None),
        ("#FF0000", None),
    ],
)
def test_a_colour_without_a_word_of_its_own_is_ignored(color: str, word: str | None) -> None:
    sent, told = controls_of(Lighting(lights=(Light(azimuth_deg=-60, color=color),)))
    assert sent["light_temperature"] == (word or "neutral")
    assert told["color"].how == ("approximated" if word else "ignored")


@pytest.mark.parametrize("look", LOOKS)
def test_approximated_is_never_the_opposite(look: str) -> None:
    lighting = LOOKS[look].lighting
    sent, told = controls_of(lighting)
    key = lighting.key
    assert key is not None
    azimuth_deg, elevation_deg = LIGHT_FROM[sent["light_direction"]]
    other = Light(azimuth_deg=azimuth_deg, elevation_deg=elevation_deg).direction
    cosine = sum(a * b for a, b in zip(key.direction, other, strict=True))
    if told["azimuth_deg"].how == "approximated" and not lighting.is_even:
        assert cosine > 0.4
        assert not lighting.is_opposed
    if look == "neon":
        assert {told["azimuth_deg"].how, told["color"].how} == {"ignored"}
