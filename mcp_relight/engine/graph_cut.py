"""GrabCut with a fixed start, and the pieces it leaves."""

import cv2
import numpy as np

from .grid import Bits, Pixels

_RANDOM_SEED = 7


def graph_cut(small: Pixels, labels: Pixels) -> Bits:
    """GrabCut from these labels; nothing when they leave it one side only."""
    if not _both_sides(labels):
        return np.zeros(labels.shape, np.bool_)
    cv2.setRNGSeed(_RANDOM_SEED)
    bgr = np.ascontiguousarray(small[..., ::-1])
    models = np.zeros((1, 65)), np.zeros((1, 65))
    cv2.grabCut(bgr, labels, (0, 0, 1, 1), *models, 5, cv2.GC_INIT_WITH_MASK)
    return (labels == cv2.GC_FGD) | (labels == cv2.GC_PR_FGD)


def _both_sides(labels: Pixels) -> bool:
    front = (labels == cv2.GC_FGD) | (labels == cv2.GC_PR_FGD)
    return int(front.sum()) > 20 and int((~front).sum()) > 20


def largest_part(cut: Bits) -> Bits:
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
