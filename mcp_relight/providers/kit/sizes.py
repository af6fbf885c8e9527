"""Output sizes that keep the shape of the input, in the terms providers offer."""

import math
from collections.abc import Iterable

IC_LIGHT_SIDES_PX = tuple(range(256, 1025, 64))
"""The 13 sides IC-Light hosts accept (Replicate's zsxkib/ic-light prints all of them)."""
_IC_LIGHT_AREA_PX = (250_000, 420_000)
"""Near the 512 x 640 its base model was made for; the second pass enlarges the result."""


def nearest_ratio(width_px: int, height_px: int, ratios: Iterable[str]) -> str | None:
    """The `W:H` text nearest in shape; None when none of them is a ratio."""
    shape = math.log(width_px / height_px)
    known = {text: value for text in ratios if (value := _ratio(text)) is not None}
    return min(known, key=lambda text: abs(math.log(known[text]) - shape), default=None)


def _ratio(text: str) -> float | None:
    left, colon, right = text.partition(":")
    if not colon or not left.isdecimal() or not right.isdecimal():
        return None
    width, height = int(left), int(right)
    return width / height if width and height else None


def ic_light_size(width_px: int, height_px: int) -> tuple[int, int]:
    """The allowed (width, height) nearest in shape, at a size IC-Light works well with."""
    shape = math.log(width_px / height_px)
    low, high = _IC_LIGHT_AREA_PX
    pairs = [
        (width, height)
        for width in IC_LIGHT_SIDES_PX
        for height in IC_LIGHT_SIDES_PX
        if low <= width * height <= high
    ]
    return min(
        pairs,
        key=lambda pair: (round(abs(math.log(pair[0] / pair[1]) - shape), 3), -pair[0] * pair[1]),
    )


def size_of_area(
    width_px: int, height_px: int, *, area_px: int, step_px: int, low_px: int, high_px: int
) -> tuple[int, int]:
    """About `area_px` in the shape of the input; sides are multiples of `step_px` in bounds."""
    scale = math.sqrt(area_px / (width_px * height_px))

    def side(length_px: int) -> int:
        return min(max(round(length_px * scale / step_px) * step_px, low_px), high_px)

    return side(width_px), side(height_px)
