"""Another photo whose light is asked for."""

from mcp_relight.domain.known_light import known_light
from mcp_relight.domain.library import Library, Taken
from mcp_relight.domain.matching import Asked, matched
from mcp_relight.domain.ports import Images, Pixels

from .ordering import take


async def take_reference(
    arguments: Asked, *, images: Images, pixels: Pixels, library: Library, image: Taken
) -> Asked:
    """The arguments with the light of their reference filled in. Raises InvalidArgument for what
    excludes a reference, and what taking it in raises."""
    arguments.lightings()  # refuses what excludes a reference before pictures are read
    other = await take(library, arguments.reference or "", "reference")
    light = await known_light(images, pixels, other.info.image_id)
    own = await known_light(images, pixels, image.info.image_id)
    return matched(arguments, light=light, own=own, reference=other.info.uri)
