"""Colors nobody sees: those of pixels without any opacity.

Editors leave there what was cut away, or black, or white. They are kept in results, but nothing is
to be seen, measured or sent by them; what can be seen is continued over them instead. Source: the
pull-push of Gortler et al., The Lumigraph (1996).
"""

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

Pixels = NDArray[np.uint8]
_Map = NDArray[np.floating[Any]]

_EDGE_PX = 512
_STRIP_ROWS = 256
_NOTHING = 127.0
"""Grey, where a picture has no pixel to be seen."""


def is_hiding(alpha: Pixels) -> bool:
    return not bool(alpha.all())


def continued(rgb: Pixels, alpha: Pixels) -> Pixels:
    """`rgb` (H, W, 3) with other colors where `alpha` (H, W) is 0; the same everywhere else."""
    picture = Image.fromarray(rgb)
    picture.putalpha(Image.fromarray(alpha))
    picture.thumbnail((_EDGE_PX, _EDGE_PX), Image.Resampling.BOX)  # weighs colors by opacity
    small = np.asarray(picture).astype(np.float32)
    del picture
    weight = small[..., 3:] / 255
    surface = Image.fromarray(_pulled(small[..., :3] * weight, weight).round().astype(np.uint8))
    result = rgb.copy()
    height, width = alpha.shape
    scale = surface.height / height
    for top in range(0, height, _STRIP_ROWS):
        hidden = (alpha[top : top + _STRIP_ROWS] == 0).view(np.uint8)
        if hidden.any():
            rows = len(hidden)
            box = (0, top * scale, surface.width, min((top + rows) * scale, surface.height))
            strip = surface.resize((width, rows), Image.Resampling.BILINEAR, box=box)
            cv2.copyTo(np.asarray(strip), hidden, result[top : top + rows])
    return result


def _pulled(weighted: _Map, weight: _Map) -> _Map:
    """(h, w, 3): the known colors, `weighted` by their `weight` 0…1, spread where it is less."""
    height, width = weight.shape[:2]
    if max(height, width) == 1:
        return weighted / weight if weight.max() > 0 else np.full_like(weighted, _NOTHING)
    size = ((width + 1) // 2, (height + 1) // 2)
    halved = [cv2.resize(one, size, interpolation=cv2.INTER_AREA) for one in (weighted, weight)]
    coarse, known = halved[0], halved[1][..., None]
    share = np.minimum(4 * known, 1) / np.maximum(known, 1e-6)
    around = _pulled(coarse * share, known * share)
    pushed = cv2.resize(around, (width, height), interpolation=cv2.INTER_LINEAR)
    return weighted + (1 - weight) * pushed
