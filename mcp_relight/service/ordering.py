"""From a caller's arguments to an order: every check that costs nothing, made once."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Self

from pydantic import JsonValue

from mcp_relight.domain.exchange import Call, Draft, Picture
from mcp_relight.domain.image import ImageInfo
from mcp_relight.domain.job import Cost, Finish, JobRequest
from mcp_relight.domain.library import Library, Taken
from mcp_relight.domain.lighting import Lighting
from mcp_relight.domain.looks import LOOKS
from mcp_relight.domain.models import ModelSpec, parse_json_object
from mcp_relight.domain.position import MIDDLE
from mcp_relight.domain.request import PlanArguments, RelightArguments
from mcp_relight.domain.words import dollars
from mcp_relight.errors import BudgetExceeded, InvalidArgument, PriceUnknown, RequestError

from .market import Market, lost_words, within
from .middles import Middles


@dataclass(frozen=True, slots=True, kw_only=True)
class Quote:
    """The most a request may cost, in dollars, over all its looks."""

    model: str
    usd: float
    warnings: tuple[str, ...] = ()
    """What of the light this model would not bring."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a request comes from."""

    asked: PlanArguments
    """What was asked for, with what was taken over from another job, and nothing else filled in."""
    given: frozenset[str] = frozenset()
    """The names of the arguments the caller gave."""
    base: JobRequest | None = None
    """The request this one changes."""
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """Arguments that passed every check against their model. No picture was looked at yet."""

    market: Market
    spec: ModelSpec
    arguments: PlanArguments
    lightings: tuple[Lighting, ...]
    """One job each."""
    params: dict[str, JsonValue]
    count: int
    origin: "Origin"
    photo: Taken | None = None
    """The photo, where it had to be taken in before: its own light counts beside a reference."""
    pictures: int = 1
    """How many photos it is for."""

    @classmethod
    def of(
        cls,
        arguments: PlanArguments,
        spec: ModelSpec,
        market: Market,
        *,
        origin: "Origin | None" = None,
        photo: Taken | None = None,
    ) -> "Order":
        """Raises InvalidArgument for what this model cannot do."""
        lightings = tuple(arguments.lightings())
        _check_described(lightings, spec)
        count = _check_count(arguments, spec, looks=len(lightings))
        params = spec.check(
            parse_json_object(arguments.params, "params") if arguments.params is not None else {}
        )
        if arguments.mask is not None and not spec.takes_mask:
            raise InvalidArgument(
                f"{spec.id} takes no mask.",
                hint="Leave mask out, or use local/classic.",
                argument="mask",
            )
        return Order(
            market=market,
            spec=spec,
            arguments=arguments,
            lightings=lightings,
            params=params,
            count=count,
            origin=origin or Origin(arguments),
            photo=photo,
        )

    @property
    def finish(self) -> Finish:
        return self.arguments.finish or ("as-returned" if self.spec.mode == "local" else "auto")

    @property
    def idempotency_key(self) -> str | None:
        """Given by who wants the same jobs for the same key; a plan has none."""
        asked = self.arguments
        return asked.idempotency_key if isinstance(asked, RelightArguments) else None

    def estimate(self, *, looks: int = 1) -> Cost:
        """The most that so many of its looks may cost."""
        return self.market.models.estimate(self.spec.id, self.params, self.count * looks)

    def most(self) -> Cost:
        """The most the whole order may cost, all looks and photos together."""
        return self.estimate(looks=len(self.lightings) * self.pictures)

    def quote(self) -> Quote | None:
        """What somebody should agree to: the model costs money, the caller named no limit, and the
        configured one would let it pass."""
        if not self.spec.is_paid or self.arguments.max_cost_usd is not None:
            return None
        most = self.most().usd
        if most is None or most > self.market.policy.max_cost_usd:
            return None
        fields = (self.spec.honesty(lighting, self.params) for lighting in self.lightings)
        lost = filter(None, (lost_words(self.spec.id, of_light) for of_light in fields))
        return Quote(model=self.spec.id, usd=most, warnings=tuple(dict.fromkeys(lost)))

    def agreed(self, quote: Quote) -> Self:
        """The same with the agreed amount as its limit, as if the caller had named it."""
        arguments = self.arguments.model_copy(update={"max_cost_usd": quote.usd})
        return replace(self, arguments=arguments)

    def ignored_words(self, draft: Draft) -> tuple[str, ...]:
        """A warning that names the arguments of this call that make no difference to its model."""
        ignored = {field.name for field in draft.fields if field.how == "ignored"}
        ignored -= {"lights"}  # of several, the key light is always taken
        if {"azimuth_deg", "elevation_deg"} <= ignored:
            ignored.add("light_from")
        if not draft.takes_seed:
            ignored.add("seed")
        given = self.origin.given
        names = [name for name in PlanArguments.model_fields if name in ignored & given]
        if not names:
            return ()
        make = "makes" if len(names) == 1 else "make"
        return (f"{', '.join(names)} {make} no difference: {self.spec.id} ignores it.",)

    def check_cost(self) -> None:
        """Raises PriceUnknown or BudgetExceeded; free models always pass."""
        if not self.spec.is_paid:
            return
        asked, allowed = self.arguments.max_cost_usd, self.market.policy.max_cost_usd
        total = self.most().usd
        if total is None and asked is None:
            raise PriceUnknown(
                f"Nobody documents what {self.spec.id} costs.",
                hint="Give max_cost_usd to accept up to that much.",
                argument="max_cost_usd",
            )
        limit = allowed if asked is None else min(asked, allowed)
        least = self.spec.price.low_usd * self.count * len(self.lightings) * self.pictures
        if limit <= 0 or limit < (least if total is None else total):
            is_own = asked is not None and asked <= limit
            name = "max_cost_usd" if is_own else "MCP_RELIGHT_MAX_COST_USD"
            costs = "costs at least" if total is None else "may cost up to"
            counted = dollars(least if total is None else total)
            raise BudgetExceeded(
                f"This {costs} {counted}, above the limit of {dollars(limit)} in {name}.",
                hint=self._what_fits(limit),
                argument="max_cost_usd",
            )

    def check_left(self, left_usd: float) -> None:
        """Raises BudgetExceeded where it may cost more than is left of the day's budget."""
        usd = self.most().usd
        if usd is not None and usd > left_usd:
            raise BudgetExceeded(
                f"This may cost up to {dollars(usd)}; {dollars(left_usd)} of today's budget is "
                "left.",
                hint=f"{self._what_fits(left_usd)} The day ends at 00:00 UTC.",
            )

    def _what_fits(self, limit_usd: float) -> str:
        pictures = self.count * len(self.lightings)
        fewer = " Or ask for fewer pictures." if pictures > 1 else ""
        return f"Within that limit: {within(self.market, limit_usd, pictures=pictures)}.{fewer}"

    async def with_pictures(self, library: Library, middles: Middles) -> "PicturedOrder":
        """This order with everything it names taken in, and its lamps aimed at the subject. Raises
        what `take` raises."""
        taken = self.photo or await take(library, self.arguments.image, "image")
        mask = self.arguments.mask
        masked = await take(library, mask, "mask") if mask is not None else None
        extra = {
            name: await take(library, str(self.params[name]), f"params.{name}")
            for name in sorted(self.spec.image_fields & self.params.keys())
        }
        return PicturedOrder(
            market=self.market,
            spec=self.spec,
            arguments=self.arguments,
            lightings=await self._aimed(taken.info, masked.info if masked else None, middles),
            params={name: value for name, value in self.params.items() if name not in extra},
            count=self.count,
            origin=self.origin,
            image=taken,
            mask=masked.info if masked else None,
            extra_images=extra,
            pictures=self.pictures,
        )

    async def _aimed(
        self, image: ImageInfo, mask: ImageInfo | None, middles: Middles
    ) -> tuple[Lighting, ...]:
        """With the directions in which lamps are seen from the subject, for whoever needs them."""
        middle = MIDDLE
        is_needed = any(lighting.has_places for lighting in self.lightings)
        if is_needed and "light_at" not in self.spec.controls:
            middle = await middles.of(image.image_id, mask.image_id if mask else None)
        return tuple(one.aimed(middle, image.width, image.height) for one in self.lightings)


