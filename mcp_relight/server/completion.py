"""Completion of ids, models and looks, for resource templates and prompts."""

from collections.abc import Awaitable, Callable, Iterable

from mcp.types import (
    Completion,
    CompletionArgument,
    CompletionContext,
    PromptReference,
    ResourceTemplateReference,
)

from mcp_relight.domain.caller import current_caller
from mcp_relight.domain.image import URI_PREFIX
from mcp_relight.domain.looks import LOOKS
from mcp_relight.domain.queries import FindArguments, ListModelsArguments
from mcp_relight.errors import RelightError
from mcp_relight.service.handle import ServiceHandle

from .relight_server import RelightServer

_MAX_VALUES = 100
_NEWEST = 100

Names = Callable[[str | None], Awaitable[Iterable[str]]]
"""Every value an argument may take, given the provider chosen so far."""


def add_completion(server: RelightServer, handle: ServiceHandle) -> None:
    known = KnownNames(handle)
    by_argument: dict[str, Names] = {
        "image_id": known.image_ids,
        "job_id": known.job_ids,
        "provider": known.providers,
        "look": known.looks,
        "looks": known.looks,
        "image": known.photos,
        "reference": known.photos,
    }

    @server.completion()
    async def complete(  # pyright: ignore[reportUnusedFunction] - registered
        ref: PromptReference | ResourceTemplateReference,
        argument: CompletionArgument,
        context: CompletionContext | None,
    ) -> Completion | None:
        names = by_argument.get(argument.name)
        if argument.name == "model":
            is_template = isinstance(ref, ResourceTemplateReference)
            names = known.models_of_provider if is_template else known.models
        if names is None:
            return None
        chosen = context.arguments if context is not None and context.arguments else {}
        try:
            values = await names(chosen.get("provider"))
        except RelightError:
            # A list of suggestions is not the place to say that a folder cannot be read.
            values = ()
        return _matching(values, argument.value)


class KnownNames:
    """What can be named, by kind."""

    def __init__(self, handle: ServiceHandle) -> None:
        self._handle = handle

    async def looks(self, provider: str | None) -> Iterable[str]:
        return LOOKS

    async def models(self, provider: str | None) -> Iterable[str]:
        found = await (await self._handle.service()).list_models(ListModelsArguments(), whole=True)
        return [model.model for model in found.models]

    async def models_of_provider(self, provider: str | None) -> Iterable[str]:
        """The part after the slash."""
        names = [model.partition("/") for model in await self.models(None)]
        return [name for owner, _, name in names if provider in {None, "", owner}]

    async def providers(self, provider: str | None) -> Iterable[str]:
        return dict.fromkeys(model.partition("/")[0] for model in await self.models(None))

    async def job_ids(self, provider: str | None) -> Iterable[str]:
        newest = await (await self._handle.service()).newest(limit=_NEWEST)
        return [job.job_id for job in newest]

    async def image_ids(self, provider: str | None) -> Iterable[str]:
        newest = await (await self._handle.service()).newest(limit=_NEWEST)
        return dict.fromkeys(image_id for job in newest for image_id in job.images)

    async def photos(self, provider: str | None) -> Iterable[str]:
        if current_caller().remote:
            return [URI_PREFIX + image_id for image_id in await self.image_ids(None)]
        found = await (await self._handle.service()).find(FindArguments(limit=_NEWEST))
        return ["latest", *found.paths()]


def _matching(values: Iterable[str], typed: str) -> Completion:
    """Those that start as typed, then those that contain it; the last of several looks counts."""
    before, comma, last = typed.rpartition(",")
    last = last.strip().lower()
    starts = [value for value in values if value.lower().startswith(last)]
    contains = [value for value in values if last in value.lower() and value not in starts]
    found = [before + comma + value for value in (*starts, *contains)]
    return Completion(
        values=found[:_MAX_VALUES], total=len(found), has_more=len(found) > _MAX_VALUES
    )
