"""From stored jobs and images to what callers are shown."""

from collections.abc import Mapping
from datetime import UTC, datetime

from mcp_relight.domain.image import ImageInfo
from mcp_relight.domain.job import Job
from mcp_relight.domain.models import Listing, ModelSpec, Price
from mcp_relight.domain.ports import Images
from mcp_relight.domain.views import (
    ErrorView,
    ImageView,
    JobSummary,
    JobView,
    ListingView,
    ModelView,
    PriceView,
    ProviderView,
)
from mcp_relight.errors import ImageNotFound

from .next_steps import next_step

_FIRST_MOMENT_S = datetime.min.replace(tzinfo=UTC).timestamp()
_LAST_MOMENT_S = datetime.max.replace(tzinfo=UTC, microsecond=0).timestamp()


def iso(seconds: float) -> str:
    """`2026-11-20T09:30:00Z`. Files carry times of any size; those past the calendar end at it."""
    within = min(max(seconds, _FIRST_MOMENT_S), _LAST_MOMENT_S)
    return datetime.fromtimestamp(within, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def show_image(info: ImageInfo, path: str | None = None) -> ImageView:
    return ImageView(
        image_id=info.image_id,
        uri=info.uri,
        path=path,
        width=info.width,
        height=info.height,
        mime_type=info.mime_type,
        bytes=info.bytes,
    )


async def show_job(job: Job, images: Images) -> JobView:
    return JobView(
        job_id=job.job_id,
        name=job.request.image_name,
        status=job.status,
        stage=job.stage,
        model=job.model,
        provider=job.provider,
        progress=round(job.progress, 3),
        created_at=iso(job.created_at),
        updated_at=iso(job.updated_at),
        images=await _show_images(job, images),
        cost=job.cost,
        lighting=job.request.lighting,
        fields=job.request.fields,
        report=job.report,
        sent=job.sent,
        warnings=job.warnings,
        seed=job.request.seed,
        error=ErrorView.of(job.error) if job.error else None,
        siblings=job.siblings or None,
        based_on=job.request.based_on,
        next_step=next_step(job),
    )


async def _show_images(job: Job, images: Images) -> tuple[ImageView, ...]:
    shown: list[ImageView] = []
    for image_id, path in zip(job.images, job.paths, strict=True):
        try:
            shown.append(show_image(await images.info(image_id), path))
        except ImageNotFound:
            # The store was pruned by hand; the job's other facts are still worth showing.
            continue
    return tuple(shown)


def summarize(job: Job) -> JobSummary:
    return JobSummary(
        job_id=job.job_id,
        status=job.status,
        model=job.model,
        look=job.request.lighting.look,
        created_at=iso(job.created_at),
        image_ids=job.images,
        error_code=job.error.code if job.error else None,
    )


def show_row(spec: ModelSpec, missing: str | None) -> ModelView:
    """A model as a row of many: short, since an agent carries the whole list."""
    return ModelView(
        model=spec.id,
        ready=missing is None,
        summary=spec.summary,
        price=_show_price(spec.price),
        typical_s=spec.typical_s,
        light_controls=spec.controls or None,
        relights=None if spec.relights else False,
        verified=spec.verified,
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


def show_providers(
    missing: Mapping[str, str | None], listings: Mapping[str, Listing]
) -> tuple[ProviderView, ...]:
    """`missing` by provider."""
    return tuple(
        ProviderView(
            provider=provider,
            ready=what is None,
            missing=what,
            listing=_show_listing(listings.get(provider)),
        )
        for provider, what in missing.items()
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
