"""The colour of the light, by the grey-world rule and how far other rules agree with it.

Grey world (Buchsbaum 1980): surfaces average to grey, so the average is the light. Grey edge (van
de Weijer 2007): differences between surfaces average to grey. Where the two disagree, a strongly
coloured subject fools one of them, and the confidence says so.
"""

import math
from dataclasses import dataclass
from functools import cache
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from mcp_relight.domain.lighting import DAYLIGHT_KELVIN
from mcp_relight.engine.color import encode, kelvin_color
from mcp_relight.engine.grid import Map, blur

_KELVINS = np.geomspace(1500, 20000, 160)
_CLIPPED, _DARK = 0.985, 0.004
_AGREES = 0.5

_Level = TypeVar("_Level", np.float32, np.uint8)


@dataclass(frozen=True, slots=True)
class LightColor:
    """`warmth` is the natural log of red over blue, `tint` of green over both; 0 is daylight."""

    warmth: float
    tint: float
    confidence: float

    @property
    def kelvin(self) -> float:
        """The black body of the same red-blue balance."""
        warmths, _ = _locus()
        return float(np.interp(-self.warmth, -warmths, _KELVINS))

    @property
    def off_locus(self) -> float:
        """Green (+) or magenta (-) beyond the black body of the same kelvin, as a log ratio."""
        warmths, tints = _locus()
        return self.tint - float(np.interp(-self.warmth, -warmths, tints))


def load_ahead() -> None:
    """Work out what every color is compared with, for whoever has the time before."""
    _locus()


def hex_of(color: LightColor) -> str:
    """The light as #RRGGBB, its strongest channel full."""
    rgb = kelvin_color(color.kelvin) * np.array([1, math.exp(color.off_locus), 1], np.float32)
    red, green, blue = (int(part) for part in encode(rgb / rgb.max()))
    return f"#{red:02X}{green:02X}{blue:02X}"


@cache
def _locus() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    balances = np.array([_balance(kelvin_color(float(kelvin))) for kelvin in _KELVINS])
    return balances[:, 0], balances[:, 1]


def _balance(rgb: NDArray[np.floating]) -> tuple[float, float]:
    red, green, blue = (math.log(max(float(part), 1e-5)) for part in rgb)
    return red - blue, green - (red + blue) / 2


def color_of(linear: Map) -> LightColor:
    """The light's colour in an (h, w, 3) linear picture; nothing is sure of a grey one."""
    usable = (brightest(linear) < _CLIPPED) & (brightest(linear) > _DARK)
    if int(usable.sum()) < 16:
        return LightColor(0.0, 0.0, 0.0)
    pixels = linear[usable]
    if float(np.abs(pixels[:, :1] - pixels).max()) < 1e-3:
        return LightColor(0.0, 0.0, 0.0)
    warmth, tint = _balance(pixels.mean(axis=0))
    by_edges, tint_by_edges = _balance(_edge_mean(linear, usable))
    apart = math.hypot(warmth - by_edges, tint - tint_by_edges)
    return LightColor(warmth, tint, round(math.exp(-apart / _AGREES), 2))


@dataclass(frozen=True, slots=True)
class Shift:
    """How the light's warmth moved, and how sure (0…1) that is."""

    warmth: float
    confidence: float

    def from_kelvin(self, kelvin: float) -> float:
        """Where a light of that kelvin is after it."""
        warmths, _ = _locus()
        before = float(np.interp(kelvin, _KELVINS, warmths))
        return LightColor(before + self.warmth, 0.0, self.confidence).kelvin


def shift_of(original: Map, final: Map, usable: NDArray[np.bool_]) -> Shift:
    """The change of the same surfaces' colour between two linear (h, w, 3) pictures."""
    seen = usable & (darkest(original) > _DARK) & (darkest(final) > _DARK)
    seen &= (brightest(original) < _CLIPPED) & (brightest(final) < _CLIPPED)
    if int(seen.sum()) < 16:
        return Shift(0.0, 0.0)
    logs = np.log(final[seen]) - np.log(original[seen])
    red, blue = (float(np.median(logs[:, channel])) for channel in (0, 2))
    return Shift(red - blue, min(1.0, int(seen.sum()) / (0.1 * seen.size)))


def brightest(linear: NDArray[_Level]) -> NDArray[_Level]:
    """(h, w) largest channel; several times faster than a reduction over three elements."""
    return np.maximum(np.maximum(linear[..., 0], linear[..., 1]), linear[..., 2])


def darkest(linear: NDArray[_Level]) -> NDArray[_Level]:
    """(h, w) smallest channel."""
    return np.minimum(np.minimum(linear[..., 0], linear[..., 1]), linear[..., 2])


def _edge_mean(linear: Map, usable: NDArray[np.bool_]) -> NDArray[np.float32]:
    smooth = blur(linear, 1.0)
    steps = np.abs(np.diff(smooth, axis=1, prepend=smooth[:, :1]))
    return steps[usable].mean(axis=0)


def kelvin_words(kelvin: float) -> str:
    """The photographers' word for a colour of light."""
    for limit, words in ((2500, "candle-orange"), (3500, "warm"), (4800, "slightly warm")):
        if kelvin <= limit:
            return words
    return "neutral" if kelvin <= DAYLIGHT_KELVIN + 900 else "cool"
