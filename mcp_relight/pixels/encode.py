"""From pixels to the bytes of a picture file. Runs in the child alone."""

import io

import numpy as np
from PIL import Image

from mcp_relight.domain.image import Encoded
from mcp_relight.errors import InvalidArgument

from .photo import Photo, Pixels, shrunk

_QUALITY = 95
_BEST_VIEW_QUALITY, _WORST_VIEW_QUALITY = 88, 40
_STEP = 0.75
_SMALLEST_EDGE_PX = 32
_PAPER = (255, 255, 255)
"""What shows through transparency where the format has none."""


def encode_like(photo: Photo, rgb: Pixels) -> Encoded:
    """A result (H, W, 3) in sRGB in the photo's own format, colours, profile and transparency:
    JPEG for a JPEG, PNG for everything else."""
    pixels = photo.in_own_colors(rgb)
    if photo.is_jpeg:
        return encode(Image.fromarray(pixels), "image/jpeg", profile=photo.profile)
    if photo.alpha is not None:
        pixels = np.dstack([pixels, photo.alpha])
    return encode(Image.fromarray(pixels), "image/png", profile=photo.profile)


def encode(image: Image.Image, mime_type: str, *, profile: bytes | None = None) -> Encoded:
    """An RGB or RGBA picture as PNG level 1, or JPEG or WEBP of quality 95."""
    buffer = io.BytesIO()
    match mime_type:
        case "image/png":
            image.save(buffer, "PNG", compress_level=1, icc_profile=profile)
        case "image/jpeg":
            # 4:4:4: relighting moves colour edges, which halved chroma would smear.
            flat = on_paper(image)
            flat.save(buffer, "JPEG", quality=_QUALITY, subsampling=0, icc_profile=profile)
        case "image/webp":
            image.save(buffer, "WEBP", quality=_QUALITY, method=2, icc_profile=profile or b"")
        case _:
            raise InvalidArgument(
                "Pictures can be written as PNG, JPEG or WEBP only.",
                hint="Use image/png, image/jpeg or image/webp.",
                argument="mime_type",
            )
    return Encoded(
        data=buffer.getvalue(),
        mime_type=mime_type,
        width=image.width,
        height=image.height,
        has_alpha=image.mode == "RGBA" and mime_type != "image/jpeg",
    )


def jpeg_within(image: Image.Image, max_bytes: int) -> Encoded:
    """The best JPEG of at most `max_bytes`: first less quality, then fewer pixels."""
    image = on_paper(image)
    while True:
        data = _best_quality(image, max_bytes)
        if data is not None:
            return Encoded(
                data=data, mime_type="image/jpeg", width=image.width, height=image.height
            )
        edge = int(max(image.size) * _STEP)
        if edge < _SMALLEST_EDGE_PX:
            raise InvalidArgument(
                f"No picture fits into {max_bytes:,} bytes.",
                hint="Allow at least 2,000 bytes.",
                argument="max_bytes",
            )
        image = shrunk(image, edge)


def _best_quality(image: Image.Image, max_bytes: int) -> bytes | None:
    low, high = _WORST_VIEW_QUALITY, _BEST_VIEW_QUALITY
    best = _jpeg(image, high)
    if len(best) <= max_bytes:
        return best
    best = _jpeg(image, low)
    if len(best) > max_bytes:
        return None
    while high - low > 3:
        middle = (low + high) // 2
        data = _jpeg(image, middle)
        if len(data) <= max_bytes:
            low, best = middle, data
        else:
            high = middle
    return best


def _jpeg(image: Image.Image, quality: int) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality, optimize=True)
    return buffer.getvalue()


def on_paper(image: Image.Image) -> Image.Image:
    """Without transparency: laid on white."""
    if image.mode != "RGBA":
        return image
    paper = Image.new("RGB", image.size, _PAPER)
    paper.paste(image, mask=image.getchannel("A"))
    return paper
