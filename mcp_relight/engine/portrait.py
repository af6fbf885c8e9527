"""Where a person is likely to be around a face, and whether a cut-out looks like that person."""

import cv2
import numpy as np

from .contour import contour_gaps
from .face import Face
from .grid import Bits, Map, Pixels, Real, filled

# Half widths and heights in distances of the eyes; y down from between the eyes.
_FACE = 0.35, 0.85, 1.1
_HEAD = 0.1, 1.0, 1.5
_HAIR = 0.1, 1.7, 2.0
_HEAD_ROOM = 0.1, 2.4, 2.9
_CORE = ((1.0, 0.45), (2.4, 0.6), (3.6, 1.0), (6.0, 1.4))
_BODY = ((1.4, 0.6), (2.4, 1.0), (3.6, 2.6), (6.0, 3.8))
_BODY_ROOM = ((0.6, 1.8), (2.4, 3.4), (4.0, 5.0), (6.0, 6.2))
_TRUNK, _TRUNK_TO = ((1.7, 0.4), (2.4, 1.0), (3.4, 2.0)), 4.5
"""(y, half width): the neck, then shoulders; the last width goes on to the lower edge."""

_SIZE = 0.06, 0.85
_LEAST_FACE_KEPT = 0.9
_CLEAR_GAP = 30.0
"""Difference of colour across the contour, in 8-bit Lab, that leaves no doubt."""

_MOST_CONFIDENCE = 0.9
_LARGEST_HOLE = 2.0
"""In squares of the distance of the eyes."""


def trimap(face: Face, size: tuple[int, int]) -> Pixels:
    """GrabCut's four labels for a person with this face, on `size` (rows, columns)."""
    labels = np.full(size, cv2.GC_BGD, np.uint8)
    labels[_oval(face, size, _HEAD_ROOM) | _wedge(face, size, _BODY_ROOM)] = cv2.GC_PR_BGD
    labels[_oval(face, size, _HAIR) | _wedge(face, size, _BODY)] = cv2.GC_PR_FGD
    labels[_oval(face, size, _HEAD) | _wedge(face, size, _CORE)] = cv2.GC_FGD
    return labels


def confidence(face: Face, lab: Map, cut: Bits) -> float:
    """0..1: how clearly the cut-out stands off all along its contour; 0 without the face in it."""
    if not _SIZE[0] < cut.mean() < _SIZE[1]:
        return 0.0
    if cut[_oval(face, cut.shape, _FACE)].mean() < _LEAST_FACE_KEPT:
        return 0.0
    gaps = contour_gaps(lab, cut)
    return float(np.minimum(gaps / _CLEAR_GAP, _MOST_CONFIDENCE).mean())


def _axes(face: Face, size: tuple[int, ...]) -> tuple[Real, Real]:
    """x and y of all pixels from between the eyes, in distances of the eyes."""
    x = (np.arange(size[1]) + 0.5 - face.x) / face.eyes_apart
    y = (np.arange(size[0]) + 0.5 - face.y) / face.eyes_apart
    return x, y[:, None]


def _oval(face: Face, size: tuple[int, ...], oval: tuple[float, float, float]) -> Bits:
    x, y = _axes(face, size)
    down, wide, tall = oval
    return (x / wide) ** 2 + ((y - down) / tall) ** 2 < 1


def _wedge(face: Face, size: tuple[int, ...], outline: tuple[tuple[float, float], ...]) -> Bits:
    x, y = _axes(face, size)
    downs, widths = zip(*outline, strict=True)
    return (np.abs(x) < np.interp(y, downs, widths)) & (y > downs[0])


def body_room(face: Face, size: tuple[int, ...]) -> Map:
    """(H, W) 1 where head, trunk or arms of this person may be, else 0."""
    return (_oval(face, size, _HEAD_ROOM) | _wedge(face, size, _BODY_ROOM)).astype(np.float32)


def head_room(face: Face, size: tuple[int, ...]) -> Map:
    """(H, W) 1 where head and hair of this person may be, else 0."""
    return _oval(face, size, _HEAD_ROOM).astype(np.float32)


def together(faces: list[Face], size: tuple[int, int]) -> Pixels:
    """The labels of `trimap` for several persons: each pixel as the surest of them has it."""
    surest = np.array([cv2.GC_BGD, cv2.GC_PR_BGD, cv2.GC_PR_FGD, cv2.GC_FGD], np.uint8)
    rank = np.argsort(surest).astype(np.uint8)
    best = np.zeros(size, np.uint8)
    for face in faces:
        best = np.maximum(best, rank[trimap(face, size)])
    return surest[best]


def with_faces(cut: Bits, faces: list[Face]) -> Bits:
    """The connected pieces of a cut-out that hold one of the faces, with the holes in heads and all
    small ones filled. Between legs, or an arm and the trunk, there is ground."""
    _, parts = cv2.connectedComponents(cut.astype(np.uint8))
    parts = np.asarray(parts)
    held = np.zeros_like(cut)
    for face in faces:
        under = parts[_oval(face, cut.shape, _FACE)]
        for part in np.unique(under[under > 0]):
            held |= parts == part
    holes = filled(held) & ~held
    _, parts, stats, _ = cv2.connectedComponentsWithStats(holes.astype(np.uint8))
    small = _LARGEST_HOLE * max((face.eyes_apart for face in faces), default=0) ** 2
    closed = np.asarray(stats)[:, cv2.CC_STAT_AREA] <= small
    parts = np.asarray(parts, np.intp)
    for face in faces:
        closed[np.unique(parts[_oval(face, cut.shape, _HEAD_ROOM)])] = True
    closed[0] = False
    return np.asarray(held | closed[parts], np.bool_)


def face_kept(face: Face, cut: Map) -> float:
    """Share of a face that a cut-out (H, W) 0..1 holds; 1 for a face outside the picture."""
    inside = cut[_oval(face, cut.shape, _FACE)]
    return float(inside.mean()) if inside.size else 1.0


def hair_kept(face: Face, cut: Map) -> float:
    """The same of what lies around the face, above the eyes."""
    around = _oval(face, cut.shape, _HEAD) & ~_oval(face, cut.shape, _FACE)
    around &= _axes(face, cut.shape)[1] < 0
    return float(cut[around].mean()) if around.any() else 1.0


def trunk_kept(face: Face, cut: Map) -> float:
    """The same of what lies straight below the head."""
    below = _wedge(face, cut.shape, _TRUNK) & (_axes(face, cut.shape)[1] < _TRUNK_TO)
    return float(cut[below].mean()) if below.any() else 1.0
