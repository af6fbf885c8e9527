"""From the working grid to the photo: guided upsampling of the gain, strip by strip."""

from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np

from mcp_relight.domain.lighting import Region

from .analysis import Analysis
from .color import LUMINANCE, decode, encode
from .grid import Map, Pixels, blur, box_mean, guided
from .shade import Shading

Background = Literal["relight", "keep", "darken"]

_FEATHER = 0.002
"""How softly new light begins outside a given mask, in long sides of the photo."""

_SOLID, _CLEAR = 0.5, 0.1
"""A subject that was found is kept where it is more than half there."""

_STRIP_ROWS = 192
_GUIDED_RADIUS = 0.005
_GUIDED_EPS = 1e-3
_KNEE = 0.8
_DARKENED = 0.35
"""What `background="darken"` leaves of the light behind the subject."""


@dataclass(frozen=True, slots=True)
class _Layers:
    """Everything that is enlarged for a strip: log gain = slope·√luminance + offset."""

    slope: Map
    offset: Map
    gloss: Map | None
    haze: Map | None
    mixing: np.float32
    alpha: Map
    cut: tuple[Map, Map] | None
    """The subject's outline as (slope, offset) as well, where what lies around it is lit alone."""


def apply(
    rgb: Pixels,
    analysis: Analysis,
    shading: Shading,
    *,
    region: Region = "all",
    darken: bool = False,
) -> Pixels:
    """Relight 8-bit sRGB pixels of the photo's full size; new pixels are returned.

    Only the smooth gain is enlarged, following the photo's own edges, so its detail stays. Pixels
    outside `region` keep every bit.
    """
    layers = _layers(analysis, shading, region, darken=darken)
    result = np.empty_like(rgb)
    for top in range(0, rgb.shape[0], _STRIP_ROWS):
        strip = slice(top, min(top + _STRIP_ROWS, rgb.shape[0]))
        result[strip] = _relit_strip(rgb, strip, analysis, layers, region)
    return result


def _layers(analysis: Analysis, shading: Shading, region: Region, *, darken: bool) -> _Layers:
    log_gain = np.log(shading.gain)
    if darken:
        log_gain = log_gain + (1 - analysis.alpha[..., None]) * np.float32(np.log(_DARKENED))
    if region == "background":
        log_gain = _without_subject(log_gain, analysis.alpha)
    radius = max(2, int(_GUIDED_RADIUS * max(analysis.guide.shape)))
    slope, offset = guided(analysis.guide, log_gain, radius, _GUIDED_EPS)
    gloss = shading.gloss if float(shading.gloss.max()) > 1e-4 else None
    is_cut = region == "background" and analysis.support.size == 0
    cut = guided(analysis.guide, analysis.alpha, radius, _GUIDED_EPS) if is_cut else None
    mixing = np.float32(shading.mixing)
    return _Layers(slope, offset, gloss, shading.haze, mixing, analysis.alpha, cut)


def _without_subject(log_gain: Map, alpha: Map) -> Map:
    """What the subject would have got replaced by what its surroundings get: near its outline the
    guided filter mixes both."""
    around = (alpha < _CLEAR).astype(np.float32)
    sigma_px = 0.02 * max(alpha.shape)
    near = blur(log_gain * around[..., None], sigma_px) / (blur(around, sigma_px) + 1e-6)[..., None]
    return np.where(around[..., None] > 0, log_gain, near).astype(np.float32)


def _relit_strip(
    rgb: Pixels, strip: slice, analysis: Analysis, layers: _Layers, region: Region
) -> Pixels:
    pixels = rgb[strip]
    linear = decode(pixels)
    rows, columns = rgb.shape[:2]
    window = _window(strip, (rows, columns), analysis.alpha.shape)
    bright = (linear @ LUMINANCE)[..., None]
    guide = np.sqrt(bright)
    gain = np.asarray(
        cv2.exp(_enlarge(layers.slope, window) * guide + _enlarge(layers.offset, window)),
        np.float32,
    )
    colors = linear + layers.mixing * (bright - linear) if layers.mixing else linear
    relit = colors * gain
    brightest = _peak(linear)
    if layers.gloss is not None:
        relit += _enlarge(layers.gloss, window) * np.minimum(2 * brightest, 1)[..., None]
    if layers.haze is not None:
        relit += _enlarge(layers.haze, window) * np.maximum(1 - relit, 0)
    _compress_highlights(relit, brightest)
    if region == "all":
        return encode(relit)
    if region == "subject":
        share = _enlarge(layers.alpha, window) * _support(analysis, strip, (rows, columns))
    elif layers.cut is None:
        share = _around_given(analysis, strip, (rows, columns))
    else:
        slope, offset = (_enlarge(part, window) for part in layers.cut)
        share = np.clip((_SOLID - slope * guide[..., 0] - offset) / (_SOLID - _CLEAR), 0, 1)
    blended = linear + (relit - linear) * share[..., None]
    return np.where(share[..., None] > 0, encode(blended), pixels)


def _window(strip: slice, full: tuple[int, int], work: tuple[int, ...]) -> tuple[Map, Map]:
    """Where on the working grid the pixels of a strip lie."""
    y = (np.arange(strip.start, strip.stop, dtype=np.float32) + 0.5) * work[0] / full[0] - 0.5
    x = (np.arange(full[1], dtype=np.float32) + 0.5) * work[1] / full[1] - 0.5
    grid_y, grid_x = np.meshgrid(y, x, indexing="ij")
    return grid_x.astype(np.float32), grid_y.astype(np.float32)


def _enlarge(values: Map, window: tuple[Map, Map]) -> Map:
    enlarged = cv2.remap(values, *window, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(enlarged, np.float32)


def _peak(linear: Map) -> Map:
    """The largest channel of every pixel, (H, W)."""
    red, green, blue = cv2.split(linear)
    return np.asarray(cv2.max(cv2.max(red, green), blue), np.float32)


def _compress_highlights(relit: Map, before: Map) -> None:
    """Bend highlights below 1 instead of clipping them, in place.

    What was bright already may stay as bright: a white wall under unchanged light stays white.
    `before` (H, W) is the largest channel of the original.
    """
    peak = _peak(relit)
    high = peak > np.maximum(before, _KNEE)
    knee = np.clip(before[high], _KNEE, 0.999)
    room = 1 - knee
    bent = knee + room * (1 - np.exp((knee - peak[high]) / room))
    relit[high] *= (bent / peak[high])[:, None]


def _support(analysis: Analysis, strip: slice, full: tuple[int, int]) -> Map:
    """1 where the given mask lets the light in, 0 elsewhere; 1 everywhere without a given mask."""
    if analysis.support.size == 0 or analysis.full_size != full:
        return np.ones((strip.stop - strip.start, full[1]), np.float32)
    bits = np.unpackbits(analysis.support[strip], axis=1, count=full[1])
    return bits.astype(np.float32)


def _around_given(analysis: Analysis, strip: slice, full: tuple[int, int]) -> Map:
    """0 on every pixel of the given mask, rising to 1 just outside of it."""
    reach = max(1, round(_FEATHER * max(full)))
    top, bottom = max(0, strip.start - reach), min(full[0], strip.stop + reach)
    outside = 1 - _support(analysis, slice(top, bottom), full)
    near = box_mean(outside, reach)[strip.start - top : strip.stop - top]
    return np.clip(2 * near - 1, 0, 1) * outside[strip.start - top : strip.stop - top]
