"""Pictures as arrays in sRGB, and what is needed to give them back as they came."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from .decode import Source, decode, eight_bit
from .hidden import fill_hidden
from .profile import color_space, from_srgb, is_wide, to_srgb

Pixels = NDArray[np.uint8]

_STRIP_ROWS = 256
_MAP_EDGE_PX = 1024
"""Shape is worked out on less than half of this; what is finer only costs memory."""


@dataclass(frozen=True, slots=True)
class Photo:
    """`rgb` (H, W, 3) in sRGB and `alpha` (H, W), 255 = opaque, the right way up."""

    rgb: Pixels
    alpha: Pixels | None
    is_jpeg: bool
    profile: bytes | None
    """The RGB profile to embed in a result."""
    own: Pixels | None
    """The pixels in the profile's own colours, where those are not sRGB."""
    under: Pixels | None
    """(N, 3): what the file holds under full transparency, in the profile's own colours. `rgb` has
    the colours of the surroundings there."""
    warnings: tuple[str, ...]

    def in_own_colors(self, rgb: Pixels) -> Pixels:
        """A result (H, W, 3) in sRGB, in the colours of the photo's profile.

        Pixels the result left alone come back bit for bit, also those outside sRGB's gamut.
        """
        if self.own is None or self.profile is None:
            return self._with_hidden(rgb)
        result = self.own.copy()
        for top in range(0, rgb.shape[0], _STRIP_ROWS):
            strip = slice(top, top + _STRIP_ROWS)
            touched = (rgb[strip] != self.rgb[strip]).any(axis=2)
            converted = from_srgb(Image.fromarray(rgb[strip]), self.profile)
            if converted is not None:
                result[strip][touched] = np.asarray(converted)[touched]
        return self._with_hidden(result)

    def _with_hidden(self, rgb: Pixels) -> Pixels:
        """What nobody sees stays as it was."""
        if self.under is None or self.alpha is None:
            return rgb
        result = rgb.copy()
        result[self.alpha == 0] = self.under
        return result


def read_photo(data: bytes, *, max_edge_px: int | None = None) -> Photo:
    """Decode a photo, no longer than `max_edge_px`. Raises what `decode` raises."""
    source = decode(data, at_least_px=max_edge_px)
    is_jpeg, profile, notes = source.format == "JPEG", source.profile, source.warnings
    rgb, alpha = split(source)
    del source  # of 50 megapixels, every copy counts
    under = None
    if alpha is not None and alpha.getextrema()[0] == 0:
        pixels, opaque = np.asarray(rgb), np.asarray(alpha)
        under = pixels[opaque == 0]
        rgb = Image.fromarray(fill_hidden(pixels, opaque))
    if max_edge_px is not None:
        rgb, under = shrunk(rgb, max_edge_px), None
        alpha = alpha if alpha is None else alpha.resize(rgb.size, Image.Resampling.BOX)
    if profile is not None and color_space(profile) != "RGB":
        profile = None
    own = None
    if profile is not None and is_wide(profile):
        own = np.asarray(rgb)
        rgb = to_srgb(rgb, profile) or rgb
    return Photo(
        rgb=np.asarray(rgb),
        alpha=None if alpha is None else np.asarray(alpha),
        is_jpeg=is_jpeg,
        profile=profile,
        own=own,
        under=under,
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


def read_mask(data: bytes) -> Pixels:
    """(H, W), white = the subject. A mask drawn in transparency alone counts as well."""
    rgb, alpha = split(decode(data))
    gray = np.asarray(rgb.convert("L"))
    if alpha is None:
        return gray
    opaque = np.asarray(alpha)
    if gray.min() == gray.max():
        return opaque
    return (gray.astype(np.uint16) * opaque // 255).astype(np.uint8)


def read_normals(data: bytes) -> Pixels:
    """(H, W, 3), the numbers of the file: a normal map has no colours to manage."""
    rgb, _ = split(decode(data, at_least_px=_MAP_EDGE_PX))
    return np.asarray(shrunk(rgb, _MAP_EDGE_PX))


def read_depth(data: bytes) -> Pixels | NDArray[np.uint16]:
    """(H, W), 16 bits where the file has them."""
    source = decode(data)
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
