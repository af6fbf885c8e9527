"""Whether a face is still the same face: its edges, compared in the oval it fills.

The face is found by skin colour and the pattern of the eyes (`engine.face`), no trained model: only
an upright, frontal one that is large in the picture. Where none is found nothing is said.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mcp_relight.engine.face import Face, find_face
from mcp_relight.engine.grid import Bits

from .edges import EdgeField, agreement
from .register import Registered

_DOWN, _HALF_WIDTH, _HALF_HEIGHT = 0.35, 0.95, 1.35
"""The oval from brows to chin, in distances of the eyes from between them."""

_CHANGED, _LIKELY = 0.4, 0.3

_DOUBTFUL, _SURE = 0.7, 0.85
"""Scores of the search: what it lets pass, and what leaves no doubt."""


@dataclass(frozen=True, slots=True)
class FaceKept:
    """`sameness` is the agreement of edge directions inside the face (1 = same, about 0 = another);
    `confidence` 0…1 that it is a face at all."""

    sameness: float
    confidence: float

    @property
    def changed(self) -> bool:
        """Measured: hard side lights leave 0.75, a mirrored or blurred face less than 0.42."""
        return self.confidence > _LIKELY and self.sameness < _CHANGED


def face_kept(original: NDArray[np.uint8], shown: Bits, registered: Registered) -> FaceKept | None:
    """Compare the most face-like place of the original (h, w, 3) with the same place in the other
    picture; None when no face was found or the other picture does not show it."""
    face = find_face(original, large_only=True)
    if face is None:
        return None
    oval = _oval(face, shown.shape)
    if not oval.any() or not shown[oval].all():
        return None
    fields: tuple[EdgeField, EdgeField] = registered.reference_edges, registered.other_edges
    sure = (face.score - _DOUBTFUL) / (_SURE - _DOUBTFUL)
    return FaceKept(
        sameness=agreement(*(field[oval] for field in fields)),
        confidence=min(max(sure, 0.0), 1.0),
    )


def _oval(face: Face, size: tuple[int, ...]) -> Bits:
    x = (np.arange(size[1]) + 0.5 - face.x) / face.eyes_apart
    y = (np.arange(size[0])[:, None] + 0.5 - face.y) / face.eyes_apart
    return (x / _HALF_WIDTH) ** 2 + ((y - _DOWN) / _HALF_HEIGHT) ** 2 < 1
