"""FaceMesh: 468 points with depth on every face of a photo, kept or refused by their own score.

Detectors see faces in cats and fruit. A mesh laid on those neither stays where it is when it is
laid again nor believes in itself, so that decides; skin colour has no say.
"""

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np

from . import blazeface, nets
from .blazeface import Candidate
from .color import decode, encode
from .face import Face
from .grid import Map, Pixels, resize_pixels

_SEARCH_EDGE_PX = 1024
_TILE = 0.6
"""Of each edge: four overlapping tiles show faces too small for a look at the whole."""

_WHITE_PERCENTILE = 98
_WHITE = 0.8
"""The linear light the brightest parts of every channel are brought to."""

_HEADS = "conv2d_31", "conv2d_21"
_EDGE_PX = 192
_CROP = 1.5
"""Side of the square looked at, in longer sides of the face."""

_LEFT_EYE, _RIGHT_EYE = (33, 133), (263, 362)
"""Outer and inner corner of the eyes; left and right as the viewer sees them."""

_LOOKS = 3, 6
"""At least, and until two agree."""

_HOPELESS = 0.05
_LEAST_BOX, _SURE_BOX = 0.4, 0.5
_LEAST_MESH, _SURE_MESH = 0.99, 0.999
_MOST_MOVED = 0.03
"""In widths of the face, from the last look but one to the last."""


@dataclass(frozen=True, slots=True)
class MeshFace:
    """`points` (468, 3): x to the right, y down, z away from the viewer, in pixels of the searched
    picture. `score` 0..1 is how sure the mesh is of a face."""

    points: Map
    score: float

    @property
    def width(self) -> float:
        return float(np.ptp(self.points[:, 0]))

    @property
    def box(self) -> tuple[float, float, float, float]:
        """(left, top, right, bottom)."""
        left, top = self.points[:, :2].min(axis=0)
        right, bottom = self.points[:, :2].max(axis=0)
        return float(left), float(top), float(right), float(bottom)

    @property
    def turned(self) -> float:
        """Angle of the line of the eyes, radians, clockwise on screen."""
        across, down = self.points[_RIGHT_EYE[0], :2] - self.points[_LEFT_EYE[0], :2]
        return float(np.arctan2(down, across))

    @property
    def cue(self) -> Face:
        """Between the eyes, as the search without networks tells it."""
        left, right = (self.points[list(eye), :2].mean(axis=0) for eye in (_LEFT_EYE, _RIGHT_EYE))
        x, y = (left + right) / 2
        return Face(float(x), float(y), float(np.hypot(*(right - left))), self.score)

    def scaled(self, factor: float) -> "MeshFace":
        """The same face in a picture `factor` times as large."""
        return MeshFace(self.points * np.float32(factor), self.score)


def find_faces(rgb: Pixels) -> list[MeshFace]:
    """All faces of a photo (H, W, 3) in sRGB, whatever the light, upright or tilted, the surest
    first, in pixels of the photo. Raises NetUnavailable."""
    rows, columns = rgb.shape[:2]
    scale = min(1.0, _SEARCH_EDGE_PX / max(rows, columns))
    size = max(1, round(rows * scale)), max(1, round(columns * scale))
    small = _leveled(resize_pixels(rgb, size))
    return [face.scaled(1 / scale) for face in faces_of(small.tobytes(), size)]


@lru_cache(maxsize=1)
def faces_of(pixels: bytes, size: tuple[int, int]) -> tuple[MeshFace, ...]:
    """All faces of 8-bit `pixels` of (rows, columns), the last ones remembered: who lights a photo
    also measures its light. Raises NetUnavailable."""
    small = np.frombuffer(pixels, np.uint8).reshape(*size, 3)
    found: dict[Candidate, MeshFace] = {}
    for candidate in _candidates(small):
        face = _fitted(small, candidate)
        if face is not None:
            found[_around(face)] = face
    return tuple(found[one] for one in blazeface.without_doubles(list(found)))


def _leveled(rgb: Pixels) -> Pixels:
    """As a camera would set exposure and white balance: the networks know few gels and nights."""
    linear = decode(rgb)
    bright = np.percentile(linear[::4, ::4], _WHITE_PERCENTILE, axis=(0, 1)).astype(np.float32)
    return encode(np.minimum(linear * (_WHITE / (bright + np.float32(0.002))), 1))


def _candidates(rgb: Pixels) -> list[Candidate]:
    found = blazeface.near_faces(rgb, _LEAST_BOX) + blazeface.far_faces(rgb, _LEAST_BOX)
    rows, columns = rgb.shape[:2]
    tall, wide = max(1, round(rows * _TILE)), max(1, round(columns * _TILE))
    for top in (0, rows - tall):
        for left in (0, columns - wide):
            tile = rgb[top : top + tall, left : left + wide]
            found += [one.moved(left, top) for one in blazeface.far_faces(tile, _LEAST_BOX)]
    return blazeface.without_doubles(found)


def _fitted(rgb: Pixels, candidate: Candidate) -> MeshFace | None:
    """The mesh on a candidate; None when looking again does not confirm it."""
    where, looks = candidate, list[MeshFace]()
    least, most = _LOOKS
    for count in range(1, most + 1):
        looks.append(_look(rgb, where))
        where = _around(looks[-1])
        if count >= least and _agree(*looks[-2:]):
            sure = candidate.score >= _SURE_BOX or looks[0].score >= _SURE_MESH
            return looks[-1] if sure else None
        if max(look.score for look in looks[-2:]) < _HOPELESS and count > 1:
            return None
    return None


def _agree(before: MeshFace, last: MeshFace) -> bool:
    moved = float(np.abs(last.points - before.points)[:, :2].mean()) / max(last.width, 1e-3)
    return min(before.score, last.score) >= _LEAST_MESH and moved <= _MOST_MOVED


def _around(face: MeshFace) -> Candidate:
    left, top, right, bottom = face.box
    side = max(right - left, bottom - top)
    return Candidate((left + right) / 2, (top + bottom) / 2, side, face.turned, face.score)


def _look(rgb: Pixels, where: Candidate) -> MeshFace:
    """The mesh as seen in a square around the candidate, turned so that the eyes lie level."""
    scale = _EDGE_PX / max(_CROP * where.side, 8.0)
    if scale < 0.5:
        # Averaged first: taking single pixels of a large face would see its pores.
        factor = 2 * scale
        size = max(1, round(rgb.shape[0] * factor)), max(1, round(rgb.shape[1] * factor))
        return _look(resize_pixels(rgb, size), where.scaled(factor)).scaled(1 / factor)
    cosine, sine = np.cos(where.turned) * scale, np.sin(where.turned) * scale
    turn = np.array([[cosine, sine], [-sine, cosine]])
    shift = _EDGE_PX / 2 - turn @ (where.x, where.y)
    crop = cv2.warpAffine(rgb, np.hstack([turn, shift[:, None]]), (_EDGE_PX, _EDGE_PX))
    values = (np.asarray(crop, np.float32) / np.float32(255)).transpose(2, 0, 1)[None]
    logit, numbers = nets.kept(nets.FACE_MESH).run(values, _HEADS)
    points = numbers.reshape(-1, 3)
    flat = (points[:, :2] - shift) @ np.linalg.inv(turn).T
    score = 1 / (1 + np.exp(-float(np.clip(logit.reshape(-1)[0], -50, 50))))
    return MeshFace(np.hstack([flat, points[:, 2:] / scale]).astype(np.float32), float(score))
