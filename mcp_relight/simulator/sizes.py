"""How large each model's result is."""

from typing import Any

Size = tuple[int, int]
# The named sizes of fal.ai's image_size, which Pixazo's table repeats without figures.
NAMED_SIZES: dict[str, Size] = {
    "square_hd": (1024, 1024),
    "square": (512, 512),
    "portrait_4_3": (768, 1024),
    "portrait_16_9": (576, 1024),
    "landscape_4_3": (1024, 768),
    "landscape_16_9": (1024, 576),
}
MEGAPIXEL = 1024 * 1024


def ic_light_size(width_px: int, height_px: int, scale: float) -> Size:
    """IC-Light's second pass: each side times `scale`, to the nearest multiple of 64."""
    return (_to_64(width_px * scale), _to_64(height_px * scale))


def _to_64(side: float) -> int:
    return max(64, round(side / 64) * 64)


def ratio_size(ratio: str) -> Size:
    """About one megapixel of the given "w:h", sides multiples of 16."""
    across, down = (int(part) for part in ratio.split(":"))
    unit = (MEGAPIXEL / (across * down)) ** 0.5
    return (round(across * unit / 16) * 16, round(down * unit / 16) * 16)


def named_size(value: Any) -> Size:
    """Pixazo's image_size: a name or {width, height}."""
    if isinstance(value, str):
        return NAMED_SIZES[value]
    return (int(value["width"]), int(value["height"]))
