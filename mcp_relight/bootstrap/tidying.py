"""Deleting what nobody needs, here and in the bucket."""

import logging
from pathlib import Path

from mcp_relight.domain.caller import Caller, acting_as
from mcp_relight.errors import RelightError

from .parts import Parts
from .pictures import lender_of

_log = logging.getLogger(__name__)

_AFTER_S = 5.0


async def tidy_up_soon(parts: Parts) -> None:
    """Soon, but not first: whoever waits for a job must not wait for this."""
    await parts.clock.sleep(_AFTER_S)
    await tidy_up(parts)


async def tidy_up(parts: Parts) -> None:
    for tidy in (prune, clear_bucket):
        try:
            await tidy(parts)
        except (RelightError, OSError) as error:  # no reason to leave a paid job alone
            _log.warning("Not everything could be tidied up: %s", type(error).__name__)


async def prune(parts: Parts) -> None:
    """Delete ended jobs that are too old or too many, and images that no job needs."""
    of_this_machine = isinstance(parts.database, Path)
    sizes = parts.files.sizes if of_this_machine else parts.ownership.sizes
    pruned = await parts.store.prune(image_bytes=await sizes())
    if of_this_machine:
        await parts.files.delete_unused(pruned.image_ids)
    await parts.store.hooks.drop_old()
    while unused := await parts.ownership.unused():
        for owner, image_id in unused:
            with acting_as(Caller(owner)):
                await parts.images.delete(image_id)


async def clear_bucket(parts: Parts) -> None:
    """Take back what is still up for a provider to read although its job has ended: given up by
    a person, or ended just before its worker did."""
    lender = lender_of(parts)
    if lender is None or parts.settings.local_only:
        return
    for job_id in await parts.store.ended(await lender.folders()):
        await lender.clear(job_id)
