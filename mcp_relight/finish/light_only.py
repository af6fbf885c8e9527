"""Take only the light of a provider's picture and put it on the original's own pixels.

The two are registered, reduced to one working size and blurred alike; what is left of their ratio
is a map of gains per colour channel. Gains that cannot be light (a painted object, a changed
texture) are dropped and filled in from around. The map follows the original's edges when it is
brought to full size, so framing, text and texture stay exactly the original's.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mcp_relight.engine.color import decode
from mcp_relight.measure.edges import edges
from mcp_relight.measure.register import Alignment, align, coverage, gray, shrink, warp
from mcp_relight.measure.residual_warp import find_residual_warp

from .apply import apply_gain
from .gain import estimate_gain

_WORK_PX = 640
_LIMITS = (0.5, 2.0)
_MIN_SCORE = 0.27
_MAX_RESIDUAL_PX = 2.0
_MAX_CROP = 0.35


@dataclass(frozen=True, slots=True)
class Registration:
    """How the provider's picture lies on the original: see `measure.register.Alignment`."""

    scale: float
    crop: float
    residual: float
    score: float
    ok: bool


@dataclass(frozen=True, slots=True)
class Transfer:
    """`rgb` is uint8 of the original's (H, W, 3), or None when the pictures do not register."""

    rgb: NDArray[np.uint8] | None
    registration: Registration
    warnings: tuple[str, ...] = ()


def transfer(original_rgb: NDArray[np.uint8], result_rgb: NDArray[np.uint8]) -> Transfer:
    """The original (H, W, 3) under the light of the result (any size), both sRGB bytes."""
    alignment = align(original_rgb, result_rgb)
    registration = _judged(alignment)
    if not registration.ok:
        return Transfer(
            None,
            registration,
            (
                "The model's picture no longer registers on the original, so its light could not "
                'be transferred; use finish="as-returned" or another model.',
            ),
        )
    original = shrink(original_rgb, _WORK_PX)
    size = (original.shape[1], original.shape[0])
    result = _straightened(original, warp(shrink(result_rgb, 2 * _WORK_PX), alignment.affine, size))
    gain = estimate_gain(
        decode(original),
        decode(result),
        coverage(alignment.affine, size),
        enlarged_by=original_rgb.shape[1] / size[0],
    )
    return Transfer(apply_gain(original_rgb, gain), registration)


def _straightened(original: NDArray[np.uint8], result: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The result (h, w, 3), aligned with the original, without what small warp the model added."""
    warp = find_residual_warp(edges(gray(original)), gray(result))
    return result if warp is None else warp.straightened(result)


def _judged(alignment: Alignment) -> Registration:
    ok = (
        alignment.score >= _MIN_SCORE
        and alignment.residual_px <= _MAX_RESIDUAL_PX
        and _LIMITS[0] <= alignment.scale <= _LIMITS[1]
        and alignment.crop <= _MAX_CROP
    )
    return Registration(
        scale=round(alignment.scale, 4),
        crop=round(alignment.crop, 4),
        residual=alignment.residual_px,
        score=alignment.score,
        ok=ok,
    )
