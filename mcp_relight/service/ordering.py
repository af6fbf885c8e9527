"""From a caller's arguments to jobs that may be inserted: every check that costs nothing."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import JsonValue

from mcp_relight.domain.exchange import Call, Picture
from mcp_relight.domain.image import URI_PREFIX, ImageInfo, is_image_id
from mcp_relight.domain.job import Cost, Finish, JobRequest, Policy
from mcp_relight.domain.lighting import Lighting
from mcp_relight.domain.looks import LOOKS
from mcp_relight.domain.models import ModelSpec, parse_json_object
from mcp_relight.domain.ports import Library, Models, NewJob, Taken
from mcp_relight.domain.position import MIDDLE
from mcp_relight.domain.request import PlanArguments
from mcp_relight.domain.words import dollars
from mcp_relight.errors import (
    BudgetExceeded,
    InvalidArgument,
    ModelNotReady,
    PriceUnknown,
    RequestError,
)

from .middles import Middles

_NOT_PART_OF_THE_REQUEST = {"wait_s", "preview", "idempotency_key"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """Arguments that passed every check of their own, with all pictures taken in."""

    spec: ModelSpec
    image: Taken
    mask: ImageInfo | None
    extra_images: Mapping[str, Taken]
    lightings: tuple[Lighting, ...]
    params: dict[str, JsonValue]
    count: int
    seed: int | None
    finish: Finish
    arguments: PlanArguments

    def most(self, models: Models) -> Cost:
        """The most the whole order may cost, all looks together."""
        return models.estimate(self.spec.id, self.params, self.count * len(self.lightings))

    def call(self, lighting: Lighting) -> Call:
        """The call of one job, with pictures that carry only their ids."""
        return Call(
            model=self.spec.id,
            lighting=lighting,
            params=self.params,
            images=(_picture(self.image.info, self.image.url),),
            count=self.count,
            seed=self.seed,
            mask=_picture(self.mask) if self.mask else None,
            extra_images={
                name: _picture(taken.info, taken.url) for name, taken in self.extra_images.items()
            },
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Quote:
    """The most a request may cost, in dollars, over all its looks."""

    model: str
    usd: float


async def take_order(
    arguments: PlanArguments,
    *,
    spec: ModelSpec,
    library: Library,
    middles: Middles,
    image: Taken | None = None,
) -> Order:
    """Check the arguments against the model, then take the pictures in."""
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
    taken = image or await take(library, arguments.image, "image")
    mask = await take(library, arguments.mask, "mask") if arguments.mask is not None else None
    extra: dict[str, Taken] = {}
    for name in sorted(spec.image_fields & params.keys()):
        extra[name] = await take(library, str(params.pop(name)), f"params.{name}")
    return Order(
        spec=spec,
        image=taken,
        mask=mask.info if mask else None,
        extra_images=extra,
        lightings=await _aimed(lightings, spec, taken.info, mask.info if mask else None, middles),
        params=params,
        count=count,
        seed=arguments.seed,
        finish=arguments.finish or ("as-returned" if spec.mode == "local" else "auto"),
        arguments=arguments,
    )


async def _aimed(
    lightings: Sequence[Lighting],
    spec: ModelSpec,
    image: ImageInfo,
    mask: ImageInfo | None,
    middles: Middles,
) -> tuple[Lighting, ...]:
    """With the directions in which lamps are seen from the subject, for whoever needs them."""
    middle = MIDDLE
    is_needed = any(lighting.has_places for lighting in lightings)
    if is_needed and "light_at" not in spec.controls:
        middle = await middles.of(image.image_id, mask.image_id if mask else None)
    return tuple(lighting.aimed(middle, image.width, image.height) for lighting in lightings)


async def take(library: Library, reference: str, argument: str) -> Taken:
    """The picture an argument names. Results also name pictures by their bare id. Raises what
    `library.take` does, naming the argument."""
    try:
        return await library.take(URI_PREFIX + reference if is_image_id(reference) else reference)
    except RequestError as error:
        raise error.about(argument) from None


def new_jobs(
    order: Order,
    *,
    owner: str,
    models: Models,
    policy: Policy,
    output_dir: Path,
    idempotency_key: str | None,
) -> list[NewJob]:
    """The jobs of this order: one per look. Raises what would make any of them impossible."""
    check_cost(order, models, policy)
    models.check_readable(order.call(order.lightings[0]))
    estimate = models.estimate(order.spec.id, order.params, order.count)
    return [
        _new_job(
            order,
            index,
            owner=owner,
            models=models,
            policy=policy,
            output_dir=output_dir,
            estimate=estimate,
            idempotency_key=idempotency_key,
        )
        for index in range(len(order.lightings))
    ]


def what_is_missing(spec: ModelSpec, models: Models, policy: Policy) -> str | None:
    """Why this model cannot be used here and now; None when it is ready."""
    if policy.local_only and spec.mode != "local":
        return "it is remote, and MCP_RELIGHT_LOCAL_ONLY is set."
    return models.ready(spec.provider)


def check_allowed(spec: ModelSpec, models: Models, policy: Policy) -> None:
    """Raises ModelNotReady where this model cannot be used here and now."""
    missing = what_is_missing(spec, models, policy)
    if missing is not None:
        raise ModelNotReady(
            f"{spec.id} is not ready: {missing}",
            hint="Change that and restart the server, or use local/classic, which needs nothing.",
            argument="model",
        )
    if not spec.relights:
        raise InvalidArgument(
            f"{spec.id} cannot relight a photo.",
            hint="Call list_models to see the models that can.",
            argument="model",
        )


def check_cost(order: Order, models: Models, policy: Policy) -> None:
    """Raises PriceUnknown or BudgetExceeded; free models always pass."""
    if not order.spec.is_paid:
        return
    asked = order.arguments.max_cost_usd
    total = order.most(models).usd
    if total is None and asked is None:
        raise PriceUnknown(
            f"Nobody documents what {order.spec.id} costs.",
            hint="Give max_cost_usd to accept up to that much.",
            argument="max_cost_usd",
        )
    limit = policy.max_cost_usd if asked is None else min(asked, policy.max_cost_usd)
    least = order.spec.price.low_usd * order.count * len(order.lightings)
    if limit <= 0 or limit < (least if total is None else total):
        name = (
            "max_cost_usd" if asked is not None and asked <= limit else "MCP_RELIGHT_MAX_COST_USD"
        )
        costs = "costs at least" if total is None else "may cost up to"
        counted = dollars(least if total is None else total)
        raise BudgetExceeded(
            f"This {costs} {counted}, above the limit of {dollars(limit)} in {name}.",
            hint="Ask for fewer pictures, a cheaper model, or raise the limit.",
            argument="max_cost_usd",
        )


def quote(
    arguments: PlanArguments, spec: ModelSpec, models: Models, policy: Policy
) -> Quote | None:
    """What somebody should agree to: the model costs money, the caller named no limit, and the
    configured one would let it pass. Looks at no picture."""
    if not spec.is_paid or arguments.max_cost_usd is not None:
        return None
    lightings = arguments.lightings()
    _check_described(lightings, spec)
    looks = len(lightings)
    count = _check_count(arguments, spec, looks=looks)
    params = spec.check(
        parse_json_object(arguments.params, "params") if arguments.params is not None else {}
    )
    most = models.estimate(spec.id, params, count * looks).usd
    if most is None or most > policy.max_cost_usd:
        return None
    return Quote(model=spec.id, usd=most)


def _new_job(
    order: Order,
    index: int,
    *,
    owner: str,
    models: Models,
    policy: Policy,
    output_dir: Path,
    estimate: Cost,
    idempotency_key: str | None,
) -> NewJob:
    lighting = order.lightings[index]
    draft = models.draft(order.call(lighting))
    request = JobRequest(
        model=order.spec.id,
        image_id=order.image.info.image_id,
        image_name=order.image.name,
        lighting=lighting,
        fields=draft.fields,
        params=order.params,
        mask_id=order.mask.image_id if order.mask else None,
        extra_image_ids={name: taken.info.image_id for name, taken in order.extra_images.items()},
        passthrough_url=order.image.url,
        extra_urls={name: taken.url for name, taken in order.extra_images.items() if taken.url},
        count=order.count,
        seed=order.seed,
        finish=order.finish,
        output_dir=str(output_dir),
        policy=policy,
        estimate=estimate,
    )
    request_hash = _hash(order, index)
    return NewJob(
        owner=owner,
        provider=order.spec.provider,
        request=request,
        dedup_key=f"key:{idempotency_key}:{index}" if idempotency_key else f"hash:{request_hash}",
        request_hash=request_hash,
        keep_key=idempotency_key is not None,
        credential_id=models.credential_id(order.spec.provider),
    )


def _hash(order: Order, index: int) -> str:
    """Hash of every argument that makes one request different from another."""
    facts: dict[str, Any] = order.arguments.model_dump(
        mode="json", exclude=_NOT_PART_OF_THE_REQUEST
    )
    facts["image"] = order.image.info.image_id
    facts["mask"] = order.mask.image_id if order.mask else None
    facts["model"] = order.spec.id
    facts["params"] = order.params | {
        name: taken.info.image_id for name, taken in order.extra_images.items()
    }
    facts["lighting"] = order.lightings[index].model_dump(mode="json")
    facts["look"] = index if len(order.lightings) > 1 else None
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


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
