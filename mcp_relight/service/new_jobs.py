"""From an order to the jobs that may be inserted, one per look."""

import hashlib
import json
from pathlib import Path
from typing import Any

from mcp_relight.domain.exchange import Draft
from mcp_relight.domain.image import URI_PREFIX
from mcp_relight.domain.job import JobRequest, words_of_changes
from mcp_relight.domain.lighting import Lighting
from mcp_relight.domain.ports import NewJob
from mcp_relight.domain.request import PlanArguments, asked_of

from .market import lost_words
from .ordering import Order, PicturedOrder


def new_jobs(order: PicturedOrder, *, owner: str, output_dir: Path) -> list[NewJob]:
    """The jobs of this order: one per look. Raises what sending one would: InvalidArgument."""
    return [
        _new_job(order, index, owner=owner, output_dir=output_dir)
        for index in range(len(order.lightings))
    ]


def _new_job(order: PicturedOrder, index: int, *, owner: str, output_dir: Path) -> NewJob:
    lighting, key = order.lightings[index], order.idempotency_key
    models = order.market.models
    draft = models.draft(order.call(lighting))
    request_hash = _hash(order, lighting, draft)
    return NewJob(
        owner=owner,
        provider=order.spec.provider,
        request=_request(order, lighting, draft, output_dir),
        dedup_key=f"key:{key}:{index}" if key else f"hash:{request_hash}",
        request_hash=request_hash,
        keep_key=key is not None,
        credential_id=models.credential_id(order.spec.provider),
        warnings=(
            *order.origin.warnings,
            *ignored_words(order, draft),
            *filter(None, [lost_words(order.spec.id, draft.fields)]),
        ),
    )


def _request(
    order: PicturedOrder, lighting: Lighting, draft: Draft, output_dir: Path
) -> JobRequest:
    return JobRequest(
        model=order.spec.id,
        image_id=order.image.info.image_id,
        image_name=order.image.name,
        changes=words_of_changes(lighting, order.spec.id, order.origin.base),
        based_on=order.arguments.based_on,
        asked=asked_of(order.origin.asked, lighting.look),
        lighting=lighting,
        fields=draft.fields,
        params=order.params,
        mask_id=order.mask.image_id if order.mask else None,
        reference_id=_stored_id(order.arguments.reference),
        extra_image_ids={name: taken.info.image_id for name, taken in order.extra_images.items()},
        passthrough_url=order.image.url,
        extra_urls={name: taken.url for name, taken in order.extra_images.items() if taken.url},
        count=order.count,
        seed=order.arguments.seed,
        finish=order.finish,
        output_dir=str(output_dir),
        policy=order.market.policy,
        estimate=order.estimate(),
    )


def _hash(order: PicturedOrder, lighting: Lighting, draft: Draft) -> str:
    """Hash of everything that makes one job another than the next: the pictures, and what the
    model would be sent or render. Whatever it takes no notice of is not part of it."""
    facts: dict[str, Any] = {
        "image": order.image.info.image_id,
        "mask": order.mask.image_id if order.mask else None,
        "extra": {name: taken.info.image_id for name, taken in order.extra_images.items()},
        "model": order.spec.id,
        "count": order.count,
        "finish": order.finish,
        "region": lighting.lit_region,
        "essence": draft.essence,
    }
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def ignored_words(order: Order, draft: Draft) -> tuple[str, ...]:
    """A warning that names the arguments of this call that make no difference to its model."""
    given = order.origin.given
    ignored = {field.name for field in draft.fields if field.how == "ignored"}
    ignored -= {"lights"}  # of several, the key light is always taken
    if {"azimuth_deg", "elevation_deg"} <= ignored:
        ignored.add("light_from")
    if not draft.takes_seed:
        ignored.add("seed")
    names = [name for name in PlanArguments.model_fields if name in ignored & given]
    if not names:
        return ()
    make = "makes" if len(names) == 1 else "make"
    return (f"{', '.join(names)} {make} no difference: {order.spec.id} ignores it.",)


def _stored_id(reference: str | None) -> str | None:
    """The id in an address of the image store."""
    return None if reference is None else reference.removeprefix(URI_PREFIX)
