"""The subject: given as a mask, by the photo's own transparency, or found."""

from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

import cv2
import numpy as np

from . import portrait, salient_subject
from .backdrop import before_plain_backdrop
from .contour import contour_gaps
from .face import Face, find_face
from .graph_cut import graph_cut, largest_part
from .grid import Bits, Map, Pixels, blur, centered_axes, guided, resize, resize_pixels
from .inflate import WHOLE_FRAME
from .matting import at_edges

_RANDOM_SEED = 7
_PALETTE = 5
_MIN_CONFIDENCE = 0.35
_EDGE_REACH = 0.009
"""In long sides: how far off its edge in the photo a searched outline may be."""

_LOOSE, _HARD_EDGE = 0.012, 1e-4
"""In long sides, over how much a mask that was given follows the photo, and how closely."""
_VISIBLE_GAP = 6.0
"""Lab units of 8-bit pictures; a smooth sky stays below."""
_OUTLINE_SHARE = 0.7, 0.85

_NO_SHADOW, _THINGS = 60.0, 0.8
"""Levels from a plain backdrop that no shadow on it has; the share of what was found that has to
stand out as much."""

MaskSource: TypeAlias = Literal["user", "alpha", "auto", "none"]


@dataclass(frozen=True, slots=True)
class Subject:
    """`alpha` 0..1 on the working grid, all zero when `source` is "none".

    `sure` (H, W) 0..1 is how far its outline can be trusted at each place; None for all of it.
    """

    alpha: Map
    source: MaskSource
    confidence: float
    sure: Map | None = None

    @property
    def solid(self) -> Bits:
        return self.alpha > 0.5

    @property
    def is_all_selected(self) -> bool:
        """Whether a mask was given that covers the whole frame, and so has no outline."""
        return self.source == "user" and float(self.solid.mean()) > WHOLE_FRAME


def given_subject(
    guide: Map, *, mask: Pixels | None = None, alpha: Pixels | None = None
) -> Subject | None:
    """The subject as a mask has it, or else the photo's transparency; None when neither says.

    `guide` (H, W), √luminance on the working grid; `mask` and `alpha` may have any size.
    """
    size = guide.shape[0], guide.shape[1]
    if mask is not None and mask.any():
        return Subject(_feather(_coverage(mask, size), guide), "user", 1.0)
    if alpha is not None and 0.01 <= (alpha < 128).mean() <= 0.95:
        # Nothing is seen beside it that could tell better where it ends.
        return Subject(_coverage(alpha, size), "alpha", 1.0)
    return None


def find_subject(rgb: Pixels, size: tuple[int, int]) -> Subject:
    """The subject of a photo on a grid of `size`, searched without any network."""
    small = _searched(rgb)
    face = find_face(small)
    return _subject(*_classical(small, [] if face is None else [face]), rgb, size)


def search_subject(
    rgb: Pixels, size: tuple[int, int], salient: Map | None, faces: list[Face]
) -> Subject:
    """The subject of a photo on a grid of `size`, (rows, columns).

    `salient` gives what stands out, (h, w) 0..1 of any size; None when no network can tell.
    `faces` are those found in `rgb`. What has the evidence of the photo on its side wins. Without
    a face nothing is searched that the network does not see.
    """
    small = _searched(rgb)
    scale = small.shape[1] / rgb.shape[1]
    faces = [face.scaled(scale) for face in faces]
    if salient is None:
        return _subject(*_classical(small, faces), rgb, size)
    found, confidence = salient_subject.of(small, salient, faces)
    least = salient_subject.enough(faces)
    if faces and confidence < least:
        other, sure = _classical(small, faces)
        sure *= salient_subject.agreement(other, salient)
        if sure > confidence:
            found, confidence = other, sure
    if not faces:
        found = _with_all_of_it(small, found)
    subject = _subject(found, confidence, rgb, size, least)
    if subject.source == "none":
        return subject
    return replace(subject, sure=salient_subject.sureness(salient, size))


def _with_all_of_it(small: Pixels, found: Map) -> Map:
    """Together with the rest of what stands before a plain backdrop, if that is what was found: a
    network sees one of many balls in part."""
    things = before_plain_backdrop(small, _NO_SHADOW)
    if things is None or not found.any() or float(found[things].sum() / found.sum()) < _THINGS:
        return found
    return np.maximum(found, blur(things.astype(np.float32), 1.0))


def _subject(
    found: Map,
    confidence: float,
    rgb: Pixels,
    size: tuple[int, int],
    least: float = _MIN_CONFIDENCE,
) -> Subject:
    if confidence < least:
        return Subject(np.zeros(size, np.float32), "none", confidence)
    soft = resize(found, size)
    if rgb.shape[:2] != size:  # what is only measured is searched in a smaller picture
        rgb = np.asarray(cv2.resize(rgb, size[::-1], interpolation=cv2.INTER_LINEAR), np.uint8)
    return Subject(at_edges(soft, rgb, _EDGE_REACH * max(size)), "auto", confidence)


def _searched(rgb: Pixels) -> Pixels:
    rows, columns = rgb.shape[:2]
    scale = min(1.0, salient_subject.SEARCH_EDGE_PX / max(rows, columns))
    return resize_pixels(rgb, (max(8, int(rows * scale)), max(8, int(columns * scale))))


