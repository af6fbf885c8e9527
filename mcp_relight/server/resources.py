"""Resources: pictures, jobs, models and looks under `relight://`."""

import json
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from typing import Any

from mcp.server.caching import CacheHint
from mcp.server.lowlevel.helper_types import ReadResourceContents
from mcp.server.mcpserver import Context, MCPServer
from mcp.server.mcpserver.exceptions import ResourceError, ResourceNotFoundError
from mcp.server.mcpserver.resources import FunctionResource
from mcp.shared.exceptions import MCPError
from mcp.types import INVALID_PARAMS, CallToolResult, GetPromptResult, InputRequiredResult
from mcp.types import Resource as ListedResource
from mcp_types.methods import CacheableMethod
from pydantic import AnyUrl

from mcp_relight.domain.image import URI_PREFIX
from mcp_relight.domain.looks import LOOKS
from mcp_relight.domain.queries import GetJobArguments, ListJobsArguments, ListModelsArguments
from mcp_relight.errors import (
    ImageNotFound,
    InvalidArgument,
    JobNotFound,
    RelightError,
    RequestError,
    UnknownModel,
)
from mcp_relight.service.opener import Opener

from .changes import JOB_URI
from .replies import refused, text_of
from .tasks.extension import Tasks

IMAGE_TEMPLATE = URI_PREFIX + "{image_id}"
JOB_TEMPLATE = JOB_URI + "{job_id}"
MODELS_URI = "relight://models"
MODEL_TEMPLATE = "relight://models/{provider}/{model}"
LOOKS_URI = "relight://looks"

CACHE_HINTS: dict[CacheableMethod, CacheHint] = {
    "tools/list": CacheHint(ttl_ms=60_000, scope="public"),
    "prompts/list": CacheHint(ttl_ms=60_000, scope="public"),
    "resources/templates/list": CacheHint(ttl_ms=60_000, scope="public"),
    # New pictures join the list, and a job's text changes while it runs.
    "resources/list": CacheHint(ttl_ms=1_000),
    "resources/read": CacheHint(ttl_ms=1_000),
}
"""How long a 2026-07-28 client may keep an answer without asking again."""

_JPEG_MAGIC = b"\xff\xd8\xff"
_JSON = "application/json"
_LISTED_JOBS = 20
_NOT_FOUND = (ImageNotFound, JobNotFound, UnknownModel)
_ALL = ListModelsArguments()


class RelightServer(MCPServer[Opener]):
    """An MCPServer that lists the newest pictures, and says of each picture what it is: a template
    has one MIME type, pictures have two. It refuses unknown names before the SDK would, which
    repeats them to the model."""

    def __init__(self, name: str, opener: Opener, tasks: Tasks, **settings: Any) -> None:
        super().__init__(name, **settings)
        self.tasks = tasks
        self._opener = opener

    async def call_tool(
        self,
        name: str,
        arguments: dict[str, Any],
        context: Context[Opener, Any] | None = None,
    ) -> CallToolResult | InputRequiredResult:
        if name not in {tool.name for tool in await self.list_tools()}:
            return refused(
                InvalidArgument("No tool of that name.", hint="tools/list names them all.")
            )
        return await super().call_tool(name, arguments, context)

    async def get_prompt(
        self,
        name: str,
        arguments: dict[str, Any] | None = None,
        context: Context[Opener, Any] | None = None,
    ) -> GetPromptResult | InputRequiredResult:
        prompts = {prompt.name: prompt for prompt in await self.list_prompts()}
        if name not in prompts:
            raise MCPError(INVALID_PARAMS, "No prompt of that name. prompts/list names them all.")
        known = prompts[name].arguments or ()
        given = arguments or {}
        missing = [one.name for one in known if one.required and one.name not in given]
        if missing or not given.keys() <= {one.name for one in known}:
            needed = f"{missing[0]} is required." if missing else "An argument is not known."
            names = ", ".join(one.name for one in known)
            raise MCPError(INVALID_PARAMS, f"{needed} This prompt takes: {names}.")
        return await super().get_prompt(name, arguments, context)

    async def read_resource(
        self, uri: AnyUrl | str, context: Context[Opener, Any] | None = None
    ) -> Iterable[ReadResourceContents] | InputRequiredResult:
        contents = await super().read_resource(uri, context)
        if isinstance(contents, InputRequiredResult):
            return contents
        return [_with_own_type(item) for item in contents]

    async def list_resources(self) -> list[ListedResource]:
        return [*await super().list_resources(), *await self._newest_pictures()]

    async def _newest_pictures(self) -> list[ListedResource]:
        service = self._opener.opened
        if service is None:
            # Clients list at the start, and starting must cost nothing.
            return []
        newest = await service.list_jobs(ListJobsArguments(status="succeeded", limit=_LISTED_JOBS))
        titles = {
            image_id: f"{job.look or 'Relit'} · {job.model} · {job.created_at}"
            for job in reversed(newest.jobs)
            for image_id in job.image_ids
        }
        return [
            ListedResource(uri=URI_PREFIX + image_id, name=image_id, title=title)
            for image_id, title in reversed(titles.items())
        ]


