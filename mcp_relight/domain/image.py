"""Stored images. An image's id is the hash of its bytes, so equal bytes are stored once."""

import hashlib
import re
from typing import Literal

from pydantic import BaseModel, ConfigDict

from .pixels import Encoded, Inspected

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
