"""The service: one method per use case. Tools and command line call these and nothing else."""

import time
from collections.abc import AsyncGenerator, Mapping
from dataclasses import replace

from mcp_relight.domain.caller import current_caller
from mcp_relight.domain.image import Encoded, known_light
from mcp_relight.domain.job import Job, Status
from mcp_relight.domain.library import Taken
from mcp_relight.domain.lighting import Lighting
from mcp_relight.domain.model_views import ModelList, Plan
from mcp_relight.domain.ports import NewJob
from mcp_relight.domain.queries import (
    AnalyzeArguments,
    CompareArguments,
    FindArguments,
    GetJobArguments,
    ListJobsArguments,
    ListModelsArguments,
    ViewArguments,
)
from mcp_relight.domain.request import PlanArguments, RelightArguments
from mcp_relight.domain.set_views import SetView
from mcp_relight.domain.sets import is_set_id
from mcp_relight.domain.views import AnalysisView, Comparison, FoundImages, JobList, JobView
from mcp_relight.errors import BudgetExceeded

from .engine_trial import EngineTrial, try_engine
from .finding import find_images
from .following import JobChange, follow
from .forgetting import Gone, Leaving, forget, look_at_forgetting
from .gallery import VIEW_MAX_BYTES, Gallery
from .job_names import job_named
from .listing import in_full, list_models
from .market import Market, Money, granted, within
from .middles import Middles
from .next_steps import after_late_cancel, after_list
from .ordering import Order, Quote, take
from .orders import Orders, Pictures
from .plans import Plans
from .ports import Options, Ports
from .previews import PREVIEW_EDGE_PX, PREVIEW_MAX_BYTES, Previews
from .set_orders import SetOrder
from .sets import SetCalls
from .showing import iso, show_image, show_job, show_rows
from .vision_check import TEST_PICTURE, TEST_PICTURE_LINE, code_words, names_code_words
from .waiting import OnProgress, Patience, Progress, Waiting, deadline, eta_s

_CANCEL_WAIT_S = 2.0
_JOBS_A_PAGE = 20


