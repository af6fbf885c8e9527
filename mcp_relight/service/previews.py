"""Lights tried on a small copy by the local engine: free, and fast enough to follow a hand."""

from collections import OrderedDict
from dataclasses import dataclass, replace

from mcp_relight.domain.image import Encoded, RenderTask
from mcp_relight.domain.ports import Images, Pixels, ShapeModelNow

from .ordering import PicturedOrder

PREVIEW_EDGE_PX = 512
PREVIEW_MAX_BYTES = 40_000
_REMEMBERED = 4


@dataclass(frozen=True, slots=True)
class _Copy:
    """A photo's small copy, its mask, and what the engine found out about them."""

    image: bytes
    mask: bytes | None
    analysis: bytes | None = None


class Previews:
    """Keeps the last photos' copies in memory, so that another light costs one rendering."""

    def __init__(self, images: Images, pixels: Pixels, shape_model: ShapeModelNow) -> None:
        self._images = images
        self._pixels = pixels
        self._shape_model = shape_model
        self._copies: OrderedDict[tuple[str, str | None], _Copy] = OrderedDict()

    async def render(self, order: PicturedOrder) -> Encoded:
        """The first light of an order, as one JPEG of at most 40 KB."""
        key = (order.image.info.image_id, order.mask.image_id if order.mask else None)
        copy = self._copies.get(key) or await self._copy(order)
        result = await self._pixels.render(
            RenderTask(
                image=copy.image,
                lighting=order.lightings[0],
                mask=copy.mask,
                shape_model=await self._shape_model(),
                analysis=copy.analysis,
            )
        )
        self._remember(key, replace(copy, analysis=result.analysis or copy.analysis))
        return await self._pixels.thumbnail(
            result.picture.data, max_edge_px=PREVIEW_EDGE_PX, max_bytes=PREVIEW_MAX_BYTES
        )

    async def _copy(self, order: PicturedOrder) -> _Copy:
        info = order.image.info
        small = await self._pixels.reencode(
            await self._images.read(info.image_id),
            max_edge_px=PREVIEW_EDGE_PX,
            mime_type=info.mime_type,
        )
        mask = await self._images.read(order.mask.image_id) if order.mask else None
        return _Copy(small.data, mask)

    def _remember(self, key: tuple[str, str | None], copy: _Copy) -> None:
        self._copies[key] = copy
        self._copies.move_to_end(key)
        while len(self._copies) > _REMEMBERED:
            self._copies.popitem(last=False)
