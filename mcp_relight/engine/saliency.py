"""U²-Net (small): what stands out in a photo, as the network sees it."""

import cv2
import numpy as np

from . import nets
from .grid import Map, Pixels

_EDGE_PX = 320
_HEAD = "1959"
_MEAN = np.array([0.485, 0.456, 0.406], np.float32)
_SPREAD = np.array([0.229, 0.224, 0.225], np.float32)


def salient(rgb: Pixels) -> Map:
    """(320, 320) 0..1 for a photo (H, W, 3) stretched to that. Raises NetUnavailable.

    Not stretched to 0..1: on a picture of nothing that would make a subject of the noise.
    """
    small = cv2.resize(rgb, (_EDGE_PX, _EDGE_PX), interpolation=cv2.INTER_AREA)
    values = np.asarray(small, np.float32) / max(float(small.max()), 1.0)
    values = ((values - _MEAN) / _SPREAD).transpose(2, 0, 1)[None]
    (found,) = nets.run_saliency(np.ascontiguousarray(values), (_HEAD,))
    return found.reshape(_EDGE_PX, _EDGE_PX).copy()
