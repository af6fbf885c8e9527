"""Requested against achieved: compare a photo with its relit picture."""

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from mcp_relight.domain.lighting import Lighting
from mcp_relight.domain.looks import names_color
from mcp_relight.domain.report import (
    SURE,
    CollateralReport,
    DirectionReport,
    KelvinReport,
    LightAnalysis,
    Report,
    StopsReport,
)
from mcp_relight.engine.color import LUMINANCE, decode, luminance
from mcp_relight.engine.grid import Bits, Map, blur

from .agreeing import Told, agreed, of_another_picture, of_the_same_light
from .analyze import analyze, rounded_kelvin
from .color import shift_of
from .content import Content, compare, is_gray
from .direction import Change, Light, change_of
from .flaws import flaws_of
from .gain import at_size, gain_of
from .linear import Linear, half_of
from .match import asked_of, match_of, parts_by
from .parts import LITTLE_FILL, Evidence, parts_of
from .register import coverage, register, shrink, warp
from .request import Wish, asked_kelvin, wished
from .rim import Rim, rim_of
from .shape import GRID_PX, Shape, find_shapes
from .verdict import UNCHANGED_STOPS, Measured, judge, sentence_of

_WORK_PX = 384
_FLOOR = 0.01
_DARK = 0.002
_HARD = 0.4
_CLEAR = 127
"""Of 255, alpha."""


@dataclass(frozen=True, slots=True)
class _Pair:
    """Original and final on one grid; `shown` (h, w) where the final has the pixel."""

    original: Linear
    final: Linear
    shown: Bits
    content: Content


@dataclass(frozen=True, slots=True)
class _Seen:
    """A photo beside its relit picture, and what was asked of that."""

    lighting: Lighting
    wish: Wish | None
    known: LightAnalysis
    pair: _Pair
    shape: Shape
    """Of the original."""
    change: Change
    rim: Rim | None
    """None where no light from behind alone was asked for."""


def report(
    original_rgb: NDArray[np.uint8],
    final_rgb: NDArray[np.uint8],
    lighting: Lighting,
    *,
    returned_rgb: NDArray[np.uint8] | None = None,
    mask: NDArray[np.bool_ | np.uint8] | None = None,
    alpha: NDArray[np.uint8] | None = None,
    before: LightAnalysis | None = None,
    target: LightAnalysis | None = None,
) -> Report:
    """Measure how `final_rgb` meets `lighting`, all pictures (H, W, 3) sRGB of any size.

    `returned_rgb` is what the model returned when `final_rgb` was made from it: content is judged
    there, light on the final picture. `mask` (bool, or 0…255) and `alpha` (0…255), (H, W) at
    any size, mark the subject of the original, if known. `before` is what `analyze` said of the
    original; without it that is measured here. `target` is the light of the photo that was to be
    matched.
    """
    known = before or analyze(original_rgb, alpha=alpha)
    pair = _aligned(original_rgb, final_rgb, returned_rgb, alpha)
    small = [shrink(one.rgb, GRID_PX) for one in (pair.original, pair.final)]
    first, second = (decode(picture) for picture in small)
    shapes = find_shapes(small, mask=mask, alpha=alpha)
    change = change_of(_colorless(first), _colorless(second), shapes)
    lighting = _whole(lighting)
    wish = wished(lighting)
    rim = rim_of(pair.original, pair.final, pair.shown) if wish and wish.behind else None
    seen = _Seen(lighting, wish, known, pair, shapes[0], change, rim)
    told, angle_confidence = _told(seen)
    if target is not None:
        told = _matched(told, target, known, analyze(final_rgb), lighting)
    moved_stops = _moved_stops(pair)
    told = _one_story(seen, told, moved_stops, angle_confidence)
    measured = _measured(seen, told, moved_stops)
    verdict = judge(measured)
    return Report(
        verdict=verdict,
        sentence=sentence_of(verdict, measured),
        parts=told.parts,
        flaws=measured.flaws,
        direction=told.direction,
        stops=_stops(luminance(first), luminance(second), shapes[0]),
        kelvin=told.kelvin,
        collateral=_collateral(pair.content),
        match=told.match,
    )


