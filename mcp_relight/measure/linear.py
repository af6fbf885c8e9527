"""A small picture in linear light, each form of it made once however many measures want it."""

from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray

from mcp_relight.engine.color import decode, luminance
from mcp_relight.engine.grid import Bits, Map


class Linear:
    """`rgb` (h, w, 3) sRGB bytes, and the same in linear light."""

    def __init__(self, rgb: NDArray[np.uint8]) -> None:
        self.rgb = rgb

    @cached_property
    def full(self) -> Map:
        """(h, w, 3)."""
        return decode(self.rgb)

    @cached_property
    def level(self) -> Map:
        """(h, w) luminance."""
        return luminance(self.full)

    @cached_property
    def half(self) -> Map:
        """(h/2, w/2, 3), averaged."""
        size = _half_size(self.rgb.shape)
        return np.asarray(cv2.resize(self.full, size, interpolation=cv2.INTER_AREA), np.float32)


def half_of(bits: Bits) -> Bits:
    """(h, w) bits on the grid of `Linear.half`."""
    size = _half_size(bits.shape)
    return cv2.resize(bits.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST) > 0


def _half_size(shape: tuple[int, ...]) -> tuple[int, int]:
    return max(2, shape[1] // 2), max(2, shape[0] // 2)
