"""The numbers of a picture with all the bits its file has, where eight would not do.

Pillow decodes colors of 16 bits to their high bytes. Asked for the other byte order it decodes to
the low bytes, so two passes of its own decoder make up the whole number. HEIC comes with all bits
from libheif; AVIF has eight, since Pillow's decoder gives no more.
"""

import importlib
import io
from typing import Any, TypeAlias, cast

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from PIL.PngImagePlugin import PngImageFile

Bytes: TypeAlias = NDArray[np.uint8]
Levels: TypeAlias = NDArray[np.uint8] | NDArray[np.uint16]

_LOW_BYTES = {"RGB;16B": "RGB;16L", "RGBA;16B": "RGBA;16L"}
_GREY_WITH_ALPHA = "LA;16B"
_ALL_16, _ALL_8 = 65_535, 255


def levels_of(image: Image.Image, data: bytes) -> tuple[Levels, Bytes | None, int]:
    """Color (H, W, 3) or grey (H, W), alpha (H, W) if there is any, and the number for white.

    `image` is `data` opened but not yet loaded. Raises what decoders raise.
    """
    if image.format == "HEIF":
        return _heif(data)
    packing = _packing(image)
    alpha = _alpha(image)
    if packing == _GREY_WITH_ALPHA:
        both = np.asarray(_decoded_as(data, "RGBA"))
        return _joined(both[..., 0], both[..., 1]), alpha, _ALL_16
    if packing in _LOW_BYTES:
        low = np.asarray(_decoded_as(data, _LOW_BYTES[packing]))
        return _joined(np.asarray(image)[..., :3], low[..., :3]), alpha, _ALL_16
    if image.mode.startswith("I"):
        return np.asarray(image).astype(np.uint16), alpha, _ALL_16
    is_grey = image.mode in ("1", "L", "LA")
    return np.asarray(image.convert("L" if is_grey else "RGB")), alpha, _ALL_8


def loaded(image: Image.Image) -> Image.Image:
    """The picture, decoded. Pillow makes RGBA of grey with alpha of 16 bits; it is LA again."""
    is_grey = _packing(image) == _GREY_WITH_ALPHA
    image.load()
    if not is_grey:
        return image
    return Image.merge("LA", (image.getchannel("R"), image.getchannel("A")))


def _joined(high: Bytes, low: Bytes) -> NDArray[np.uint16]:
    whole = high.astype(np.uint16)
    whole *= 256
    whole += low
    return whole


def _packing(image: Image.Image) -> str:
    """How a PNG's numbers lie in the file, in Pillow's words."""
    if not isinstance(image, PngImageFile) or not image.tile:
        return ""
    args = image.tile[0].args
    return args if isinstance(args, str) else ""


def _decoded_as(data: bytes, packing: str) -> Image.Image:
    image = cast(PngImageFile, Image.open(io.BytesIO(data), formats=["PNG"]))
    image.tile = [tile._replace(args=packing) for tile in image.tile]
    return image


def _alpha(image: Image.Image) -> Bytes | None:
    if image.mode.startswith("I"):
        key = image.info.get("transparency")
        return ((np.asarray(image) != key) * 255).astype(np.uint8) if isinstance(key, int) else None
    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        return np.asarray(image.convert("RGBA").getchannel("A"))
    return None


def _heif(data: bytes) -> tuple[Levels, Bytes | None, int]:
    heif: Any = importlib.import_module("pillow_heif")
    picture = heif.open_heif(io.BytesIO(data), convert_hdr_to_8bit=False)
    numbers: NDArray[Any] = np.asarray(picture)
    top = _ALL_8
    if numbers.dtype == np.uint16:
        bits = int(picture.info["bit_depth"])
        numbers = numbers >> (16 - bits)  # libheif's numbers are moved up to fill 16 bits
        top = 2**bits - 1
    if numbers.ndim == 2:
        return numbers, None, top
    alpha = numbers[..., -1] if numbers.shape[2] in (2, 4) else None
    if alpha is not None:
        alpha = (alpha.astype(np.uint32) * 255 // top).astype(np.uint8)
    return numbers[..., 0] if numbers.shape[2] < 3 else numbers[..., :3], alpha, top
