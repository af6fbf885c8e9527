"""From the bytes of a picture file to pixels. Runs in the child alone.

Only the named decoders see the bytes, chosen by the file's own first bytes, and only after size
and dimensions were checked. PNG and JPEG files are stripped before decoding: what a decoder never
sees cannot hurt it, and what it decoded is what is kept.
"""

import importlib
import importlib.util
import io
import struct
import warnings
import zlib
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import cast

import numpy as np
from PIL import (
    AvifImagePlugin,
    GifImagePlugin,
    Image,
    ImageFile,
    JpegImagePlugin,
    PngImagePlugin,
    WebPImagePlugin,
)
from PIL import __version__ as pillow_version

from mcp_relight.domain.image import (
    HEAD_BYTES,
    MAX_INPUT_BYTES,
    MAX_PIXELS,
    MAX_SIDE_PX,
    ImageFormat,
    format_of,
)
from mcp_relight.errors import ImageCorrupt, ImageTooLarge, ImageUnsupported, RequestError

from .bmff import ColorCodes, main_picture
from .colors import ADOBE_RGB, SRGB, Colors, from_codes
from .deep import levels_of, loaded
from .exif import Exif, read_exif
from .icc import profile_of
from .profile import is_usable
from .strip_jpeg import strip_jpeg
from .strip_png import strip_png
from .tone import to_srgb_levels

# Whatever was installed beside or in spite of what we ask for. CVE-2026-112403 and a dozen more.
if int(pillow_version.partition(".")[0]) < 13:
    raise ImportError(
        "Pillow is older than 13.0.0, in which a picture can overwrite memory: update Pillow."
    )

# Image.open with `formats` finds only decoders that are loaded.
_DECODERS = (AvifImagePlugin, GifImagePlugin, JpegImagePlugin, PngImagePlugin, WebPImagePlugin)
_HAS_HEIF = importlib.util.find_spec("pillow_heif") is not None
if _HAS_HEIF:
    importlib.import_module("pillow_heif").register_heif_opener()

Image.MAX_IMAGE_PIXELS = MAX_PIXELS
ImageFile.LOAD_TRUNCATED_IMAGES = False
warnings.simplefilter("ignore")
warnings.simplefilter("error", Image.DecompressionBombWarning)

ANIMATED = "The picture is animated; only its first frame is used."
HDR = (
    "The picture is HDR; it is processed and returned in sRGB, its highlights compressed with the "
    "curve of ITU-R BT.2390."
)
LINEAR = "The picture is in linear light or video range; it is processed and returned in sRGB."
ADOBE_RGB_GUESSED = (
    "The picture says that it is not in sRGB but not what it is in; it is read as Adobe RGB."
)
CMYK = "The picture is in print colours (CMYK); it is processed and returned as RGB."

_GREY_MODES = ("1", "L", "LA")
_BOMBS = (Image.DecompressionBombWarning, Image.DecompressionBombError)
_DECODER_FAILURES = (
    OSError,
    ValueError,
    TypeError,
    LookupError,
    ArithmeticError,
    AttributeError,
    AssertionError,
    RuntimeError,
    SyntaxError,
    EOFError,
    struct.error,
    zlib.error,
)
"""What Pillow's decoders raise on damaged files; its own suite of such files meets all of them."""

_TURNS: dict[int, Image.Transpose] = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


@dataclass(frozen=True, slots=True)
class Source:
    """A decoded picture file. `image` is as stored, not yet turned by `orientation`."""

    image: Image.Image
    format: ImageFormat
    orientation: int
    profile: bytes | None
    stripped: bytes | None
    """The same picture without metadata, where that needs no new encoding (PNG and JPEG)."""
    warnings: tuple[str, ...]
    colors: Colors | None = None
    """What the numbers mean, where no profile can say it: they are to be brought to sRGB."""

    @property
    def has_alpha(self) -> bool:
        return self.image.mode in ("RGBA", "LA", "PA") or "transparency" in self.image.info

    def turned(self, image: Image.Image) -> Image.Image:
        """`image`, which has the stored layout, the right way up."""
        turn = _TURNS.get(self.orientation)
        return image if turn is None else image.transpose(turn)


