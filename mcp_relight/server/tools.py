"""The ten tools a model sees, and after them those of the app.

A call that waits may be cancelled by its client at any time: only the waiting ends. The job goes on
and can be asked for; what stops a job is `cancel_job`.
"""

from typing import TYPE_CHECKING, Any

from mcp.server.mcpserver import Context
from mcp.types import CallToolResult, InputRequiredResult

from mcp_relight.domain.image import Encoded
from mcp_relight.domain.model_views import ModelList, Plan
from mcp_relight.domain.queries import (
    AnalyzeArguments,
    CancelJobArguments,
    CompareArguments,
    FindArguments,
    GetJobArguments,
    ListJobsArguments,
    ListModelsArguments,
    ViewArguments,
)
from mcp_relight.domain.request import PlanArguments, RelightArguments
from mcp_relight.domain.set_views import JobOrSet, SetView
from mcp_relight.domain.views import (
    AnalysisView,
    Comparison,
    FoundImages,
    JobList,
    JobView,
)
from mcp_relight.service.handle import ServiceHandle

from .apps import OPENS_COMPARE, AppTools
from .consent import ask, can_be_asked, cost_question, declined
from .flat_tool import LIGHTING_META, FlatTool, facts_result, flat_tool, picture_result

if TYPE_CHECKING:
    from mcp_relight.service.service import Service
    from mcp_relight.service.waiting import OnProgress

    from .remote import Wire

Ctx = Context[Any]


