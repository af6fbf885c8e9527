"""The subject: given as a mask, by the photo's own transparency, or found."""

from dataclasses import dataclass
from typing import Literal, TypeAlias

import cv2
import numpy as np

from . import portrait
from .backdrop import before_plain_backdrop
from .contour import contour_gaps
from .face import find_face
from .grid import Bits, Map, Pixels, centered_axes, guided, resize, resize_pixels

_SEARCH_EDGE_PX = 256
_RANDOM_SEED = 7
_PALETTE = 5
_MIN_CONFIDENCE = 0.35
_HARD_EDGE = 1e-4
_VISIBLE_GAP = 6.0
"""Lab units of 8-bit pictures; a smooth sky stays below."""
_OUTLINE_SHARE = 0.7, 0.85

MaskSource: TypeAlias = Literal["user", "alpha", "auto", "none"]


@dataclass(frozen=True, slots=True)
class Subject:
    """`alpha` 0..1 on the working grid, all zero when `source` is "none".

    `is_person` says that a face led to it.
    """

    alpha: Map
    source: MaskSource
    confidence: float
    is_person: bool = False

    @property
    def solid(self) -> Bits:
        return self.alpha > 0.5


def find_subject(
    rgb: Pixels, guide: Map, *, mask: Pixels | None = None, alpha: Pixels | None = None
) -> Subject:
    """The subject of a photo on the working grid.

    A mask wins over transparency, transparency over a search. `mask` and `alpha` may have any size.
    """
    size = guide.shape[0], guide.shape[1]
    if mask is not None and mask.any():
        return Subject(_feather(_coverage(mask, size), guide), "user", 1.0)
    if alpha is not None and 0.01 <= (alpha < 128).mean() <= 0.95:
        return Subject(_feather(_coverage(alpha, size), guide), "alpha", 1.0)
    found, confidence, is_person = _search(rgb)
    if confidence < _MIN_CONFIDENCE:
        return Subject(np.zeros(size, np.float32), "none", confidence)
    soft = _feather(resize(found.astype(np.float32), size), guide)
    return Subject(soft, "auto", confidence, is_person)


def _coverage(mask: Pixels, size: tuple[int, int]) -> Map:
    return resize(mask.astype(np.float32) / 255, size)


def _feather(coverage: Map, guide: Map) -> Map:
    """Let the mask follow hair and fur of the photo at its edge."""
    radius = max(2, int(0.012 * max(guide.shape)))
    a, b = guided(guide, coverage, radius, _HARD_EDGE)
    return np.clip((a * guide + b - 0.1) / 0.8, 0, 1).astype(np.float32)


def _search(rgb: Pixels) -> tuple[Bits, float, bool]:
    """The person around a face, else what stands out; its confidence; whether it is a person."""
    rows, columns = rgb.shape[:2]
    scale = min(1.0, _SEARCH_EDGE_PX / max(rows, columns))
    size = max(8, int(rows * scale)), max(8, int(columns * scale))
    small = resize_pixels(rgb, size)
    calm = cv2.GaussianBlur(small, (0, 0), 1.2)
    lab = np.asarray(cv2.cvtColor(calm, cv2.COLOR_RGB2LAB), np.float32)
    if np.ptp(lab.reshape(-1, 3), axis=0).max() < 4:
        return np.zeros(size, np.bool_), 0.0, False
    face = find_face(small)
    if face is not None:
        cut = _cut(small, portrait.trimap(face, size))
        confidence = portrait.confidence(face, lab, cut)
        if confidence >= _MIN_CONFIDENCE:
            return cut, confidence, True
    whole = before_plain_backdrop(small)
    if whole is not None:
        confidence = _separation(lab, whole)
        if confidence >= _MIN_CONFIDENCE:
            return whole, confidence, False
    # What differs from the picture's border and lies near its centre.
    cut = _cut(small, _trimap(lab))
    return cut, _separation(lab, cut), False


def _cut(small: Pixels, labels: Pixels) -> Bits:
    """GrabCut from these labels; nothing when they leave it one side only."""
    if not _both_sides(labels):
        return np.zeros(labels.shape, np.bool_)
    cv2.setRNGSeed(_RANDOM_SEED)
    bgr = np.ascontiguousarray(small[..., ::-1])
    models = np.zeros((1, 65)), np.zeros((1, 65))
    cv2.grabCut(bgr, labels, (0, 0, 1, 1), *models, 5, cv2.GC_INIT_WITH_MASK)
    return _largest_part((labels == cv2.GC_FGD) | (labels == cv2.GC_PR_FGD))


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


def _both_sides(labels: Pixels) -> bool:
    front = (labels == cv2.GC_FGD) | (labels == cv2.GC_PR_FGD)
    return int(front.sum()) > 20 and int((~front).sum()) > 20


def _largest_part(cut: Bits) -> Bits:
    """The biggest connected piece, with small holes filled."""
    opened = cv2.morphologyEx(cut.astype(np.uint8), cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    count, parts, stats, _ = cv2.connectedComponentsWithStats(opened)
    if count < 2:
        return np.zeros_like(cut)
    largest = 1 + int(np.argmax(np.asarray(stats)[1:, cv2.CC_STAT_AREA]))
    result: Bits = np.asarray(parts, np.int32) == largest
    outside: Pixels = np.where(result, 0, 1).astype(np.uint8)
    count, holes, stats, _ = cv2.connectedComponentsWithStats(outside)
    for hole in range(1, count):
        left, top, width, _, area = (int(value) for value in np.asarray(stats)[hole])
        enclosed = left > 0 and top > 0 and left + width < cut.shape[1]
        if enclosed and area < 0.03 * cut.size:
            result |= np.asarray(holes, np.int32) == hole
    return result


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
