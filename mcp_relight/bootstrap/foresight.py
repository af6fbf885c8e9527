"""What a first call will need, begun while the service is still being opened for it."""

from functools import partial
from typing import TYPE_CHECKING

import anyio.to_thread

from mcp_relight.config import Settings
from mcp_relight.domain.arguments import LEFT_OUT, Arguments
from mcp_relight.domain.caller import current_caller
from mcp_relight.domain.models import LOCAL_MODEL
from mcp_relight.domain.request import RelightArguments
from mcp_relight.errors import RequestError

if TYPE_CHECKING:
    from .parts import Parts


def photo_alone(arguments: Arguments, settings: Settings) -> str | None:
    """The photo of a call that lights it on this machine by what it shows, and by nothing else that
    is given; None for any other call."""
    if not isinstance(arguments, RelightArguments) or arguments.image == LEFT_OUT:
        return None
    more = arguments.mask, arguments.params, arguments.based_on, settings.shape_model_file
    is_local = (arguments.model or settings.default_model) == LOCAL_MODEL
    return arguments.image if is_local and not any(more) else None


async def look_ahead(parts: "Parts", reference: str | None, *, is_typed: bool) -> None:
    """Have the photo looked at, if it is a file that this caller may name; else see to it that
    somebody is there to look. What is wrong with it the call itself will say."""
    if reference is not None and not current_caller().remote:
        from mcp_relight.storage.intake import named_bytes

        read = partial(named_bytes, reference, parts.settings.readable_dirs, is_typed=is_typed)
        try:
            await parts.pixels.look_ahead(await anyio.to_thread.run_sync(read))
        except (RequestError, OSError, RuntimeError, ValueError):
            return
