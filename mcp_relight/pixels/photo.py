"""Pictures as arrays in sRGB, and what is needed to give them back as they came."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from .decode import Source, decode, eight_bit
from .hidden import continued, is_hiding
from .profile import color_space, from_srgb, is_wide, to_srgb

Pixels = NDArray[np.uint8]

_STRIP_ROWS = 256
_MAP_EDGE_PX = 1024
"""Shape is worked out on less than half of this; what is finer only costs memory."""


@dataclass(frozen=True, slots=True)
class Photo:
    """`rgb` (H, W, 3) in sRGB and `alpha` (H, W), 255 = opaque, the right way up.

    Where nothing is to be seen, `rgb` continues what is around.
    """

    rgb: Pixels
    alpha: Pixels | None
    is_jpeg: bool
    profile: bytes | None
    """The RGB profile to embed in a result."""
    own: Pixels | None
    """The pixels as the file has them, where `rgb` differs: in the profile's own colors, and with
    what is hidden under transparency."""
    warnings: tuple[str, ...]

    def in_own_colors(self, rgb: Pixels) -> Pixels:
        """A result (H, W, 3) in sRGB, in the colours of the photo's profile.

        Pixels the result left alone come back bit for bit, also those outside sRGB's gamut.
        """
        if self.own is None:
            return rgb
        result = self.own.copy()
        profile = self.profile if self.profile is not None and is_wide(self.profile) else None
        for top in range(0, rgb.shape[0], _STRIP_ROWS):
            strip = slice(top, top + _STRIP_ROWS)
            touched = (rgb[strip] != self.rgb[strip]).any(axis=2)
            if self.alpha is not None:
                touched &= self.alpha[strip] > 0
            converted = rgb[strip] if profile is None else _from_srgb(rgb[strip], profile)
            result[strip][touched] = converted[touched]
        return result


def _from_srgb(rgb: Pixels, profile: bytes) -> Pixels:
    converted = from_srgb(Image.fromarray(rgb), profile)
    return rgb if converted is None else np.asarray(converted)


def read_photo(data: bytes, *, max_edge_px: int | None = None) -> Photo:
    """Decode a photo, no longer than `max_edge_px`. Raises what `decode` raises."""
    source = decode(data, at_least_px=max_edge_px)
    is_jpeg, profile, notes = source.format == "JPEG", source.profile, source.warnings
    picture = split(source)
    del source  # of 50 megapixels, every copy counts
    if max_edge_px is not None:
        picture = _shrunk(*picture, max_edge_px)
    rgb, alpha = picture
    if profile is not None and color_space(profile) != "RGB":
        profile = None
    own = None
    if profile is not None and is_wide(profile):
        own = np.asarray(rgb)
        rgb = to_srgb(rgb, profile) or rgb
    seen, opacity = np.asarray(rgb), None if alpha is None else np.asarray(alpha)
    if opacity is not None and is_hiding(opacity):
        own = seen if own is None else own
        seen = continued(seen, opacity)
    return Photo(
        rgb=seen,
        alpha=opacity,
        is_jpeg=is_jpeg,
        profile=profile,
        own=own,
        warnings=notes,
    )


def read_srgb(data: bytes, *, max_edge_px: int | None = None) -> Image.Image:
    """A picture for showing: RGB or RGBA in sRGB, the right way up, no longer than asked."""
    source = decode(data, at_least_px=max_edge_px)
    profile = source.profile
    rgb, alpha = split(source)
    del source
    if alpha is not None:
        rgb.putalpha(alpha)
    picture = rgb if max_edge_px is None else shrunk(rgb, max_edge_px)
    if profile is None or color_space(profile) != "RGB":
        return picture
    converted = to_srgb(picture.convert("RGB"), profile)
    if converted is None:
        return picture
    if alpha is not None:
        converted.putalpha(picture.getchannel("A"))
    return converted


def without_hidden(picture: Image.Image) -> Image.Image:
    """An RGB or RGBA picture whose colors under full transparency say nothing."""
    if picture.mode != "RGBA":
        return picture
    alpha = picture.getchannel("A")
    opacity = np.asarray(alpha)
    if not is_hiding(opacity):
        return picture
    shown = Image.fromarray(continued(np.asarray(picture.convert("RGB")), opacity))
    shown.putalpha(alpha)
    return shown


def _shrunk(
    rgb: Image.Image, alpha: Image.Image | None, max_edge_px: int
) -> tuple[Image.Image, Image.Image | None]:
    """Both no longer than that; colors count by their opacity."""
    if alpha is None or max(rgb.size) <= max_edge_px:
        return shrunk(rgb, max_edge_px), alpha
    rgb.putalpha(alpha)
    both = shrunk(rgb, max_edge_px)
    return both.convert("RGB"), both.getchannel("A")


def read_mask(data: bytes) -> Pixels:
    """(H, W), white = the subject. A mask drawn in transparency alone counts as well."""
    rgb, alpha = split(decode(data, as_numbers=True))
    gray = np.asarray(rgb.convert("L"))
    if alpha is None:
        return gray
    opaque = np.asarray(alpha)
    if gray.min() == gray.max():
        return opaque
    return (gray.astype(np.uint16) * opaque // 255).astype(np.uint8)


def read_normals(data: bytes) -> Pixels:
    """(H, W, 3), the numbers of the file: a normal map has no colours to manage."""
    rgb, _ = split(decode(data, at_least_px=_MAP_EDGE_PX, as_numbers=True))
    return np.asarray(shrunk(rgb, _MAP_EDGE_PX))


def read_depth(data: bytes) -> Pixels | NDArray[np.uint16]:
    """(H, W), 16 bits where the file has them."""
    source = decode(data, as_numbers=True)
    if source.image.mode.startswith("I"):
        return np.asarray(source.turned(source.image)).astype(np.uint16)
    rgb, _ = split(source)
    return np.asarray(shrunk(rgb, _MAP_EDGE_PX).convert("L"))


def split(source: Source) -> tuple[Image.Image, Image.Image | None]:
    """RGB and alpha, the right way up. Colour under transparency is left as it is."""
    image = source.image
    alpha: Image.Image | None = None
    if image.mode.startswith("I"):
        alpha = _keyed_alpha(image)
        image = eight_bit(image)
    elif image.mode == "LA":
        image, alpha = image.getchannel("L"), image.getchannel("A")
    elif source.has_alpha:
        image = image if image.mode == "RGBA" else image.convert("RGBA")
        alpha = image.getchannel("A")
    rgb = _as_rgb(image, source.profile)
    return source.turned(rgb), None if alpha is None else source.turned(alpha)


def _as_rgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """RGB; grey and print colours through their own profile, where there is one."""
    if image.mode in ("L", "CMYK") and profile is not None:
        converted = to_srgb(image, profile)
        if converted is not None:
            return converted
    return image if image.mode == "RGB" else image.convert("RGB")


def _keyed_alpha(image: Image.Image) -> Image.Image | None:
    """16-bit grey has no alpha channel in Pillow, but may name one transparent value."""
    key = image.info.get("transparency")
    if not isinstance(key, int):
        return None
    opaque = np.asarray(image) != key
    return Image.fromarray((opaque * 255).astype(np.uint8))


def shrunk(image: Image.Image, max_edge_px: int) -> Image.Image:
    """No longer than `max_edge_px`; never enlarged."""
    longest = max(image.size)
    if longest <= max_edge_px:
        return image
    width, height = (max(1, round(edge * max_edge_px / longest)) for edge in image.size)
    return image.resize((width, height), Image.Resampling.LANCZOS, reducing_gap=2.0)
