"""What a picture is found to be, and every way in which it is refused."""

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from mcp_relight.domain.image import MAX_INPUT_BYTES
from mcp_relight.errors import ImageCorrupt, ImageTooLarge, ImageUnsupported
from mcp_relight.pixels.client import PixelChild

from .pictures import array, encoded, exif, opened, photo, png_chunk, png_with

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    ("format", "mime_type"),
    [
        ("PNG", "image/png"),
        ("JPEG", "image/jpeg"),
        ("WEBP", "image/png"),
        ("AVIF", "image/png"),
        ("GIF", "image/png"),
    ],
)
async def test_five_formats_are_read_and_two_are_kept(
    pixels: PixelChild, format: str, mime_type: str
) -> None:
    data = encoded(photo(), format)
    found = await pixels.inspect(data)
    assert (found.mime_type, found.width, found.height) == (mime_type, 64, 48)
    assert found.warnings == ()
    assert not found.has_alpha
    assert (array(found.data, "RGB") == array(data, "RGB")).all()


@pytest.mark.parametrize("format", ["PNG", "JPEG", "WEBP"])
@pytest.mark.parametrize("orientation", range(1, 9))
async def test_the_orientation_is_applied_once(
    pixels: PixelChild, format: str, orientation: int
) -> None:
    upright = photo(40, 24)
    undo = {5: 5, 6: 8, 7: 7, 8: 6}.get(orientation, orientation)
    turns = [None, None, 0, 3, 1, 5, 4, 6, 2]
    turn = turns[undo]
    stored = upright if turn is None else upright.transpose(Image.Transpose(turn))
    options = {"lossless": True} if format == "WEBP" else {"quality": 100, "subsampling": 0}
    data = encoded(stored, format, exif=exif(orientation), **options)
    found = await pixels.inspect(data)
    assert (found.width, found.height) == (40, 24)
    shown = await pixels.reencode(found.data, max_edge_px=None, mime_type="image/png")
    difference = array(shown.data).astype(int) - np.asarray(upright)
    assert np.abs(difference).max() <= (6 if format == "JPEG" else 0)
    again = await pixels.inspect(found.data)
    assert (again.width, again.height, again.data) == (40, 24, found.data)


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
async def test_transparency_and_the_colors_under_it_are_kept(pixels: PixelChild, mode: str) -> None:
    image = photo(mode="RGBA").convert(mode)
    data = encoded(image, "PNG")
    if mode == "P":
        data = encoded(image, "PNG", transparency=bytes(range(256)))
    found = await pixels.inspect(data)
    assert found.has_alpha
    assert (array(found.data, "RGBA") == array(data, "RGBA")).all()
    shown = await pixels.reencode(found.data, max_edge_px=None, mime_type="image/png")
    seen = array(data, "RGBA")[..., 3] > 0
    assert (array(shown.data)[seen] == array(data, "RGBA")[seen]).all()
    assert (array(shown.data)[..., 3] == array(data, "RGBA")[..., 3]).all()


async def test_sixteen_bits_become_eight_by_scaling(pixels: PixelChild) -> None:
    ramp = np.linspace(0, 65535, 64 * 8).round().astype(np.uint16).reshape(8, 64)
    found = await pixels.inspect(encoded(Image.fromarray(ramp), "PNG"))
    assert "16-bit" in found.warnings[0]
    assert opened(found.data).mode.startswith("I;16"), "the stored file keeps what it had"
    shown = await pixels.reencode(found.data, max_edge_px=None, mime_type="image/png")
    assert np.abs(array(shown.data, "L").astype(int) - ramp / 257).max() <= 0.51


async def test_sixteen_bit_color_is_said_too(pixels: PixelChild) -> None:
    row = b"\0" + struct.pack(">3H", 65535, 32768, 0) * 2
    data = png_of(struct.pack(">IIBBBBB", 2, 2, 16, 2, 0, 0, 0), row * 2)
    found = await pixels.inspect(data)
    assert "16-bit" in found.warnings[0]
    shown = await pixels.reencode(found.data, max_edge_px=None, mime_type="image/png")
    assert array(shown.data)[0, 0].tolist() == [255, 128, 0]


async def test_print_colors_become_rgb_with_a_warning(pixels: PixelChild) -> None:
    found = await pixels.inspect(encoded(photo(mode="CMYK"), "JPEG"))
    assert "CMYK" in found.warnings[0]
    shown = await pixels.reencode(found.data, max_edge_px=None, mime_type="image/png")
    red, _, blue = array(shown.data)[24, 32]
    assert red > blue + 60


@pytest.mark.parametrize("format", ["GIF", "WEBP", "PNG"])
async def test_only_the_first_frame_of_an_animation_is_used(
    pixels: PixelChild, format: str
) -> None:
    frames = [Image.new("RGB", (20, 10), color) for color in ("red", "lime", "blue")]
    data = encoded(frames[0], format, save_all=True, append_images=frames[1:], duration=50)
    found = await pixels.inspect(data)
    assert "animated" in found.warnings[0]
    red, green, blue = array(found.data, "RGB")[5, 10].astype(int)
    assert red > 200
    assert max(green, blue) < 40
    assert not getattr(opened(found.data), "is_animated", False)


