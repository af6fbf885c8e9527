"""From the working grid to the photo: guided upsampling of the gain, strip by strip."""

from dataclasses import dataclass
from typing import Literal, Self

import cv2
import numpy as np

from mcp_relight.domain.lighting import Region

from .analysis import Analysis
from .color import LUMINANCE, decode, encode
from .grid import Map, Pixels, Real, blur, box_mean, guided, on_threads, peak
from .shade import Shading

Background = Literal["relight", "keep", "darken"]

_FEATHER = 0.002
"""How softly new light begins outside a given mask, in long sides of the photo."""

_SOLID, _CLEAR = 0.5, 0.1
"""A subject that was found is kept where it is more than half there."""

_EDGE, _INSIDE = 0.5, 0.85
"""A rim begins at the subject's own edge, and is full where the subject is."""

_STRIP_ROWS = 64
"""Few enough that a strip of a large photo stays in the caches."""
_GUIDED_RADIUS = 0.005
_GUIDED_EPS = 1e-3
_KNEE = 0.8
_FAINTEST = 1e-4
_NOISY, _RAISED = 0.02, (2.0, 5.0)
"""The largest linear channel below which colors are noise; how many times as bright from where on
it is seen, and all of it."""
_DARKENED = 0.35
"""What `background="darken"` leaves of the light behind the subject."""


@dataclass(frozen=True, slots=True)
class _Layers:
    """Everything a strip needs, as wide as the photo and as high as the working grid: log gain =
    slope·√luminance + offset."""

    slope: Map
    offset: Map
    rim: tuple[Map, Map] | None
    """What it multiplies by, less one, and what it adds."""
    gloss: Map | None
    haze: Map | None
    mixing: np.float32
    alpha: Map
    outline: tuple[Map, Map] | None
    """The subject as (slope, offset) as well, where its light ends at the photo's own edge."""


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
    layers = _layers(analysis, shading, region, darken=darken, columns=rgb.shape[1])
    result = np.empty_like(rgb)

    def relight(top: int) -> None:
        strip = slice(top, min(top + _STRIP_ROWS, rgb.shape[0]))
        result[strip] = _relit_strip(rgb, strip, analysis, layers, region)

    on_threads(relight, range(0, rgb.shape[0], _STRIP_ROWS))
    return result


def _layers(
    analysis: Analysis, shading: Shading, region: Region, *, darken: bool, columns: int
) -> _Layers:
    log_gain = np.log(shading.gain)
    if darken:
        log_gain = log_gain + (1 - analysis.alpha[..., None]) * np.float32(np.log(_DARKENED))
    if region == "background":
        log_gain = _without_subject(log_gain, analysis.alpha)
    radius = max(2, int(_GUIDED_RADIUS * max(analysis.guide.shape)))
    slope, offset = guided(analysis.guide, log_gain, radius, _GUIDED_EPS)
    rim, gloss, haze = (
        _widened(layer, columns) if float(layer.max()) > _FAINTEST else None
        for layer in (shading.rim - 1, shading.gloss, shading.haze)
    )
    outline = None
    if analysis.has_subject and (region == "background" or rim is not None):
        cut = guided(analysis.guide, analysis.alpha, radius, _GUIDED_EPS)
        outline = _widened(cut[0], columns), _widened(cut[1], columns)
    return _Layers(
        slope=_widened(slope, columns),
        offset=_widened(offset, columns),
        rim=None if rim is None else (rim, _widened(shading.edging, columns)),
        gloss=gloss,
        haze=haze,
        mixing=np.float32(shading.mixing),
        alpha=_widened(analysis.alpha, columns),
        outline=outline,
    )


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
    rows = _Rows.of(strip, rgb.shape[0], analysis.alpha.shape[0])
    bright = (linear @ LUMINANCE)[..., None]
    relit = _gain(layers, rows, bright)
    brighter = np.asarray(peak(relit), np.float32)
    if layers.mixing:
        relit *= linear + layers.mixing * (bright - linear)
    else:
        relit *= linear
    brightest = decode(peak(pixels))
    solid = None
    if layers.outline is not None:
        slope, offset = (rows.enlarge(part) for part in layers.outline)
        solid = slope * np.sqrt(bright[..., 0]) + offset
    inside = np.ones_like(brightest)
    if layers.rim is not None and solid is not None:
        if not analysis.is_cut_out:
            inside = np.clip((solid - _EDGE) / (_INSIDE - _EDGE), 0, 1)
        rim, edging = (rows.enlarge(part) * inside[..., None] for part in layers.rim)
        brighter = np.maximum(brighter, 1 + np.asarray(peak(rim), np.float32))
        relit *= 1 + rim
        relit += edging
    _fade_noise(relit, brightest, brighter)
    if layers.gloss is not None:
        shown = np.minimum(2 * brightest, 1) * inside
        relit += rows.enlarge(layers.gloss) * shown[..., None]
    if layers.haze is not None:
        relit += rows.enlarge(layers.haze) * np.maximum(1 - relit, 0)
    _compress_highlights(relit, brightest)
    if region == "all":
        return encode(relit)
    full = rgb.shape[0], rgb.shape[1]
    if region == "subject":
        share = rows.enlarge(layers.alpha) * _support(analysis, strip, full)
    elif analysis.support.size or solid is None:
        share = _around_given(analysis, strip, full)
    else:
        share = np.clip((_SOLID - solid) / (_SOLID - _CLEAR), 0, 1)
    blended = linear + (relit - linear) * share[..., None]
    return np.where(share[..., None] > 0, encode(blended), pixels)


