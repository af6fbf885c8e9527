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
    """Have the photo looked at where it will be lit, if it is a file that this caller may name;
    else start a child of our own for whatever comes. What is wrong with the photo the call itself
    will say."""
    if reference is None or current_caller().remote or not parts.pixels.is_guest:
        await parts.pixels.warm_up()
        return
    from mcp_relight.storage.intake import named_bytes

    read = partial(named_bytes, reference, parts.settings.readable_dirs, is_typed=is_typed)
    try:
        data = await anyio.to_thread.run_sync(read)
    except (RequestError, OSError, RuntimeError, ValueError):
        await parts.pixels.warm_up()
    else:
        await parts.pixels.look_ahead(data)
