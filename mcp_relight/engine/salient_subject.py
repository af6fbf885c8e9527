"""The subject out of what stands out: all things of it, whole persons, or nothing when the photo
itself does not bear it out."""

from dataclasses import dataclass

import cv2
import numpy as np

from . import portrait
from .contour import colors_shared, contour_gaps, hues_shared
from .face import Face
from .graph_cut import graph_cut
from .grid import Bits, Map, Pixels, blur, resize, wide_blur

_ENOUGH_THING, _ENOUGH_PERSON = 0.8, 0.7
"""Least confidence in a subject: a wrong one looks worse than none, the scene lit as a whole."""

_LEAST_PEAK = 0.9
_SIZE = 0.015, 0.94
_UNDECIDED = 4.0, 8.0
"""Width of the band along the outline in which the network is not sure, in pixels of the small
photo. A sharp outline has 2, fur 5; more says that it does not know what the subject is."""

_LOST = 5.0, 8.5
"""The same of a piece of it: hair in the wind is wider than an outline is on the whole."""
SEARCH_EDGE_PX = 256
"""The long side of the small photo in which a subject is searched."""
_ALONG, _PRESENT = 0.015, 3.0
"""Over how many long sides an outline is looked at; and how much of an outline there has to be."""

_VISIBLE_GAP = 6.0
_OUTLINE_SHARE = 0.55, 0.85
"""Of the outline that follows an edge of the photo: too little, and enough."""

_ALIKE = 0.4, 0.62
"""Share of the colors inside and surroundings have in common from which an outline is doubted, and
from which it is none: half a plant, one of many alike, a fence and the street behind it."""
_SAME_HUE = 0.42, 0.52
"""The same of their hues, where all is of strong color: one petal of many, a wing on another."""

_SHARP_PX, _FOLLOWED, _ALIKE_BUT_SHARP, _NO_PETAL = 4.7, 0.965, (0.52, 0.66), 0.3
"""Undecided pixels and share of an edge followed by which an outline is as good as one can be; the
colors it may share for that; and the area of what is no petal, whatever its hue."""

_AGREEING = 0.2, 0.6
"""How much more stands out inside a cut-out than outside: another thing, and the same."""

_FACE_KEPT, _HAIR_KEPT, _TRUNK_KEPT = 0.95, 0.75, 0.6
_FACE_SEEN, _TRUNK_SEEN = 0.9, 0.5
"""Below it the network took something else for the subject, a beard or another person; and saw no
trunk."""

_SURE = 0.9
_EDGE = 0.3, 0.7
"""What the network is less, and more sure of is all ground, and all subject: its own soft edge is
wider than any hair, and the ground in it would be lit like the subject."""

_SMALLEST_PART = 0.02
"""Of the largest part; what is smaller is no subject of its own."""


def of(small: Pixels, salient: Map, faces: list[Face]) -> tuple[Map, float]:
    """(subject (h, w) 0..1, confidence 0..1) on the small photo.

    `salient` 0..1 may have any size; `faces` are in pixels of `small`.
    """
    size = small.shape[0], small.shape[1]
    if float(salient.max()) < _LEAST_PEAK:
        return np.zeros(size, np.float32), 0.0
    soft = _stretched(salient, size)
    whole = _whole_persons(small, soft, faces)
    if whole is not None:
        found, traced = _cleaned(small, whole)
        confidence = _confidence(traced)
        if confidence >= _ENOUGH_PERSON and _faces_kept(found, faces) > _FACE_SEEN:
            return found, confidence
    found, traced = _cleaned(small, soft)
    confidence = _confidence(traced)
    if not faces:
        # Persons are known by their faces, whatever they wear and stand before.
        confidence *= _unlike(small, found, traced)
    return found, confidence if _faces_kept(found, faces) > _FACE_SEEN else 0.0


def _faces_kept(found: Map, faces: list[Face]) -> float:
    """Of the face that a cut-out holds least of: what it holds."""
    return min((portrait.face_kept(face, found) for face in faces), default=1.0)


def _cleaned(small: Pixels, soft: Map) -> "tuple[Map, _Traced]":
    """Without dust and soft edges, and its outline."""
    cut = _without_dust(soft > 0.5)
    cleaned = np.where(cut | (soft <= 0.5), soft, 0).astype(np.float32)
    return _sharpened(cleaned), _Traced.of(small, cleaned, cut)


def _sharpened(soft: Map) -> Map:
    low, high = _EDGE
    return np.clip((soft - low) / (high - low), 0, 1).astype(np.float32)


def enough(faces: list[Face]) -> float:
    """Least confidence in a subject, which persons may be. Faces tell that it is there at all."""
    return _ENOUGH_PERSON if faces else _ENOUGH_THING


def agreement(cut: Map, salient: Map) -> float:
    """0..1: how far what was cut out (h, w) by other means is also what stands out."""
    soft = _stretched(salient, (cut.shape[0], cut.shape[1]))
    inside = cut > 0.5
    if not inside.any() or inside.all():
        return 0.0
    low, high = _AGREEING
    apart = float(soft[inside].mean() - soft[~inside].mean())
    return min(max((apart - low) / (high - low), 0.0), 1.0)


