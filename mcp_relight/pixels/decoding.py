"""What the child can be asked to do with a picture's file: no engine, so that it is soon ready.

Each function is a task under its own name; arguments and results are values of `domain`, with
pictures as encoded bytes.
"""

from collections.abc import Callable

from pydantic import validate_call

from mcp_relight.domain.image import Encoded, Inspected, SheetCell
from mcp_relight.errors import InvalidArgument

from . import sheet as sheets
from .decode import Source, decode
from .encode import encode, jpeg_within
from .photo import read_srgb, split, without_hidden
from .profile import color_space


def inspect(data: bytes) -> Inspected:
    source = decode(data)
    sideways = source.orientation >= 5
    width, height = source.image.size[::-1] if sideways else source.image.size
    kept = source.stripped if source.format == "JPEG" or source.orientation == 1 else None
    clean = kept if kept is not None else _as_png(source).data
    return Inspected(
        data=clean,
        mime_type="image/jpeg" if source.format == "JPEG" else "image/png",
        width=width,
        height=height,
        has_alpha=source.has_alpha,
        warnings=source.warnings,
    )


def _as_png(source: Source) -> Encoded:
    """Turned the right way up, in the picture's own colours."""
    rgb, alpha = split(source)
    if alpha is not None:
        rgb.putalpha(alpha)
    fits = source.profile is not None and color_space(source.profile) == "RGB"
    return encode(rgb, "image/png", profile=source.profile if fits else None)


def thumbnail(image: bytes, max_edge_px: int, max_bytes: int) -> Encoded:
    return jpeg_within(read_srgb(image, max_edge_px=max_edge_px), max_bytes)


def sheet(cells: list[SheetCell], max_edge_px: int, max_bytes: int) -> Encoded:
    if not cells:
        raise InvalidArgument("A contact sheet needs a picture.", argument="image")
    return jpeg_within(sheets.contact_sheet(cells, max_edge_px), max_bytes)


def word_card(words: str, max_bytes: int) -> Encoded:
    return jpeg_within(sheets.word_card(words), max_bytes)


def reencode(image: bytes, max_edge_px: int | None, mime_type: str) -> Encoded:
    picture = read_srgb(image, max_edge_px=max_edge_px)
    return encode(without_hidden(picture), mime_type)


DECODING: dict[str, Callable[..., object]] = {
    task.__name__: validate_call(task) for task in (inspect, thumbnail, sheet, word_card, reencode)
}
