"""PixelDojo's catalog: ids, names and credit costs of its llm.txt (71 image and 61 video models).

Documented parameter tables (pixeldojo.json): `image-relighting`, `p-image-edit`,
`qwen-image-2-edit`. The schemas of all other models are made up in the same form (marked
`x-assumed`), with the image field called by different names on purpose, since that is what the
documents show. What the nano-banana and qwen routes of image-relighting cost is named nowhere;
they cost what those models cost by themselves.
"""

from dataclasses import dataclass
from functools import cache
from typing import Any

from mcp_relight.simulator.checks import Schema, table
from mcp_relight.simulator.pictures import Size, ic_light_size, ratio_size


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
    def answers_at_once(self) -> bool:
        return self.api_id in table("pixeldojo")["answers_at_once"]

    @property
    def picture_field(self) -> str | None:
        """What the model calls its input picture(s)."""
        if self.images == 0:
            return None
        if documented := table("pixeldojo")["picture_fields"].get(self.api_id):
            return documented
        if self.images == 1:
            return "image_url"
        return "image" if self.api_id.startswith("qwen-image-edit") else "images"

    @property
    def schema(self) -> Schema:
        """The JSON Schema of the model's run request."""
        documented = table("pixeldojo")["schemas"].get(self.api_id)
        return documented or self._assumed_schema()

    def _assumed_schema(self) -> Schema:
        properties: dict[str, Schema] = {
            "prompt": {"type": "string"},
            "aspect_ratio": {"type": "string", "enum": table("pixeldojo")["aspects"]},
            "seed": {"type": "integer"},
        }
        required = ["prompt"]
        if field := self.picture_field:
            one = {"type": "string", "format": "uri"}
            many = {"type": "array", "items": one, "minItems": 1, "maxItems": self.images}
            properties[field] = one if field == "image_url" else many
            required += [field] if "edit" in self.api_id else []
        return {
            "type": "object",
            "required": required,
            "additionalProperties": False,
            "properties": properties,
            "x-assumed": True,
        }

    def card(self, *, detailed: bool = False) -> dict[str, Any]:
        amount = whole(self.credits)
        kind = "fixed" if self.per == "run" else "per_second"
        return {
            "apiId": self.api_id,
            "name": self.name,
            "description": f"{self.name} ({self.modality} model, simulated)",
            "modality": self.modality,
            "creditCost": {"default": amount, "type": kind, "amount": amount},
            **({"requestSchema": self.schema} if detailed else {}),
        }

    def cost(self, params: dict[str, Any]) -> float:
        """What a run costs: per image for image models, per second for those priced so."""
        if self.api_id == "image-relighting":
            rate = table("pixeldojo")["relight_credits"][params.get("model_type", "magic-lighting")]
            return rate * int(params.get("number_of_images", 1))
        count = params.get("n", 1) if self.per == "run" else params.get("duration", 5)
        return round(self.credits * int(count), 4)

    def size_px(self, params: dict[str, Any]) -> Size | None:
        """Magic Lighting is IC-Light by its parameters [assumed]; the others go by aspect ratio."""
        magic = params.get("model_type", "magic-lighting") == "magic-lighting"
        if self.api_id == "image-relighting" and magic:
            width_px, height_px = int(params.get("width", 1024)), int(params.get("height", 1024))
            return ic_light_size(width_px, height_px, params.get("highres_scale", 1.5))
        ratio = params.get("aspectRatio", params.get("aspect_ratio"))
        return ratio_size(ratio) if ratio else None


def whole(number: float) -> float:
    """1 rather than 1.0, as the samples print credits."""
    return int(number) if float(number).is_integer() else number


@cache
def catalog() -> dict[str, Model]:
    models = [
        Model(r["apiId"], r["name"], r["modality"], r["credits"], r["per"], r["images"])
        for r in table("pixeldojo_catalog")
    ]
    return {model.api_id: model for model in models}


def new_model(api_id: str) -> Model:
    """An image editor that no document names: what tomorrow's list may bring."""
    return Model(api_id, api_id.replace("-", " ").title(), "image", 2.0, "run", 1)
