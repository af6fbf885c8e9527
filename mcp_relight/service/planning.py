"""Comparing the models that could carry out a request. Spends nothing, sends nothing."""

from collections.abc import Sequence

from mcp_relight.domain.job import Policy
from mcp_relight.domain.ports import Library, Models
from mcp_relight.domain.request import PlanArguments
from mcp_relight.domain.views import Candidate, ErrorView, Plan
from mcp_relight.errors import RequestError

from .middles import Middles
from .ordering import Order, check_allowed, check_cost, take, take_order, what_is_missing
from .showing import show_image

_MAX_CANDIDATES = 12
"""An agent carries the whole answer. Every model made for relighting has a place in it."""


async def orders_for(
    arguments: PlanArguments, *, models: Models, library: Library, middles: Middles
) -> tuple[Order, ...]:
    """The request as the named model takes it, or as each model that takes it at all does."""
    if arguments.model is not None:
        spec = models.spec(arguments.model)
        return (await take_order(arguments, spec=spec, library=library, middles=middles),)
    image = await take(library, arguments.image, "image")
    orders: list[Order] = []
    refusals: list[RequestError] = []
    for spec in models.specs():
        if not spec.relights:
            continue
        try:
            order = await take_order(
                arguments, spec=spec, library=library, middles=middles, image=image
            )
            models.draft(order.call(order.lightings[0]))  # some refuse a call only here
            orders.append(order)
        except RequestError as error:
            refusals.append(error)
    if not orders:
        raise refusals[0]
    return tuple(orders)


def show_plan(orders: Sequence[Order], *, models: Models, policy: Policy) -> Plan:
    """What each would do and cost, the most fitting first."""
    first = orders[0]
    ranked = sorted(orders, key=lambda order: _rank(order, models, policy))
    candidates = tuple(_candidate(order, models, policy) for order in ranked[:_MAX_CANDIDATES])
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


def _candidate(order: Order, models: Models, policy: Policy) -> Candidate:
    spec = order.spec
    draft = models.draft(order.call(order.lightings[0]))
    missing = what_is_missing(spec, models, policy)
    problem = _problem(order, models, policy)
    return Candidate(
        model=spec.id,
        ready=missing is None,
        missing=missing,
        cost=order.most(models),
        price_source=f"{spec.price.source} {spec.price.as_of}".strip(),
        typical_s=spec.typical_s,
        fields=draft.fields,
        finish=order.finish,
        request=dict(draft.request),
        problem=ErrorView.of(problem) if problem and missing is None else None,
    )


def _problem(order: Order, models: Models, policy: Policy) -> RequestError | None:
    """Why this very request would be refused."""
    try:
        check_allowed(order.spec, models, policy)
        check_cost(order, models, policy)
        models.check_readable(order.call(order.lightings[0]))
    except RequestError as error:
        return error
    return None


def _rank(order: Order, models: Models, policy: Policy) -> tuple[bool, bool, bool, float, float]:
    """What would run comes first; then what is made for light, honours more of it, costs less."""
    fields = models.draft(order.call(order.lightings[0])).fields
    lost = sum({"honoured": 0.0, "approximated": 0.5, "ignored": 1.0}[one.how] for one in fields)
    usd = order.most(models).usd
    return (
        what_is_missing(order.spec, models, policy) is not None,
        _problem(order, models, policy) is not None,
        order.spec.is_general,
        lost,
        float("inf") if usd is None else usd,
    )
