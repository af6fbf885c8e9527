"""Decoding: five formats by content, limits before pixels, one kind of answer."""

import io
import warnings
from dataclasses import dataclass
from typing import cast

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms, ImageFile

from mcp_relight.domain.image import MAX_INPUT_BYTES, MAX_PIXELS, MAX_SIDE_PX, ImageFormat
from mcp_relight.errors import ImageCorrupt, ImageTooLarge, ImageUnsupported, RelightError

Pixels8 = NDArray[np.uint8]

Image.MAX_IMAGE_PIXELS = MAX_PIXELS
ImageFile.LOAD_TRUNCATED_IMAGES = False
warnings.simplefilter("error", Image.DecompressionBombWarning)

_SRGB = ImageCms.ImageCmsProfile(
    ImageCms.createProfile("sRGB")  # pyright: ignore[reportUnknownMemberType, reportUnknownArgumentType]
)
_ORIENTATION = 0x0112
_TOO_MANY = f"The picture has more than {MAX_PIXELS // 1_000_000} million pixels."
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""What undoes each value of the EXIF orientation tag."""
_HEIF_BRANDS = {b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"mif1", b"msf1"}


@dataclass(frozen=True, slots=True)
class Decoded:
    """A picture as displayed. `image` is RGB or RGBA, oriented, in the profile `icc` says
    (None: sRGB)."""

    image: Image.Image
    format: ImageFormat
    icc: bytes | None
    orientation: int
    warnings: tuple[str, ...]

    @property
    def rgb(self) -> Pixels8:
        """(H, W, 3)."""
        return np.asarray(self.image.convert("RGB"))

    @property
    def alpha(self) -> Pixels8 | None:
        """(H, W), or None for an opaque kind of picture."""
        return np.asarray(self.image.getchannel("A")) if self.image.mode == "RGBA" else None


def sniff(data: bytes) -> ImageFormat | None:
    """The format by its first bytes; names and types are not asked."""
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "PNG"
    if data.startswith(b"\xff\xd8\xff"):
        return "JPEG"
    if data[:6] in (b"GIF87a", b"GIF89a"):
        return "GIF"
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "WEBP"
    if data[4:8] == b"ftyp":
        brand, compatible = data[8:12], data[12:64]
        if brand in (b"avif", b"avis") or (brand in (b"mif1", b"msf1") and b"avif" in compatible):
            return "AVIF"
        if brand in _HEIF_BRANDS:
            return "HEIF"
    return None


def decode(data: bytes) -> Decoded:
    """Raises ImageUnsupported, ImageCorrupt or ImageTooLarge; nothing else."""
    kind = _checked_kind(data)
    try:
        with Image.open(io.BytesIO(data), formats=[kind]) as opened:
            _check_size(opened)
            notes = _notes(opened, data, kind)
            icc = _profile(opened)
            orientation = _orientation(opened)
            opened.load()
            image = _turned(_as_rgb(opened, icc), orientation)
    except RelightError:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise ImageTooLarge(_TOO_MANY, hint="Scale it down first.") from None
    except MemoryError:
        raise
    except Exception:  # noqa: BLE001 - decoders raise whatever they like at what strangers wrote
        raise ImageCorrupt("The picture is damaged or incomplete.") from None
    kept = icc if icc is not None and icc[16:20] == b"RGB " else None
    return Decoded(image, kind, kept, orientation, notes)


def in_srgb(decoded: Decoded) -> Image.Image:
    """The picture with its profile applied: what programs that know no profiles should get."""
    if decoded.icc is None:
        return decoded.image
    try:
        profile = ImageCms.ImageCmsProfile(io.BytesIO(decoded.icc))
        alpha = decoded.image.getchannel("A") if decoded.image.mode == "RGBA" else None
        converted = ImageCms.profileToProfile(
            decoded.image.convert("RGB"), profile, _SRGB, outputMode="RGB"
        )
    except (ImageCms.PyCMSError, OSError):
        return decoded.image
    result = cast(Image.Image, converted)
    if alpha is not None:
        result.putalpha(alpha)
    return result


def _checked_kind(data: bytes) -> ImageFormat:
    if not data:
        raise ImageCorrupt("The picture is empty: 0 bytes.")
    if len(data) > MAX_INPUT_BYTES:
        raise ImageTooLarge(
            f"The picture is larger than {MAX_INPUT_BYTES // 1_000_000} MB.",
            hint="Save it smaller first.",
        )
    kind = sniff(data)
    if kind is None:
        raise ImageUnsupported("That is not a picture of a kind this server reads.")
    if kind == "HEIF":
        _register_heif()
    return kind


def _register_heif() -> None:
    try:
        import pillow_heif  # pyright: ignore[reportMissingTypeStubs, reportMissingImports]
    except ImportError:
        raise ImageUnsupported(
            "HEIC pictures need the extra `heic`.",
            hint='Install it with `pip install "mcp-relight[heic]"`, or export the photo as JPEG.',
        ) from None
    pillow_heif.register_heif_opener()  # pyright: ignore[reportUnknownMemberType]


def _check_size(image: Image.Image) -> None:
    width, height = image.size
    if width < 1 or height < 1:
        raise ImageCorrupt("The picture has no pixels: a side is 0.")
    if width > MAX_SIDE_PX or height > MAX_SIDE_PX:
        raise ImageTooLarge(
            f"A side of the picture is longer than {MAX_SIDE_PX} pixels.",
            hint="Scale it down first.",
        )
    if width * height > MAX_PIXELS:
        raise ImageTooLarge(_TOO_MANY, hint="Scale it down first.")


def _notes(image: Image.Image, data: bytes, kind: ImageFormat) -> tuple[str, ...]:
    notes: list[str] = []
    if image.mode.startswith(("I", "F")) or (kind == "PNG" and data[24] == 16):
        notes.append("The picture has 16 bits a channel; the result has 8.")
    if getattr(image, "is_animated", False):
        notes.append("The picture is animated; only its first frame is used.")
    return tuple(notes)


def _profile(image: Image.Image) -> bytes | None:
    icc = image.info.get("icc_profile")
    return icc if isinstance(icc, bytes) and len(icc) > 128 else None


def _orientation(image: Image.Image) -> int:
    try:
        value = image.getexif().get(_ORIENTATION, 1)
    except Exception:  # noqa: BLE001 - broken EXIF is no reason to refuse a picture
        return 1
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


def _turned(image: Image.Image, orientation: int) -> Image.Image:
    turn = _TURNS.get(orientation)
    return image if turn is None else image.transpose(turn)


def _as_rgb(image: Image.Image, icc: bytes | None) -> Image.Image:
    if image.mode.startswith("I") or image.mode == "F":
        return _scaled_to_8_bits(image)
    if image.mode in {"RGBA", "LA", "PA", "RGBa", "La"} or "transparency" in image.info:
        return image.convert("RGBA")
    if image.mode == "CMYK" and icc is not None:
        return _cmyk_to_srgb(image, icc)
    return image.convert("RGB")


def _scaled_to_8_bits(image: Image.Image) -> Image.Image:
    """A plain convert would clip 16-bit grey at 255."""
    values = np.asarray(image, dtype=np.float64)
    peak = 65535.0 if image.mode != "F" else float(values.max(initial=0.0)) or 1.0
    scaled = np.clip(values / peak, 0, 1) * 255 + 0.5
    return Image.fromarray(scaled.astype(np.uint8)).convert("RGB")


def _cmyk_to_srgb(image: Image.Image, icc: bytes) -> Image.Image:
    try:
        profile = ImageCms.ImageCmsProfile(io.BytesIO(icc))
        converted = ImageCms.profileToProfile(image, profile, _SRGB, outputMode="RGB")
    except (ImageCms.PyCMSError, OSError):
        return image.convert("RGB")
    return cast(Image.Image, converted)
