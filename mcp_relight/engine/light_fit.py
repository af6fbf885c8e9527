"""The light that is already in the photo: a first-order fit, how far to trust it, its shading."""

import math
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from .grid import Bits, Map, wide_blur

Coefficients: TypeAlias = NDArray[np.float64]
"""(ambient, x, y, z): brightness ≈ albedo · (ambient + x·nx + y·ny + z·nz)."""

_USUAL = np.array([0.55, 0.0, 0.12, 0.38])
"""What most photos are lit by: soft, from the camera's side and a little above."""

_TENTATIVE = 0.3
_SCALE = 0.009
"""In long sides."""

_EVEN = 0.03
"""Spread of log luminance on what is evenly bright: light that varies no more explains nothing."""

_SAMPLES = 20_000
_ROUNDS = 8


@dataclass(frozen=True, slots=True)
class LightFit:
    """The estimated light. `confidence` 0..1 says how much of the brightness it explains."""

    coefficients: Coefficients
    confidence: float

    @property
    def azimuth_deg(self) -> float:
        return math.degrees(math.atan2(self.coefficients[1], self.coefficients[3]))

    @property
    def elevation_deg(self) -> float:
        _, x, y, z = self.coefficients
        return math.degrees(math.atan2(y, math.hypot(x, z)))


def fit(luminance: Map, normals: Map, region: Bits) -> Coefficients:
    """Robust least squares (IRLS, Cauchy weights) over `region`; paint and shadows are outliers."""
    bright = region & (luminance > 0.02 * np.percentile(luminance[region], 95))
    values = luminance[bright].astype(np.float64)
    if values.size < 50:
        return np.array([1.0, 0.0, 0.0, 0.0])
    design = np.column_stack([np.ones(values.size), normals[bright].astype(np.float64)])
    step = max(1, values.size // _SAMPLES)
    values, design = values[::step] / np.median(values), design[::step]
    ridge = 0.02 * values.size * np.diag([0.2, 1.0, 1.0, 1.0])
    weights = np.ones(values.size)
    solution = np.zeros(4)
    for _ in range(_ROUNDS):
        weighted = design * weights[:, None]
        solution = np.linalg.solve(weighted.T @ design + ridge, weighted.T @ values)
        residual = values - design @ solution
        spread = 1.48 * np.median(np.abs(residual)) + 1e-3
        weights = 1 / (1 + (residual / (2 * spread)) ** 2)
    return solution.astype(np.float64)


def steady(coefficients: Coefficients, luminance: Map, normals: Map, region: Bits) -> LightFit:
    """Lean a fit towards the usual light by as much as it fails to explain the photo.

    On a cluttered frame a raw fit points anywhere, even into the scene.
    """
    confidence = _explained(coefficients, luminance, normals, region)
    return LightFit(_leaning(coefficients, confidence), confidence)


def tentative(
    coefficients: Coefficients, luminance: Map, normals: Map, region: Bits
) -> Coefficients:
    """The same before the shape is corrected: what fits a rounded shape may be its mistake."""
    confidence = _explained(coefficients, luminance, normals, region)
    return _leaning(coefficients, _TENTATIVE * confidence)


def _leaning(coefficients: Coefficients, confidence: float) -> Coefficients:
    level = max(coefficients[0] + 0.5 * coefficients[3], 0.6)
    mixed = confidence * coefficients + (1 - confidence) * _USUAL * level
    mixed[3] = max(mixed[3], 0.15)
    return mixed


def _explained(coefficients: Coefficients, luminance: Map, normals: Map, region: Bits) -> float:
    """0..1: how much of the brightness a fit explains, at the scale of the shape.

    Curls and pores are finer than any shape found here, and say nothing about it.
    """
    weight = region.astype(np.float32)
    reach = _SCALE * max(weight.shape)
    near = np.maximum(wide_blur(weight, reach), 1e-3)
    seen = np.log(luminance + np.float32(0.01))
    bright = np.log(np.maximum(shading(normals, coefficients), np.float32(0.05)))
    seen, bright = (
        (wide_blur((values * weight).astype(np.float32), reach) / near)[region]
        for values in (seen, bright)
    )
    if bright.std() <= 1e-4:
        return 0.0
    together = float(((seen - seen.mean()) * (bright - bright.mean())).mean())
    correlation = together / (float(bright.std()) * math.hypot(float(seen.std()), _EVEN))
    return min(max((correlation - 0.25) / 0.45, 0.0), 1.0)


def shading(normals: Map, coefficients: Coefficients) -> Map:
    """Brightness of a white surface under the fit, softly kept above zero."""
    flat = normals @ coefficients[1:].astype(np.float32) + np.float32(coefficients[0])
    return (0.5 * (flat + np.sqrt(flat * flat + 0.08**2))).astype(np.float32)
