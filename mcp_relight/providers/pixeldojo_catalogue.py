"""PixelDojo's catalogue: a dated built-in copy of its llms.txt, and today's list over it."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, cast

from pydantic import JsonValue

from mcp_relight.domain.catalog import ModelSpec, Price, refuse_reserved
from mcp_relight.domain.job import FieldHonesty
from mcp_relight.domain.json_schema import check_params, properties_of
from mcp_relight.domain.lighting import Lighting
from mcp_relight.domain.replies import number, text
from mcp_relight.domain.translate import honest_in_words
from mcp_relight.domain.words import printable

from .pixeldojo_schema import picture_field

AS_OF = "2026-11-20"
USD_PER_CREDIT = 0.0625
"""The dearest plan, 10 USD for 160 credits (a directory page of 2026-09-30, second hand)."""
_OPEN: dict[str, Any] = {"type": "object", "additionalProperties": True}
_KINDS = {
    "edit": "Edits a picture by words.",
    "text": "Makes a picture from words; cannot relight one.",
    "tool": "Another picture tool; cannot relight.",
    "video": "A video, sound or 3D model; cannot relight a photo.",
    "relight": "Relights a picture.",
}


def credit_price(credits: float, most_credits: float | None, source: str) -> Price:
    """A price in credits; the upper bound in dollars counts the dearest plan."""
    high = None if most_credits is None else round(most_credits * USD_PER_CREDIT, 6)
    return Price(credits, "credits", high, source, AS_OF)


@dataclass(frozen=True, slots=True)
class Row:
    """One model of the catalogue. `schema` is known only from the live list."""

    id: str
    name: str
    kind: str
    about: str
    credits: float
    most_credits: float | None
    schema: Mapping[str, Any] | None = None
    as_of: str = AS_OF


@dataclass(frozen=True, slots=True)
class Catalogue:
    rows: Mapping[str, Row]

    def schema(self, slug: str) -> Mapping[str, Any] | None:
        row = self.rows.get(slug)
        return row.schema if row else None

    def specs(self, provider: str) -> Sequence[ModelSpec]:
        return [_spec(provider, row) for row in self.rows.values()]

    def updated(self, live: JsonValue) -> "Catalogue":
        """This catalogue with the rows of a live one in place of its own."""
        entries = live if isinstance(live, list) else []
        rows = dict(self.rows)
        for entry in entries:
            if isinstance(entry, dict) and (row := _live_row(entry, rows)):
                rows[row.id] = row
        return Catalogue(rows)


@cache
def built_in() -> Catalogue:
    data = json.loads(
        files("mcp_relight.providers").joinpath("pixeldojo_models.json").read_text("utf-8")
    )
    return Catalogue({entry["id"]: Row(**entry) for entry in data["models"]})


def live_rows(body: Mapping[str, JsonValue]) -> JsonValue:
    """The facts worth keeping of `GET /models?detailed=true`."""
    models = body.get("models")
    kept: list[JsonValue] = []
    for model in models if isinstance(models, list) else []:
        if not isinstance(model, dict) or not text(model.get("apiId")):
            continue
        cost = model.get("creditCost")
        kept.append(
            {
                "id": model["apiId"],
                "name": model.get("name"),
                "about": model.get("description"),
                "modality": model.get("modality"),
                "credits": cost.get("default") if isinstance(cost, dict) else cost,
                "schema": model.get("requestSchema"),
            }
        )
    return kept


def _live_row(entry: Mapping[str, JsonValue], known: Mapping[str, Row]) -> Row | None:
    """A row of today; what kind a new model is follows from whether its schema takes a picture."""
    slug = text(entry.get("id"))
    if slug is None or not set(slug) <= _SLUG_LETTERS:
        return None
    old = known.get(slug)
    schema = cast(Mapping[str, Any] | None, entry.get("schema"))
    if not isinstance(schema, dict):
        schema = old.schema if old else None
    credits = number(entry.get("credits"))
    if credits is None:
        credits = old.credits if old else 0.0
    return Row(
        id=slug,
        name=printable(text(entry.get("name")) or slug, 80),
        kind=old.kind if old else _kind_of(entry, schema),
        about=old.about if old else "",
        credits=credits,
        most_credits=_most(old, credits),
        schema=schema,
        as_of="live",
    )


_SLUG_LETTERS = set("abcdefghijklmnopqrstuvwxyz0123456789.-_")


def _kind_of(entry: Mapping[str, JsonValue], schema: Mapping[str, Any] | None) -> str:
    if entry.get("modality") != "image":
        return "video"
    return "edit" if schema and picture_field(properties_of(schema)) else "text"


def _most(old: Row | None, credits: float) -> float | None:
    """A documented bound stays while the price does; nobody documents one for a new model."""
    if old is None or old.most_credits is None:
        return None
    return max(old.most_credits, credits)


def _spec(provider: str, row: Row) -> ModelSpec:
    schema = row.schema

    def check(values: dict[str, JsonValue]) -> dict[str, JsonValue]:
        refuse_reserved(values)
        if schema is not None:
            check_params(values, schema)
        return values

    return ModelSpec(
        id=f"{provider}/{row.id}",
        title=f"{row.name} (PixelDojo)",
        summary=f"{_KINDS[row.kind]} {row.about}".strip(),
        mode="async",
        price=credit_price(row.credits, row.most_credits, "pixeldojo.ai/llms.txt"),
        schema=dict(schema) if schema is not None else _OPEN,
        check=check,
        honesty=_honesty,
        controls=("prompt",) if row.kind in {"edit", "relight"} else (),
        relights=row.kind in {"edit", "relight"},
        is_general=row.kind == "edit",
        notes=() if schema else ("Its parameters are read from PixelDojo when the job is sent.",),
        as_of=row.as_of,
    )


def _honesty(lighting: Lighting, params: Mapping[str, JsonValue]) -> tuple[FieldHonesty, ...]:
    return honest_in_words(lighting)
