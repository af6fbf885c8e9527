"""The models there are, what they leave out of a light, and what may be spent on them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mcp_relight.domain.caller import PAID, current_caller
from mcp_relight.domain.job import FieldHonesty, Policy
from mcp_relight.domain.model_ports import Models
from mcp_relight.domain.models import ModelSpec
from mcp_relight.domain.words import dollars
from mcp_relight.errors import InvalidArgument, ModelNotReady, NotGranted


@dataclass(frozen=True, slots=True, kw_only=True)
class Market:
    """What can be had, and on which terms."""

    models: Models
    policy: Policy

    def missing(self, spec: ModelSpec) -> str | None:
        """Why this model cannot be used here and now; None when it is ready."""
        if not is_granted(spec):
            return f"the token of this connection does not grant {PAID}."
        if self.policy.local_only and spec.mode != "local":
            return "it is remote, and MCP_RELIGHT_LOCAL_ONLY is set."
        return self.models.ready(spec.provider)

    def check_ready(self, spec: ModelSpec) -> None:
        """Raises NotGranted where the caller may not spend, ModelNotReady where this model cannot
        be used here and now, InvalidArgument where it does other work than relighting."""
        if not is_granted(spec):
            raise NotGranted(
                f"{spec.id} costs money, and the token of this connection does not grant {PAID}.",
                hint="A person has to connect again with more rights; local/classic needs none.",
                argument="model",
            )
        missing = self.missing(spec)
        if missing is not None:
            error = ModelNotReady(
                f"{spec.id} is not ready: {missing}",
                hint="A person has to set that where this server is started, then start it "
                "again; no key belongs in a chat. local/classic needs nothing.",
                argument="model",
            )
            raise error if self.policy.local_only else error.for_want_of_a_key(spec.provider)
        if not spec.relights:
            raise InvalidArgument(
                f"{spec.id} cannot relight a photo.",
                hint="Call list_models to see the models that can.",
                argument="model",
            )


def is_granted(spec: ModelSpec) -> bool:
    """Whether the caller may use this model at all: what costs money needs the scope for it."""
    return bool(granted([spec]))


def granted(specs: Sequence[ModelSpec]) -> Sequence[ModelSpec]:
    """Those of them that `is_granted`."""
    may_spend = PAID in current_caller().scopes
    return specs if may_spend else [spec for spec in specs if not spec.is_paid]


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


_TELLING = {
    "light_at": "where the lamp stands",
    "azimuth_deg": "the direction",
    "elevation_deg": "the direction",
    "color": "the colour",
    "kelvin": "the colour temperature",
    "lights": "all lights but one",
    "region": "the region",
    "role": "the lights of the background",
    "prompt": "the words",
}
"""Fields without which it is another light; of the others a person would hardly notice."""


def lost_words(model: str, fields: Sequence[FieldHonesty]) -> str | None:
    """`segmind/segmind-relighting leaves out the colour.`; None where nothing telling is lost."""
    ignored = {field.name for field in fields if field.how == "ignored"}
    lost = dict.fromkeys(words for name, words in _TELLING.items() if name in ignored)
    if not lost:
        return None
    *first, last = lost
    named = f"{', '.join(first)} and {last}" if first else last
    return f"{model} leaves out {named} of this light."