@dataclass(frozen=True, slots=True, kw_only=True)
class PicturedOrder(Order):
    """An order with all its pictures taken in; `params` names none of them any more."""

    image: Taken
    mask: ImageInfo | None
    extra_images: Mapping[str, Taken]

    def call(self, lighting: Lighting) -> Call:
        """The call of one job, with pictures that carry only their ids."""
        return Call(
            model=self.spec.id,
            lighting=lighting,
            params=self.params,
            images=(_picture(self.image.info, self.image.url),),
            count=self.count,
            seed=self.arguments.seed,
            mask=_picture(self.mask) if self.mask else None,
            extra_images={
                name: _picture(taken.info, taken.url) for name, taken in self.extra_images.items()
            },
        )

    async def with_pictures(self, library: Library, middles: Middles) -> "PicturedOrder":
        return self

    def check_readable(self) -> None:
        """Raises NeedsPublicUrl where the model could not read the pictures."""
        self.market.models.check_readable(self.call(self.lightings[0]))


async def take(library: Library, reference: str, argument: str) -> Taken:
    """The picture an argument names. Raises what `library.take` does, naming the argument."""
    try:
        return await library.take(reference)
    except RequestError as error:
        raise error.about(argument) from None


def _check_described(lightings: Sequence[Lighting], spec: ModelSpec) -> None:
    if any(lighting.lights for lighting in lightings):
        return
    if spec.takes_words and any(lighting.prompt for lighting in lightings):
        return
    also = ", prompt" if spec.takes_words else ""
    raise InvalidArgument(
        "No light was described."
        + (f" {spec.id} does not read prompts." if lightings[0].prompt else ""),
        hint=f"Give look, light_from, azimuth_deg, elevation_deg, kelvin, color, lights{also}. "
        "Looks: " + ", ".join(LOOKS) + ".",
        argument="look",
    )


def _check_count(arguments: PlanArguments, spec: ModelSpec, *, looks: int) -> int:
    count = arguments.count or 1
    if spec.mode == "local":
        if count not in {1, looks}:
            raise InvalidArgument(
                "local/classic is deterministic: count above 1 would repeat the same picture.",
                hint='Name several looks instead, for instance look="rembrandt,loop,split".',
                argument="count",
            )
        return 1
    if count > spec.max_count:
        raise InvalidArgument(
            f"count must be at most {spec.max_count} for {spec.id}.",
            hint=f"Ask for 1 to {spec.max_count} pictures.",
            argument="count",
        )
    return count


def _picture(info: ImageInfo, url: str | None = None) -> Picture:
    return Picture(
        width=info.width,
        height=info.height,
        mime_type=info.mime_type,
        url=url,
        image_id=info.image_id,
    )


def digest(facts: object) -> str:
    """The same for the same facts, in every process."""
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()
