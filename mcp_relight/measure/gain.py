"""How much brighter and of what other tone a picture became, place by place.

A light multiplies what surfaces send back, so its change is a ratio: in stops for brightness, as
log ratios of red and of blue to green for tone. Paint cancels in both.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from mcp_relight.engine.grid import Bits, Map, blur, centered_axes

from .color import brightest, darkest
from .linear import Linear, half_of

Tone = NDArray[np.float64]
"""(2,): natural log of red over green, and of blue over green."""

_FLOOR = 0.01
_DARK, _CLIPPED = 0.012, 0.97
_SMOOTHED = 0.025
"""Of the long side: finer than this it is shape and paint, not the lie of the light."""
WEIGHTS = np.array([0.3, 0.55, 0.15], np.float32)
_LEAST_PIXELS = 30
_LEVEL_FLOOR = 0.003
"""Of linear light: blacker than this looks alike."""
_VEIL_STOPS, _VEIL_LEVEL = 1.0, 0.1
"""How much the channel that a surface sends back least may gain; darker places do not tell."""
_EDGE, _INSIDE = 0.025, 0.05
"""Of the long side: how wide the lit edge of a subject is, and where its inside begins."""


@dataclass(frozen=True, slots=True)
class Gain:
    """`stops` (h, w) and `tone` (h, w, 2), smoothed, where `usable` (h, w); `plain` (h, w) is
    `stops` before smoothing, `level` (h, w) the brightness (square root of light) after.
    `veiled` (h, w): brightened in a channel that the surface there hardly sends back. `surfaces`
    (h, w, 3): the linear light of the original."""

    stops: Map
    plain: Map
    tone: Map
    usable: Bits
    toned: Bits
    level: Map
    veiled: Bits
    surfaces: Map

    def edge(self, subject: Bits) -> tuple[float, float]:
        """Stops that the edge of `subject` gained over its inside, and that the inside gained;
        zeros where it has no inside."""
        deep = cv2.distanceTransform(subject.astype(np.uint8), cv2.DIST_L2, 5)
        deep = np.asarray(deep, np.float32) / max(subject.shape)
        rim, inside = (deep > 0) & (deep < _EDGE), deep > _INSIDE
        if int(rim.sum()) < _LEAST_PIXELS or int(inside.sum()) < _LEAST_PIXELS:
            return 0.0, 0.0
        usual = float(np.median(self.plain[inside]))
        return float(self.plain[rim].mean()) - usual, usual

    def sides(self, axis: tuple[float, float], area: Bits) -> tuple[float, float]:
        """Brightness in stops below white, as the eye sees it after, of the end of `area` towards
        `axis` (x, y) and of its other end."""
        near, far = _ends(axis, area & self.usable)
        seen = np.log2(self.level**2 + np.float32(_LEVEL_FLOOR))
        return _mean(seen, near), _mean(seen, far)

    def spread(self) -> float:
        """Stops between the places that gained most and least (90 % of the area)."""
        values = self.stops[self.usable]
        if values.size < _LEAST_PIXELS:
            return 0.0
        low, high = np.percentile(values, (5, 95))
        return float(high - low)

    def brightest(self) -> float:
        """How bright (square root of light) the brightest twentieth of the picture is at least."""
        seen = self.level[self.usable]
        return float(np.percentile(seen, 95)) if seen.size else 0.0

    def stops_across(self, axis: tuple[float, float], area: Bits) -> float:
        """Stops that the end of `area` towards `axis` (x, y) gained over its other end."""
        near, far = _ends(axis, area & self.usable)
        return _mean(self.stops, near) - _mean(self.stops, far)

    def near(self, axis: tuple[float, float], area: Bits) -> float:
        """Stops that the end of `area` towards `axis` (x, y) gained."""
        return _mean(self.stops, _ends(axis, area & self.usable)[0])

    def near_over_mean(self, axis: tuple[float, float]) -> float:
        """The same of the frame, were the mean of the light to stay."""
        mean = float(np.exp2(self.stops[self.usable]).mean())
        return self.near(axis, self.usable) - math.log2(mean)

    def tones_across(self, axis: tuple[float, float], area: Bits) -> tuple[Tone, Tone]:
        """Tone gained by the end of `area` towards `axis`, and by its other end."""
        near, far = _ends(axis, area & self.toned)
        return _middle(self.tone, near), _middle(self.tone, far)

    def tone_of(self, area: Bits) -> Tone:
        """The usual tone gained in `area`."""
        return _middle(self.tone, area & self.toned)

    def palest(self, area: Bits) -> Bits:
        """The half of `area` whose surfaces have the least color of their own: they show that of
        the light."""
        seen = area & self.toned
        if int(seen.sum()) < 2 * _LEAST_PIXELS:
            return seen
        most, least = (one(self.surfaces) + np.float32(_FLOOR) for one in (brightest, darkest))
        own = most / least
        return seen & (own <= np.median(own[seen]))

    def in_tone(self, tone: Tone) -> "Gain":
        """The same change of brightness, had the light turned to that tone everywhere: what hardly
        sends blue back shows little of what is missing of it."""
        shift = np.array([tone[0], 0, tone[1]], np.float32)
        shift = shift - shift @ WEIGHTS
        factor = np.exp(shift + np.float32(np.log(2)) * self.plain[..., None])
        lit = np.minimum(self.surfaces * factor, 1)
        _, shown = stops_and_tone(log_ratio(self.surfaces, lit))
        return replace(self, tone=_smoothed(shown, self.toned, _sigma_px(self.plain)))


def gain_of(original: Linear, final: Linear, shown: Bits) -> Gain:
    """The gain between two pictures on one grid, at half its size."""
    before, after = original.half, final.half
    seen = half_of(shown)
    plain, tone = stops_and_tone(log_ratio(before, after))
    usable = seen & (brightest(before) > _DARK)
    # A white page under a warm lamp has one full channel and yet shows the tone: only where all
    # are full is nothing to be seen.
    toned = usable & (brightest(after) > _DARK) & (darkest(after) < _CLIPPED)
    toned &= darkest(before) > _DARK / 3
    sigma_px = _sigma_px(plain)
    level = np.sqrt(after @ WEIGHTS)
    return Gain(
        stops=_smoothed(plain, usable, sigma_px),
        plain=plain,
        tone=_smoothed(tone, toned, sigma_px),
        usable=usable,
        toned=toned,
        level=level,
        veiled=_veiled(before, after, level) & seen,
        surfaces=before,
    )


def _sigma_px(values: Map) -> float:
    return max(1.0, _SMOOTHED * max(values.shape))


def _veiled(before: Map, after: Map, level: Map) -> Bits:
    """Light multiplies what a surface sends back: what has no blue cannot be lit blue."""
    least = [np.log2(darkest(one) + np.float32(_LEVEL_FLOOR)) for one in (before, after)]
    shows = np.minimum(np.sqrt(before @ WEIGHTS), level) > _VEIL_LEVEL
    return shows & (least[1] - least[0] > _VEIL_STOPS)


def log_ratio(before: Map, after: Map) -> Map:
    """The natural log ratio of two linear pictures (h, w, 3)."""
    return np.log((after + np.float32(_FLOOR)) / (before + np.float32(_FLOOR)))


def stops_and_tone(ratio: Map) -> tuple[Map, Map]:
    """A natural log ratio (h, w, 3) as stops (h, w) and tone (h, w, 2)."""
    stops = (ratio @ WEIGHTS) / np.float32(np.log(2))
    tone = np.dstack([ratio[..., 0] - ratio[..., 1], ratio[..., 2] - ratio[..., 1]])
    return stops.astype(np.float32), tone.astype(np.float32)


def middle_of(size: Sequence[int]) -> Bits:
    """(h, w): where a subject usually is."""
    x, y = centered_axes((size[0], size[1]))
    return (np.abs(x) < 0.55 * np.abs(x).max()) & (np.abs(y) < 0.7 * np.abs(y).max())


def at_size(bits: Bits, size: Sequence[int]) -> Bits:
    """Bits brought to (rows, columns)."""
    whole = cv2.resize(bits.astype(np.uint8), (size[1], size[0]), interpolation=cv2.INTER_NEAREST)
    return np.asarray(whole) > 0


def _smoothed(values: Map, usable: Bits, sigma_px: float) -> Map:
    """Blurred among the usable pixels alone."""
    weight = usable.astype(np.float32)
    total = np.maximum(blur(weight, sigma_px), np.float32(1e-3))
    weighted = values * (weight[..., None] if values.ndim == 3 else weight)
    smooth = blur(weighted, sigma_px) / (total[..., None] if values.ndim == 3 else total)
    return np.asarray(smooth, np.float32)


def _ends(axis: tuple[float, float], area: Bits) -> tuple[Bits, Bits]:
    """The third of an area that lies farthest along the axis, and the opposite third."""
    x, y = centered_axes((area.shape[0], area.shape[1]))
    along = x * np.float32(axis[0]) + y * np.float32(axis[1])
    if int(area.sum()) < _LEAST_PIXELS:
        return area, area
    low, high = np.percentile(along[area], (33, 67))
    return area & (along >= high), area & (along <= low)


def _mean(values: Map, area: Bits) -> float:
    return float(values[area].mean()) if area.any() else 0.0


def _middle(values: Map, area: Bits) -> Tone:
    if int(area.sum()) < _LEAST_PIXELS:
        return np.zeros(2)
    return np.median(values[area], axis=0).astype(np.float64)
