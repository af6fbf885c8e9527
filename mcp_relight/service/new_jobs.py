"""From an order to the jobs that may be inserted, one per look."""

import hashlib
import json
from pathlib import Path
from typing import Any

from mcp_relight.domain.image import URI_PREFIX
from mcp_relight.domain.job import JobRequest
from mcp_relight.domain.ports import NewJob

from .ordering import PicturedOrder

_NOT_PART_OF_THE_REQUEST = {"wait_s", "preview", "idempotency_key"}


def new_jobs(
    order: PicturedOrder,
    *,
    owner: str,
    output_dir: Path,
) -> list[NewJob]:
    """The jobs of this order: one per look. Raises PriceUnknown, BudgetExceeded, NeedsPublicUrl."""
    order.check_cost()
    order.check_readable()
    return [
        _new_job(order, index, owner=owner, output_dir=output_dir)
        for index in range(len(order.lightings))
    ]


def _new_job(
    order: PicturedOrder,
    index: int,
    *,
    owner: str,
    output_dir: Path,
) -> NewJob:
    lighting, key = order.lightings[index], order.idempotency_key
    models = order.market.models
    draft = models.draft(order.call(lighting))
    request = JobRequest(
        model=order.spec.id,
        image_id=order.image.info.image_id,
        image_name=order.image.name,
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
    request_hash = _hash(order, index)
    return NewJob(
        owner=owner,
        provider=order.spec.provider,
        request=request,
        dedup_key=f"key:{key}:{index}" if key else f"hash:{request_hash}",
        request_hash=request_hash,
        keep_key=key is not None,
        credential_id=models.credential_id(order.spec.provider),
    )


def _hash(order: PicturedOrder, index: int) -> str:
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


def _stored_id(reference: str | None) -> str | None:
    """The id in an address of the image store."""
    return None if reference is None else reference.removeprefix(URI_PREFIX)