def _whole(lighting: Lighting) -> Lighting:
    """A strength over 1 is a means of getting the light, and no wish for more than that."""
    return lighting.model_copy(update={"strength": min(lighting.strength, 1.0)})


def _told(seen: _Seen) -> tuple[Told, float]:
    """What each measure says by itself, and how sure the angle alone is."""
    pair, known = seen.pair, seen.known
    trust = 0.3 if pair.content.changed else 1.0
    direction = _direction(seen.change, seen.wish, known, trust)
    kelvin = _kelvin(pair, seen.lighting, known)
    gain = gain_of(pair.original, pair.final, pair.shown)
    before, after = (_mean_level(one, pair.shown) for one in (pair.original, pair.final))
    parts, sure = parts_of(
        Evidence(
            lighting=seen.lighting,
            wish=seen.wish,
            gain=gain,
            change=seen.change,
            direction_confidence=direction.confidence,
            subject=_subject(seen.shape, gain.stops.shape),
            rim=seen.rim,
            ev=math.log2(after / before),
            kelvin=kelvin.after,
            color_confidence=known.color_confidence,
            is_gray=is_gray(pair.original, pair.shown),
        )
    )
    surer = direction.model_copy(update={"confidence": round(sure, 2)})
    return Told(parts, surer, kelvin), direction.confidence


def _measured(seen: _Seen, told: Told, moved_stops: float) -> Measured:
    lighting, pair = seen.lighting, seen.pair
    return Measured(
        content=pair.content,
        parts=told.parts,
        flaws=flaws_of(
            pair.original,
            pair.final,
            pair.shown,
            is_rim_asked=any(light.direction[2] < 0 for light in lighting.lights),
            is_rim_lit=seen.rim is not None and told.parts.contrast == "as asked",
            is_rim_spoilt=seen.rim is not None and seen.rim.is_spoilt,
            is_hard_asked=any(light.softness < _HARD for light in lighting.lights),
            is_one_tone_asked=seen.wish is not None and not seen.wish.two_toned,
            is_dark_asked=lighting.is_dark,
            is_filled=lighting.ambient >= LITTLE_FILL,
        ),
        moved_stops=moved_stops,
        is_light_asked=bool(lighting.lights) or lighting.exposure_ev != 0,
        is_original_asked=bool(lighting.lights) and lighting.strength == 0,
        asked_from=told.direction.requested,
        came_from=told.direction.after,
        is_matched=told.match is not None,
        is_two_toned=seen.wish is not None and seen.wish.two_toned,
    )


def _matched(
    told: Told,
    target: LightAnalysis,
    known: LightAnalysis,
    made: LightAnalysis,
    lighting: Lighting,
) -> Told:
    """Judged by the distance to the reference's light, in whatever was filled from it."""
    match = match_of(target, made, told.direction.after, made.kelvin)
    asked = asked_of(target, known, lighting.key)
    is_color_filled = asked is not None and asked == target.kelvin
    after = made.kelvin if is_color_filled else told.kelvin.after
    kelvin = told.kelvin.model_copy(
        update={
            "requested": asked,
            "after": after,
            "shift": None if after is None or known.kelvin is None else after - known.kelvin,
        }
    )
    return Told(
        parts_by(
            match,
            told.parts,
            is_direction_filled=told.direction.requested
            == (target.azimuth_deg, target.elevation_deg),
            is_color_filled=is_color_filled,
        ),
        told.direction,
        kelvin,
        match,
    )