def decode(data: bytes, *, at_least_px: int | None = None, as_numbers: bool = False) -> Source:
    """Decode a picture file in full; only the first frame of an animation.

    With `at_least_px` a JPEG may be decoded smaller, its longer edge no shorter than that. With
    `as_numbers` the file holds a map, whose numbers are no colors and stay as they are.
    Raises ImageCorrupt, ImageTooLarge or ImageUnsupported.
    """
    source = _opened(data)
    if at_least_px is not None and source.format == "JPEG":
        width, height = source.image.size
        scale = at_least_px / max(width, height)
        source.image.draft(None, (round(width * scale), round(height * scale)))
    with _decoding():
        if source.colors is not None and not as_numbers:
            return _in_srgb(source, data, source.colors)
        return replace(source, image=loaded(source.image))


def pixels_of(data: bytes) -> int:
    """How many pixels the head of a PNG or JPEG tells of; 0 where `decode` would refuse it."""
    try:
        with _decoding(), Image.open(io.BytesIO(data), formats=["PNG", "JPEG"]) as image:
            return image.width * image.height
    except RequestError:
        return 0


def _in_srgb(source: Source, data: bytes, colors: Colors) -> Source:
    levels, alpha, top = levels_of(source.image, source.stripped or data)
    image = Image.fromarray(to_srgb_levels(levels, top, colors))
    if alpha is not None:
        image.putalpha(Image.fromarray(alpha))
    # A map may be linear, and its file must keep the numbers; HDR is always a picture.
    kept = None if colors.is_hdr else source.stripped
    return replace(source, image=image, profile=profile_of(SRGB), colors=None, stripped=kept)


def _opened(data: bytes) -> Source:
    if not data:
        raise ImageCorrupt("The file is empty.", hint="Save or download the picture again.")
    if len(data) > MAX_INPUT_BYTES:
        raise ImageTooLarge(
            f"The picture has more than {MAX_INPUT_BYTES // 1_000_000} MB.",
            hint="Save it with a stronger compression or a smaller size.",
        )
    kind = format_of(data[:HEAD_BYTES])
    match kind:
        case "PNG":
            return _open_png(data)
        case "JPEG":
            return _open_jpeg(data)
        case "WEBP" | "GIF":
            return _open_other(data, kind)
        case "AVIF":
            return _open_heif(data, kind)
        case "HEIF" if _HAS_HEIF:
            return _open_heif(data, kind)
        case "HEIF":
            raise ImageUnsupported(
                "HEIC pictures can be read only with the optional part `heic` installed.",
                hint="Install mcp-relight[heic], or export the picture as JPEG.",
            )
        case None:
            raise ImageUnsupported("The file is not a picture of a format that can be read.")


def _open_png(data: bytes) -> Source:
    png = strip_png(data, usable=is_usable)
    image = _open(png.data, "PNG")
    notes = [*_bits_note(png.bit_depth), *_colors_note(png.colors)]
    notes += [ADOBE_RGB_GUESSED] if png.is_guess else []
    if png.animated:
        notes.append(ANIMATED)
    return Source(
        image, "PNG", png.orientation, png.profile, png.data, tuple(notes), colors=png.colors
    )


def _open_jpeg(data: bytes) -> Source:
    jpeg = strip_jpeg(data, usable=is_usable)
    image = _open(jpeg.data, "JPEG")
    notes = [CMYK] if image.mode == "CMYK" else []
    notes += [ADOBE_RGB_GUESSED] if jpeg.is_guess else []
    notes += sorted(jpeg.layers)
    return Source(image, "JPEG", jpeg.orientation, jpeg.profile, jpeg.data, tuple(notes))


def _open_other(data: bytes, kind: ImageFormat) -> Source:
    """WEBP and GIF, which say colors by a profile or EXIF alone."""
    image, notes = _open(data, kind), list[str]()
    profile, about = _metadata(image)
    if profile is None and about.adobe_rgb != "no":
        profile = profile_of(ADOBE_RGB)
        notes += [ADOBE_RGB_GUESSED] if about.adobe_rgb == "likely" else []
    notes += [ANIMATED] if _is_animated(image) else []
    return Source(image, kind, about.orientation, profile, None, tuple(notes))


