"""Requests that change an earlier job."""

from dataclasses import dataclass
from typing import Generic

from mcp_relight.domain.arguments import LEFT_OUT
from mcp_relight.domain.based import Asked, based_on
from mcp_relight.domain.image import URI_PREFIX
from mcp_relight.domain.job import JobRequest
from mcp_relight.domain.library import Library, Taken
from mcp_relight.domain.ports import Images, Jobs
from mcp_relight.errors import RequestError

from .ordering import take


@dataclass(frozen=True, slots=True)
class Whole(Generic[Asked]):
    """A request with nothing left to look up: what it says itself, and what it takes over."""

    arguments: Asked
    photo: Taken | None = None
    """Where it had to be taken in."""
    base: JobRequest | None = None
    warnings: tuple[str, ...] = ()


async def made_whole(
    arguments: Asked,
    *,
    jobs: Jobs,
    images: Images,
    library: Library,
    owner: str,
    is_of_many: bool = False,
) -> Whole[Asked]:
    """With `is_of_many` the image names many pictures, and none is taken in. Raises JobNotFound,
    ImageNotFound where the photo of the job is gone, and what taking another one in raises."""
    if arguments.based_on is None:
        return Whole(arguments)
    try:
        base = (await jobs.get(arguments.based_on, owner=owner)).request
        original = await images.info(base.image_id)
    except RequestError as error:
        raise error.about("based_on") from None
    photo = Taken(info=original, name=base.image_name)
    if is_of_many:
        whole, warnings = based_on(arguments, base, same_picture=False)
        return Whole(whole, None, base, tuple(warnings))
    if arguments.image != LEFT_OUT:
        photo = await take(library, arguments.image, "image")
    same = photo.info.image_id == base.image_id
    whole, warnings = based_on(arguments, base, same_picture=same)
    whole = whole.model_copy(update={"image": URI_PREFIX + photo.info.image_id})
    return Whole(whole, photo, base, tuple(warnings))