def add_resources(server: RelightServer, opener: Opener) -> None:
    _add_fixed(server, opener)
    _add_templates(server, opener)


def _add_fixed(server: RelightServer, opener: Opener) -> None:
    async def models() -> str:
        with _in_words_of_the_protocol():
            return text_of((await (await opener.service()).list_models(_ALL)).facts())

    server.add_resource(
        FunctionResource(
            uri=MODELS_URI,
            name="models",
            title="Relighting models",
            description="Every model that can relight: readiness, price, light controls.",
            mime_type=_JSON,
            fn=models,
        )
    )
    server.add_resource(
        FunctionResource(
            uri=LOOKS_URI,
            name="looks",
            title="Looks",
            description="The named lightings, each with its lights and its words.",
            mime_type=_JSON,
            fn=_looks,
        )
    )


def _add_templates(server: RelightServer, opener: Opener) -> None:
    async def image(image_id: str) -> bytes:
        with _in_words_of_the_protocol():
            return await (await opener.service()).read_image(image_id)

    async def job(job_id: str) -> str:
        with _in_words_of_the_protocol():
            arguments = GetJobArguments.parse({"job_id": job_id, "wait_s": 0})
            return text_of((await (await opener.service()).get_job(arguments)).facts())

    async def model(provider: str, model: str) -> str:
        with _in_words_of_the_protocol():
            arguments = ListModelsArguments.parse({"model": f"{provider}/{model}"})
            return text_of((await (await opener.service()).list_models(arguments)).facts())

    server.resource(
        IMAGE_TEMPLATE,
        title="A stored picture",
        description="The bytes of a picture that was taken in or made here.",
        mime_type="image/png",
    )(image)
    server.resource(
        JOB_TEMPLATE,
        title="A relighting job",
        description="What get_job answers, without waiting. Can be subscribed to.",
        mime_type=_JSON,
    )(job)
    server.resource(
        MODEL_TEMPLATE,
        title="A relighting model",
        description="One model in full: parameters, example, limits.",
        mime_type=_JSON,
    )(model)


def _looks() -> str:
    looks = {
        name: {"prompt": look.prompt, "lighting": look.lighting.model_dump(mode="json")}
        for name, look in LOOKS.items()
    }
    return json.dumps({"looks": looks}, separators=(",", ":"))


@contextmanager
def _in_words_of_the_protocol() -> Generator[None]:
    try:
        yield
    except _NOT_FOUND as error:
        raise ResourceNotFoundError(error.message) from None
    except RequestError as error:
        raise MCPError(INVALID_PARAMS, f"{error.message} {error.hint}".strip()) from None
    except RelightError as error:
        raise ResourceError(f"{error.message} {error.hint}".strip()) from None


def _with_own_type(item: ReadResourceContents) -> ReadResourceContents:
    if isinstance(item.content, bytes) and item.content.startswith(_JPEG_MAGIC):
        return ReadResourceContents(item.content, "image/jpeg", item.meta)
    return item
