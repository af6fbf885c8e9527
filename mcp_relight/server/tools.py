"""The ten tools a model sees, and after them those of the app.

A call that waits may be cancelled by its client at any time: only the waiting ends. The job goes on
and can be asked for; what stops a job is `cancel_job`.
"""

from typing import TYPE_CHECKING, Any

from mcp.server.mcpserver import Context
from mcp.types import CallToolResult, InputRequiredResult

from mcp_relight.domain.model_views import ModelList, Plan
from mcp_relight.domain.pixels import Encoded
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
from .flat_tool import FlatTool, flat_tool
from .replies import LIGHTING_META, facts_result, picture_result

if TYPE_CHECKING:
    from mcp_relight.service.service import Service
    from mcp_relight.service.waiting import OnProgress

Ctx = Context[Any]


class Tools:
    """The handlers, and the surface they make."""

    def __init__(self, handle: ServiceHandle, *, resource_links: bool) -> None:
        self._handle = handle
        self._resource_links = resource_links

    def all(self) -> list[FlatTool]:
        """All tools, in the order in which clients list them."""
        handle = self._handle
        return [
            flat_tool(
                "list_models",
                handle,
                self._list_models,
                title="List relighting models",
                description="Use to see which relighting models exist, whether each is ready, "
                "what it costs and which parameters it takes. Free.",
                arguments=ListModelsArguments,
                output=ModelList,
                read_only=True,
            ),
            flat_tool(
                "analyze_light",
                handle,
                self._analyze_light,
                title="Analyze the light of a photo",
                description="Use before relighting to learn where a photo's light comes from, its "
                "contrast and colour temperature, and which looks would fit. Free.",
                arguments=AnalyzeArguments,
                output=AnalysisView,
                read_only=True,
            ),
            flat_tool(
                "plan_relight",
                handle,
                self._plan_relight,
                title="Plan a relighting",
                description="Use before a paid relighting: ranks the models for a request with "
                "cost, time, what each does with every field of the light, and the exact request. "
                "Spends nothing, sends nothing. Arguments as in relight_image; preview=true adds "
                "a free rendering by the local engine.",
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
                description="Use to change the light of a photo: name a look, a direction, a "
                "colour or several lights. The default model local/classic is free and offline; "
                "other models cost money and run only when named. Returns a job: finished, or to "
                "be asked for with get_job. The original is never changed.",
                arguments=RelightArguments,
                output=JobView,
                read_only=False,
                open_world=True,
                idempotent=False,
            ),
            flat_tool(
                "get_job",
                handle,
                self._get_job,
                title="Get a relighting job",
                description="Use to wait for a job of relight_image and get its result paths, "
                "measured report or error. Free.",
                arguments=GetJobArguments,
                output=JobView,
                read_only=True,
            ),
            flat_tool(
                "list_jobs",
                handle,
                self._list_jobs,
                title="List relighting jobs",
                description="Use to find earlier relighting jobs, newest first. Free.",
                arguments=ListJobsArguments,
                output=JobList,
                read_only=True,
            ),
            flat_tool(
                "cancel_job",
                handle,
                self._cancel_job,
                title="Cancel a relighting job",
                description="Use to stop a job, or to give up one whose outcome is unknown. A "
                "remote job that cannot be stopped runs on and its picture is kept.",
                arguments=CancelJobArguments,
                output=JobView,
                read_only=False,
                open_world=True,
            ),
            flat_tool(
                "view_image",
                handle,
                self._view_image,
                title="Look at a picture",
                description="Use to see a picture or a job's result inline, scaled down; several "
                "at once become one labelled contact sheet. Free.",
                arguments=ViewArguments,
                output=None,
                read_only=True,
            ),
            flat_tool(
                "find_images",
                handle,
                self._find_images,
                title="Find recent photos",
                description="Use when the person means a photo without giving its path: lists the "
                "newest photos in the allowed folders, or those of a name. Free.",
                arguments=FindArguments,
                output=FoundImages,
                read_only=True,
            ),
            flat_tool(
                "compare_images",
                handle,
                self._compare_images,
                title="Compare before and after",
                description="Use to compare a finished job, or two pictures: measured differences "
                "in words, and a before/after view where the client has one. Free.",
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
        return facts_result((await service.list_jobs(arguments)).facts())

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
        self, service: "Service", view: JobView, *, preview: bool
    ) -> CallToolResult:
        """The one form in which a job is answered."""
        picture: Encoded | None = None
        if preview:
            picture = await service.preview_of(view)
        links = view.images or () if self._resource_links else ()
        return facts_result(view.facts(), links=links, picture=picture)


def _progress(ctx: Ctx) -> "OnProgress":
    async def report(fraction: float, words: str) -> None:
        await ctx.report_progress(fraction, 1.0, words)

    return report
