"""The subject and its rough shape, on the small grid light is measured on."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from mcp_relight.engine.backdrop import before_plain_backdrop
from mcp_relight.engine.face import Face
from mcp_relight.engine.grid import Bits, Map
from mcp_relight.engine.inflate import silhouette
from mcp_relight.engine.mask import Subject, find_subject, search_subject

from .register import shrink

GRID_PX = 128
_SEARCH_PX = 72
_INFLATED_PX = 80
_SMALLEST, _LARGEST = 0.02, 0.92


@dataclass(frozen=True, slots=True)
class Shape:
    """Normals (h, w, 3) over `region`; `confidence` 0…1 that they mean anything.

    `subject` is None when no subject was found and the whole frame is taken as one round thing.
    """

    normals: Map
    region: Bits
    subject: Bits | None
    confidence: float


def find_shapes(
    pictures: list[NDArray[np.uint8]],
    *,
    mask: NDArray[np.bool_ | np.uint8] | None = None,
    alpha: NDArray[np.uint8] | None = None,
    faces: list[Face] | None = None,
) -> list[Shape]:
    """Shapes worth trying, the most trusted first, of equal-size small (h, w, 3) pictures.

    The pictures show one scene; a subject half lost in the shadow of one is whole in another.
    `faces` are those of the first picture, in its pixels; None where they were not searched yet.
    """
    size = (pictures[0].shape[1], pictures[0].shape[0])
    frame = np.ones(size[::-1], np.bool_)
    given = _given(mask, size) if mask is not None else _transparent(alpha, size)
    if given is not None:
        return [_inflated(given, given, 1.0)]
    plain = [found for found in map(before_plain_backdrop, pictures) if found is not None]
    if plain:
        subject = max(plain, key=lambda found: int(found.sum()))
        return [_inflated(subject, subject, 0.95)]
    found = _searched(pictures[0], faces)
    whole = _inflated(frame, None, 0.4)
    if found.source == "none" or not _SMALLEST < float(found.solid.mean()) < _LARGEST:
        return [whole]
    return [_inflated(found.solid, found.solid, 0.8 * found.confidence), whole]


def _searched(picture: NDArray[np.uint8], faces: list[Face] | None) -> Subject:
    size = picture.shape[0], picture.shape[1]
    # The search cuts a graph, which costs more than all else: it gets fewer pixels.
    small = shrink(picture, _SEARCH_PX)
    if faces is None:
        return find_subject(small, size)
    scale = small.shape[1] / picture.shape[1]
    return search_subject(small, size, None, [face.scaled(scale) for face in faces])


def box_of(subject: Bits) -> tuple[float, float, float, float]:
    """(left, top, right, bottom) as shares of the frame."""
    rows, columns = np.flatnonzero(subject.any(axis=1)), np.flatnonzero(subject.any(axis=0))
    height, width = subject.shape
    edges = (
        columns[0] / width,
        rows[0] / height,
        (columns[-1] + 1) / width,
        (rows[-1] + 1) / height,
    )
    left, top, right, bottom = (round(float(edge), 3) for edge in edges)
    return left, top, right, bottom


def _inflated(area: Bits, subject: Bits | None, confidence: float) -> Shape:
    normals, _ = silhouette(area, edge_px=_INFLATED_PX)
    inner = cv2.erode(area.astype(np.uint8), np.ones((3, 3), np.uint8), borderValue=1) > 0
    region = inner if int(inner.sum()) >= 50 else area
    return Shape(normals, region, subject, confidence)


def _given(mask: NDArray[np.bool_ | np.uint8], size: tuple[int, int]) -> Bits | None:
    marked = mask.astype(np.uint8) > (0 if mask.dtype == np.bool_ else 127)
    covered = cv2.resize(255 * marked.astype(np.uint8), size, interpolation=cv2.INTER_AREA)
    small = np.asarray(covered, np.uint8) > 127
    return small if int(small.sum()) >= 20 else None


def _transparent(alpha: NDArray[np.uint8] | None, size: tuple[int, int]) -> Bits | None:
    if alpha is None or not 0.01 <= float((alpha < 128).mean()) <= 0.95:
        return None
    return _given(alpha, size)
