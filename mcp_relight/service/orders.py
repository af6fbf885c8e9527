"""From the arguments of a call to an order, with all that it names looked up: models, an earlier
job, pictures, the light of another photo; and from there to the jobs that may be inserted."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Generic

from mcp_relight.domain.arguments import LEFT_OUT
from mcp_relight.domain.caller import current_caller
from mcp_relight.domain.exchange import Draft
from mcp_relight.domain.image import URI_PREFIX, is_image_id, known_light
from mcp_relight.domain.job import Job, JobRequest, is_job_id
from mcp_relight.domain.library import FoundPage, Library, Listed, Taken
from mcp_relight.domain.lighting import Lighting
from mcp_relight.domain.looks import result_stem, words_of_changes
from mcp_relight.domain.matching import matched
from mcp_relight.domain.models import ModelSpec
from mcp_relight.domain.ports import Images, Jobs, NewJob, Pixels, Workers
from mcp_relight.domain.request import Asked, PlanArguments, RelightArguments, asked_of, based_on
from mcp_relight.errors import InvalidArgument, RequestError, UnknownModel

from .market import Market, lost_words
from .middles import Middles
from .ordering import Order, Origin, PicturedOrder, digest, take
from .set_orders import SetOrder


@dataclass(frozen=True, slots=True)
class Whole(Generic[Asked]):
    """A request with nothing left to look up: what it says itself, and what it takes over."""

    arguments: Asked
    photo: Taken | None = None
    """Where it had to be taken in."""
    base: JobRequest | None = None
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Orders:
    jobs: Jobs
    images: Images
    pixels: Pixels
    library: Library
    market: Market
    middles: Middles
    workers: Workers
    output_dir: Path
    default_model: str

    async def catch_up(self) -> None:
        """Know today's models, as far as a worker has fetched their lists; else let one do so, and
        go on with what is known."""
        if not await self.market.models.refresh():
            await self.workers.ensure()

    async def of(self, arguments: RelightArguments) -> Order | SetOrder:
        """See `Service.order`."""
        await self.catch_up()
        listed = await self.several(arguments)
        if listed is not None:
            return SetOrder.of(await self._of_many(arguments), listed)
        return await self._of_one(arguments)

    async def several(self, arguments: PlanArguments) -> tuple[Listed, ...] | None:
        """The pictures of a folder, a pattern or a list; None for a call for one."""
        is_told = arguments.image != LEFT_OUT
        return await self.library.several(arguments.image) if is_told else None

    async def job_to_be(self, arguments: RelightArguments) -> NewJob:
        """The job of a call for one picture in one light. Raises as `of`, and what taking the
        picture in raises."""
        await self.catch_up()
        pictured = await self.pictured(await self._of_one(arguments))
        pictured.check_readable()
        (job,) = self.new_jobs(pictured)
        return job

    async def pictured(self, order: Order) -> PicturedOrder:
        return await order.with_pictures(self.library, self.middles)

    def new_jobs(self, order: PicturedOrder) -> list[NewJob]:
        """One per look. Raises what sending one would: InvalidArgument."""
        owner = current_caller().owner
        return [_new_job(order, one, owner, self.output_dir) for one in range(len(order.lightings))]

    async def whole(self, arguments: Asked, *, is_of_many: bool = False) -> Whole[Asked]:
        """With `is_of_many` the image names many pictures, and none is taken in. Raises
        JobNotFound, ImageNotFound where the photo of the job is gone, and what taking another one
        in raises."""
        if arguments.based_on is None:
            return Whole(arguments)
        try:
            job = await self.jobs.get(arguments.based_on, owner=current_caller().owner)
            base = job.request
            original = await self.images.info(base.image_id)
        except RequestError as error:
            raise error.about("based_on") from None
        photo = Taken(info=original, name=base.image_name)
        if is_of_many:
            whole, warnings = based_on(arguments, base, same_picture=False)
            return Whole(whole, None, base, tuple(warnings))
        if arguments.image != LEFT_OUT:
            photo = await take(self.library, arguments.image, "image")
        same = photo.info.image_id == base.image_id
        whole, warnings = based_on(arguments, base, same_picture=same)
        whole = whole.model_copy(update={"image": URI_PREFIX + photo.info.image_id})
        return Whole(whole, photo, base, tuple(warnings))

    async def matched(self, arguments: Asked, image: Taken | None) -> tuple[Asked, Taken | None]:
        """The arguments with the light of their reference filled in, and the photo if that was
        taken in for it. Raises InvalidArgument for what excludes a reference, and what taking it
        in raises."""
        if arguments.reference is None:
            return arguments, image
        image = image or await take(self.library, arguments.image, "image")
        arguments.lightings()  # refuses what excludes a reference before pictures are read
        other = await take(self.library, arguments.reference, "reference")
        light = await known_light(self.images, self.pixels, other.info.image_id)
        own = await known_light(self.images, self.pixels, image.info.image_id)
        return matched(arguments, light=light, own=own, reference=other.info.uri), image

    async def _of_one(self, arguments: RelightArguments) -> Order:
        whole = await self.whole(arguments)
        spec = self._spec(whole.arguments)
        self.market.check_ready(spec)
        filled, photo = await self.matched(whole.arguments, whole.photo)
        return Order.of(filled, spec, self.market, origin=_origin(arguments, whole), photo=photo)

    async def _of_many(self, arguments: RelightArguments) -> Order:
        """Without what is seen of each picture alone."""
        whole = await self.whole(arguments, is_of_many=True)
        spec = self._spec(whole.arguments)
        self.market.check_ready(spec)
        asked = whole.arguments
        if asked.reference is not None:
            other = await take(self.library, asked.reference, "reference")
            asked = asked.model_copy(update={"reference": other.info.uri})
        return Order.of(asked, spec, self.market, origin=_origin(arguments, whole))

    def _spec(self, arguments: RelightArguments) -> ModelSpec:
        """The model named, else the configured one."""
        if arguments.model is not None:
            return self.market.models.spec(arguments.model)
        try:
            return self.market.models.spec(self.default_model)
        except UnknownModel as error:
            raise error.about("MCP_RELIGHT_DEFAULT_MODEL") from None


def _origin(arguments: RelightArguments, whole: Whole[RelightArguments]) -> Origin:
    given = frozenset(arguments.model_fields_set)
    return Origin(whole.arguments, given, whole.base, whole.warnings)


class Pictures:
    """Implements `Library` over that of this machine: a picture is also named by its bare id, or by
    the job whose first result it is, and keeps the name it had there."""

    def __init__(self, library: Library, *, jobs: Jobs, images: Images) -> None:
        self._library = library
        self._jobs = jobs
        self._images = images

    async def take(self, reference: str) -> Taken:
        if is_job_id(reference):
            job = finished(await self._jobs.get(reference, owner=current_caller().owner))
            info = await self._images.info(job.images[0])
            return Taken(info=info, name=result_stem(job.request))
        if is_image_id(reference):
            reference = URI_PREFIX + reference
        taken = await self._library.take(reference)
        if not reference.startswith(URI_PREFIX):
            return taken
        return replace(taken, name=await self._name_of(taken.info.image_id) or taken.name)

    async def take_explicit(self, path: Path) -> Taken:
        return await self._library.take_explicit(path)

    async def several(self, reference: str) -> tuple[Listed, ...] | None:
        return await self._library.several(reference)

    async def several_explicit(self, reference: str) -> tuple[Listed, ...] | None:
        return await self._library.several_explicit(reference)

    async def find(
        self,
        folder: str | None,
        *,
        limit: int,
        query: str | None = None,
        cursor: str | None = None,
        results: bool = False,
    ) -> FoundPage:
        return await self._library.find(
            folder, limit=limit, query=query, cursor=cursor, results=results
        )

    async def _name_of(self, image_id: str) -> str | None:
        """The name of a stored picture in the last job that made it, or was made of it."""
        job = await self._jobs.using(image_id, owner=current_caller().owner)
        if job is None:
            return None
        if job.request.image_id == image_id:
            return job.request.image_name
        return result_stem(job.request) if image_id in (*job.images, *job.returned) else None


def finished(job: Job) -> Job:
    """The job, if it has a picture. Raises InvalidArgument."""
    if not job.images and job.is_terminal:
        raise InvalidArgument("That job ended without a picture.", hint="get_job says why.")
    if not job.images:
        raise InvalidArgument(
            "That job has no picture yet.", hint="Call get_job with wait_s, then again."
        )
    return job


def _new_job(order: PicturedOrder, index: int, owner: str, output_dir: Path) -> NewJob:
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
            *order.ignored_words(draft),
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
    return digest(facts)


def _stored_id(reference: str | None) -> str | None:
    """The id in an address of the image store."""
    return None if reference is None else reference.removeprefix(URI_PREFIX)
