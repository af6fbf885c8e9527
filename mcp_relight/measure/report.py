"""Requested against achieved: compare a photo with its relit picture."""

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from mcp_relight.domain.lighting import Lighting
from mcp_relight.domain.report import (
    CollateralReport,
    DirectionReport,
    KelvinReport,
    Report,
    StopsReport,
)
from mcp_relight.engine.color import LUMINANCE, decode, luminance
from mcp_relight.engine.grid import Bits, Map, blur

from .color import LightColor, color_of, shifted
from .content import Content, compare
from .direction import Change, change_of
from .linear import Linear, half_of
from .register import coverage, register, shrink, warp
from .request import Wish, asked_kelvin, log_shading, wished
from .shape import GRID_PX, Shape, find_shapes
from .verdict import Measured, judge, next_step_of, sentence_of

_WORK_PX = 384
_FLOOR = 0.01
_DARK = 0.002
_KNOWN_DIRECTION = 0.1
_MIREDS_THAT_COUNT = 30.0


@dataclass(frozen=True, slots=True)
class _Pair:
    """Original and final on one grid; `shown` (h, w) where the final has the pixel."""

    original: Linear
    final: Linear
    shown: Bits
    content: Content


def report(
    original_rgb: NDArray[np.uint8],
    final_rgb: NDArray[np.uint8],
    lighting: Lighting,
    *,
    returned_rgb: NDArray[np.uint8] | None = None,
    mask: NDArray[np.bool_ | np.uint8] | None = None,
    alpha: NDArray[np.uint8] | None = None,
) -> Report:
    """Measure how `final_rgb` meets `lighting`, all pictures (H, W, 3) sRGB of any size.

    `returned_rgb` is what the model returned when `final_rgb` was made from it: content is judged
    there, light on the final picture. `mask` (bool, or 0…255) and `alpha` (0…255), (H, W) at
    any size, mark the subject of the original, if known.
    """
    pair = _aligned(original_rgb, final_rgb, returned_rgb)
    small = [shrink(one.rgb, GRID_PX) for one in (pair.original, pair.final)]
    linear = [decode(picture) for picture in small]
    before, after = (luminance(one) for one in linear)
    shapes = find_shapes(small, mask=mask, alpha=alpha)
    change = change_of(_colorless(linear[0]), _colorless(linear[1]), shapes)
    wish = wished(lighting)
    error_deg = None if wish is None else _angle_deg(wish, change)
    kelvin = _kelvin(pair, lighting)
    stops = _stops(before, after, shapes[0])
    done = _done(before, after, shapes[0], change, lighting, wish, kelvin, stops)
    direction = _direction(change, wish, error_deg, 0.3 if pair.content.changed else 1.0)
    measured = Measured(
        pair.content, change, wish, error_deg, direction.confidence, _moved_stops(pair), done
    )
    verdict = judge(measured)
    return Report(
        verdict=verdict,
        sentence=sentence_of(verdict, measured),
        next_step=next_step_of(verdict),
        direction=direction,
        stops=stops,
        kelvin=kelvin,
        collateral=_collateral(pair.content),
    )


def _aligned(
    original: NDArray[np.uint8], final: NDArray[np.uint8], returned: NDArray[np.uint8] | None
) -> _Pair:
    reference = shrink(original, _WORK_PX)
    size = (reference.shape[1], reference.shape[0])
    source = shrink(final if returned is None else returned, round(1.25 * _WORK_PX))
    registered = register(reference, source)
    affine = registered.alignment.affine
    first, moved = Linear(reference), Linear(warp(source, affine, size))
    shown = coverage(affine, size) > 0
    content = compare(first, moved, shown, registered)
    if returned is None:
        return _Pair(first, moved, shown, content)
    # The finished picture lies on the original already: light-only keeps size and framing.
    same = cv2.resize(shrink(final, _WORK_PX), size, interpolation=cv2.INTER_AREA)
    return _Pair(first, Linear(same.astype(np.uint8)), np.ones(shown.shape, np.bool_), content)


def _colorless(linear: Map) -> Map:
    """(h, w) brightness as the weighted geometric mean of the channels.

    Luminance changes with paint when the colour of the light does: under a candle an orange suit
    dims less than a blue one. The mean of logs moves by the same amount for both.
    """
    return np.exp(np.log(linear + np.float32(_DARK)) @ LUMINANCE)


