"""PixelDojo's catalogue: a dated built-in copy of its llms.txt, and today's list over it."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from typing import Any, cast

from pydantic import JsonValue

from mcp_relight.domain.models import (
    RESERVED,
    Listing,
    ModelSpec,
    Parameters,
    Price,
    refuse_reserved,
)
from mcp_relight.errors import ProviderProtocol
from mcp_relight.providers.kit.json_schema import check_params, plain_schema, properties_of
from mcp_relight.providers.kit.replies import number, text
from mcp_relight.providers.kit.translate import in_words

from .pixeldojo_schema import count_limit, picture_field

AS_OF = "2026-11-20"
BUILT_IN = Listing("pixeldojo.ai/llms.txt, built-in copy", AS_OF, is_live=False)
LIVE_SOURCE = "pixeldojo.ai/api/v1/models"
USD_PER_CREDIT = 0.0625
"""The dearest plan, 10 USD for 160 credits (a directory page of 2026-09-30, second hand)."""
_MAX_ROWS = 1000
_SLUG = re.compile(r"[a-z0-9][a-z0-9._-]{0,79}")
_EDITS = re.compile(r"edit|kontext|relight")
"""What a new model is called that edits pictures, where its schema is not in the list."""
_OPEN: dict[str, Any] = {"type": "object", "additionalProperties": True}
_KINDS = {
    "edit": "Edits a picture by words.",
    "text": "Makes a picture from words; cannot relight one.",
    "tool": "Another picture tool; cannot relight.",
    "video": "A video, sound or 3D model; cannot relight a photo.",
    "relight": "Relights a picture.",
}
_LATER = "Its parameters are read from PixelDojo when the job is sent."


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
    listing: Listing = BUILT_IN
    notes: tuple[str, ...] = ()

    def price(self, *, at_least: "Row | None" = None) -> Price:
        """In dollars, what the dearest plan makes of the most it may cost; `at_least` is a model
        whose price bounds this one's too."""
        most = self.most_credits
        if most is not None and at_least is not None:
            most = None if at_least.most_credits is None else max(most, at_least.most_credits)
        high_usd = None if most is None else round(most * USD_PER_CREDIT, 6)
        low_usd = round(self.credits * USD_PER_CREDIT, 6)
        source, as_of = self.listing.source, self.listing.as_of
        return Price(self.credits, "credits", high_usd, source, as_of, low_usd)


@dataclass(frozen=True, slots=True)
class Catalog:
    rows: Mapping[str, Row]
    listing: Listing = BUILT_IN

    def schema(self, slug: str) -> Mapping[str, Any] | None:
        row = self.rows.get(slug)
        return row.schema if row else None

    def specs(self, provider: str) -> Sequence[ModelSpec]:
        return [_spec(provider, row) for row in self.rows.values()]

    def updated(self, live: JsonValue, as_of: str) -> "Catalog":
        """This catalogue with the rows of a live one, read on the day `as_of`, over its own."""
        listing = Listing(LIVE_SOURCE, as_of, is_live=True)
        entries = live if isinstance(live, list) else []
        found = [_live_row(entry, self.rows, listing) for entry in entries]
        fresh = {row.id: row for row in found if row is not None}
        if not fresh:
            return self
        gone = f"PixelDojo's list of {as_of} does not name it any more."
        kept = {
            slug: replace(row, notes=(gone,))
            for slug, row in self.rows.items()
            if slug not in fresh
        }
        return Catalog({**kept, **fresh}, listing)


@cache
def built_in() -> Catalog:
    data = json.loads(
        files("mcp_relight.providers").joinpath("pixeldojo_models.json").read_text("utf-8")
    )
    return Catalog({entry["id"]: Row(**entry) for entry in data["models"]})


def live_rows(body: Mapping[str, JsonValue]) -> JsonValue:
    """The facts worth keeping of `GET /models?detailed=true`: ids, prices and schemas, none of its
    prose. Raises ProviderProtocol where it names no model."""
    models = body.get("models")
    kept: list[JsonValue] = []
    for model in models[:_MAX_ROWS] if isinstance(models, list) else []:
        slug = text(model.get("apiId")) if isinstance(model, dict) else None
        if not isinstance(model, dict) or slug is None or not _SLUG.fullmatch(slug):
            continue
        cost, schema = model.get("creditCost"), model.get("requestSchema")
        kept.append(
            {
                "id": slug,
                "is_image": model.get("modality") == "image",
                "credits": number(cost.get("default") if isinstance(cost, dict) else cost),
                "schema": plain_schema(schema) if isinstance(schema, dict) else None,
            }
        )
    if not kept:
        raise ProviderProtocol("PixelDojo's list of models names none.")
    return kept


def _live_row(entry: JsonValue, known: Mapping[str, Row], listing: Listing) -> Row | None:
    """A row of today; what kind a new model is follows from whether its schema takes a picture."""
    slug = text(entry.get("id")) if isinstance(entry, dict) else None
    if not isinstance(entry, dict) or slug is None:
        return None
    old = known.get(slug)
    found = entry.get("schema")
    schema = cast(Mapping[str, Any], found) if isinstance(found, dict) else None
    credits = number(entry.get("credits"))
    if old is not None:
        most = old.most_credits
        return replace(
            old,
            schema=schema,
            listing=listing if credits is not None else old.listing,
            credits=old.credits if credits is None else credits,
            # A documented bound stays while the price does not pass it.
            most_credits=None if most is None else max(most, credits or 0.0),
        )
    return Row(
        id=slug,
        name=slug.replace("-", " ").title(),
        kind=_kind_of(slug, bool(entry.get("is_image")), schema),
        about="New in PixelDojo's own list.",
        credits=credits or 0.0,
        most_credits=None,
        schema=schema,
        listing=listing,
        notes=("Nobody documents the most it may cost: give max_cost_usd.",),
    )


def _kind_of(slug: str, is_image: bool, schema: Mapping[str, Any] | None) -> str:
    if not is_image:
        return "video"
    if schema is None:
        return "edit" if _EDITS.search(slug) else "text"
    return "edit" if picture_field(properties_of(schema)) else "text"


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
        price=row.price(),
        parameters=Parameters(_OPEN if schema is None else _own_part(schema), check),
        honesty=in_words,
        controls=("prompt",) if row.kind in {"edit", "relight"} else (),
        relights=row.kind in {"edit", "relight"},
        max_count=1 if schema is None else count_limit(properties_of(schema)),
        is_general=row.kind == "edit",
        notes=row.notes if schema else (*row.notes, _LATER),
        as_of=row.listing.as_of,
    )


def _own_part(schema: Mapping[str, Any]) -> dict[str, Any]:
    """What `params` may set of a request: the rest is arguments of the tool."""
    rules = properties_of(schema)
    own = {name: rule for name, rule in rules.items() if name not in RESERVED}
    return {**schema, "properties": own, "required": []}
