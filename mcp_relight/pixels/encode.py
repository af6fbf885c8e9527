"""Encoding: one way for results, one for what is shown, one for what leaves this machine."""

import io
from collections.abc import Callable

import numpy as np
from PIL import Image

from mcp_relight.domain.pixels import Encoded
from mcp_relight.errors import ImageTooLarge

from .decode import Decoded, Pixels8, in_srgb

JPEG_QUALITY = 95
_QUALITIES = (88, 80, 70, 60, 50, 40)
_SMALLEST_EDGE_PX = 48


def encode_like(source: Decoded, rgb: Pixels8) -> Encoded:
    """A result in the source's kind: JPEG for JPEG, PNG for the rest, with its profile and its
    alpha channel as they were. `rgb` is (H, W, 3)."""
    image = Image.fromarray(rgb)
    if source.format == "JPEG":
        return to_jpeg(image, icc=source.icc)
    alpha = source.alpha
    if alpha is not None and alpha.shape == rgb.shape[:2]:
        image = Image.fromarray(np.dstack([rgb, alpha]))
    return to_png(image, icc=source.icc)


def to_jpeg(
    image: Image.Image, *, icc: bytes | None = None, quality: int = JPEG_QUALITY
) -> Encoded:
    buffer = io.BytesIO()
    subsampling = 0 if quality >= JPEG_QUALITY else -1
    flat = _on_white(image)
    flat.save(buffer, "JPEG", quality=quality, subsampling=subsampling, icc_profile=icc)
    return _encoded(buffer, "image/jpeg", image)


def to_png(image: Image.Image, *, icc: bytes | None = None) -> Encoded:
    buffer = io.BytesIO()
    image.save(buffer, "PNG", compress_level=1, icc_profile=icc)
    return _encoded(buffer, "image/png", image)


def small_jpeg(source: Decoded, *, max_edge_px: int, max_bytes: int) -> Encoded:
    """A JPEG in sRGB of at most `max_bytes`: quality goes down first, then the size."""
    return fit_jpeg(lambda edge_px: _shrunk(in_srgb(source), edge_px), max_edge_px, max_bytes)


def fit_jpeg(draw: Callable[[int], Image.Image], max_edge_px: int, max_bytes: int) -> Encoded:
    """The best JPEG of `draw(edge_px)` that fits. Raises ImageTooLarge when none does."""
    edge_px = max_edge_px
    while edge_px >= _SMALLEST_EDGE_PX:
        image = draw(edge_px)
        for quality in _QUALITIES:
            encoded = to_jpeg(image, quality=quality)
            if len(encoded.data) <= max_bytes:
                return encoded
        edge_px = int(edge_px * 0.75)
    raise ImageTooLarge(f"The picture cannot be shown in {max_bytes} bytes.")


def without_metadata(source: Decoded, *, max_edge_px: int | None, mime_type: str) -> Encoded:
    """Fresh bytes in sRGB: what may leave this machine."""
    image = in_srgb(source)
    if max_edge_px is not None:
        image = _shrunk(image, max_edge_px)
    return to_jpeg(image) if mime_type == "image/jpeg" else to_png(image)


def _encoded(buffer: io.BytesIO, mime_type: str, image: Image.Image) -> Encoded:
    return Encoded(
        data=buffer.getvalue(), mime_type=mime_type, width=image.width, height=image.height
    )


def _shrunk(image: Image.Image, edge_px: int) -> Image.Image:
    longest = max(image.size)
    if longest <= edge_px:
        return image
    size = (max(1, image.width * edge_px // longest), max(1, image.height * edge_px // longest))
    return image.resize(size, Image.Resampling.LANCZOS, reducing_gap=3.0)


def _on_white(image: Image.Image) -> Image.Image:
    """JPEG has no transparency; white is what people expect behind it."""
    if image.mode != "RGBA":
        return image.convert("RGB")
    white = Image.new("RGB", image.size, "white")
    white.paste(image, mask=image.getchannel("A"))
    return white