def _angle_deg(wish: Wish, change: Change) -> int:
    cosine = float(wish.direction @ change.after.direction)
    return round(math.degrees(math.acos(max(-1.0, min(1.0, cosine)))))


def _moved_stops(pair: _Pair) -> float:
    """Root mean square change in stops over the picture and its channels, grain smoothed away."""
    logs = [np.log2(blur(one.half, 1.0) + _FLOOR) for one in (pair.original, pair.final)]
    moved = (logs[1] - logs[0])[half_of(pair.shown)]
    return float(np.sqrt((moved * moved).mean())) if moved.size else 0.0


def _stops(before: Map, after: Map, shape: Shape) -> StopsReport:
    def between(area: Bits) -> float:
        first, second = (max(float(level[area].mean()), 1e-3) for level in (before, after))
        return round(math.log2(second / first), 1)

    if shape.subject is None or bool(shape.subject.all()):
        everywhere = np.ones(before.shape, np.bool_)
        return StopsReport(subject=between(everywhere), background=None, confidence=0.5)
    return StopsReport(
        subject=between(shape.subject),
        background=between(~shape.subject),
        confidence=round(shape.confidence, 2),
    )


def _kelvin(pair: _Pair, lighting: Lighting) -> KelvinReport:
    before = color_of(pair.original.half)
    after = shifted(before, pair.original.half, pair.final.half, half_of(pair.shown))
    first, second = (_rounded_kelvin(color) for color in (before, after))
    return KelvinReport(
        before=first,
        after=second,
        requested=asked_kelvin(lighting),
        shift=second - first,
        confidence=after.confidence,
    )


def _rounded_kelvin(color: LightColor) -> int:
    return round(color.kelvin / 50) * 50


def _done(
    before: Map,
    after: Map,
    shape: Shape,
    change: Change,
    lighting: Lighting,
    wish: Wish | None,
    kelvin: KelvinReport,
    stops: StopsReport,
) -> float:
    """The share of what was asked that happened, judged by what was mainly asked."""
    if wish is not None and wish.sided:
        return _shading_done(before, after, shape, change, lighting)
    if lighting.exposure_ev and abs(lighting.exposure_ev) >= 0.5:
        return stops.subject / lighting.exposure_ev
    if kelvin.requested is not None:
        asked = 1e6 / kelvin.requested - 1e6 / kelvin.before
        if abs(asked) > _MIREDS_THAT_COUNT:
            return (1e6 / kelvin.after - 1e6 / kelvin.before) / asked
    return 1.0


def _shading_done(
    before: Map, after: Map, shape: Shape, change: Change, lighting: Lighting
) -> float:
    """Slope of the measured change of log brightness over the asked one, on the subject."""
    known = change.before.confidence * np.log(
        np.maximum(shape.normals @ change.before.direction, 0) + np.float32(_KNOWN_DIRECTION)
    )
    asked = (lighting.strength * (log_shading(shape.normals, lighting) - known))[shape.region]
    seen = (np.log(after + _FLOOR) - np.log(before + _FLOOR))[shape.region]
    asked = asked - asked.mean()
    power = float(asked @ asked)
    return float(asked @ (seen - seen.mean())) / power if power > 1e-6 else 1.0


def _direction(
    change: Change, wish: Wish | None, error_deg: int | None, trust: float
) -> DirectionReport:
    sure = min(1.0, max(change.explained, 0.0)) * trust
    return DirectionReport(
        before=change.before.angles,
        after=change.after.angles,
        requested=None if wish is None else wish.angles,
        error_deg=error_deg,
        confidence=round(min(sure, max(change.after.confidence, 0.0) * trust), 2),
    )


def _collateral(content: Content) -> CollateralReport:
    face = content.face
    return CollateralReport(
        registration=round(content.alignment.score, 2),
        crop=round(content.alignment.crop, 2),
        structure=round(content.structure, 2),
        edges=round(content.edges_lost, 2),
        hue_shift_deg=None if content.hue_shift_deg is None else round(content.hue_shift_deg),
        face=None if face is None else round(face.sameness, 2),
        face_confidence=None if face is None else round(face.confidence, 2),
        confidence=round(min(1.0, abs(content.margin)), 2),
    )