def _open_heif(data: bytes, kind: ImageFormat) -> Source:
    """AVIF and HEIC: a profile counts before color codes, and codes before EXIF."""
    source = _open_other(data, kind)
    image, main = source.image, main_picture(data)
    # libheif has turned the picture by the container's word; EXIF's is not for it.
    source = replace(source, orientation=1) if kind == "HEIF" else source
    source = replace(source, warnings=(*source.warnings, *_bits_note(main.bits), *main.layers))
    codes = main.codes or _of_the_stream(image)
    if codes is None or _metadata(image)[0] is not None:
        return source
    colors = from_codes(codes.primaries, codes.transfer)
    if colors is None:
        return source
    said = [note for note in source.warnings if note != ADOBE_RGB_GUESSED]
    source = replace(source, profile=None, warnings=(*said, *_colors_note(colors)))
    if not colors.fits_profile:
        return replace(source, colors=colors)
    if colors.is_srgb:
        return source
    return replace(source, profile=profile_of(colors, gray=image.mode in _GREY_MODES))


def _metadata(image: Image.Image) -> tuple[bytes | None, Exif]:
    with _decoding():
        exif, icc = image.info.get("exif"), image.info.get("icc_profile")
    profile = icc if isinstance(icc, bytes) and is_usable(icc) else None
    return profile, read_exif(exif if isinstance(exif, bytes) else b"")


def _is_animated(image: Image.Image) -> bool:
    with _decoding():
        return bool(getattr(image, "is_animated", False))


def _open(data: bytes, kind: ImageFormat) -> Image.Image:
    with _decoding():
        image = Image.open(io.BytesIO(data), formats=[kind])
    width, height = image.size
    if width <= 0 or height <= 0:
        raise ImageCorrupt("The picture says it has no width or no height.")
    if width * height > MAX_PIXELS:
        raise _too_many_pixels()
    if max(width, height) > MAX_SIDE_PX:
        raise ImageTooLarge(
            f"The picture is longer than {MAX_SIDE_PX:,} pixels on one side.",
            hint="Scale it down or crop it.",
        )
    return image


@contextmanager
def _decoding() -> Generator[None]:
    """Turns whatever a decoder raises into an error of ours."""
    try:
        yield
    except RequestError:
        raise
    except _BOMBS:
        raise _too_many_pixels() from None
    except MemoryError:
        raise ImageTooLarge(
            "Decoding the picture needs more memory than it may have.",
            hint="Scale it down, or save it as PNG or JPEG.",
        ) from None
    except _DECODER_FAILURES:
        raise ImageCorrupt("The picture file is damaged or cut off.") from None


def _too_many_pixels() -> ImageTooLarge:
    return ImageTooLarge(
        f"The picture has more than {MAX_PIXELS // 1_000_000} megapixels.",
        hint="Scale it down.",
    )


def eight_bit(image: Image.Image) -> Image.Image:
    """A 16-bit grey picture with 8 bits; any other as it is."""
    if not image.mode.startswith("I"):
        return image
    values = np.asarray(image).astype(np.uint32)
    return Image.fromarray(((values * 255 + 32_767) // 65_535).astype(np.uint8))


def _of_the_stream(image: Image.Image) -> ColorCodes | None:
    """What libheif found, also in the coded picture itself."""
    said = image.info.get("nclx_profile")
    if not isinstance(said, dict):
        return None
    codes = cast(dict[str, int], said)
    return ColorCodes(codes["color_primaries"], codes["transfer_characteristics"])


def _bits_note(bits: int) -> tuple[str, ...]:
    if bits <= 8:
        return ()
    return (f"The picture has {bits}-bit color; it is processed and returned with 8 bits.",)


def _colors_note(colors: Colors | None) -> tuple[str, ...]:
    if colors is None or colors.fits_profile:
        return ()
    return (HDR if colors.is_hdr else LINEAR,)
