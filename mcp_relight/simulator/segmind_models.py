"""The Segmind models simulated here: parameter tables, prices and usual times of their pages.

`qwen-image-edit-plus-relight` has no stored page: its table is that of its documented siblings
(qwen-image-edit-plus-product-photography and others), which share one form.
"""

from dataclasses import dataclass
from typing import Any

from mcp_relight.simulator.sizes import Size, ic_light_size

Schema = dict[str, Any]

SIDES = list(range(256, 1025, 64))
PICTURE: Schema = {"type": "string", "format": "uri"}
TEXT: Schema = {"type": "string"}
FRACTION: Schema = {"type": "number", "minimum": 0.1, "maximum": 1}
PERCENT: Schema = {"type": "integer", "minimum": 0, "maximum": 100}
LIGHT: dict[str, Schema] = {
    "image": PICTURE,
    "light_direction": {"type": "string", "enum": ["left", "right", "top", "back"]},
    "light_intensity": {"type": "string", "enum": ["mood", "bright", "medium", "strong"]},
    "light_temperature": {"type": "string", "enum": ["warm", "cool", "neutral", "sunset"]},
    "light_type": {"type": "string", "enum": ["softbox", "sunlight", "spotlight", "ambient"]},
}

IC_LIGHT: dict[str, Schema] = {
    "prompt": TEXT,
    "subject_image": PICTURE,
    "appended_prompt": TEXT,
    "cfg": {"type": "number", "minimum": 1, "maximum": 32},
    "width": {"type": "integer", "enum": SIDES},
    "height": {"type": "integer", "enum": SIDES},
    "highres_denoise": FRACTION,
    "highres_scale": {"type": "number", "minimum": 1, "maximum": 3},
    "light_source": {
        "type": "string",
        "enum": ["None", "Left Light", "Right Light", "Top Light", "Bottom Light"],
    },
    "lowres_denoise": FRACTION,
    "negative_prompt": TEXT,
    "number_of_images": {"type": "integer", "minimum": 1, "maximum": 12},
    "output_format": {"type": "string", "enum": ["webp", "jpg", "png"]},
    "output_quality": PERCENT,
    "seed": {"type": "integer"},
    "steps": {"type": "integer", "minimum": 1, "maximum": 100},
}
RELIGHTING_V2: dict[str, Schema] = {
    **LIGHT,
    "size": TEXT,
    "quality": {"type": "string", "enum": ["auto", "low", "medium", "high"]},
    "background": {"type": "string", "enum": ["auto", "transparent", "opaque"]},
    "output_compression": PERCENT,
    "output_format": {"type": "string", "enum": ["png", "jpeg", "webp"]},
}
QWEN_RELIGHT: dict[str, Schema] = {
    "prompt": TEXT,
    "image_1": PICTURE,
    "image_2": PICTURE,
    "image_3": PICTURE,
    "lora": TEXT,
    "aspect_ratio": TEXT,
    "seed": {"type": "integer"},
    "image_format": {"type": "string", "enum": ["webp", "png", "jpeg"]},
    "quality": PERCENT,
    "base64": {"type": "boolean"},
}


@dataclass(frozen=True)
class Model:
    """`pictures` are the fields that hold input images, the first one the subject."""

    slug: str
    properties: dict[str, Schema]
    required: tuple[str, ...]
    pictures: tuple[str, ...]
    price_usd: float
    usual_s: float
    usual_format: str
    usual_quality: int = 80

    @property
    def schema(self) -> Schema:
        return {"required": list(self.required), "properties": self.properties}

    def file_format(self, params: dict[str, Any]) -> str:
        return params.get("output_format", params.get("image_format", self.usual_format))

    def quality(self, params: dict[str, Any]) -> int:
        given = params.get("output_quality", params.get("output_compression"))
        return given if isinstance(given, int) and given > 0 else self.usual_quality

    def size_px(self, params: dict[str, Any]) -> Size | None:
        if self.slug != "ic-light":
            return None
        scale = params.get("highres_scale", 1.5)
        return ic_light_size(params.get("width", 512), params.get("height", 640), scale)

    def light(self, params: dict[str, Any]) -> str:
        words = ("light_source", "light_direction", "prompt")
        return " ".join(str(params[word]) for word in words if word in params)


_FOUR_LIGHT_WORDS = tuple(LIGHT)
MODELS = {
    model.slug: model
    for model in (
        Model(
            "ic-light",
            IC_LIGHT,
            ("prompt", "subject_image"),
            ("subject_image",),
            0.0363,
            30.5,
            "webp",
        ),
        Model("segmind-relighting", LIGHT, _FOUR_LIGHT_WORDS, ("image",), 0.05, 10.3, "jpg"),
        Model(
            "segmind-relighting-v2", RELIGHTING_V2, _FOUR_LIGHT_WORDS, ("image",), 0.333, 70, "png"
        ),
        Model(
            "qwen-image-edit-plus-relight",
            QWEN_RELIGHT,
            ("prompt", "image_1"),
            ("image_1", "image_2", "image_3"),
            0.1,
            21,
            "webp",
            95,
        ),
    )
}