def png_of(header: bytes, rows: bytes = b"") -> bytes:
    parts = [png_chunk(b"IHDR", header), png_chunk(b"IDAT", zlib.compress(rows))]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts) + png_chunk(b"IEND", b"")


def gray_header(width: int, height: int, depth: int = 8) -> bytes:
    return struct.pack(">IIBBBBB", width, height, depth, 0, 0, 0, 0)


def damaged(data: bytes, at: int) -> bytes:
    return data[:at] + bytes([data[at] ^ 0xFF]) + data[at + 1 :]


PNG = encoded(photo(), "PNG")
JPEG = encoded(photo(), "JPEG")
JPEG_SIZE_AT = JPEG.index(b"\xff\xc0") + 5


@pytest.mark.parametrize(
    ("data", "refusal", "words"),
    [
        (b"", ImageCorrupt, "empty"),
        (PNG[:200], ImageCorrupt, "cut off"),
        (PNG[:8], ImageCorrupt, "cut off"),
        (JPEG[: len(JPEG) // 2], ImageCorrupt, "cut off"),
        (JPEG[:-2], ImageCorrupt, "cut off"),
        (JPEG[:3], ImageCorrupt, "cut off"),
        (encoded(photo(), "WEBP")[:-20], ImageCorrupt, "cut off"),
        (encoded(photo(), "AVIF")[:-20], ImageCorrupt, "cut off"),
        (damaged(PNG, PNG.index(b"IDAT") + 30), ImageCorrupt, "damaged"),
        (damaged(PNG, 20), ImageCorrupt, "damaged"),
        (png_of(gray_header(0, 10)), ImageCorrupt, "damaged|no width"),
        (
            JPEG[:JPEG_SIZE_AT] + b"\0\0" + JPEG[JPEG_SIZE_AT + 2 :],
            ImageCorrupt,
            "damaged|no width",
        ),
        (png_of(gray_header(30_000, 30_000)), ImageTooLarge, "50 megapixels"),
        (png_of(gray_header(7_100, 7_100)), ImageTooLarge, "50 megapixels"),
        (png_of(gray_header(10, 16_385)), ImageTooLarge, "16,384 pixels"),
        (PNG + b"\0" * MAX_INPUT_BYTES, ImageTooLarge, "50 MB"),
        (b"<html>no such picture</html>", ImageUnsupported, "not a picture"),
        (b"%PDF-1.7", ImageUnsupported, "not a picture"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", ImageUnsupported, "not a picture"),
        (b"\0", ImageUnsupported, "not a picture"),
        (encoded(photo(), "TIFF"), ImageUnsupported, "not a picture"),
        (encoded(photo(), "BMP"), ImageUnsupported, "not a picture"),
        (encoded(photo(), "ICO"), ImageUnsupported, "not a picture"),
    ],
)
async def test_a_bad_picture_is_refused_with_its_own_words(
    pixels: PixelChild, data: bytes, refusal: type[Exception], words: str
) -> None:
    with pytest.raises(refusal, match=words) as refused:
        await pixels.inspect(data)
    assert refused.value.hint  # pyright: ignore


async def test_a_picture_just_within_the_limits_is_read(pixels: PixelChild) -> None:
    rows = (b"\0" + bytes(7_000)) * 7_000
    found = await pixels.inspect(png_of(gray_header(7_000, 7_000), rows))
    assert (found.width, found.height) == (7_000, 7_000)


async def test_heic_is_read_or_names_the_extra(pixels: PixelChild) -> None:
    heic = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(100)
    try:
        import pillow_heif  # pyright: ignore  # noqa: F401
    except ImportError:
        with pytest.raises(ImageUnsupported) as refused:
            await pixels.inspect(heic)
        assert "heic" in refused.value.message
        assert "mcp-relight[heic]" in refused.value.hint
    else:
        with pytest.raises(ImageCorrupt):
            await pixels.inspect(heic)


async def test_large_texts_of_image_tools_are_no_reason_to_refuse(pixels: PixelChild) -> None:
    workflow = png_chunk(b"tEXt", b"workflow\0" + b"x" * 3_000_000)
    found = await pixels.inspect(png_with(PNG, workflow))
    assert len(found.data) <= len(PNG)


async def test_a_heic_photo_becomes_a_png(pixels: PixelChild) -> None:
    heif = pytest.importorskip("pillow_heif", reason="needs the extra heic")
    heif.register_heif_opener()
    buffer = io.BytesIO()
    Image.new("RGB", (64, 48), (200, 120, 40)).save(buffer, "HEIF", quality=90)
    clean = await pixels.inspect(buffer.getvalue())
    assert (clean.mime_type, clean.width, clean.height) == ("image/png", 64, 48)