def _coverage(mask: Pixels, size: tuple[int, int]) -> Map:
    return resize(mask.astype(np.float32) / 255, size)


def _feather(coverage: Map, guide: Map) -> Map:
    """Let a drawn mask follow hair and fur of the photo at its edge."""
    radius = max(2, int(_LOOSE * max(guide.shape)))
    a, b = guided(guide, coverage, radius, _HARD_EDGE)
    return np.clip((a * guide + b - 0.1) / 0.8, 0, 1).astype(np.float32)


def _classical(small: Pixels, faces: list[Face]) -> tuple[Map, float]:
    """The persons around the faces, else what stands out; and how sure that is."""
    calm = cv2.GaussianBlur(small, (0, 0), 1.2)
    lab = np.asarray(cv2.cvtColor(calm, cv2.COLOR_RGB2LAB), np.float32)
    nothing = np.zeros(small.shape[:2], np.float32), 0.0
    if np.ptp(lab.reshape(-1, 3), axis=0).max() < 4:
        return nothing
    if faces:
        cut = portrait.with_faces(
            graph_cut(small, portrait.together(faces, small.shape[:2])), faces
        )
        confidence = min(portrait.confidence(face, lab, cut) for face in faces)
        if confidence >= _MIN_CONFIDENCE:
            return cut.astype(np.float32), confidence
    whole = before_plain_backdrop(small)
    if whole is not None:
        confidence = _separation(lab, whole)
        if confidence >= _MIN_CONFIDENCE:
            return whole.astype(np.float32), confidence
    # What differs from the picture's border and lies near its centre.
    cut = largest_part(graph_cut(small, _trimap(lab)))
    return cut.astype(np.float32), _separation(lab, cut)


def _trimap(lab: Map) -> Pixels:
    """GrabCut's four labels, from the distance to the border's main colours."""
    rows, columns = lab.shape[:2]
    edge = max(3, int(0.03 * max(rows, columns)))
    border = np.zeros((rows, columns), np.bool_)
    border[:edge] = True
    # A subject usually stands on the lower edge: leave that and the lower corners out.
    border[: int(rows * 0.75), :edge] = True
    border[: int(rows * 0.75), -edge:] = True
    unlike = _distance_to_palette(lab, lab[border])
    x, y = centered_axes((rows, columns))
    half = max(rows, columns) / 2
    x_px, y_px = x * half, -y * half + rows / 2
    central = np.exp(
        -((x_px / (0.36 * columns)) ** 2) - ((y_px - 0.55 * rows) / (0.45 * rows)) ** 2
    )
    score = unlike / (np.percentile(unlike, 90) + 1e-3) * (0.35 + central)
    labels = np.full((rows, columns), cv2.GC_PR_BGD, np.uint8)
    labels[score > 0.55] = cv2.GC_PR_FGD
    labels[(score > 1.0) & (central > 0.5)] = cv2.GC_FGD
    labels[border & (score < 0.45)] = cv2.GC_BGD
    labels[: edge // 2 + 1] = cv2.GC_BGD
    return labels


def _distance_to_palette(lab: Map, border: Map) -> Map:
    cv2.setRNGSeed(_RANDOM_SEED)
    stop = (cv2.TERM_CRITERIA_EPS + cv2.TERM_CRITERIA_MAX_ITER, 20, 0.5)
    start = np.zeros((len(border), 1), np.int32)
    _, labels, centers = cv2.kmeans(border, _PALETTE, start, stop, 2, cv2.KMEANS_PP_CENTERS)
    share = np.bincount(np.asarray(labels).ravel(), minlength=_PALETTE) / len(border)
    distance = np.full(lab.shape[:2], np.inf, np.float32)
    for center in np.asarray(centers, np.float32)[share >= 0.05]:
        away = (lab - center) * np.array([0.6, 1, 1], np.float32)
        distance = np.minimum(distance, np.sqrt((away * away).sum(axis=2)))
    return distance


def _separation(lab: Map, cut: Bits) -> float:
    """How clearly the colours differ across the contour, 0..1; 0 for a silly size."""
    if not 0.06 < cut.mean() < 0.85:
        return 0.0
    bits, kernel = cut.astype(np.uint8), np.ones((9, 9), np.uint8)
    outer = (np.asarray(cv2.dilate(bits, kernel)) > 0) & ~cut
    inner = cut & (np.asarray(cv2.erode(bits, kernel)) == 0)
    if not outer.any() or not inner.any():
        return 0.0
    outside, inside = lab[outer], lab[inner]
    gap = float(np.linalg.norm(outside.mean(axis=0) - inside.mean(axis=0)))
    noise = float(outside.std(axis=0).mean() + inside.std(axis=0).mean())
    apart = min(max((gap / (noise + 1e-3) - 0.3) / 0.7, 0.0), 1.0)
    return apart * _standing_off(lab, cut)


def _standing_off(lab: Map, cut: Bits) -> float:
    """0..1: full when nearly all of the outline follows an edge of the picture, nothing when much
    of it runs through a plain sky or wall."""
    share = float((contour_gaps(lab, cut) > _VISIBLE_GAP).mean())
    low, high = _OUTLINE_SHARE
    return min(max((share - low) / (high - low), 0.0), 1.0)
