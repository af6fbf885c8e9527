"""PixelDojo's catalogue: ids, names and credit costs of its llm.txt (71 image and 61 video models).

Documented parameter tables: `image-relighting`, `p-image-edit`, `qwen-image-2-edit`. The schemas of
all other models are made up in the same form (marked `x-assumed`), with the image field called by
different names on purpose, since that is what the documents show.
"""

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

Schema = dict[str, Any]
CATALOG = Path(__file__).with_name("pixeldojo_catalog.json")

PICTURE: Schema = {"type": "string", "format": "uri"}
TEXT: Schema = {"type": "string"}
DIGITS: Schema = {"type": "string", "pattern": r"[0-9]{2,4}", "default": "1024"}
ASPECTS = ["1:1", "16:9", "9:16", "4:3", "3:4", "3:2", "2:3"]
FRACTION: Schema = {"type": "number", "minimum": 0.1, "maximum": 1}
# nano-banana and qwen routes cost what those models cost by themselves; the page names no figure.
RELIGHT_CREDITS = {
    "magic-lighting": 1.0,
    "nano-banana-pro": 3.0,
    "nano-banana-2": 3.0,
    "qwen-image-edit": 1.0,
}
ANSWERS_AT_ONCE = frozenset({"xai-image-edit"})


@dataclass(frozen=True)
class Model:
    """`images` is how many reference pictures it takes; `per` is run or second."""

    api_id: str
    name: str
    modality: str
    credits: float
    per: str
    images: int

    @property
    def description(self) -> str:
        return f"{self.name} ({self.modality} model, simulated)"

    def card(self) -> dict[str, Any]:
        amount = whole(self.credits)
        kind = "fixed" if self.per == "run" else "per_second"
        return {
            "apiId": self.api_id,
            "name": self.name,
            "description": self.description,
            "modality": self.modality,
            "creditCost": {"default": amount, "type": kind, "amount": amount},
        }


def whole(number: float) -> float:
    """1 rather than 1.0, as the samples print credits."""
    return int(number) if float(number).is_integer() else number


@cache
def catalog() -> dict[str, Model]:
    rows = json.loads(CATALOG.read_text(encoding="utf-8"))
    models = [
        Model(r["apiId"], r["name"], r["modality"], r["credits"], r["per"], r["images"])
        for r in rows
    ]
    return {model.api_id: model for model in models}


def new_model(api_id: str) -> Model:
    """An image editor that no document names: what tomorrow's list may bring."""
    return Model(api_id, api_id.replace("-", " ").title(), "image", 2.0, "run", 1)


RELIGHTING: dict[str, Schema] = {
    "subject_image": PICTURE,
    "prompt": TEXT,
    "light_source": TEXT,
    "model_type": {"type": "string", "enum": list(RELIGHT_CREDITS), "default": "magic-lighting"},
    "number_of_images": {"type": "integer", "minimum": 1, "maximum": 12, "default": 1},
    "aspectRatio": {"type": "string", "enum": ASPECTS, "default": "1:1"},
    "negative_prompt": TEXT,
    "appended_prompt": {"type": "string", "default": "best quality"},
    "output_format": {"type": "string", "enum": ["png", "jpg", "webp"], "default": "png"},
    "width": DIGITS,
    "height": DIGITS,
    "steps": {"type": "integer", "minimum": 10, "maximum": 50, "default": 25},
    "cfg": {"type": "number", "minimum": 1, "maximum": 32, "default": 2},
    "highres_scale": {"type": "number", "minimum": 1, "maximum": 3, "default": 1.5},
    "highres_denoise": {**FRACTION, "default": 0.5},
    "lowres_denoise": {**FRACTION, "default": 0.9},
    "output_quality": {"type": "integer", "minimum": 0, "maximum": 100, "default": 100},
    "seed": {"type": "integer"},
}
P_IMAGE_EDIT: dict[str, Schema] = {
    "prompt": TEXT,
    "images": {"type": "array", "items": PICTURE, "minItems": 1, "maxItems": 5},
    "aspect_ratio": {"type": "string", "enum": ["1:1", "2:3", "3:2", "3:4", "4:3", "9:16", "16:9"]},
}
QWEN_2_EDIT: dict[str, Schema] = {
    "prompt": TEXT,
    "image": {"type": "array", "items": PICTURE, "minItems": 1, "maxItems": 3},
    "model": {"type": "string", "default": "qwen-image-2.0"},
    "size": TEXT,
    "n": {"type": "integer", "minimum": 1, "maximum": 6, "default": 1},
    "negative_prompt": TEXT,
    "prompt_extend": {"type": "boolean"},
    "watermark": {"type": "boolean"},
    "seed": {"type": "integer"},
}


def request_schema(model: Model) -> Schema:
    """The JSON Schema of the model's run request."""
    if model.api_id == "image-relighting":
        return _object(RELIGHTING, ["subject_image"])
    if model.api_id == "p-image-edit":
        return _object(P_IMAGE_EDIT, ["prompt", "images"])
    if model.api_id == "qwen-image-2-edit":
        return _object(QWEN_2_EDIT, ["prompt", "image"])
    return _assumed(model)


def _object(properties: dict[str, Schema], required: list[str]) -> Schema:
    return {
        "type": "object",
        "additionalProperties": False,
        "required": required,
        "properties": properties,
    }


def _assumed(model: Model) -> Schema:
    properties: dict[str, Schema] = {
        "prompt": TEXT,
        "aspect_ratio": {"type": "string", "enum": ASPECTS},
        "seed": {"type": "integer"},
    }
    required = ["prompt"]
    field = picture_field(model)
    if field:
        many = {"type": "array", "items": PICTURE, "minItems": 1, "maxItems": model.images}
        properties[field] = many if field in ("images", "image") else PICTURE
        if "edit" in model.api_id:
            required.append(field)
    return {**_object(properties, required), "x-assumed": True}


def picture_field(model: Model) -> str | None:
    """What the model calls its input picture(s)."""
    documented = {"image-relighting": "subject_image", "qwen-image-2-edit": "image"}
    if model.images == 0:
        return None
    if model.api_id in documented:
        return documented[model.api_id]
    if model.api_id.startswith("qwen-image-edit") and model.images > 1:
        return "image"
    return "images" if model.images > 1 else "image_url"


def credit_cost(model: Model, params: dict[str, Any]) -> float:
    """What a run costs: per image for image models, per second for those priced so."""
    if model.api_id == "image-relighting":
        rate = RELIGHT_CREDITS[params.get("model_type", "magic-lighting")]
        return rate * int(params.get("number_of_images", 1))
    count = params.get("n", 1) if model.per == "run" else params.get("duration", 5)
    return round(model.credits * int(count), 4)
