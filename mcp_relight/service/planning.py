"""Comparing the models that could carry out a request. Spends nothing, sends nothing."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pydantic import JsonValue

from mcp_relight.domain.exchange import Draft
from mcp_relight.domain.job import Cost
from mcp_relight.domain.library import Library, Taken
from mcp_relight.domain.model_views import Candidate, Plan, PlannedCost
from mcp_relight.domain.request import PlanArguments
from mcp_relight.domain.views import ErrorView
from mcp_relight.domain.words import dollars, json_text
from mcp_relight.errors import RequestError

from .market import Market, Money, lost_words, within
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


def show_plan(orders: Sequence[PicturedOrder], money: Money) -> Plan:
    """What each would do and cost, the most fitting first, in an answer an agent can carry."""
    ranked = sorted((_Choice.of(order, money) for order in orders), key=_rank)
    plans = (_show(ranked, money, text_chars) for text_chars in _TEXT_CHARS)
    plan = next((one for one in plans if _length(one) <= PLAN_CHARS), _show(ranked, money, 0))
    while len(plan.candidates) > _IN_FULL and _length(plan) > PLAN_CHARS:
        fewer = {"candidates": plan.candidates[:-1], "more": plan.more + 1}
        plan = plan.model_copy(update=fewer)
    return plan


def _length(plan: Plan) -> int:
    return len(json_text(plan.facts()))


@dataclass(frozen=True, slots=True)
class _Choice:
    """A model's order, and what keeps it from being carried out."""

    order: PicturedOrder
    draft: Draft
    missing: str | None
    problem: RequestError | None

    @staticmethod
    def of(order: PicturedOrder, money: Money) -> "_Choice":
        missing = order.market.missing(order.spec)
        draft = order.market.models.draft(order.call(order.lightings[0]))
        return _Choice(order, draft, missing, None if missing else _problem(order, money))

    @property
    def is_ready(self) -> bool | None:
        """Never told beside a problem."""
        if self.missing is not None:
            return False
        return True if self.problem is None else None

    @property
    def is_general(self) -> bool:
        return self.order.spec.is_general


def _show(ranked: Sequence[_Choice], money: Money, text_chars: int) -> Plan:
    first = ranked[0].order
    chosen = _with_a_place(ranked)
    candidates = [_in_full(choice, text_chars) for choice in chosen[:_IN_FULL]]
    candidates += [_in_a_line(choice) for choice in chosen[_IN_FULL:]]
    return Plan(
        image=show_image(first.image.info),
        name=first.image.name,
        lighting=show_lighting(first.lightings[0]),
        candidates=tuple(candidates),
        more=len(ranked) - len(chosen),
        siblings=len(first.lightings),
        spent_today_usd=money.spent_today_usd,
        budget_left_usd=money.budget_left_usd,
        warnings=first.image.info.warnings,
        next_step=" ".join(_next_steps(first, shown=len(chosen))),
    )


def _next_steps(order: PicturedOrder, *, shown: int) -> Iterator[str]:
    looks, cap = len(order.lightings), order.arguments.max_cost_usd
    yield "Call relight_image with the same arguments and the model you choose."
    if cap is not None:
        fitting = within(order.market, cap, pictures=order.count * looks)
        yield f"Within {dollars(cap)}: {fitting}."
    if looks > 1:
        yield f"It makes {looks} jobs, one per look."
    if shown > _IN_FULL:
        yield "plan_relight with model=<id> shows one in full."


def _with_a_place(ranked: Sequence[_Choice]) -> list[_Choice]:
    """Every model made for relighting, and the most fitting general ones up to `_ENOUGH`."""
    made_for_it = sum(not choice.is_general for choice in ranked)
    room = max(0, _ENOUGH - made_for_it)
    general = [choice for choice in ranked if choice.is_general][:room]
    return [choice for choice in ranked if not choice.is_general or choice in general]


def _in_a_line(choice: _Choice) -> Candidate:
    spec = choice.order.spec
    told = ErrorView.of(choice.problem) if choice.problem else None
    return Candidate(
        model=spec.id,
        ready=choice.is_ready,
        cost=_cost(choice.order.most()),
        typical_s=spec.typical_s,
        ignored=show_fields(choice.draft.fields).ignored or None,
        problem=told.model_copy(update={"hint": ""}) if told else None,
    )


def _in_full(choice: _Choice, text_chars: int) -> Candidate:
    spec, draft = choice.order.spec, choice.draft
    lost = lost_words(spec.id, draft.fields)
    return Candidate(
        model=spec.id,
        ready=choice.is_ready,
        missing=choice.missing,
        cost=_cost(choice.order.most()),
        price_source=f"{spec.price.source} {spec.price.as_of}".strip(),
        typical_s=spec.typical_s,
        fields=show_fields(draft.fields),
        warnings=(lost,) if lost else None,
        finish=choice.order.finish,
        request={name: _cut(value, text_chars) for name, value in draft.request.items()},
        problem=ErrorView.of(choice.problem) if choice.problem else None,
    )


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


def _problem(order: PicturedOrder, money: Money) -> RequestError | None:
    """Why this very request would be refused."""
    try:
        order.market.check_ready(order.spec)
        order.check_cost()
        order.check_left(money.left_usd(order.spec.provider))
        order.check_readable()
    except RequestError as error:
        return error
    return None


def _rank(choice: _Choice) -> tuple[bool, bool, bool, float, float]:
    """What would run comes first; then what is made for light, honours more of it, costs less."""
    lost = {"honoured": 0.0, "approximated": 0.5, "ignored": 1.0}
    usd = choice.order.most().usd
    return (
        choice.missing is not None,
        choice.problem is not None,
        choice.is_general,
        sum(lost[field.how] for field in choice.draft.fields),
        float("inf") if usd is None else usd,
    )
