"""BlazeFace: where in a picture faces may be. Finds too much rather than too little."""

from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np

from . import nets
from .grid import Map, Pixels, Real

_SAME_FACE = 0.3
"""Overlap (intersection over union) of two boxes on one face."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A box that may hold a face, in pixels of the searched picture, y down.

    `turned` is the angle of the line from the right to the left eye (seen from the viewer: left to
    right), in radians, clockwise on screen. `score` 0..1.
    """

    x: float
    y: float
    side: float
    turned: float
    score: float

    def moved(self, x: float, y: float) -> "Candidate":
        return Candidate(self.x + x, self.y + y, self.side, self.turned, self.score)

    def scaled(self, factor: float) -> "Candidate":
        """The same in a picture `factor` times as large."""
        x, y, side = (value * factor for value in (self.x, self.y, self.side))
        return Candidate(x, y, side, self.turned, self.score)


@dataclass(frozen=True, slots=True)
class _Kind:
    net: str
    heads: tuple[str, str]
    edge_px: int
    layers: tuple[tuple[int, int], ...]
    """(cells along an edge, boxes per cell)."""


_SHORT = _Kind(nets.SHORT_RANGE, ("classificators", "regressors"), 128, ((16, 2), (8, 6)))
_FULL = _Kind(
    nets.FULL_RANGE,
    ("reshaped_classifier_face_4", "reshaped_regressor_face_4"),
    192,
    ((48, 1),),
)


def near_faces(rgb: Pixels, least: float) -> list[Candidate]:
    """Faces that fill a good part of the picture. Raises NetUnavailable."""
    return _candidates(rgb, _SHORT, least)


def far_faces(rgb: Pixels, least: float) -> list[Candidate]:
    """Faces that may be small in the picture. Raises NetUnavailable."""
    return _candidates(rgb, _FULL, least)


def without_doubles(found: list[Candidate]) -> list[Candidate]:
    """The best of all candidates that lie on one face, best first."""
    kept: list[Candidate] = []
    for one in sorted(found, key=lambda one: -one.score):
        if all(_overlap(one, other) < _SAME_FACE for other in kept):
            kept.append(one)
    return kept


def _candidates(rgb: Pixels, kind: _Kind, least: float) -> list[Candidate]:
    boxed, scale, left, top = _letterboxed(rgb, kind.edge_px)
    values = (boxed.astype(np.float32) / 127.5 - 1).transpose(2, 0, 1)[None]
    net, (scored, placed) = nets.kept(kind.net), kind.heads
    (logits,) = net.run(values, (scored,))
    scores = 1 / (1 + np.exp(-np.clip(logits.reshape(-1), -50, 50)))
    seen = np.flatnonzero(scores > least)
    if not seen.size:  # where they are costs as much again
        return []
    (offsets,) = net.run(values, (placed,))
    anchors = _anchors(kind.layers)
    found: list[Candidate] = []
    for index in seen:
        numbers = offsets.reshape(-1, 16)[index]
        x, y = numbers[:2] + anchors[index] * kind.edge_px - (left, top)
        # The first two points are the eyes, left to right as the viewer sees them.
        across, down = numbers[6:8] - numbers[4:6]
        found.append(
            Candidate(
                float(x / scale),
                float(y / scale),
                float(numbers[2:4].max() / scale),
                float(np.arctan2(down, across)),
                float(scores[index]),
            )
        )
    return without_doubles(found)


def _letterboxed(rgb: Pixels, edge_px: int) -> tuple[Pixels, float, int, int]:
    """The picture in the middle of a black square; its scale, and where its corner lies."""
    rows, columns = rgb.shape[:2]
    scale = edge_px / max(rows, columns)
    size = max(1, round(columns * scale)), max(1, round(rows * scale))
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    square = np.zeros((edge_px, edge_px, 3), np.uint8)
    left, top = (edge_px - size[0]) // 2, (edge_px - size[1]) // 2
    square[top : top + size[1], left : left + size[0]] = cv2.resize(rgb, size, interpolation=method)
    return square, scale, left, top


@cache
def _anchors(layers: tuple[tuple[int, int], ...]) -> Map:
    """(N, 2) middles of the cells, x and y in edges."""
    parts: list[Real] = []
    for cells, boxes in layers:
        y, x = np.mgrid[:cells, :cells]
        middles = np.stack([x + 0.5, y + 0.5], axis=-1).reshape(-1, 2) / cells
        parts.append(np.repeat(middles, boxes, axis=0))
    return np.concatenate(parts).astype(np.float32)


def _overlap(one: Candidate, other: Candidate) -> float:
    half = (one.side + other.side) / 2
    smaller = min(one.side, other.side)
    wide = min(max(half - abs(one.x - other.x), 0.0), smaller)
    tall = min(max(half - abs(one.y - other.y), 0.0), smaller)
    shared = wide * tall
    return shared / (one.side**2 + other.side**2 - shared)
