"""Apply a gain map to the full-size picture, a band of rows at a time to keep memory small."""

import cv2
import numpy as np
from numpy.typing import NDArray

from mcp_relight.engine.color import decode, encode

from .gain import GainMap, guide_of
from .guided import Planes

Picture = NDArray[np.float32]

_BAND_ROWS = 192
_DARKEST, _BRIGHTEST = np.log(0.02), np.log(6.0)


def apply_gain(rgb: NDArray[np.uint8], gain: GainMap) -> NDArray[np.uint8]:
    """The picture (H, W, 3) under the gains, same size, sRGB bytes."""
    height, width = rgb.shape[:2]
    out = np.empty_like(rgb)
    for top in range(0, height, _BAND_ROWS):
        rows = slice(top, min(top + _BAND_ROWS, height))
        linear = decode(rgb[rows])
        out[rows] = encode(linear * _gain(gain, linear, rows, (width, height)))
    return out


def _gain(gain: GainMap, linear: Picture, rows: slice, size: tuple[int, int]) -> Picture:
    planes = Planes(
        _enlarged(gain.brightness.slope, rows, size), _enlarged(gain.brightness.offset, rows, size)
    )
    brightness = np.clip(planes.at(guide_of(linear)), _DARKEST, _BRIGHTEST)
    total = brightness[..., None] + _enlarged(gain.tint, rows, size)
    return cv2.exp(total).astype(np.float32, copy=False)


def _enlarged(small: Picture, rows: slice, size: tuple[int, int]) -> Picture:
    """Rows `rows` of the map as it would be at full `size` (width, height)."""
    step = small.shape[0] / size[1]
    enter = np.array(
        [
            [small.shape[1] / size[0], 0, 0.5 * small.shape[1] / size[0] - 0.5],
            [0, step, (rows.start + 0.5) * step - 0.5],
        ]
    )
    return cv2.warpAffine(
        small,
        enter,
        (size[0], rows.stop - rows.start),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REPLICATE,
    ).astype(np.float32, copy=False)
