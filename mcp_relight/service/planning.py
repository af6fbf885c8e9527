"""Comparing the models that could carry out a request. Spends nothing, sends nothing."""

from collections.abc import Sequence

from mcp_relight.domain.library import Library, Taken
from mcp_relight.domain.request import PlanArguments
from mcp_relight.domain.views import Candidate, ErrorView, Plan
from mcp_relight.errors import RequestError

from .market import Market
from .middles import Middles
from .ordering import Order, PicturedOrder, take
from .showing import show_image

_ENOUGH = 12
"""An agent carries the whole answer: so many candidates are filled up with general models."""


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
    """What each would do and cost, the most fitting first."""
    first = orders[0]
    ranked = sorted(orders, key=_rank)
    candidates = tuple(_candidate(order) for order in _with_a_place(ranked))
    more = len(ranked) - len(candidates)
    looks = len(first.lightings)
    return Plan(
        image=show_image(first.image.info),
        name=first.image.name,
        lighting=first.lightings[0],
        candidates=candidates,
        more=more,
        siblings=looks,
        warnings=first.image.info.warnings,
        next_step="Call relight_image with the same arguments and the model you choose."
        + (f" It makes {looks} jobs, one per look." if looks > 1 else "")
        + (f" {more} more models fit less well: list_models names them." if more else ""),
    )


def _with_a_place(ranked: Sequence[PicturedOrder]) -> list[PicturedOrder]:
    """Every model made for relighting, and the most fitting general ones up to `_ENOUGH`."""
    made_for_it = sum(not order.spec.is_general for order in ranked)
    room = max(0, _ENOUGH - made_for_it)
    general = [order for order in ranked if order.spec.is_general][:room]
    return [order for order in ranked if not order.spec.is_general or order in general]


def _candidate(order: PicturedOrder) -> Candidate:
    spec, models = order.spec, order.market.models
    draft = models.draft(order.call(order.lightings[0]))
    missing = order.market.missing(spec)
    problem = _problem(order)
    return Candidate(
        model=spec.id,
        ready=missing is None,
        missing=missing,
        cost=order.most(),
        price_source=f"{spec.price.source} {spec.price.as_of}".strip(),
        typical_s=spec.typical_s,
        fields=draft.fields,
        finish=order.finish,
        request=dict(draft.request),
        problem=ErrorView.of(problem) if problem and missing is None else None,
    )


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
