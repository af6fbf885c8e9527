"""Colour profiles: from a picture's own colours to sRGB for the maths, and back.

Source: ICC.1:2022; littleCMS through Pillow's ImageCms.
"""

import io
from typing import Literal

import numpy as np
from PIL import Image, ImageCms

ColorSpace = Literal["RGB", "GRAY", "CMYK"]

_MAX_PROFILE_BYTES = 4_000_000
_SAME_LEVELS = 2
"""Two profiles that differ by at most this everywhere count as the same."""

_MODES: dict[ColorSpace, str] = {"RGB": "RGB", "GRAY": "L", "CMYK": "CMYK"}
_SPACE, _SIGNATURE = slice(16, 20), slice(36, 40)
"""Where a profile's header says what it describes, and that it is a profile."""

_FAILURES = (ImageCms.PyCMSError, OSError, ValueError, TypeError)
_INTENT = ImageCms.Intent.RELATIVE_COLORIMETRIC
_SRGB = ImageCms.ImageCmsProfile(
    ImageCms.createProfile("sRGB")  # pyright: ignore  # Pillow leaves littleCMS untyped
)


def color_space(profile: bytes) -> ColorSpace | None:
    """What kind of colours the profile describes; None when it is none that can be used."""
    if len(profile) > _MAX_PROFILE_BYTES or profile[_SIGNATURE] != b"acsp":
        return None
    try:
        _opened(profile)
    except _FAILURES:
        return None
    return next((space for space in _MODES if profile[_SPACE] == space.ljust(4).encode()), None)


def is_usable(profile: bytes) -> bool:
    return color_space(profile) is not None


def to_srgb(image: Image.Image, profile: bytes) -> Image.Image | None:
    """The RGB picture in sRGB; None when the profile does not fit the picture's mode."""
    space = color_space(profile)
    if space is None or _MODES[space] != image.mode:
        return None
    return _converted(image, _opened(profile), _SRGB)


def from_srgb(image: Image.Image, profile: bytes) -> Image.Image | None:
    """An sRGB picture in the colours of `profile`; None when it only describes one direction."""
    return _converted(image, _SRGB, _opened(profile))


def is_wide(profile: bytes) -> bool:
    """Whether an RGB profile means other colours than sRGB, there and back."""
    levels = np.linspace(0, 255, 9).round().astype(np.uint8)
    cube = np.stack(np.meshgrid(levels, levels, levels), axis=-1).reshape(27, 27, 3)
    seen = to_srgb(Image.fromarray(cube), profile)
    if seen is None or from_srgb(seen, profile) is None:
        return False
    difference = np.abs(np.asarray(seen, np.int16) - cube)
    return int(difference.max()) > _SAME_LEVELS


def _opened(profile: bytes) -> ImageCms.ImageCmsProfile:
    return ImageCms.ImageCmsProfile(io.BytesIO(profile))


def _converted(
    image: Image.Image,
    source: ImageCms.ImageCmsProfile,
    target: ImageCms.ImageCmsProfile,
) -> Image.Image | None:
    try:
        transform = ImageCms.buildTransform(
            source,
            target,
            image.mode,
            "RGB",
            _INTENT,
            ImageCms.Flags.BLACKPOINTCOMPENSATION,
        )
        return ImageCms.applyTransform(image, transform)
    except _FAILURES:
        return None