def _gain(layers: _Layers, rows: "_Rows", bright: Map) -> Map:
    logs = rows.enlarge(layers.slope)
    logs *= np.sqrt(bright)
    logs += rows.enlarge(layers.offset)
    return np.asarray(cv2.exp(logs), np.float32)


@dataclass(frozen=True, slots=True)
class _Rows:
    """Linear interpolation between the rows `near` of the working grid: `weights` (rows of the
    strip, rows near) times those rows."""

    near: slice
    weights: Map

    @classmethod
    def of(cls, strip: slice, full: int, work: int) -> Self:
        centers = np.arange(strip.start, strip.stop, dtype=np.float64) + 0.5
        y: Real = np.clip(centers * work / full - 0.5, 0, work - 1)
        first, last = int(y[0]), min(int(y[-1]) + 1, work - 1)
        away = np.abs(y[:, None] - np.arange(first, last + 1))
        return cls(slice(first, last + 1), np.maximum(1 - away, 0).astype(np.float32))

    def enlarge(self, wide: Map) -> Map:
        """Of a layer that is as wide as the photo already."""
        part = wide[self.near]
        flat = self.weights @ part.reshape(len(part), -1)
        return flat.reshape(len(self.weights), *part.shape[1:])


def _fade_noise(relit: Map, before: Map, brighter: Map) -> None:
    """Take the color out of what is nearly black and was raised, in place: there it is the camera's
    noise. `before` (H, W) is the largest channel of the original, `brighter` (H, W) how many times
    as bright it is now, or as it would be without a rim."""
    if before.min() >= _NOISY:
        return
    low, high = _RAISED
    raised = np.clip((brighter - low) / (high - low), 0, 1)
    share = (raised * np.maximum(1 - before / _NOISY, 0))[..., None]
    relit += share * ((relit @ LUMINANCE)[..., None] - relit)


def _widened(values: Map, columns: int) -> Map:
    """As wide as the photo; its rows are enlarged strip by strip."""
    wide = cv2.resize(values, (columns, values.shape[0]), interpolation=cv2.INTER_LINEAR)
    return np.asarray(wide, np.float32)


def _compress_highlights(relit: Map, before: Map) -> None:
    """Bend highlights below 1 instead of clipping them, in place.

    What was bright already may stay as bright: a white wall under unchanged light stays white.
    `before` (H, W) is the largest channel of the original.
    """
    most = np.asarray(peak(relit), np.float32)
    high = most > np.maximum(before, _KNEE)
    knee = np.clip(before[high], _KNEE, 0.999)
    room = 1 - knee
    bent = knee + room * (1 - np.exp((knee - most[high]) / room))
    relit[high] *= (bent / most[high])[:, None]


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
