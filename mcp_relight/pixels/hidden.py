"""What lies under full transparency: nobody sees it, so nothing may be worked out from it."""

import cv2
import numpy as np
from numpy.typing import NDArray

_SMALL_EDGE_PX = 256
_LEAST_SEEN = 0.1
_REACHES_PX = (2.0, 8.0, 32.0, 128.0)
_NOTHING_SEEN = 128

Pixels = NDArray[np.uint8]


def fill_hidden(rgb: Pixels, alpha: Pixels) -> Pixels:
    """A copy of `rgb` (H, W, 3) whose pixels under `alpha` (H, W) 0 have the colors of what is seen
    near them. Only pixels that are seen are read."""
    seen = alpha > 0
    rows, columns = alpha.shape
    scale = min(1.0, _SMALL_EDGE_PX / max(rows, columns))
    small = max(1, round(columns * scale)), max(1, round(rows * scale))
    shown = cv2.resize(np.where(seen[..., None], rgb, 0), small, interpolation=cv2.INTER_AREA)
    weight = cv2.resize(seen.astype(np.float32), small, interpolation=cv2.INTER_AREA)
    near = _spread(np.asarray(shown, np.float32), np.asarray(weight, np.float32))
    wide = cv2.resize(near, (columns, rows), interpolation=cv2.INTER_LINEAR)
    return np.where(seen[..., None], rgb, np.asarray(wide, np.uint8))


def _spread(shown: NDArray[np.float32], weight: NDArray[np.float32]) -> Pixels:
    """Mean colors of what is seen, from as near as there is any."""
    clear = (weight >= _LEAST_SEEN).astype(np.float32)
    colors = shown * clear[..., None]
    filled = np.full_like(shown, _NOTHING_SEEN)
    for reach in reversed(_REACHES_PX):
        total = np.asarray(cv2.GaussianBlur(colors, (0, 0), reach), np.float32)
        count = np.asarray(cv2.GaussianBlur(weight * clear, (0, 0), reach), np.float32)
        trust = np.clip(count / 0.02, 0, 1)[..., None]
        filled += trust * (total / np.maximum(count, 1e-6)[..., None] - filled)
    return np.clip(filled + 0.5, 0, 255).astype(np.uint8)
