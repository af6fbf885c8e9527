"""From the arguments of a call to an order, with all that it names looked up."""

from dataclasses import dataclass
from pathlib import Path

from mcp_relight.domain.arguments import LEFT_OUT
from mcp_relight.domain.caller import current_caller
from mcp_relight.domain.library import Library, Listed, Taken
from mcp_relight.domain.matching import Asked
from mcp_relight.domain.models import ModelSpec
from mcp_relight.domain.ports import Images, Jobs, NewJob, Pixels, Workers
from mcp_relight.domain.request import PlanArguments, RelightArguments
from mcp_relight.errors import UnknownModel

from .basing import Whole, made_whole
from .market import Market
from .middles import Middles
from .new_jobs import new_jobs
from .ordering import Order, Origin, PicturedOrder, take
from .references import take_reference
from .set_orders import SetOrder


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
        return new_jobs(order, owner=current_caller().owner, output_dir=self.output_dir)

    async def whole(self, arguments: Asked, *, is_of_many: bool = False) -> Whole[Asked]:
        return await made_whole(
            arguments,
            jobs=self.jobs,
            images=self.images,
            library=self.library,
            owner=current_caller().owner,
            is_of_many=is_of_many,
        )

    async def matched(self, arguments: Asked, image: Taken | None) -> tuple[Asked, Taken | None]:
        """The arguments with the light of their reference filled in, and the photo if that was
        taken in for it."""
        if arguments.reference is None:
            return arguments, image
        image = image or await take(self.library, arguments.image, "image")
        filled = await take_reference(
            arguments,
            images=self.images,
            pixels=self.pixels,
            library=self.library,
            image=image,
        )
        return filled, image

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