class Tools:
    """The handlers, and the surface they make."""

    def __init__(
        self, handle: ServiceHandle, *, resource_links: bool, wire: "Wire | None" = None
    ) -> None:
        self._handle = handle
        self._wire = wire
        self._resource_links = resource_links

    def all(self) -> list[FlatTool]:
        """All tools, in the order in which clients list them."""
        tools = self._at_home()
        return tools if self._wire is None else self._wire.surface(self._handle, tools)

    def _at_home(self) -> list[FlatTool]:
        """As they are for whoever sits at this machine."""
        handle = self._handle
        return [
            flat_tool(
                "list_models",
                handle,
                self._list_models,
                title="List relighting models",
                description="Use to learn which models can relight, whether each is ready (if not, "
                "why), its price and time, and what of a light it follows. Without arguments: "
                "the models made for relighting, and a count of each provider's general editors; "
                "provider, query or include=all list those too, in pages; model tells all of one, "
                "with its params. To rank models for one request: plan_relight. Reads only; free.",
                arguments=ListModelsArguments,
                output=ModelList,
                read_only=True,
            ),
            flat_tool(
                "analyze_light",
                handle,
                self._analyze_light,
                title="Analyze the light of a photo",
                description="Use to learn what light a photo has now: direction, contrast, "
                "colour temperature, and which looks would suit it. Makes no picture; to measure "
                "what a relighting changed: compare_images. Free, on this machine.",
                arguments=AnalyzeArguments,
                output=AnalysisView,
                read_only=True,
            ),
            flat_tool(
                "plan_relight",
                handle,
                self._plan_relight,
                title="Plan a relighting",
                description="Use before a paid relighting, or to choose a model: ranks the "
                "models for this very request with price, time, what each does with every field "
                "of the light, and what would be sent; tells what is left of today's budget. "
                "Starts no job, spends and sends nothing. Arguments mean, and range, as in "
                "relight_image; preview=true adds a free small rendering by the local engine.",
                arguments=PlanArguments,
                output=Plan,
                read_only=True,
                described=False,
            ),
            flat_tool(
                "relight_image",
                handle,
                self._relight_image,
                title="Relight a photo",
                description="Use to change the light of a photo, or an earlier result (based_on: "
                "softer, warmer). Say the light by look, direction, colour, a lamp's place, "
                "several lights or a reference photo. The default local/classic is free and "
                "offline; other models are sent the photo, cost money and run only when named: "
                "plan_relight first. "
                "Writes a new file, never touches the photo; the same request within 10 minutes "
                "is one job, paid once. Returns a job: finished with path and report, or to be "
                "asked for with get_job; of several photos a set, asked for alike.",
                arguments=RelightArguments,
                output=JobOrSet,
                read_only=False,
                open_world=True,
                idempotent=False,
            ),
            flat_tool(
                "get_job",
                handle,
                self._get_job,
                title="Get a relighting job",
                description="Use to wait for a job of relight_image, or to read it again: where "
                "it stands, result paths, measured report, cost, error. Repeats nothing. To find "
                "a job or sum up costs: list_jobs; to see the picture: view_image. Free.",
                arguments=GetJobArguments,
                output=JobOrSet,
                read_only=True,
            ),
            flat_tool(
                "list_jobs",
                handle,
                self._list_jobs,
                title="List relighting jobs",
                description="Use to find earlier jobs and their results, newest first, and to "
                "see what was spent today and is left of the budget. One row per job; get_job "
                "tells all of one. Photos not made here: find_images. Free.",
                arguments=ListJobsArguments,
                output=JobList,
                read_only=True,
            ),
            flat_tool(
                "cancel_job",
                handle,
                self._cancel_job,
                title="Cancel a relighting job",
                description="Use to stop a job, or to give up one whose outcome is unknown; one "
                "that has ended stays as it is. A remote job that cannot be stopped runs on, may "
                "be charged, and its picture is kept. Returns the job.",
                arguments=CancelJobArguments,
                output=JobOrSet,
                read_only=False,
                open_world=True,
            ),
            flat_tool(
                "view_image",
                handle,
                self._view_image,
                title="Look at a picture",
                description="Use to look at a photo or at a job's result: returns it inline, "
                "scaled down; several at once become one labelled contact sheet. Measures "
                "nothing: analyze_light and compare_images do. Free.",
                arguments=ViewArguments,
                output=None,
                read_only=True,
            ),
            flat_tool(
                "find_images",
                handle,
                self._find_images,
                title="Find recent photos",
                description="Use when the person means a photo without giving its path: lists "
                "the newest photos in the allowed folders, or those whose name contains query, "
                "to pass as image. "
                "Names and times alone: view_image shows one, list_jobs tells looks and costs of "
                "results. Free.",
                arguments=FindArguments,
                output=FoundImages,
                read_only=True,
            ),
            flat_tool(
                "compare_images",
                handle,
                self._compare_images,
                title="Compare before and after",
                description="Use to tell what changed between two pictures, most often a job's "
                "photo and its result: light, colour, brightness and damage, measured and in "
                "words; opens a before/after view where the client has one. Only to look: "
                "view_image. Free.",
                arguments=CompareArguments,
                output=Comparison,
                read_only=True,
                meta=OPENS_COMPARE,
            ),
            *AppTools(self._handle).all(),
        ]

    async def _list_models(
        self, service: "Service", arguments: ListModelsArguments, ctx: Ctx
    ) -> CallToolResult:
        return facts_result((await service.list_models(arguments)).facts())

    async def _analyze_light(
        self, service: "Service", arguments: AnalyzeArguments, ctx: Ctx
    ) -> CallToolResult:
        return facts_result((await service.analyze(arguments)).facts())

    async def _plan_relight(
        self, service: "Service", arguments: PlanArguments, ctx: Ctx
    ) -> CallToolResult:
        plan, picture = await service.plan(arguments)
        return facts_result(plan.facts(), picture=picture)

    async def _relight_image(
        self, service: "Service", arguments: RelightArguments, ctx: Ctx
    ) -> CallToolResult | InputRequiredResult:
        order = await service.order(arguments)
        order, quote = await service.quote(order)
        if quote is not None and can_be_asked(ctx.client_capabilities):
            answer = await ask(ctx, cost_question(quote))
            if isinstance(answer, InputRequiredResult):
                return answer
            if not answer:
                raise declined()
            order = order.agreed(quote)
        view = await service.relight(order, wait_s=arguments.wait_s, on_progress=_progress(ctx))
        return await self.job_result(service, view, preview=bool(arguments.preview))

    async def _get_job(
        self, service: "Service", arguments: GetJobArguments, ctx: Ctx
    ) -> CallToolResult:
        view = await service.get_job(arguments, on_progress=_progress(ctx))
        return await self.job_result(service, view, preview=bool(arguments.preview))

    async def _list_jobs(
        self, service: "Service", arguments: ListJobsArguments, ctx: Ctx
    ) -> CallToolResult:
        found = await service.list_jobs(arguments)
        return facts_result((self._wire.rows(found) if self._wire else found).facts())

    async def _cancel_job(
        self, service: "Service", arguments: CancelJobArguments, ctx: Ctx
    ) -> CallToolResult:
        view = await service.cancel_job(arguments.job_id)
        return await self.job_result(service, view, preview=False)

    async def _view_image(
        self, service: "Service", arguments: ViewArguments, ctx: Ctx
    ) -> CallToolResult:
        picture, line = await service.view(arguments)
        return picture_result(picture, line)

    async def _find_images(
        self, service: "Service", arguments: FindArguments, ctx: Ctx
    ) -> CallToolResult:
        return facts_result((await service.find(arguments)).facts())

    async def _compare_images(
        self, service: "Service", arguments: CompareArguments, ctx: Ctx
    ) -> CallToolResult:
        # Never a resource link here: claude.ai drops the app's result when there is one.
        comparison, lighting = await service.compare(arguments)
        # Where the app's rig starts; no model reads it.
        start = {LIGHTING_META: lighting.model_dump(mode="json")} if lighting else None
        return facts_result(comparison.facts(), meta=start)

    async def job_result(
        self, service: "Service", view: JobView | SetView, *, preview: bool
    ) -> CallToolResult:
        """The one form in which a job is answered."""
        if self._wire is not None:
            view = await self._wire.told(view)
        if isinstance(view, SetView):
            return facts_result(view.facts())
        picture: Encoded | None = None
        if preview:
            picture = await service.preview_of(view)
        links = view.images or () if self._resource_links else ()
        return facts_result(view.facts(), links=links, picture=picture)


def _progress(ctx: Ctx) -> "OnProgress":
    async def report(fraction: float, words: str) -> None:
        await ctx.report_progress(fraction, 1.0, words)

    return report
