"""The shape of faces: normals of the face mesh, and how far to follow them where."""

import cv2
import numpy as np

from .face_mesh import MeshFace
from .grid import Bits, Map, Real, blur, unit
from .nets import triangles

_SMOOTHING = 0.03
_FEATHER = 0.2
"""In widths of the face."""

_SUBPIXEL_BITS = 4
_LEAST_FACING = 0.05
_BEYOND = 0.2
"""Barycentric coordinates may leave a triangle by this much at its edge pixels."""


def face_normals(faces: list[MeshFace], size: tuple[int, int]) -> tuple[Map, Map]:
    """(normals (H, W, 3), weight (H, W) 0..1) of all faces on a grid of this size.

    `faces` are in pixels of that grid. The weight is 1 in the middle of a face and fades towards
    its edge; where it is 0 the normals face the viewer. Raises NetUnavailable.
    """
    normals = np.zeros((*size, 3), np.float32)
    normals[..., 2] = 1
    weight = np.zeros(size, np.float32)
    for face in faces:
        found, covered = _rendered(face, size)
        if not covered.any():
            continue
        own = _fading(covered, _FEATHER * face.width)
        smooth = unit(blur(found, _SMOOTHING * face.width))
        smooth[..., 2] = np.maximum(smooth[..., 2], _LEAST_FACING)
        normals = np.where((own > weight)[..., None], unit(smooth), normals)
        weight = np.maximum(weight, own)
    return normals, weight


def _fading(covered: Bits, reach_px: float) -> Map:
    """Smoothly 0 at the edge and 1 from `reach_px` inside it on."""
    depth = np.asarray(cv2.distanceTransform(covered.astype(np.uint8), cv2.DIST_L2, 5), np.float32)
    share = np.clip(depth / max(reach_px, 1.0), 0, 1)
    return (share * share * (3 - 2 * share)).astype(np.float32)


def _rendered(face: MeshFace, size: tuple[int, int]) -> tuple[Map, Bits]:
    """The mesh's normals drawn far to near, and where it covers the grid."""
    corners, flat = triangles(), face.points[:, :2].astype(np.float64)
    drawn = np.zeros(size, np.int32)
    outlines = np.round(flat[corners] * (1 << _SUBPIXEL_BITS)).astype(np.int32)
    for index in np.argsort(-face.points[corners, 2].mean(axis=1), kind="stable"):
        cv2.fillConvexPoly(drawn, outlines[index], int(index) + 1, cv2.LINE_8, _SUBPIXEL_BITS)
    row, column = np.nonzero(drawn)
    here = corners[drawn[row, column] - 1]
    shares = _barycentric(flat[here], np.column_stack([column, row]).astype(np.float64))
    values = np.einsum("nk,nkc->nc", shares, vertex_normals(face)[here])
    normals = np.zeros((*size, 3), np.float32)
    normals[row, column] = values
    return normals, drawn > 0


def _barycentric(corners: Real, points: Real) -> Real:
    """(N, 3) weights of the corners (N, 3, 2) at `points` (N, 2)."""
    first = corners[:, 0]
    one, other, away = corners[:, 1] - first, corners[:, 2] - first, points - first
    area = one[:, 0] * other[:, 1] - other[:, 0] * one[:, 1]
    area = np.where(np.abs(area) < 1e-6, 1e-6, area)
    second = (away[:, 0] * other[:, 1] - other[:, 0] * away[:, 1]) / area
    third = (one[:, 0] * away[:, 1] - away[:, 0] * one[:, 1]) / area
    second, third = (np.clip(share, -_BEYOND, 1 + _BEYOND) for share in (second, third))
    return np.column_stack([1 - second - third, second, third])


def vertex_normals(face: MeshFace) -> Map:
    """(468, 3), weighted by area; x right, y up, z to the viewer."""
    points = face.points.astype(np.float64) * (1, -1, -1)
    corners = triangles()
    first, second, third = (points[corners[:, corner]] for corner in range(3))
    flat = np.cross(second - first, third - first)
    normals = np.zeros_like(points)
    for corner in range(3):
        np.add.at(normals, corners[:, corner], flat)
    normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-9)
    return (normals if np.median(normals[:, 2]) > 0 else -normals).astype(np.float32)
