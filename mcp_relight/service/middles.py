"""Where in its picture a subject is: what a lamp's place means to a model that knows directions."""

from mcp_relight.domain.ports import Images, Pixels
from mcp_relight.domain.position import MIDDLE
from mcp_relight.errors import RelightError

Point = tuple[float, float]


class Middles:
    """Finds the middle of a subject once per picture, and remembers the last one."""

    def __init__(self, images: Images, pixels: Pixels) -> None:
        self._images = images
        self._pixels = pixels
        self._last: tuple[tuple[str, str | None], Point] | None = None

    async def of(self, image_id: str, mask_id: str | None) -> Point:
        """In fractions of width and height; the picture's own middle where no subject is found."""
        key = image_id, mask_id
        if self._last is None or self._last[0] != key:
            self._last = key, await self._find(image_id, mask_id)
        return self._last[1]

    async def _find(self, image_id: str, mask_id: str | None) -> Point:
        try:
            image = await self._images.read(image_id)
            mask = None if mask_id is None else await self._images.read(mask_id)
            return await self._pixels.middle(image, mask=mask)
        except RelightError:  # a direction that is a little off is better than no picture
            return MIDDLE
