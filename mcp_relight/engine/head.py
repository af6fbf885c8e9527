"""The head behind a face: a rounded whole that hair, ears and neck continue the face on."""

from dataclasses import dataclass

import numpy as np

from .face_mesh import MeshFace
from .grid import Map, Real, unit

_LEFT_CHEEK, _RIGHT_CHEEK, _FOREHEAD, _CHIN = 234, 454, 10, 152
"""Points of the mesh at the widest, the uppermost and the lowest of a face."""

_HALF_AXES = 0.62, 0.95, 0.72
"""Half width, half height and half depth of a head, in widths of its face."""

_UP, _BACK = 0.22, 0.17
"""Its middle from that of the face, in widths."""

_FULL, _GONE = 0.55, 1.0
"""Squared distance from its middle, in half axes, up to which it counts in full, and at all."""

_MOST = 0.8

_NECK_HALF, _NECK_SIDE = 0.2, 0.4
"""Half of its width, and what it fades in beside that, in widths of the face."""

_NECK_ABOVE, _NECK_BELOW = 0.5, 0.7
"""From where in the face to where below the chin it counts, in widths of the face."""

_NECK_LEAN = 0.5
"""Up under the chin it faces down by this much; further below, ahead."""


@dataclass(frozen=True, slots=True)
class _Head:
    middle: Real
    axes: Real
    """(3, 3): rows are the unit axes across, up and out of the face, divided by the half axes."""


def head_normals(faces: list[MeshFace], size: tuple[int, int]) -> tuple[Map, Map]:
    """(normals (H, W, 3), weight (H, W) 0..1) of all heads and necks on a grid of this size."""
    normals = np.zeros((*size, 3), np.float32)
    normals[..., 2] = 1
    weight = np.zeros(size, np.float32)
    for face in faces:
        for found, own in (_seen(_head(face), size), _neck(face, size)):
            total = weight + own * (1 - weight)
            part = np.where(total > 0, own * (1 - weight) / np.maximum(total, 1e-6), 0)
            normals = unit(normals * (1 - part[..., None]) + found * part[..., None])
            weight = np.asarray(total, np.float32)
    return np.asarray(normals, np.float32), weight


def _head(face: MeshFace) -> _Head:
    """From the pose of the mesh; x right, y up, z to the viewer."""
    points = face.points.astype(np.float64) * (1, -1, -1)
    across = points[_RIGHT_CHEEK] - points[_LEFT_CHEEK]
    across /= np.linalg.norm(across)
    up = points[_FOREHEAD] - points[_CHIN]
    up -= (up @ across) * across
    up /= np.linalg.norm(up)
    out = np.cross(across, up)
    width = float(np.linalg.norm(points[_RIGHT_CHEEK] - points[_LEFT_CHEEK]))
    ends = points[[_LEFT_CHEEK, _RIGHT_CHEEK, _FOREHEAD, _CHIN]]
    middle = ends.mean(axis=0) + width * (_UP * up - _BACK * out)
    half = np.array(_HALF_AXES) * width
    return _Head(middle, np.stack([across, up, out]) / half[:, None])


def _neck(face: MeshFace, size: tuple[int, int]) -> tuple[Map, Map]:
    """An upright round column below the chin, so that what is dark on it does not end there."""
    chin = face.points[_CHIN]
    width = float(np.linalg.norm(face.points[_RIGHT_CHEEK] - face.points[_LEFT_CHEEK]))
    middle = chin[0] * 0.6 + float(face.points[[_LEFT_CHEEK, _RIGHT_CHEEK], 0].mean()) * 0.4
    across = (np.arange(size[1])[None] - middle) / width
    down = (np.arange(size[0])[:, None] - chin[1]) / width
    below = np.clip(down / _NECK_BELOW, 0, 1)
    round_ = np.clip(across / (_NECK_HALF + _NECK_SIDE), -0.9, 0.9)
    lean = -_NECK_LEAN * (1 - below)
    parts = np.broadcast_arrays(round_, lean, np.sqrt(1 - round_**2))
    sideways = _smooth(1 - (np.abs(across) - _NECK_HALF) / _NECK_SIDE)
    weight = _MOST * sideways * _smooth(1 + down / _NECK_ABOVE) * _smooth(1 - below)
    return unit(np.stack(parts, axis=2)), weight.astype(np.float32)


def _smooth(share: Real) -> Real:
    share = np.clip(share, 0, 1)
    return share * share * (3 - 2 * share)


def _seen(head: _Head, size: tuple[int, int]) -> tuple[Map, Map]:
    """The near side of the ellipsoid |A (p - m)| = 1, seen along z."""
    x = np.arange(size[1]) - head.middle[0]
    y = -np.arange(size[0]) - head.middle[1]
    flat = np.stack(np.broadcast_arrays(x[None], y[:, None]), axis=-1)
    base, along = flat @ head.axes[:, :2].T, head.axes[:, 2]
    # |base + z along|² = 1 for the larger z; outside, the z nearest to the middle.
    a, b = float(along @ along), base @ along
    c = np.einsum("ijk,ijk->ij", base, base) - 1
    room = b * b - a * c
    z = (-b + np.sqrt(np.maximum(room, 0))) / a
    normals = (base + z[..., None] * along) @ head.axes
    normals /= np.maximum(np.linalg.norm(normals, axis=2, keepdims=True), 1e-9)
    # `room` falls from b² + a to 0 at the outline.
    off_middle = 1 - np.clip(room / a, 0, 1)
    weight = _MOST * _smooth((_GONE - off_middle) / (_GONE - _FULL))
    return normals.astype(np.float32), weight.astype(np.float32)
