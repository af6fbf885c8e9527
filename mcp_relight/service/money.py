"""What may be spent today, and what can be had for it."""

from dataclasses import dataclass

from mcp_relight.domain.words import dollars

from .market import Market

_NAMED = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Money:
    """Of the day, in dollars (UTC)."""

    spent_today_usd: float
    budget_left_usd: float

    @staticmethod
    def of(spent_usd: float, budget_usd: float) -> "Money":
        left_usd = max(0.0, budget_usd - spent_usd)
        return Money(spent_today_usd=round(spent_usd, 6), budget_left_usd=round(left_usd, 6))


def within(market: Market, limit_usd: float, *, pictures: int = 1) -> str:
    """`local/classic (free), segmind/ic-light ($0.037)`: the models that relight, are ready and
    make so many pictures for at most `limit_usd`; those made for it first, then the cheapest."""
    priced = [
        (spec.price.high_usd * pictures, spec)
        for spec in market.models.specs()
        if spec.relights and spec.is_paid and spec.price.high_usd is not None
    ]
    fitting = [
        (usd, spec) for usd, spec in priced if usd <= limit_usd and market.missing(spec) is None
    ]
    fitting.sort(key=lambda one: (one[1].is_general, one[0]))
    told = [f"{spec.id} ({dollars(usd)})" for usd, spec in fitting[:_NAMED]]
    return ", ".join(["local/classic (free)", *told])
