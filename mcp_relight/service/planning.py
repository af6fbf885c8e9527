"""Comparing the models that could carry out a request. Spends nothing, sends nothing."""

from collections.abc import Sequence

from pydantic import JsonValue

from mcp_relight.domain.job import Cost
from mcp_relight.domain.library import Library, Taken
from mcp_relight.domain.model_views import Candidate, Plan, PlannedCost
from mcp_relight.domain.request import PlanArguments
from mcp_relight.domain.views import ErrorView
from mcp_relight.domain.words import json_text
from mcp_relight.errors import RequestError

from .market import Market
from .middles import Middles
from .ordering import Order, PicturedOrder, take
from .showing import show_fields, show_image, show_lighting

PLAN_CHARS = 5_000
"""What a plan may take in an answer."""

_IN_FULL, _ENOUGH = 3, 12
"""The best are shown in full; so many candidates in all are filled up with general models."""
_TEXT_CHARS = (2_400, 1_200, 600, 300, 150, 75)
"""At how many characters texts of a request are cut, until the plan is short enough."""


async def orders_for(
    arguments: PlanArguments,
    *,
    market: Market,
    library: Library,
    middles: Middles,
    image: Taken | None = None,
) -> tuple[PicturedOrder, ...]:
    """The request as the named model takes it, or as each model that takes it at all does."""
    if arguments.model is not None:
        order = Order.of(arguments, market.models.spec(arguments.model), market, photo=image)
        return (await order.with_pictures(library, middles),)
    image = image or await take(library, arguments.image, "image")
    orders: list[PicturedOrder] = []
    refusals: list[RequestError] = []
    for spec in market.models.specs():
        if not spec.relights:
            continue
        try:
            checked = Order.of(arguments, spec, market, photo=image)
            order = await checked.with_pictures(library, middles)
            market.models.draft(order.call(order.lightings[0]))  # some refuse a call only here
            orders.append(order)
        except RequestError as error:
            refusals.append(error)
    if not orders:
        raise refusals[0]
    return tuple(orders)


def show_plan(orders: Sequence[PicturedOrder]) -> Plan:
    """What each would do and cost, the most fitting first, in an answer an agent can carry."""
    plans = (_show(orders, text_chars) for text_chars in _TEXT_CHARS)
    plan = next((one for one in plans if _length(one) <= PLAN_CHARS), _show(orders, 0))
    while len(plan.candidates) > _IN_FULL and _length(plan) > PLAN_CHARS:
        fewer = {"candidates": plan.candidates[:-1], "more": plan.more + 1}
        plan = plan.model_copy(update=fewer)
    return plan


def _length(plan: Plan) -> int:
    return len(json_text(plan.facts()))


def _show(orders: Sequence[PicturedOrder], text_chars: int) -> Plan:
    first = orders[0]
    ranked = sorted(orders, key=_rank)
    chosen = _with_a_place(ranked)
    candidates = [_in_full(order, text_chars) for order in chosen[:_IN_FULL]]
    candidates += [_in_a_line(order) for order in chosen[_IN_FULL:]]
    looks = len(first.lightings)
    return Plan(
        image=show_image(first.image.info),
        name=first.image.name,
        lighting=show_lighting(first.lightings[0]),
        candidates=tuple(candidates),
        more=len(ranked) - len(chosen),
        siblings=looks,
        warnings=first.image.info.warnings,
        next_step="Call relight_image with the same arguments and the model you choose."
        + (f" It makes {looks} jobs, one per look." if looks > 1 else "")
        + (" plan_relight with model=<id> shows one in full." if len(chosen) > _IN_FULL else ""),
    )


def _with_a_place(ranked: Sequence[PicturedOrder]) -> list[PicturedOrder]:
    """Every model made for relighting, and the most fitting general ones up to `_ENOUGH`."""
    made_for_it = sum(not order.spec.is_general for order in ranked)
    room = max(0, _ENOUGH - made_for_it)
    general = [order for order in ranked if order.spec.is_general][:room]
    return [order for order in ranked if not order.spec.is_general or order in general]


def _in_a_line(order: PicturedOrder) -> Candidate:
    missing, problem = order.market.missing(order.spec), _problem(order)
    draft = order.market.models.draft(order.call(order.lightings[0]))
    told = None if problem is None or missing else ErrorView.of(problem)
    return Candidate(
        model=order.spec.id,
        ready=_is_ready(missing, problem),
        cost=_cost(order.most()),
        typical_s=order.spec.typical_s,
        ignored=show_fields(draft.fields).ignored or None,
        problem=told.model_copy(update={"hint": ""}) if told else None,
    )


def _in_full(order: PicturedOrder, text_chars: int) -> Candidate:
    spec, models = order.spec, order.market.models
    draft = models.draft(order.call(order.lightings[0]))
    missing, problem = order.market.missing(spec), _problem(order)
    return Candidate(
        model=spec.id,
        ready=_is_ready(missing, problem),
        missing=missing,
        cost=_cost(order.most()),
        price_source=f"{spec.price.source} {spec.price.as_of}".strip(),
        typical_s=spec.typical_s,
        fields=show_fields(draft.fields),
        finish=order.finish,
        request={name: _cut(value, text_chars) for name, value in draft.request.items()},
        problem=ErrorView.of(problem) if problem and missing is None else None,
    )


def _is_ready(missing: str | None, problem: RequestError | None) -> bool | None:
    if missing is not None:
        return False
    return True if problem is None else None


def _cost(most: Cost) -> PlannedCost:
    if most.usd is not None and most.unit == "USD":
        return PlannedCost(usd=most.usd)
    return PlannedCost(usd=most.usd, amount=most.amount, unit=most.unit)


def _cut(value: JsonValue, text_chars: int) -> JsonValue:
    """The value, or the beginning of its text and how much more there is."""
    text = value if isinstance(value, str) else json_text(value)
    if len(text) <= max(text_chars, 40):
        return value
    return f"{text[:text_chars]}… ({len(text) - text_chars:,} more characters)"


def _problem(order: PicturedOrder) -> RequestError | None:
    """Why this very request would be refused."""
    try:
        order.market.check_ready(order.spec)
        order.check_cost()
        order.check_readable()
    except RequestError as error:
        return error
    return None


def _rank(order: PicturedOrder) -> tuple[bool, bool, bool, float, float]:
    """What would run comes first; then what is made for light, honours more of it, costs less."""
    fields = order.market.models.draft(order.call(order.lightings[0])).fields
    lost = sum({"honoured": 0.0, "approximated": 0.5, "ignored": 1.0}[one.how] for one in fields)
    usd = order.most().usd
    return (
        order.market.missing(order.spec) is not None,
        _problem(order) is not None,
        order.spec.is_general,
        lost,
        float("inf") if usd is None else usd,
    )
