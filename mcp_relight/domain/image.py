"""Pictures: what is known of stored ones, and what the pixel child answers, values only, no arrays.

The id of a stored image is the hash of its bytes, so equal bytes are stored once.
"""

import hashlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from .lighting import Lighting

if TYPE_CHECKING:
    from .ports import Images, Pixels
    from .report import LightAnalysis

ENGINE_VERSION = "17"
"""Changes whenever the local engine finds out other things about the same photo, or writes them
down in other bytes: part of the key of every cached analysis."""

MaskMode = Literal[
    "user_normals", "user_depth", "shape_model", "user_mask", "alpha", "auto_mask", "scene"
]


SHAPE_MODEL_MAX_BYTES = 256_000_000
"""Weights take about four times their size while they run; the child has 2 GB."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShapeModel:
    """A network file of the user's own. Only bytes of this digest are parsed; it is empty where
    there is no file, or one that is too large."""

    path: str
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Inspected:
    """A picture that was fully decoded once, and its clean bytes: no metadata but colour profile
    and orientation, nothing behind the end of the picture."""

    data: bytes
    mime_type: str
    width: int
    height: int
    has_alpha: bool
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoded:
    """Encoded picture bytes."""

    data: bytes
    mime_type: str
    width: int
    height: int
    has_alpha: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RenderTask:
    """One rendering by the local engine. Picture fields are clean encoded bytes."""

    image: bytes
    lighting: Lighting
    mask: bytes | None = None
    normal_map: bytes | None = None
    normal_convention: Literal["opengl", "directx"] = "opengl"
    depth_map: bytes | None = None
    depth_convention: Literal["near_is_bright", "near_is_dark"] = "near_is_bright"
    shape_model: ShapeModel | None = None
    remove_existing: float = 0.7
    shadow_strength: float = 0.85
    specular: float = 0.1
    background: Literal["relight", "keep", "darken"] = "relight"
    max_edge_px: int | None = None
    analysis: bytes | None = None
    """A cached analysis of the same pictures, where there is one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RenderResult:
    picture: Encoded
    mode: MaskMode
    confidence: float
    warnings: tuple[str, ...]
    analysis: bytes | None
    """A fresh analysis worth caching; None when a cached one was used."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SheetCell:
    """One labelled picture of a contact sheet."""

    image: bytes
    label: str


_PLAIN = TypeAdapter[Any](Any)


def plain(value: object) -> Any:
    """A value of ours as plain ones, which a frame can carry."""
    return _PLAIN.dump_python(value)


ImageFormat = Literal["PNG", "JPEG", "WEBP", "AVIF", "GIF", "HEIF"]

EXTENSIONS: dict[str, str] = {
    "image/png": ".png",
    "image/jpeg": ".jpg",
    "image/webp": ".webp",
    "image/avif": ".avif",
    "image/gif": ".gif",
}
URI_PREFIX = "relight://images/"

MAX_INPUT_BYTES = 50_000_000
MAX_PIXELS = 50_000_000
MAX_SIDE_PX = 16_384

HEAD_BYTES = 64
"""How much of a file `format_of` wants to see."""

_ID = re.compile(r"[0-9a-f]{32}")
_AVIF_BRANDS = (b"avif", b"avis")
_HEIF_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx")
_ANY_BRANDS = (b"mif1", b"msf1")


def image_id_of(data: bytes) -> str:
    """The id of these bytes: the first 128 bits of their SHA-256, as 32 hex digits."""
    return hashlib.sha256(data).hexdigest()[:32]


def is_image_id(text: str) -> bool:
    return _ID.fullmatch(text) is not None


def format_of(head: bytes) -> ImageFormat | None:
    """The format that a file's first bytes announce; None for any we do not read."""
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return "PNG"
    if head.startswith(b"\xff\xd8\xff"):
        return "JPEG"
    if head.startswith((b"GIF87a", b"GIF89a")):
        return "GIF"
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "WEBP"
    if head[4:8] != b"ftyp":
        return None
    brand, compatible = head[8:12], head[16:HEAD_BYTES]
    if brand in _AVIF_BRANDS or (brand in _ANY_BRANDS and b"avif" in compatible):
        return "AVIF"
    return "HEIF" if brand in _HEIF_BRANDS + _ANY_BRANDS else None


class ImageInfo(BaseModel):
    """What is known of a stored image. `width` and `height` are as displayed, in pixels."""

    model_config = ConfigDict(frozen=True)

    image_id: str
    width: int
    height: int
    mime_type: str
    bytes: int
    has_alpha: bool = False
    warnings: tuple[str, ...] = ()
    """What was lost or changed when the picture was taken in, in words (16-bit, animation …)."""

    @property
    def uri(self) -> str:
        return URI_PREFIX + self.image_id

    @property
    def extension(self) -> str:
        return EXTENSIONS[self.mime_type]


def info_of(picture: Inspected | Encoded) -> ImageInfo:
    """What is known of a picture once it is stored."""
    return ImageInfo(
        image_id=image_id_of(picture.data),
        width=picture.width,
        height=picture.height,
        mime_type=picture.mime_type,
        bytes=len(picture.data),
        has_alpha=picture.has_alpha,
        warnings=picture.warnings if isinstance(picture, Inspected) else (),
    )


async def known_light(images: "Images", pixels: "Pixels", image_id: str) -> "LightAnalysis":
    """The light of a stored picture. Raises ImageNotFound and the errors of `Pixels`."""
    from .report import MEASURE_VERSION, LightAnalysis  # not for whoever only decodes

    key = f"light-{MEASURE_VERSION}-{image_id}"
    stored = await images.cached(key)
    if stored is not None:
        try:
            return LightAnalysis.model_validate_json(stored)
        except ValidationError:
            pass  # damaged on disk: measured anew
    light = await pixels.analyze(await images.read(image_id))
    await images.cache(key, light.model_dump_json().encode())
    return light
