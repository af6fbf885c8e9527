"""What changed that is not light: framing, fine structure, edges, hue of the surfaces."""

import math
from dataclasses import dataclass

import cv2
import numpy as np

from mcp_relight.engine.grid import Bits, Map, blur

from .color import brightest, darkest
from .edges import EdgeField, wide_blur
from .face import FaceKept, face_kept
from .linear import Linear, half_of
from .register import Alignment, Registered

SAME = 0.33
"""Measured: other photographs reach 0.29, hard opposite lights on a plain face mostly 0.35."""

_FLOOR = 0.01
_LEAST_PAINT = 0.08
_CLEAR_EDGE = 0.35
_KEPT_EDGE = 0.25
_CLEAR_CHROMA = 0.25
_COLORED, _GRAY, _MOST_COLORED = 0.05, 6, 0.005
"""Share of a picture in clear color; most levels between the channels of what is gray; and the
share of a gray picture that may be more than that."""


@dataclass(frozen=True, slots=True)
class Content:
    """The measures of `domain.report.CollateralReport`, unrounded, and `paint`: how much of the
    local colour pattern is the same (1 = all, None = there is none). `is_drained`: the original
    has colour and the other picture is gray.
    """

    alignment: Alignment
    structure: float
    edges_lost: float
    hue_shift_deg: float | None
    paint: float | None
    face: FaceKept | None
    is_drained: bool = False

    @property
    def sameness(self) -> float:
        """One figure for "the same scene": clearly below `SAME` for another photograph."""
        agreeing = self.alignment.score / (0.5 + self.alignment.residual_px)
        doubts = 6 * max(0.0, self.alignment.distortion - 0.03) + 2 * max(
            0.0, self.edges_lost - 0.1
        )
        if self.paint is not None:
            doubts += max(0.0, 0.5 - self.paint)
        # Lit from the other side what stood dark before a wall stands bright: a relief turned
        # about is as good a sign as a kept one, and other pictures have neither.
        return agreeing + abs(self.structure) - doubts

    @property
    def margin(self) -> float:
        """How far from the border between the same and another picture; below 0 is another.

        Light of any colour leaves a picture in that colour: one without any was made anew.
        """
        return -1.0 if self.is_drained else (self.sameness - SAME) / SAME

    @property
    def changed(self) -> bool:
        """Not the same picture any more: it cannot be the light alone that differs."""
        return self.margin < 0


def compare(reference: Linear, other: Linear, shown: Bits, registered: Registered) -> Content:
    """Compare two pictures on one grid; the other one was resampled onto the reference.

    `shown` (h, w) says where the other picture has the pixel at all.
    """
    before, after = _Surface(reference.half), _Surface(other.half)
    seen = half_of(shown)
    return Content(
        alignment=registered.alignment,
        structure=_structure(reference.level, other.level, shown),
        edges_lost=_lost_edges(registered.reference_edges, registered.other_edges, shown),
        hue_shift_deg=_hue_shift(before, after, seen),
        paint=_paint(before, after, seen),
        face=face_kept(reference.rgb, shown, registered),
        is_drained=_is_drained(before, other, shown, seen),
    )


def _is_drained(before: "_Surface", other: Linear, shown: Bits, seen: Bits) -> bool:
    """(h, w) `shown` is of the other picture, `seen` the same at half the size."""
    clear = (
        seen
        & (before.brightest > 0.02)
        & (np.hypot(*before.chroma.transpose(2, 0, 1)) > _CLEAR_CHROMA)
    )
    return float(clear.mean()) >= _COLORED and is_gray(other, shown)


def is_gray(picture: Linear, shown: Bits) -> bool:
    """Whether it has no color where it is `shown` (h, w)."""
    if not shown.any():
        return False
    most, least = brightest(picture.rgb), darkest(picture.rgb)
    return float((most - least > _GRAY)[shown].mean()) < _MOST_COLORED


def _structure(before: Map, after: Map, shown: Bits) -> float:
    """Correlation of high-pass log luminance where both pictures are well exposed."""
    fine: list[Map] = []
    usable = shown.copy()
    for level in (before, after):
        usable &= (level > 0.005) & (level < 0.95)
        logs = np.log(level + np.float32(_FLOOR))
        fine.append(np.clip(logs - blur(logs, 2.0), -0.5, 0.5))
    if int(usable.sum()) < 50:
        return 0.0
    one, other = (detail[usable] for detail in fine)
    power = float(np.linalg.norm(one) * np.linalg.norm(other))
    return float(one @ other) / power if power > 1e-6 else 0.0


def _lost_edges(before: EdgeField, after: EdgeField, shown: Bits) -> float:
    """Share of the original's clear edges that are gone."""
    near = cv2.dilate(np.abs(after), np.ones((5, 5), np.uint8))
    clear = (np.abs(before) > _CLEAR_EDGE) & shown
    if int(clear.sum()) < 20:
        return 0.0
    return float((near[clear] < _KEPT_EDGE).mean())


class _Surface:
    """What colours are compared by, of an (h, w, 3) linear picture."""

    def __init__(self, linear: Map) -> None:
        self.brightest, self.darkest = brightest(linear), darkest(linear)
        self.chroma = _chroma(linear)


def _paint(before: _Surface, after: _Surface, shown: Bits) -> float | None:
    """How much of the local pattern of colour is the same in both; None without a pattern."""
    usable = shown & (before.brightest > 0.02) & (after.brightest > 0.02)
    if int(usable.sum()) < 100:
        return None
    sigma_px = max(shown.shape) / 16
    patterns = [one.chroma - wide_blur(one.chroma, sigma_px) for one in (before, after)]
    first, second = (np.clip(one[usable], -0.5, 0.5) for one in patterns)
    power = max(float((first * first).mean()), float((second * second).mean()))
    return float((first * second).mean()) / power if power > _LEAST_PAINT**2 else None


def _hue_shift(before: _Surface, after: _Surface, shown: Bits) -> float | None:
    """Median change of hue in degrees after the light's own colour, which is smooth, is out."""
    usable = shown & (before.darkest > 0.003) & (after.darkest > 0.003)
    usable &= (before.brightest < 0.97) & (after.brightest < 0.97)
    if int(usable.sum()) < 100:
        return None
    first, second = before.chroma, after.chroma
    weight = usable.astype(np.float32)
    sigma_px = max(shown.shape) / 8
    total = np.maximum(wide_blur(weight, sigma_px), np.float32(1e-3))[..., None]
    second = second - wide_blur((second - first) * weight[..., None], sigma_px) / total
    clear = usable & (np.hypot(*first.transpose(2, 0, 1)) > _CLEAR_CHROMA)
    if int(clear.sum()) < 100:
        return None
    turn = np.arctan2(first[..., 0], first[..., 1]) - np.arctan2(second[..., 0], second[..., 1])
    wrapped = (turn[clear] + np.pi) % (2 * np.pi) - np.pi
    return math.degrees(float(np.median(np.abs(wrapped))))


def _chroma(linear: Map) -> Map:
    """(h, w, 2) log chromaticity: red against green, and blue against yellow."""
    logs = np.log(linear + np.float32(0.02))
    red = logs[..., 0] - logs[..., 1]
    blue = logs[..., 2] - (logs[..., 0] + logs[..., 1]) / 2
    return np.dstack([red, blue]).astype(np.float32)
