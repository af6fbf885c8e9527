"""The list of models: short rows, in pages that an agent can carry."""

from collections.abc import Callable, Mapping, Sequence

from mcp_relight.domain.looks import LOOKS
from mcp_relight.domain.model_views import (
    ListingView,
    ModelList,
    ModelView,
    OthersView,
    PriceView,
    ProviderView,
)
from mcp_relight.domain.models import Listing, ModelSpec, Price
from mcp_relight.domain.queries import ListModelsArguments
from mcp_relight.domain.words import did_you_mean, json_text
from mcp_relight.errors import InvalidArgument

PAGE_CHARS, ALL_PAGE_CHARS = 4_000, 6_000
"""What a page may take in an answer: of relighting models, and with include="all"."""

_ENVELOPE_CHARS = 60
"""A cursor, beside the rows."""

Missing = Callable[[ModelSpec], str | None]
"""Why a model cannot be used here and now; None when it is ready."""


def list_models(
    arguments: ListModelsArguments,
    specs: Sequence[ModelSpec],
    *,
    missing: Missing,
    listings: Mapping[str, Listing],
    default_model: str,
    whole: bool,
) -> ModelList:
    """The page asked for, or with `whole` all rows. Raises InvalidArgument."""
    wanted = [spec for spec in specs if arguments.include == "all" or spec.relights]
    wanted = _of_provider(wanted, arguments.provider)
    wanted = _of_query(wanted, arguments.query)
    is_overview = arguments.provider is None and arguments.query is None
    is_overview = is_overview and arguments.include != "all" and not whole
    rest = list[ModelSpec]()
    if is_overview:
        rest = [spec for spec in wanted if spec.is_general and spec.id != default_model]
        elsewhere = {spec.id for spec in rest}
        wanted = [spec for spec in wanted if spec.id not in elsewhere]
    start = 0 if whole else _start(wanted, arguments.cursor)
    is_first = start == 0
    frame = ModelList(
        providers=_providers([*wanted, *rest], rest, missing, listings) if is_first else (),
        models=(),
        default_model=default_model if is_first else None,
        looks=tuple(LOOKS) if is_first and is_overview else None,
        next_step=_next_step(found=bool(wanted), rest=bool(rest)),
    )
    rows = [show_row(spec, missing(spec)) for spec in wanted[start:]]
    shown = rows
    if len(rows) > 1 and not whole:
        page_chars = ALL_PAGE_CHARS if arguments.include == "all" else PAGE_CHARS
        shown = _fitting(rows, page_chars - len(json_text(frame.facts())) - _ENVELOPE_CHARS)
    after = start + len(shown)
    cursor = wanted[after].id if after < len(wanted) else None
    return frame.model_copy(update={"models": tuple(shown), "cursor": cursor})


def _of_provider(specs: list[ModelSpec], provider: str | None) -> list[ModelSpec]:
    if provider is None:
        return specs
    known = list(dict.fromkeys(spec.provider for spec in specs))
    name = provider.strip().casefold()
    if name not in known:
        raise InvalidArgument(
            f"provider names none that exists. {did_you_mean(name, known)}".strip(),
            hint=f"Providers: {', '.join(known)}.",
            argument="provider",
        )
    return [spec for spec in specs if spec.provider == name]


def _of_query(specs: list[ModelSpec], query: str | None) -> list[ModelSpec]:
    words = (query or "").casefold().split()
    if not words:
        return specs

    def fits(spec: ModelSpec) -> bool:
        text = f"{spec.id} {spec.title} {spec.summary}".casefold()
        return all(word in text for word in words)

    return [spec for spec in specs if fits(spec)]


def _start(specs: Sequence[ModelSpec], cursor: str | None) -> int:
    if cursor is None:
        return 0
    ids = [spec.id for spec in specs]
    if cursor not in ids:
        raise InvalidArgument(
            "cursor is not of this list.",
            hint="Give the cursor of the last page with the same other arguments, or none.",
            argument="cursor",
        )
    return ids.index(cursor)


def _fitting(rows: Sequence[ModelView], room: int) -> list[ModelView]:
    """As many as fit, and at least one."""
    shown: list[ModelView] = []
    for row in rows:
        room -= len(json_text(row.facts())) + 1
        if shown and room < 0:
            break
        shown.append(row)
    return shown


def _next_step(*, found: bool, rest: bool) -> str:
    if not found:
        return "No model fits: call list_models with other words, or without query."
    more = "; provider=<name> or query=<words> for the others" if rest else ""
    return (
        f"list_models with model=<id> shows one in full{more}. "
        "plan_relight compares them for a photo."
    )


def _providers(
    specs: Sequence[ModelSpec],
    rest: Sequence[ModelSpec],
    missing: Missing,
    listings: Mapping[str, Listing],
) -> tuple[ProviderView, ...]:
    """One line per provider; it counts its models of the rest."""
    others: dict[str, list[ModelSpec]] = {}
    for spec in rest:
        others.setdefault(spec.provider, []).append(spec)
    first = {spec.provider: spec for spec in reversed(specs)}
    return tuple(
        ProviderView(
            provider=name,
            ready=missing(first[name]) is None,
            missing=missing(first[name]),
            listing=_show_listing(listings.get(name)),
            others=_show_others(others[name]) if name in others else None,
        )
        for name in dict.fromkeys(spec.provider for spec in specs)
    )


def _show_others(specs: Sequence[ModelSpec]) -> OthersView:
    prices = [spec.price.high_usd for spec in specs if spec.price.high_usd is not None]
    return OthersView(
        count=len(specs), usd_from=min(prices, default=None), usd_to=max(prices, default=None)
    )


def show_row(spec: ModelSpec, missing: str | None) -> ModelView:
    """A model as a row of many: short, since an agent carries the whole list."""
    known = spec.price.high_usd is not None
    return ModelView(
        model=spec.id,
        ready=missing is None,
        summary=spec.summary,
        price=PriceView(usd_at_most=spec.price.high_usd) if known else _show_price(spec.price),
        typical_s=spec.typical_s,
        light_controls=spec.controls or None,
        relights=None if spec.relights else False,
        verified=None if spec.verified else False,
    )


def show_model(spec: ModelSpec, missing: str | None) -> ModelView:
    """Everything there is to say about one model."""
    return ModelView(
        model=spec.id,
        ready=missing is None,
        summary=spec.summary,
        price=_show_price(spec.price),
        typical_s=spec.typical_s,
        light_controls=spec.controls,
        relights=spec.relights,
        verified=spec.verified,
        title=spec.title,
        missing=missing,
        mode=spec.mode,
        max_count=spec.max_count,
        max_prompt_chars=spec.max_prompt_chars,
        reproducible=spec.reproducible,
        notes=spec.notes,
        parameters=spec.schema,
        example=spec.example,
    )


def in_full(spec: ModelSpec, missing: str | None) -> ModelList:
    """One model that was asked for by name."""
    ready = ProviderView(provider=spec.provider, ready=missing is None, missing=missing)
    return ModelList(
        providers=(ready,),
        models=(show_model(spec, missing),),
        next_step="Give its own parameters to relight_image as params, a JSON object; "
        "plan_relight with this model shows the request.",
    )


def _show_listing(listing: Listing | None) -> ListingView | None:
    if listing is None:
        return None
    return ListingView(source=listing.source, as_of=listing.as_of, live=listing.is_live)


def _show_price(price: Price) -> PriceView:
    return PriceView(
        amount=price.amount,
        unit=price.unit,
        usd_at_most=price.high_usd,
        source=price.source,
        as_of=price.as_of,
    )