def _one_story(seen: _Seen, told: Told, moved_stops: float, angle_confidence: float) -> Told:
    wish = seen.wish
    if seen.pair.content.changed:
        return of_another_picture(told)
    told = agreed(
        told,
        is_one_light=wish is None or (wish.single and not wish.two_toned),
        angle_confidence=angle_confidence,
        is_tone_named=names_color(seen.lighting),
        color_confidence=seen.known.color_confidence,
    )
    return of_the_same_light(told) if moved_stops < UNCHANGED_STOPS else told


def _aligned(
    original: NDArray[np.uint8],
    final: NDArray[np.uint8],
    returned: NDArray[np.uint8] | None,
    alpha: NDArray[np.uint8] | None,
) -> _Pair:
    reference = shrink(original, _WORK_PX)
    size = (reference.shape[1], reference.shape[0])
    source = shrink(final if returned is None else returned, round(1.25 * _WORK_PX))
    registered = register(reference, source)
    affine = registered.alignment.affine
    first, moved = Linear(reference), Linear(warp(source, affine, size))
    visible = _visible(alpha, size)
    shown = visible & (coverage(affine, size) > 0)
    content = compare(first, moved, shown, registered)
    if returned is None:
        return _Pair(first, moved, shown, content)
    # The finished picture lies on the original already: light-only keeps size and framing.
    same = cv2.resize(shrink(final, _WORK_PX), size, interpolation=cv2.INTER_AREA)
    return _Pair(first, Linear(same.astype(np.uint8)), visible, content)


def _visible(alpha: NDArray[np.uint8] | None, size: tuple[int, int]) -> Bits:
    """Under clear parts of a cut-out lies colour that nobody sees."""
    if alpha is None:
        return np.ones(size[::-1], np.bool_)
    return np.asarray(cv2.resize(alpha, size, interpolation=cv2.INTER_AREA)) > _CLEAR


def _colorless(linear: Map) -> Map:
    """(h, w) brightness as the weighted geometric mean of the channels.

    Luminance changes with paint when the colour of the light does: under a candle an orange suit
    dims less than a blue one. The mean of logs moves by the same amount for both.
    """
    return np.exp(np.log(linear + np.float32(_DARK)) @ LUMINANCE)


def _angle_deg(wish: Wish, light: Light) -> int:
    cosine = float(wish.direction @ light.direction)
    return round(math.degrees(math.acos(max(-1.0, min(1.0, cosine)))))


def _subject(shape: Shape, size: tuple[int, ...]) -> Bits | None:
    return None if shape.subject is None else at_size(shape.subject, size)


def _mean_level(one: Linear, shown: Bits) -> float:
    level = one.level[shown] if shown.any() else one.level
    return max(float(level.mean()), 1e-3)


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


def _kelvin(pair: _Pair, lighting: Lighting, known: LightAnalysis) -> KelvinReport:
    shift = shift_of(pair.original.half, pair.final.half, half_of(pair.shown))
    confidence = round(0.5 * (known.color_confidence + shift.confidence), 2)
    after = None
    if known.kelvin is not None and confidence >= SURE:
        after = rounded_kelvin(shift.from_kelvin(known.kelvin))
    return KelvinReport(
        before=known.kelvin,
        after=after,
        requested=asked_kelvin(lighting),
        shift=None if after is None or known.kelvin is None else after - known.kelvin,
        confidence=confidence,
    )


def _direction(
    change: Change, wish: Wish | None, known: LightAnalysis, trust: float
) -> DirectionReport:
    sure = min(1.0, max(change.explained, 0.0), max(change.after.confidence, 0.0)) * trust
    is_placed = sure >= SURE
    return DirectionReport(
        before=None
        if known.azimuth_deg is None or known.elevation_deg is None
        else (known.azimuth_deg, known.elevation_deg),
        after=change.after.angles if is_placed else None,
        requested=None if wish is None else wish.angles,
        error_deg=_angle_deg(wish, change.after) if wish is not None and is_placed else None,
        confidence=round(sure, 2),
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