class Service:
    def __init__(self, ports: Ports, options: Options) -> None:
        self._jobs = ports.jobs
        self._images = ports.images
        self._pixels = ports.pixels
        self._shape_model = ports.shape_model
        self._library = Pictures(ports.library, jobs=ports.jobs, images=ports.images)
        self._models = ports.models
        self._market = Market(models=ports.models, policy=options.policy)
        self._patience = Patience()
        words = Progress(ports.jobs, ports.models).words
        self._waiting = Waiting(ports.jobs, ports.workers, words, self._patience)
        self._options = options
        middles = Middles(ports.images, ports.pixels)
        self._orders = Orders(
            jobs=ports.jobs,
            images=ports.images,
            pixels=ports.pixels,
            library=self._library,
            market=self._market,
            middles=middles,
            workers=ports.workers,
            output_dir=options.output_dir,
            default_model=options.default_model,
        )
        self._plans = Plans(
            orders=self._orders,
            market=self._market,
            library=self._library,
            middles=middles,
            previews=Previews(ports.images, ports.pixels, ports.shape_model),
        )
        self._sets = SetCalls(
            sets=ports.sets,
            jobs=ports.jobs,
            images=ports.images,
            pixels=ports.pixels,
            workers=ports.workers,
            now=time.time,
            output_dir=options.output_dir,
            patience=self._patience,
        )
        self._gallery = Gallery(
            jobs=ports.jobs, images=ports.images, pixels=ports.pixels, library=self._library
        )

    def end_waits(self) -> None:
        """This process is about to end: every call that waits answers now."""
        self._patience.end()

    async def list_models(
        self, arguments: ListModelsArguments, *, whole: bool = False
    ) -> ModelList:
        """One page of the models, or with `whole` all. Raises InvalidArgument, UnknownModel."""
        await self._orders.catch_up()
        if arguments.model is not None:
            spec = self._models.spec(arguments.model)
            return in_full(spec, self._market.missing(spec))
        return list_models(
            arguments,
            granted(self._models.specs()),
            missing=self._market.missing,
            listings=self._models.listings(),
            default_model=self._options.default_model,
            whole=whole,
        )

    async def order(self, arguments: RelightArguments) -> Order | SetOrder:
        """The arguments, checked once for everything that can be known before the pictures are
        looked at; a reference is looked at here. Raises UnknownModel, ModelNotReady,
        InvalidArgument, and what taking a reference in raises."""
        return await self._orders.of(arguments)

    async def quote(self, order: Order | SetOrder) -> tuple[Order | SetOrder, Quote | None]:
        """What somebody should agree to, and the order to go on with; None where nothing would be
        spent. Raises what taking its pictures in raises."""
        quote = order.quote()
        if quote is None:
            return order, None
        if isinstance(order, SetOrder):
            return order, None if await self._sets.is_there(order) else quote
        pictured = await self._orders.pictured(order)
        is_there = await self._jobs.are_there(self._orders.new_jobs(pictured))
        return pictured, None if is_there else quote

    async def job_to_be(self, arguments: RelightArguments) -> NewJob:
        """The job of a call for one picture in one light. Raises as `order` and `relight`."""
        return await self._orders.job_to_be(arguments)

    async def relight(
        self,
        order: Order | SetOrder,
        *,
        wait_s: float | None = None,
        on_progress: OnProgress | None = None,
    ) -> JobView | SetView:
        """Start the order's jobs (or find those that are already there) and wait a little for the
        first, or for the set. Raises what taking its pictures in raises, PriceUnknown,
        BudgetExceeded, NeedsPublicUrl, StorageFull."""
        until = deadline(wait_s)  # what taking the picture in costs is part of the wait
        if isinstance(order, SetOrder):
            return await self._sets.start(order, until, on_progress)
        pictured = await self._orders.pictured(order)
        new = self._orders.new_jobs(pictured)
        if not await self._jobs.are_there(new):
            pictured.check_cost()
            pictured.check_readable()
            await self._images.check_folder(self._options.output_dir)
        jobs = await self._jobs.insert(new)
        first, *_ = await self._waiting.wait(jobs, until, on_progress)
        # An earlier call may have made it: what this one gave in vain is told all the same.
        warnings = tuple(dict.fromkeys((*first.warnings, *new[0].warnings)))
        return await self._show(replace(first, warnings=warnings))

    def changes(self) -> AsyncGenerator[JobChange]:
        """What moves in the job store, from now on."""
        return follow(self._jobs, owner=current_caller().owner)

    async def get_job(
        self, arguments: GetJobArguments, *, on_progress: OnProgress | None = None
    ) -> JobView | SetView:
        """A job, or a set by its own id."""
        until = deadline(arguments.wait_s)
        if is_set_id(arguments.job_id):
            return await self._sets.get(arguments.job_id, until, on_progress)
        job = await self._jobs.get(arguments.job_id, owner=current_caller().owner)
        (job,) = await self._waiting.wait((job,), until, on_progress)
        return await self._show(job)

    async def times_of(self, job_id: str) -> tuple[str, str]:
        """When a job or a set was made, and when it last changed."""
        if is_set_id(job_id):
            found = await self._sets.find(job_id)
        else:
            found = await self._jobs.get(job_id, owner=current_caller().owner)
        return iso(found.created_at), iso(found.updated_at)

    async def list_jobs(self, arguments: ListJobsArguments) -> JobList:
        page, today = await self._jobs.list_and_today(
            owner=current_caller().owner,
            status=arguments.status,
            limit=arguments.limit or _JOBS_A_PAGE,
            cursor=arguments.cursor,
            budget_usd=self._market.policy.daily_budget_usd,
        )
        money = Money.of(*today, await self._own_keys_left())
        folder, rows = show_rows(page.jobs, in_full=self._options.in_full)
        return JobList(
            folder=folder,
            jobs=rows,
            cursor=page.cursor,
            spent_today_usd=money.spent_today_usd,
            budget_left_usd=money.budget_left_usd,
            own_keys_left_usd=dict(money.own_keys_left_usd) or None,
            next_step=after_list(page, arguments.status),
        )

    async def money(self) -> Money:
        """What was spent today, and what is left."""
        most_usd, owner = self._market.policy.daily_budget_usd, current_caller().owner
        today = await self._jobs.today(owner=owner, budget_usd=most_usd)
        return Money.of(*today, await self._own_keys_left())

    async def _own_keys_left(self) -> Mapping[str, float]:
        credentials = await self._models.own_credentials()
        if not credentials:
            return {}
        owner = current_caller().owner
        return await self._jobs.own_keys_left(owner=owner, credentials=credentials)

    async def newest(self, *, status: Status | None = None, limit: int) -> tuple[Job, ...]:
        """The newest jobs as they are stored, for whoever lists names and pictures."""
        page = await self._jobs.list(
            owner=current_caller().owner, status=status, limit=limit, cursor=None
        )
        return page.jobs

    async def cancel_job(self, job_id: str) -> JobView | SetView:
        if is_set_id(job_id):
            return await self._sets.cancel(job_id, deadline(_CANCEL_WAIT_S))
        before = await self._jobs.get(job_id, owner=current_caller().owner)
        if before.is_terminal:
            view = await self._show(before)
            return view.model_copy(update={"next_step": after_late_cancel(before)})
        job = await self._jobs.request_cancel(job_id, owner=current_caller().owner)
        if not job.is_terminal:
            # The worker has to stop the work itself; give it a moment to say so.
            (job,) = await self._waiting.wait((job,), deadline(_CANCEL_WAIT_S))
        return await self._show(job)

    async def plan(self, arguments: PlanArguments) -> tuple[Plan, Encoded | None]:
        """Compare the models that could do this, with a preview if one is asked for. Spends
        nothing, sends nothing."""
        return await self._plans.plan(arguments, await self.money())

    async def preview(self, arguments: PlanArguments, *, image: Taken | None = None) -> Encoded:
        """The same description on the local engine, small and free."""
        return await self._plans.preview(arguments, image=image)

    async def preview_of(self, view: JobView) -> Encoded | None:
        """A small JPEG of a job's first finished picture."""
        if not view.images:
            return None
        return await self._pixels.thumbnail(
            await self._images.read(view.images[0].image_id),
            max_edge_px=PREVIEW_EDGE_PX,
            max_bytes=PREVIEW_MAX_BYTES,
        )

    async def analyze(
        self, arguments: AnalyzeArguments, *, image: Taken | None = None
    ) -> AnalysisView:
        taken = image or await take(self._library, arguments.image, "image")
        light = await known_light(self._images, self._pixels, taken.info.image_id)
        return AnalysisView(
            image=show_image(taken.info),
            name=taken.name,
            light=light,
            next_step="Call plan_relight or relight_image with a look or a direction.",
        )

    async def view(self, arguments: ViewArguments) -> tuple[Encoded, str]:
        """One picture small enough to show, and a line about it."""
        if arguments.image == TEST_PICTURE:
            words = code_words(self._options.secret)
            return await self._pixels.word_card(words, max_bytes=VIEW_MAX_BYTES), TEST_PICTURE_LINE
        if is_set_id(arguments.image.strip()):
            return await self._sets.sheet(arguments)
        return await self._gallery.view(arguments)

    def has_seen_test_picture(self, said: str) -> bool:
        """Whether what a model said names the words on the test picture."""
        return names_code_words(said, self._options.secret)

    async def find(self, arguments: FindArguments) -> FoundImages:
        return await find_images(
            arguments,
            library=self._library,
            jobs=self._jobs,
            owner=current_caller().owner,
            output_dir=self._options.output_dir,
            readable_dirs=self._options.readable_dirs,
        )

    async def compare(self, arguments: CompareArguments) -> tuple[Comparison, Lighting | None]:
        """Also the light of the job, where one is named."""
        return await self._gallery.compare(arguments)

    async def take_bytes(self, data: bytes) -> str:
        """Check and keep a picture that was sent: its id. Raises the RequestError that fits."""
        return (await self._images.put(await self._pixels.inspect(data))).image_id

    async def read_image(self, image_id: str) -> bytes:
        """The bytes of a stored image. Raises ImageNotFound."""
        return await self._images.read(image_id)

    async def try_engine(self, sample: bytes) -> EngineTrial:
        """Relight a sample in memory, with the user's own shape model where one is set."""
        return await try_engine(self._pixels, await self._shape_model(), sample)

    async def picture_as(self, image_id: str, mime_type: str) -> bytes:
        """A stored image's bytes in the asked format; encoded anew only if it is another one."""
        data = await self._images.read(image_id)
        if (await self._images.info(image_id)).mime_type == mime_type:
            return data
        return (await self._pixels.reencode(data, max_edge_px=None, mime_type=mime_type)).data

    async def look_at_forgetting(self, job_id: str | None) -> Leaving:
        """What `forget` would delete."""
        return await look_at_forgetting(
            self._jobs, self._images, job_id, owner=current_caller().owner
        )

    async def forget(self, job_id: str | None, *, with_copies: bool = False) -> Gone:
        """Delete one job, or every terminal one, and the images no other job uses; `with_copies`
        also the finished pictures in the output folder."""
        return await forget(
            self._jobs, self._images, job_id, owner=current_caller().owner, with_copies=with_copies
        )

    async def job_named(self, name: str) -> str:
        """The id of the one job that a person means: an id or its beginning, or `latest`. Raises
        JobNotFound, and InvalidArgument for a beginning that several ids have."""
        return await job_named(self._jobs, name, owner=current_caller().owner)

    async def _show(self, job: Job) -> JobView:
        spec = next((one for one in self._models.specs() if one.id == job.model), None)
        view = await show_job(
            job,
            self._images,
            eta_s=eta_s(job, spec, now=time.time()),
            is_seeded=spec is not None and spec.reproducible,
            in_full=self._options.in_full,
        )
        return await self._with_what_fits(view)

    async def _with_what_fits(self, view: JobView) -> JobView:
        """A job that the day's budget stopped, with the models that still can be had."""
        if view.error is None or view.error.code != BudgetExceeded.code:
            return view
        left_usd = (await self.money()).budget_left_usd
        hint = f"{view.error.hint} Within what is left: {within(self._market, left_usd)}."
        error = view.error.model_copy(update={"hint": hint})
        return view.model_copy(update={"error": error, "next_step": hint})
