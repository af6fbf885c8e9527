"""The light in one photo: on its faces, whose shape is known best, else on its subject."""

import math

import numpy as np
from numpy.typing import NDArray

from mcp_relight.engine.color import decode, luminance
from mcp_relight.engine.face_mesh import MeshFace
from mcp_relight.engine.face_shape import vertex_normals
from mcp_relight.engine.grid import Map, blur, resize_pixels
from mcp_relight.engine.nets import triangles

from .light import Light, key_to_fill_stops
from .likely import Cue, placed, split
from .shape import Shape

_SAMPLES = 800
_SHAPE_WORTH, _SHAPE_PARTS = 15, 1
_FACE_WORTH, _FACE_PARTS = 30, 3
"""The mesh of a face follows its cheeks and nose; a shape blown up from an outline is right on the
whole alone."""
_FACE_PX, _SMALLEST_PX = 96, 24
"""Width at which a face is looked at, and below which it is too small to show light."""
_MOST_FACES = 5
"""The largest of a crowd tell its light."""
_AROUND, _SMOOTH = 0.1, 0.02
"""In widths of the face."""
_FACING = 0.1


def light_of(
    level: Map, shape: Shape, rgb: NDArray[np.uint8], faces: list[MeshFace]
) -> tuple[Light, float]:
    """The light of a photo `rgb` with these `faces`, and its stops from key to fill.

    `level` (h, w) is the linear luminance on the grid of `shape`.
    """
    largest = sorted(faces, key=lambda face: -face.width)[:_MOST_FACES]
    on_faces = [_on_face(rgb, face) for face in largest if face.width >= _SMALLEST_PX]
    cues = [cue for cue in on_faces if cue is not None] or [_on_shape(level, shape)]
    light = placed(cues)
    first = cues[0]
    return light, key_to_fill_stops(first.normals, light.direction, first.luminance)


def _on_shape(level: Map, shape: Shape) -> Cue:
    rows, columns = np.nonzero(shape.region)
    step = max(1, math.ceil(len(rows) / _SAMPLES))
    at = rows[::step], columns[::step]
    count = len(at[0])
    return Cue(
        normals=shape.normals[at],
        luminance=level[at],
        weights=np.full(count, 1 / count, np.float32),
        parts=split(at[1].astype(np.float32), at[0].astype(np.float32), _SHAPE_PARTS),
        worth=_SHAPE_WORTH * shape.confidence,
    )


def _on_face(rgb: NDArray[np.uint8], face: MeshFace) -> Cue | None:
    """Every triangle of the mesh that is turned to the viewer; None where the frame cuts it off."""
    (top, bottom), (left, right) = _reach(rgb, face)
    crop = rgb[top:bottom, left:right]
    if min(crop.shape[:2]) < _SMALLEST_PX:
        return None
    scale = min(1.0, _FACE_PX / face.width)
    size = round(crop.shape[0] * scale), round(crop.shape[1] * scale)
    bright = blur(luminance(decode(resize_pixels(crop, size))), _SMOOTH * face.width * scale)
    corners = face.points[triangles()]
    across, down = ((corners.mean(axis=1)[:, :2] - (left, top)) * scale).T
    normals = vertex_normals(face)[triangles()].mean(axis=1)
    normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-6)
    inside = (across >= 0) & (down >= 0) & (across < size[1]) & (down < size[0])
    seen = inside & (normals[:, 2] > _FACING)
    if int(seen.sum()) < len(seen) / 3:
        return None
    weights = _areas(corners[seen])
    return Cue(
        normals=normals[seen].astype(np.float32),
        luminance=bright[down[seen].astype(np.intp), across[seen].astype(np.intp)],
        weights=weights / weights.sum(),
        parts=split(across[seen], down[seen], _FACE_PARTS),
        worth=_FACE_WORTH,
    )


def _reach(rgb: NDArray[np.uint8], face: MeshFace) -> tuple[tuple[int, int], tuple[int, int]]:
    """Rows and columns from and to which a face and a little around it lie in the frame."""
    left, top, right, bottom = face.box
    margin = _AROUND * face.width
    rows, columns = rgb.shape[:2]
    return (
        (max(math.floor(top - margin), 0), min(math.ceil(bottom + margin), rows)),
        (max(math.floor(left - margin), 0), min(math.ceil(right + margin), columns)),
    )


def _areas(corners: Map) -> NDArray[np.float32]:
    """(n,) areas on screen of triangles (n, 3, 3)."""
    one, other = (corners[:, corner, :2] - corners[:, 0, :2] for corner in (1, 2))
    doubled = np.abs(one[:, 0] * other[:, 1] - one[:, 1] * other[:, 0])
    return np.asarray(doubled / 2, np.float32)
