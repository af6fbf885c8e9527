"""Pictures for looking at: thumbnails, contact sheets, fresh copies."""

import numpy as np
import pytest
from PIL import Image

from mcp_relight.domain.image import SheetCell
from mcp_relight.errors import InvalidArgument
from mcp_relight.pixels.client import PixelChild

from .pictures import array, encoded, opened, photo

pytestmark = pytest.mark.anyio


def noise(width: int, height: int) -> bytes:
    values = np.random.default_rng(3).integers(0, 255, (height, width, 3), dtype=np.uint8)
    return encoded(Image.fromarray(values), "PNG")


@pytest.mark.parametrize("max_bytes", [5_000, 40_000, 700_000])
async def test_a_thumbnail_keeps_to_both_limits(pixels: PixelChild, max_bytes: int) -> None:
    small = await pixels.thumbnail(noise(900, 600), max_edge_px=512, max_bytes=max_bytes)
    assert (opened(small.data).format, small.mime_type) == ("JPEG", "image/jpeg")
    assert len(small.data) <= max_bytes
    assert max(small.width, small.height) <= 512
    assert small.width / small.height == pytest.approx(1.5, rel=0.05)
    assert opened(small.data).size == (small.width, small.height)


async def test_a_thumbnail_uses_the_room_it_has(pixels: PixelChild) -> None:
    roomy = await pixels.thumbnail(noise(900, 600), max_edge_px=512, max_bytes=700_000)
    tight = await pixels.thumbnail(noise(900, 600), max_edge_px=512, max_bytes=120_000)
    assert roomy.width == 512
    assert len(tight.data) > 80_000


async def test_a_thumbnail_is_never_enlarged(pixels: PixelChild) -> None:
    small = await pixels.thumbnail(encoded(photo(), "PNG"), max_edge_px=512, max_bytes=40_000)
    assert (small.width, small.height) == (64, 48)


async def test_a_picture_that_cannot_be_so_small_is_refused(pixels: PixelChild) -> None:
    with pytest.raises(InvalidArgument, match="300 bytes"):
        await pixels.thumbnail(noise(300, 300), max_edge_px=512, max_bytes=300)


async def test_transparency_is_laid_on_white(pixels: PixelChild) -> None:
    image = Image.new("RGBA", (40, 40), (255, 0, 0, 0))
    small = await pixels.thumbnail(encoded(image, "PNG"), max_edge_px=40, max_bytes=40_000)
    assert array(small.data).min() > 250


@pytest.mark.parametrize("count", [2, 3, 8])
async def test_a_sheet_shows_every_picture_under_its_letter(pixels: PixelChild, count: int) -> None:
    colors = [(250, 20 * index, 10) for index in range(count)]
    cells = [
        SheetCell(image=encoded(Image.new("RGB", (300, 200), color), "PNG"), label=f"look {index}")
        for index, color in enumerate(colors)
    ]
    sheet = await pixels.sheet(cells, max_edge_px=1024, max_bytes=300_000)
    assert len(sheet.data) <= 300_000
    assert 600 <= max(sheet.width, sheet.height) <= 1024
    pixels_seen = array(sheet.data).astype(int)
    for color in colors:
        near = (np.abs(pixels_seen - color).max(axis=2) < 9).mean()
        assert near > 0.3 / count, "a picture is missing"
    white = (pixels_seen.min(axis=2) > 180).any(axis=1)
    assert white.sum() >= 12, "no label is drawn large enough to be read"


async def test_labels_are_drawn_as_they_differ(pixels: PixelChild) -> None:
    image = encoded(photo(), "PNG")
    sheets = [
        await pixels.sheet(
            [SheetCell(image=image, label=label)] * 2, max_edge_px=512, max_bytes=100_000
        )
        for label in ("golden hour", "moonlight", "golden\u202e hour", "W" * 500)
    ]
    assert sheets[0].data != sheets[1].data
    assert sheets[0].data == sheets[2].data, "a control character is drawn"
    assert {sheet.width for sheet in sheets} == {sheets[0].width}


async def test_the_last_fact_of_a_long_label_is_shown(pixels: PixelChild) -> None:
    image = encoded(photo(), "PNG")
    sheets = [
        await pixels.sheet(
            [SheetCell(image=image, label=f"sunset_backlight · segmind/ic-light · $0.04 · {end}")]
            * 4,
            max_edge_px=1024,
            max_bytes=300_000,
        )
        for end in ("as asked", "weaker")
    ]
    assert sheets[0].data != sheets[1].data


@pytest.mark.parametrize("mime_type", ["image/png", "image/jpeg", "image/webp"])
async def test_a_copy_is_fresh_and_within_its_edge(pixels: PixelChild, mime_type: str) -> None:
    data = encoded(photo(400, 300), "JPEG", comment="a comment")
    copy = await pixels.reencode(data, max_edge_px=100, mime_type=mime_type)
    assert (copy.width, copy.height, copy.mime_type) == (100, 75, mime_type)
    assert opened(copy.data).size == (100, 75)
    assert b"a comment" not in copy.data
    whole = await pixels.reencode(data, max_edge_px=None, mime_type=mime_type)
    assert (whole.width, whole.height) == (400, 300)


async def test_an_unknown_kind_of_copy_is_refused(pixels: PixelChild) -> None:
    with pytest.raises(InvalidArgument) as refused:
        await pixels.reencode(encoded(photo(), "PNG"), max_edge_px=None, mime_type="image/tiff")
    assert refused.value.argument == "mime_type"
