"""From one call for many pictures to the set that may be inserted."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

from pydantic import JsonValue

from mcp_relight.domain.exchange import Call, Picture
from mcp_relight.domain.library import Listed
from mcp_relight.domain.lighting import Lighting
from mcp_relight.domain.request import PlanArguments, RelightArguments
from mcp_relight.domain.sets import NewMember, NewSet, SetRequest
from mcp_relight.errors import InvalidArgument

from .ordering import Order, Quote, digest

MAX_JOBS = 400
_OF_THE_CALL = frozenset(
    ("image", "based_on", "look", "max_cost_usd", "wait_s", "preview", "idempotency_key")
)
_ANY_PICTURE = (1024, 768)


@dataclass(frozen=True, slots=True, kw_only=True)
class SetOrder:
    """A call for many pictures that passed every check that needs none of them."""

    order: Order
    listed: tuple[Listed, ...]
    is_resumed: bool = False
    """Whether what was made of these pictures at any time before is taken for it."""
    output_dir: Path | None = None
    """Where the results go; None is the usual folder."""

    @classmethod
    def of(cls, order: Order, listed: Sequence[Listed]) -> Self:
        """Raises InvalidArgument for what only one picture can have, or too much."""
        if order.arguments.mask is not None:
            raise InvalidArgument(
                "mask belongs to one picture, and image names many.",
                hint="Leave mask out: the subject of each picture is found by itself.",
                argument="mask",
            )
        if len(listed) * len(order.lightings) > MAX_JOBS:
            raise InvalidArgument(
                f"That would make {len(listed) * len(order.lightings)} pictures, of which one call "
                f"makes {MAX_JOBS}.",
                hint="Name fewer looks or fewer pictures.",
                argument="look",
            )
        return cls(order=replace(order, pictures=len(listed)), listed=tuple(listed))

    def quote(self) -> Quote | None:
        return self.order.quote()

    def agreed(self, quote: Quote) -> Self:
        return replace(self, order=self.order.agreed(quote))

    def check_readable(self) -> None:
        """Raises NeedsPublicUrl where the model could not read all of the pictures."""
        models = self.order.market.models
        is_public = all(one.reference.startswith("https://") for one in self.listed)
        url = self.listed[0].reference if is_public else None
        models.check_readable(self._call(self.order.lightings[0], url))

    def new_set(self, *, owner: str, output_dir: Path) -> NewSet:
        """Raises what sending one of its jobs would: InvalidArgument."""
        order, models = self.order, self.order.market.models
        drafts = [models.draft(self._call(one)) for one in order.lightings]
        wishes = [
            digest([*self._facts(lighting), draft.essence])
            for lighting, draft in zip(order.lightings, drafts, strict=True)
        ]
        members = tuple(
            NewMember(
                name=one.name,
                look=lighting.look if order.arguments.look is not None else None,
                reference=one.reference,
                identity=digest([one.identity, wish]),
            )
            for one in self.listed
            for lighting, wish in zip(order.lightings, wishes, strict=True)
        )
        whole = digest([member.identity for member in members])
        key = order.idempotency_key
        return NewSet(
            owner=owner,
            dedup_key=f"key:{key}" if key else f"hash:{whole}",
            credential_id=models.credential_id(order.spec.provider),
            request=SetRequest(
                model=order.spec.id,
                arguments=_kept(order.arguments, order.origin.asked),
                policy=order.market.policy,
                output_dir=str(self.output_dir or output_dir),
                folders=tuple(dict.fromkeys(str(one.folder) for one in self.listed if one.folder)),
                estimate=order.most(),
                warnings=(*order.origin.warnings, *order.ignored_words(drafts[0])),
                request_hash=whole,
            ),
            members=members,
            keep_key=key is not None,
            is_resumed=self.is_resumed,
        )

    def _facts(self, lighting: Lighting) -> list[JsonValue]:
        """What makes jobs of the same picture different, beside what is sent of it."""
        order = self.order
        places: list[JsonValue] = [list(light.at) for light in lighting.lights if light.at]
        reference = order.origin.asked.reference and order.arguments.reference
        extra = {name: order.params.get(name) for name in sorted(order.spec.image_fields)}
        return [
            order.spec.id, order.count, order.finish, lighting.lit_region, places, reference, extra
        ]  # fmt: skip

    def _call(self, lighting: Lighting, url: str | None = None) -> Call:
        width, height = _ANY_PICTURE
        picture = Picture(width=width, height=height, mime_type="image/jpeg", url=url)
        order = self.order
        params = {
            name: one for name, one in order.params.items() if name not in order.spec.image_fields
        }
        return Call(
            model=order.spec.id,
            lighting=lighting,
            params=params,
            images=(picture,),
            count=order.count,
            seed=order.arguments.seed,
        )


def member_arguments(request: SetRequest, reference: str, look: str | None) -> RelightArguments:
    """The call for one picture of the set."""
    values: dict[str, Any] = {**request.arguments, "model": request.model, "image": reference}
    return RelightArguments.parse(values if look is None else values | {"look": look})


def _kept(arguments: PlanArguments, asked: PlanArguments) -> dict[str, JsonValue]:
    """What every picture is asked for. What a reference brings is seen for each picture anew."""
    kept = asked.model_dump(mode="json", exclude_none=True, exclude=set(_OF_THE_CALL))
    if asked.reference is not None:
        kept["reference"] = arguments.reference
    return kept