def sureness(salient: Map, size: tuple[int, int]) -> Map:
    """(rows, columns) 0..1: whether the network ends a subject here, and knows where.

    High along an outline of its own that is sharp, low everywhere else.
    """
    soft = _stretched(salient, size)
    longest = max(size)
    reach = _ALONG * longest
    undecided = ((soft > 0.1) & (soft < 0.9)).astype(np.float32)
    near = wide_blur(_outline(soft > 0.5), reach)
    width = 2 * wide_blur(undecided, reach) / np.maximum(near, 1e-4) * (SEARCH_EDGE_PX / longest)
    sure, unsure = _LOST
    sharp = np.clip((unsure - width) / (unsure - sure), 0, 1)
    return (sharp * np.clip(_PRESENT * reach * near, 0, 1)).astype(np.float32)


def _outline(cut: Bits) -> Map:
    grown = cv2.morphologyEx(cut.astype(np.uint8), cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8))
    return np.asarray(grown, np.float32)


def _unlike(small: Pixels, found: Map, traced: "_Traced") -> float:
    """1 where a cut-out has colors of its own, 0 where what lies around it has the same."""
    shares = [(colors_shared(small, found), _ALIKE_BUT_SHARP if traced.is_sharp else _ALIKE)]
    if not (traced.is_sharp and traced.area > _NO_PETAL):
        shares.append((hues_shared(small, found), _SAME_HUE))
    return min(min(max((high - part) / (high - low), 0.0), 1.0) for part, (low, high) in shares)


def _stretched(salient: Map, size: tuple[int, int]) -> Map:
    low, high = float(salient.min()), float(salient.max())
    return resize((salient - low) / max(high - low, 1e-6), size)


@dataclass(frozen=True, slots=True)
class _Traced:
    """An outline as the network and the photo have it: the `area` within, of 1; the width of the
    band in which the network is not sure, in pixels; the share of it that follows an edge."""

    area: float
    undecided_px: float
    followed: float

    @classmethod
    def of(cls, small: Pixels, soft: Map, cut: Bits) -> "_Traced":
        outline_px = max(float(_outline(cut).sum()) / 2, 1.0)
        undecided = float(((soft > 0.1) & (soft < 0.9)).sum()) / outline_px
        calm = cv2.GaussianBlur(small, (0, 0), 1.2)
        lab = np.asarray(cv2.cvtColor(calm, cv2.COLOR_RGB2LAB), np.float32)
        gaps = contour_gaps(lab, cut)
        followed = float((gaps > _VISIBLE_GAP).mean()) if gaps.size else 0.0
        return cls(float(cut.mean()), undecided, followed)

    @property
    def is_sharp(self) -> bool:
        return self.undecided_px <= _SHARP_PX and self.followed >= _FOLLOWED


def _confidence(traced: _Traced) -> float:
    """0..1 by size, by how sure the network is, and by the photo's own edges."""
    if not _SIZE[0] < traced.area < _SIZE[1]:
        return 0.0
    low, high = _OUTLINE_SHARE
    follows = min(max((traced.followed - low) / (high - low), 0.0), 1.0)
    sure, unsure = _UNDECIDED
    return follows * min(max((unsure - traced.undecided_px) / (unsure - sure), 0.0), 1.0)


def _whole_persons(small: Pixels, soft: Map, faces: list[Face]) -> Map | None:
    """What stands out together with whatever of these persons does not: hair, a second person;
    None when nothing of them is missing."""
    cropped = [
        face
        for face in faces
        if portrait.face_kept(face, soft) < _FACE_KEPT
        or portrait.hair_kept(face, soft) < _HAIR_KEPT
        or portrait.trunk_kept(face, soft) < _TRUNK_KEPT
    ]
    if not cropped:
        return None
    labels = portrait.together(cropped, soft.shape[:2])
    labels[(soft > _SURE) & (labels != cv2.GC_FGD)] = cv2.GC_PR_FGD
    ground = soft < 1 - _SURE
    if all(portrait.face_kept(face, soft) > _FACE_SEEN for face in cropped):
        labels[ground & (labels == cv2.GC_PR_FGD)] = cv2.GC_PR_BGD
    if all(portrait.trunk_kept(face, soft) > _TRUNK_SEEN for face in cropped):
        # Who bends forward has no trunk straight below the head.
        heads = np.max([portrait.head_room(face, soft.shape) for face in cropped], axis=0)
        labels[ground & (heads == 0)] = cv2.GC_BGD
    cut = portrait.with_faces(graph_cut(small, labels), cropped)
    reach = 0.08 * float(np.mean([face.eyes_apart for face in cropped]))
    calm = (blur(cut.astype(np.float32), reach) > 0.5).astype(np.float32)
    return np.maximum(_sharpened(soft), blur(calm, 1.0))


def _without_dust(cut: Bits) -> Bits:
    count, parts, stats, _ = cv2.connectedComponentsWithStats(cut.astype(np.uint8))
    if count < 2:
        return cut
    area = np.asarray(stats)[:, cv2.CC_STAT_AREA]
    kept = area >= _SMALLEST_PART * area[1:].max()
    kept[0] = False
    return np.asarray(kept[np.asarray(parts)], np.bool_)
