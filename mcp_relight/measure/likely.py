"""How likely light comes from each direction, given a rough shape and the brightness seen on it.

Paint differs from one part of a thing to the next, while light bends within each: so where the
shape is known in detail, log brightness is compared with log shading inside small parts, and what
sets the parts apart is left out. A beard darker than the brow above it is no light from above.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .light import TRIED, Light

_FILLS = (0.03, 0.1, 0.3, 1.0)
_DARKEST = 0.02
_CALM = 0.03
"""Log brightness: a spread inside the parts as small as this is grain or the lens."""
_MOST_EXPLAINED = 0.99
_NEAR = (np.cos(np.radians(35)) < TRIED @ TRIED.T).astype(np.float32)
_USUAL = TRIED @ np.array([0, 0.35, 0.94], np.float32)
"""Log likelihood of a direction before anything is seen: photos are mostly lit from the camera's
side and a little above."""


@dataclass(frozen=True, slots=True)
class Cue:
    """Places of one thing: `normals` (n, 3), linear `luminance` (n,), `weights` (n,) that sum up to
    1, and which of the small `parts` each belongs to, numbered from 0.

    `worth` is how many independent places they are as good as: neighbours share their paint, and
    the shape is wrong alike on both.
    """

    normals: NDArray[np.float32]
    luminance: NDArray[np.float32]
    weights: NDArray[np.float32]
    parts: NDArray[np.intp]
    worth: float


def split(x: NDArray[np.float32], y: NDArray[np.float32], along: int) -> NDArray[np.intp]:
    """The parts of places (n,): `along` strips each way, with as many places in each strip."""
    row, column = (_rank(values) * along // max(len(values), 1) for values in (y, x))
    return row * along + column


def placed(cues: list[Cue]) -> Light:
    """The direction that most of the likelihood lies near.

    The confidence is how much more likely than not it is right to 35°. Cues of several things
    count alike, and where they disagree none is believed.
    """
    likely = np.mean([_likely(cue) for cue in cues], axis=0)
    near = _NEAR @ likely
    best = int(near.argmax())
    direction = (likely * _NEAR[best]) @ TRIED
    direction /= max(float(np.linalg.norm(direction)), 1e-6)
    confidence = max(2 * float(near[best]) - 1, 0.0)
    return Light(direction.astype(np.float32), round(min(confidence, 1.0), 2))


def _rank(values: NDArray[np.float32]) -> NDArray[np.intp]:
    return np.argsort(np.argsort(values, kind="stable"), kind="stable")


def _likely(cue: Cue) -> NDArray[np.float32]:
    """(d,) that sums up to 1."""
    explained = np.clip(_explained(cue), 0, _MOST_EXPLAINED)
    logs = -0.5 * cue.worth * np.log(1 - explained**2) + _USUAL
    likely = np.exp(logs - logs.max())
    return likely / likely.sum()


def _explained(cue: Cue) -> NDArray[np.float32]:
    """(d,) correlation of log brightness with log shading inside the parts, with the best fill."""
    bright = max(_percentile(cue.luminance, cue.weights, 0.95), 1e-4)
    seen = np.log(np.maximum(cue.luminance / np.float32(bright), np.float32(_DARKEST)))
    share = np.zeros((int(cue.parts.max(initial=0)) + 1, len(seen)), np.float32)
    share[cue.parts, np.arange(len(seen))] = cue.weights
    share /= np.maximum(share.sum(axis=1, keepdims=True), 1e-9)
    seen = seen - (share @ seen)[cue.parts]
    spread = np.sqrt(float(cue.weights @ (seen * seen)) + _CALM**2)
    facing = np.maximum(cue.normals @ TRIED.T, 0)
    best = np.full(len(TRIED), -1, np.float32)
    for fill in _FILLS:
        shading = np.log(facing + np.float32(fill))
        shading -= (share @ shading)[cue.parts]
        own = np.sqrt(cue.weights @ (shading * shading))
        best = np.maximum(best, (cue.weights * seen) @ shading / (own * spread + np.float32(1e-5)))
    return best


def _percentile(values: NDArray[np.float32], weights: NDArray[np.float32], share: float) -> float:
    """The value below which this share of the weights lies."""
    order = np.argsort(values)
    reached = np.cumsum(weights[order])
    return float(values[order][min(int(np.searchsorted(reached, share)), len(values) - 1)])
