"""What callers are shown of models: the list of them, and the plan that compares some."""

from typing import Literal

from pydantic import JsonValue

from .views import ErrorView, FieldsView, ImageView, View


class PriceView(View):
    """What one picture costs. A row of many says only `usd_at_most`, where that is known."""

    amount: float | None = None
    unit: str | None = None
    usd_at_most: float | None = None
    source: str | None = None
    as_of: str | None = None


class ModelView(View):
    """One model. What stands below `verified` comes when one model is asked for by name."""

    model: str
    ready: bool
    summary: str
    price: PriceView
    typical_s: float | None = None
    light_controls: tuple[str, ...] | None = None
    relights: bool | None = None
    verified: bool | None = None
    title: str | None = None
    missing: str | None = None
    mode: Literal["local", "async", "sync"] | None = None
    max_count: int | None = None
    max_prompt_chars: int | None = None
    reproducible: bool | None = None
    notes: tuple[str, ...] | None = None
    parameters: dict[str, JsonValue] | None = None
    example: dict[str, JsonValue] | None = None


class ListingView(View):
    """Where a changing list of models and prices was read: today's own, or a built-in copy."""

    source: str
    as_of: str
    live: bool


class OthersView(View):
    """The models of a provider that are not in the list: so many, from and up to this price."""

    count: int
    usd_from: float | None = None
    usd_to: float | None = None


class ProviderView(View):
    """Whether the models of one provider can be used, and what is missing."""

    provider: str
    ready: bool
    missing: str | None = None
    listing: ListingView | None = None
    others: OthersView | None = None


class ModelList(View):
    providers: tuple[ProviderView, ...]
    models: tuple[ModelView, ...]
    cursor: str | None = None
    default_model: str | None = None
    looks: tuple[str, ...] | None = None
    next_step: str


class PlannedCost(View):
    """The most that the whole call may cost, all looks; `usd` is missing where nobody knows."""

    usd: float | None = None
    amount: float | None = None
    unit: str | None = None


class Candidate(View):
    """One model that could carry out a plan. Those after the best three say only what they would
    cost, how long they take and what they would lose.

    One of `ready: true`, `problem` (why this very request would be refused) and `ready: false`.
    """

    model: str
    ready: bool | None = None
    missing: str | None = None
    cost: PlannedCost
    typical_s: float | None = None
    ignored: tuple[str, ...] | None = None
    price_source: str | None = None
    fields: FieldsView | None = None
    warnings: tuple[str, ...] | None = None
    """What of the light it would not bring."""
    finish: str | None = None
    request: dict[str, JsonValue] | None = None
    """What would be sent, with the picture left out and long texts cut."""
    problem: ErrorView | None = None


class Plan(View):
    """What a relighting would do and cost. Nothing was spent, nothing was sent."""

    image: ImageView
    name: str
    lighting: dict[str, JsonValue]
    """As resolved, without what is as usual."""
    candidates: tuple[Candidate, ...]
    more: int = 0
    """Further models that could do it and fit less well."""
    siblings: int = 1
    spent_today_usd: float
    budget_left_usd: float
    warnings: tuple[str, ...] = ()
    next_step: str
