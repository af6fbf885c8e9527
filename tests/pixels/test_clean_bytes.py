"""What is stored shows the same picture and says nothing else."""

import io
import zlib

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from mcp_relight.pixels.client import PixelChild

from .pictures import (
    ORDER,
    array,
    encoded,
    exif,
    jpeg_segment,
    jpeg_with,
    opened,
    photo,
    png_chunk,
    png_chunk_kinds,
    png_with,
    srgb_profile,
)

pytestmark = pytest.mark.anyio

XMP = f'<x:xmpmeta xmlns:x="adobe:ns:meta/">{ORDER}</x:xmpmeta>'.encode()
SHOWN_CHUNKS = {b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS", b"iCCP", b"sRGB", b"gAMA", b"cHRM"}


def planted_jpeg() -> bytes:
    thumbnail = b"JFIF\0\1\2\1\0\x48\0\x48" + bytes([8, 8]) + ORDER.encode().ljust(192, b" ")
    return (
        jpeg_with(
            encoded(photo(), "JPEG", icc_profile=srgb_profile()),
            jpeg_segment(0xE0, thumbnail),
            jpeg_segment(0xE0, b"JFXX\0\x10" + ORDER.encode()),
            jpeg_segment(0xE1, exif(6, ORDER)),
            jpeg_segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + XMP),
            jpeg_segment(0xE2, b"MPF\0" + ORDER.encode()),
            jpeg_segment(0xED, b"Photoshop 3.0\x008BIM" + ORDER.encode()),
            jpeg_segment(0xEE, b"Adobe\0\x64\0\0\0\0\1" + ORDER.encode()),
            jpeg_segment(0xFE, ORDER.encode()),
        )
        + ORDER.encode()
    )


def planted_png() -> bytes:
    text = PngImagePlugin.PngInfo()
    text.add_text("prompt", ORDER)
    text.add_text("prompt2", ORDER, zip=True)
    text.add_itxt("prompt3", ORDER, lang=ORDER[:20])
    data = encoded(photo(), "PNG", pnginfo=text, exif=exif(None, ORDER))
    profile = ORDER.encode() + b"\0\0" + zlib.compress(srgb_profile())
    return (
        png_with(
            data,
            png_chunk(b"iCCP", profile),
            png_chunk(b"gAMA", ORDER.encode()),
            png_chunk(b"prMt", ORDER.encode()),
            png_chunk(b"PRmt", ORDER.encode()),
            png_chunk(b"sPLT", ORDER.encode()),
        )
        + ORDER.encode()
    )


def planted_gif() -> bytes:
    return encoded(photo(), "GIF", comment=ORDER.encode()) + ORDER.encode()


PLANTED = {
    "jpeg": planted_jpeg(),
    "png": planted_png(),
    "gif": planted_gif(),
    "webp": encoded(photo(), "WEBP", exif=exif(None, ORDER), xmp=XMP),
    "avif": encoded(photo(), "AVIF", exif=exif(None, ORDER), xmp=XMP),
}


@pytest.mark.parametrize("data", PLANTED.values(), ids=PLANTED.keys())
async def test_no_planted_word_is_left_anywhere(pixels: PixelChild, data: bytes) -> None:
    assert ORDER.encode() in data, "the test plants nothing"
    found = await pixels.inspect(data)
    outputs = [found.data, " ".join(found.warnings).encode()]
    for mime_type in ("image/png", "image/jpeg", "image/webp"):
        shown = await pixels.reencode(found.data, max_edge_px=None, mime_type=mime_type)
        outputs.append(shown.data)
    for output in outputs:
        assert ORDER[:20].encode() not in output
        assert ORDER[:20].encode() not in unpacked(output)
    known = {"jfif", "jfif_version", "jfif_unit", "jfif_density", "dpi", "exif", "adobe"}
    known |= {"adobe_transform", "icc_profile", "transparency", "gamma", "srgb"}
    assert set(opened(found.data).info) <= known
    if found.mime_type == "image/png":
        assert set(png_chunk_kinds(found.data)) <= SHOWN_CHUNKS


def unpacked(data: bytes) -> bytes:
    """What is compressed inside a file, wherever a zlib stream seems to start."""
    found = list[bytes]()
    for start in (index for index in range(len(data)) if data[index : index + 2] == b"\x78\x9c"):
        try:
            found.append(zlib.decompressobj().decompress(data[start:], 100_000))
        except zlib.error:
            continue
    return b"".join(found)


@pytest.mark.filterwarnings("ignore:Image appears to be a malformed MPO")
async def test_a_jpeg_keeps_its_coded_pixels_profile_and_orientation(pixels: PixelChild) -> None:
    data = planted_jpeg()
    found = await pixels.inspect(data)
    assert (array(found.data) == array(data)).all()
    assert (found.width, found.height) == (48, 64)
    kept = opened(found.data)
    assert dict(kept.getexif()) == {0x0112: 6}
    assert kept.info["icc_profile"] == srgb_profile()
    scan = data[data.index(b"\xff\xda") : data.rindex(b"\xff\xd9")]
    assert scan in found.data


@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
async def test_stripping_a_jpeg_changes_no_pixel(
    pixels: PixelChild, mode: str, progressive: bool
) -> None:
    data = encoded(photo(200, 150, mode), "JPEG", progressive=progressive, quality=80)
    found = await pixels.inspect(jpeg_with(data, jpeg_segment(0xFE, b"a comment")))
    assert (array(found.data) == array(data)).all()


async def test_restart_markers_are_part_of_the_pixels(pixels: PixelChild) -> None:
    data = encoded(photo(200, 150), "JPEG", restart_marker_blocks=3)
    assert b"\xff\xd0" in data
    found = await pixels.inspect(data)
    assert (array(found.data) == array(data)).all()


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"])
async def test_stripping_a_png_changes_no_pixel(pixels: PixelChild, mode: str) -> None:
    image = (
        Image.fromarray(np.arange(0, 64 * 48 * 21, 21, dtype=np.uint16).reshape(48, 64))
        if mode == "I;16"
        else photo(mode="RGBA").convert(mode)
    )
    data = encoded(image, "PNG")
    found = await pixels.inspect(data)
    assert opened(found.data).mode == opened(data).mode
    assert (array(found.data) == array(data)).all()


@pytest.mark.parametrize("data", PLANTED.values(), ids=PLANTED.keys())
async def test_clean_bytes_are_clean_already(pixels: PixelChild, data: bytes) -> None:
    once = await pixels.inspect(data)
    twice = await pixels.inspect(once.data)
    assert twice.data == once.data


async def test_a_location_is_gone(pixels: PixelChild) -> None:
    tags = Image.Exif()
    tags.get_ifd(0x8825)[1] = "N"
    tags.get_ifd(0x8825)[2] = (52.0, 31.0, 12.0)
    data = encoded(photo(), "JPEG", exif=tags)
    assert Image.open(io.BytesIO(data)).getexif().get_ifd(0x8825)
    found = await pixels.inspect(data)
    assert not opened(found.data).getexif()


@pytest.mark.parametrize("noise", [b"", b"Exif\0\0", b"Exif\0\0II*\0\xff\xff\xff\xff", b"MM\0*"])
async def test_damaged_exif_is_no_reason_to_refuse(pixels: PixelChild, noise: bytes) -> None:
    data = jpeg_with(encoded(photo(), "JPEG"), jpeg_segment(0xE1, noise + bytes(range(256))))
    found = await pixels.inspect(data)
    assert (found.width, found.height) == (64, 48)
