"""The people of a photo: their faces, their skin, and where the rest of them is."""

from dataclasses import dataclass, field

import cv2
import numpy as np

from . import portrait
from .face import Face, find_face
from .face_mesh import MeshFace, find_faces
from .face_paint import is_monochrome, is_painted
from .grid import Map, Pixels, blur, resize_pixels
from .nets import NetUnavailable, triangles

_SKIN_REACH = 2.2
"""Standard deviations of the face's own chroma that still count as its skin."""

_LEAST_SPREAD = 4.0
_LYING = 0.8
"""Radians: the rest of a person is no longer under the face."""

_CORE = 0.8
"""Of the face's weight: cheeks, forehead and nose, without hair and background."""


@dataclass(frozen=True, slots=True)
class People:
    """`meshes` of all faces found by the networks, `cues` of all faces, in pixels of the working
    grid."""

    meshes: list[MeshFace] = field(default_factory=list[MeshFace])
    cues: list[Face] = field(default_factory=list[Face])

    @property
    def upright(self) -> list[Face]:
        """The cues under which a body is to be looked for below the face."""
        if not self.meshes:
            return self.cues
        return [mesh.cue for mesh in self.meshes if abs(mesh.turned) < _LYING]

    @property
    def boxes(self) -> Map:
        """(N, 5) as `Analysis.faces` wants it."""
        rows = [(*face.box, face.turned) for face in self.meshes]
        return np.array(rows, np.float32).reshape(-1, 5)


def find(rgb: Pixels, size: tuple[int, int]) -> tuple[People, bool]:
    """Everybody in a photo, on a working grid of `size`; False without the networks, when only the
    most face-like place is known."""
    scale = size[1] / rgb.shape[1]
    try:
        triangles()  # points without them are no shape
        faces, monochrome = find_faces(rgb), is_monochrome(rgb)
        painted = [face for face in faces if is_painted(rgb, face, monochrome=monochrome)]
        meshes = [face.scaled(scale) for face in painted]
    except NetUnavailable:
        face = find_face(resize_pixels(rgb, size))
        return People(cues=[] if face is None else [face]), False
    return People(meshes, [mesh.cue for mesh in meshes]), True


def skin(pixels: Pixels, people: People, weight: Map, alpha: Map) -> Map:
    """(H, W) 0..1: what has the chroma of the faces and belongs to the subject, if there is one.

    Chroma, not brightness: skin of every tone, and in shadow, counts alike. `weight` is that of
    the faces; without a face there is no skin.
    """
    found = weight.copy()
    room = alpha if alpha.any() else np.ones_like(alpha)
    core = weight > _CORE
    if not core.any():
        return found
    lab = np.asarray(cv2.cvtColor(pixels, cv2.COLOR_RGB2LAB), np.float32)
    chroma = blur(lab, 1.0)[..., 1:]
    for mesh in people.meshes:
        left, top, right, bottom = (round(edge) for edge in mesh.box)
        box = slice(max(top, 0), max(bottom, 0)), slice(max(left, 0), max(right, 0))
        own = chroma[box][core[box]]
        if len(own) < 12:
            continue
        middle = np.median(own, axis=0)
        spread = np.maximum(1.48 * np.median(np.abs(own - middle), axis=0), _LEAST_SPREAD)
        away = (((chroma - middle) / (_SKIN_REACH * spread)) ** 2).sum(axis=2)
        near = portrait.body_room(mesh.cue, weight.shape)
        found = np.maximum(found, np.exp(-away) * near * room)
    return np.minimum(blur(found.astype(np.float32), 1.0), np.maximum(room, weight))
