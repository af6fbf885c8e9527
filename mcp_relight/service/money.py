"""What may be spent today, and what can be had for it."""

from collections.abc import Mapping
from dataclasses import dataclass

from mcp_relight.domain.words import dollars

from .market import Market

_NAMED = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Money:
    """Of the day, in dollars (UTC)."""

    spent_today_usd: float
    budget_left_usd: float
    own_keys_left_usd: Mapping[str, float]
    """By provider, where the caller's own key has a budget of its own; never more than is left in
    all."""

    @staticmethod
    def of(spent_usd: float, budget_usd: float, own_keys_left: Mapping[str, float]) -> "Money":
        left_usd = round(max(0.0, budget_usd - spent_usd), 6)
        return Money(
            spent_today_usd=round(spent_usd, 6),
            budget_left_usd=left_usd,
            own_keys_left_usd={
                provider: min(left_usd, round(usd, 6)) for provider, usd in own_keys_left.items()
            },
        )

    def left_usd(self, provider: str) -> float:
        """For a job of that provider."""
        return self.own_keys_left_usd.get(provider, self.budget_left_usd)


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
