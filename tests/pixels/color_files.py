"""One picture, written in every way in which files say their colors. Formulas of our own, apart
from the ones under test. Source: IEC 61966-2-1, ITU-R BT.709, BT.2020, BT.2100, H.273."""

import io
import struct
import zlib
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from .pictures import encoded, png_chunk, png_with

Floats = NDArray[np.float64]

_TO_XYZ = {
    "709": [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]],
    "p3": [[0.4866, 0.2657, 0.1982], [0.2290, 0.6917, 0.0793], [0.0000, 0.0451, 1.0439]],
    "2020": [[0.6370, 0.1446, 0.1689], [0.2627, 0.6780, 0.0593], [0.0000, 0.0281, 1.0610]],
    "adobe": [[0.5767, 0.1856, 0.1882], [0.2973, 0.6274, 0.0753], [0.0270, 0.0707, 0.9911]],
}


def shown(width: int = 96, height: int = 64) -> NDArray[np.uint8]:
    """What every file below shows: sRGB (H, W, 3), smooth, from near black to near white."""
    y, x = np.mgrid[0:height, 0:width]
    x, y = x / (width - 1), y / (height - 1)
    tone = 12 + 225 * x
    rgb = np.dstack([tone * (0.75 + 0.25 * y), tone * (1 - 0.3 * y), tone * (0.6 + 0.4 * (1 - y))])
    return rgb.round().astype(np.uint8)


def gray(rgb: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.repeat(rgb[..., 1:2], 3, axis=2)


def linear(rgb: NDArray[np.uint8]) -> Floats:
    x = rgb / 255
    return np.where(x <= 0.04045, x / 12.92, ((x + 0.055) / 1.055) ** 2.4)


def srgb(light: Floats) -> Floats:
    return np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)


def bt709(light: Floats) -> Floats:
    return np.where(light < 0.018, 4.5 * light, 1.099 * light**0.45 - 0.099)


def pq(light: Floats) -> Floats:
    y = (light * 203 / 10_000) ** 0.1593017578125
    return ((0.8359375 + 18.8515625 * y) / (1 + 18.6875 * y)) ** 78.84375


def hlg(light: Floats) -> Floats:
    display = light * 203 / 1000
    luminance = np.maximum(display @ np.array(_TO_XYZ["2020"][1]), 1e-9)[..., None]
    scene = display * luminance ** (1 / 1.2 - 1)
    logarithmic = 0.17883277 * np.log(np.maximum(12 * scene - 0.28466892, 1e-9)) + 0.55991073
    return np.where(scene <= 1 / 12, np.sqrt(3 * scene), logarithmic)


def power(exponent: float) -> Callable[[Floats], Floats]:
    return lambda light: light ** (1 / exponent)


def signal(rgb: NDArray[np.uint8], primaries: str, curve: Callable[[Floats], Floats]) -> Floats:
    """The picture's numbers, 0…1, in other colors."""
    matrix = np.linalg.inv(np.array(_TO_XYZ[primaries])) @ np.array(_TO_XYZ["709"])
    return np.clip(curve(np.clip(linear(rgb) @ matrix.T, 0, 1)), 0, 1)


def image_of(numbers: Floats) -> Image.Image:
    return Image.fromarray((numbers * 255).round().astype(np.uint8))


def png(numbers: Floats, mode: str = "RGB", bits: int = 8, *chunks: bytes) -> bytes:
    """A PNG of `mode` RGB, RGBA, L or LA with 8 or 16 bits."""
    kind = {"L": 0, "RGB": 2, "LA": 4, "RGBA": 6}[mode]
    channels = [numbers[..., :1] if mode[0] == "L" else numbers]
    if mode[-1] == "A":
        channels.append(np.ones((*numbers.shape[:2], 1)))
    levels = (np.concatenate(channels, axis=2) * (2**bits - 1)).round()
    rows = levels.astype(">u2" if bits == 16 else "u1")
    height, width = numbers.shape[:2]
    packed = zlib.compress(b"".join(b"\0" + row.tobytes() for row in rows))
    header = struct.pack(">IIBBBBB", width, height, bits, kind, 0, 0, 0)
    parts = [png_chunk(b"IHDR", header), *chunks, png_chunk(b"IDAT", packed)]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts) + png_chunk(b"IEND", b"")


def palette_png(numbers: Floats, *chunks: bytes) -> bytes:
    return png_with(encoded(image_of(numbers).quantize(256), "PNG"), *chunks)


def cicp(primaries: int, transfer: int, *, full: bool = True, matrix: int = 0) -> bytes:
    return png_chunk(b"cICP", bytes([primaries, transfer, matrix, full]))


def gama(exponent: float) -> bytes:
    return png_chunk(b"gAMA", struct.pack(">I", round(100_000 / exponent)))


def chrm(*numbers: float) -> bytes:
    """White, red, green, blue, each x and y."""
    return png_chunk(b"cHRM", struct.pack(">8I", *(round(one * 100_000) for one in numbers)))


ADOBE_CHRM = chrm(0.3127, 0.329, 0.64, 0.33, 0.21, 0.71, 0.15, 0.06)


def with_codes(data: bytes, primaries: int, transfer: int) -> bytes:
    """An AVIF or HEIC file that says other code points."""
    at = data.index(b"nclx") + 4
    return data[:at] + struct.pack(">HH", primaries, transfer) + data[at + 4 :]


def avif(numbers: Floats, **options: bytes) -> bytes:
    return encoded(image_of(numbers), "AVIF", quality=97, subsampling="4:4:4", **options)


def heic(numbers: Floats, bits: int, primaries: int, transfer: int) -> bytes:
    import pillow_heif

    mode, kind = ("RGB", "u1") if bits == 8 else (f"RGB;{bits}", "<u2")
    height, width = numbers.shape[:2]
    levels = (numbers * (2**bits - 1)).round().astype(kind)
    written = pillow_heif.from_bytes(mode=mode, size=(width, height), data=levels.tobytes())
    buffer = io.BytesIO()
    written.save(buffer, quality=95, chroma=444)
    return with_codes(buffer.getvalue(), primaries, transfer)


def tiff(*directories: list[tuple[int, int, bytes]], order: str = "<") -> bytes:
    """EXIF by hand, of entries (tag, type, value); the value b"->1" points to directory 1."""
    places, at = list[int](), 8
    for entries in directories:
        places.append(at)
        at += 2 + 12 * len(entries) + 4
    parts = [b"Exif\0\0", b"II*\0" if order == "<" else b"MM\0*", struct.pack(order + "I", 8)]
    for entries in directories:
        parts.append(struct.pack(order + "H", len(entries)))
        for tag, kind, value in entries:
            if value.startswith(b"->"):
                value = struct.pack(order + "I", places[int(value[2:])])
            parts.append(struct.pack(order + "HHI", tag, kind, 1) + value.ljust(4, b"\0"))
        parts.append(bytes(4))
    return b"".join(parts)


def color_exif(space: int, index: bytes | None) -> bytes:
    """EXIF that says a color space and, unless None, an option file such as R03."""
    details = [(0xA001, 3, struct.pack("<H", space))]
    if index is None:
        return tiff([(0x8769, 4, b"->1")], details)
    details.append((0xA005, 4, b"->2"))
    return tiff([(0x8769, 4, b"->1")], details, [(1, 2, index)])
