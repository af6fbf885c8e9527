"""Resources: pictures, jobs, models and looks under `relight://`."""

import json
from collections.abc import Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from mcp.server.caching import CacheHint
from mcp.server.mcpserver.exceptions import ResourceError, ResourceNotFoundError
from mcp.server.mcpserver.resources import FunctionResource
from mcp.shared.exceptions import MCPError
from mcp.types import INVALID_PARAMS
from mcp_types.methods import CacheableMethod

from mcp_relight.domain.image import URI_PREFIX
from mcp_relight.domain.looks import LOOKS
from mcp_relight.domain.queries import GetJobArguments, ListModelsArguments
from mcp_relight.domain.words import json_text
from mcp_relight.errors import (
    ImageNotFound,
    JobNotFound,
    RelightError,
    RequestError,
    UnknownModel,
)
from mcp_relight.service.handle import ServiceHandle

from .changes import JOB_URI
from .relight_server import RelightServer

if TYPE_CHECKING:
    from .remote import Wire

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


def private(hints: dict[CacheableMethod, CacheHint]) -> dict[CacheableMethod, CacheHint]:
    """The same for callers who do not all see the same."""
    return {
        method: CacheHint(ttl_ms=hint.ttl_ms, scope="private") for method, hint in hints.items()
    }


_JSON = "application/json"
_NOT_FOUND = (ImageNotFound, JobNotFound, UnknownModel)
_ALL = ListModelsArguments()


def add_resources(
    server: RelightServer, handle: ServiceHandle, *, wire: "Wire | None" = None
) -> None:
    _add_fixed(server, handle)
    _add_templates(server, handle, wire)


def _add_fixed(server: RelightServer, handle: ServiceHandle) -> None:
    async def models() -> str:
        with _in_words_of_the_protocol():
            return json_text((await (await handle.service()).list_models(_ALL, whole=True)).facts())

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


def _add_templates(server: RelightServer, handle: ServiceHandle, wire: "Wire | None") -> None:
    async def image(image_id: str) -> bytes:
        with _in_words_of_the_protocol():
            return await (await handle.service()).read_image(image_id)

    async def job(job_id: str) -> str:
        with _in_words_of_the_protocol():
            arguments = GetJobArguments.parse({"job_id": job_id, "wait_s": 0})
            view = await (await handle.service()).get_job(arguments)
            return json_text((view if wire is None else await wire.told(view)).facts())

    async def model(provider: str, model: str) -> str:
        with _in_words_of_the_protocol():
            arguments = ListModelsArguments.parse({"model": f"{provider}/{model}"})
            return json_text((await (await handle.service()).list_models(arguments)).facts())

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
