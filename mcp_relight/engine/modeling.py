"""The shape of a photo: rounded from its outline, with the faces that were found, then corrected by
the shading wherever paint is not likely to be taken for shape."""

import numpy as np

from . import head, light_fit, portrait, refine, shape
from .face_shape import face_normals
from .grid import Bits, Map, Pixels, blur, unit
from .light_fit import LightFit
from .mask import Subject
from .people import People
from .shape import Shape

_FACE = 0.85
"""How far the shape of a face follows its mesh, at most: beyond it, the edge of the mesh shows."""

_ENOUGH_PIXELS = 64
_REFINED_SHARE = 1.0
_REFINED_FOUND_SHARE = 0.35
"""An outline that was searched may hold several things of different paint."""

_REFINED_SCENE_SHARE = 0.35
"""Without a subject, shading from paint and from shape cannot be told apart: trust it less."""

_MOSTLY_PEOPLE = 0.6


def model(
    pixels: Pixels, bright: Map, subject: Subject, people: People
) -> tuple[Shape, LightFit, Map]:
    """(shape, existing light, weight of the faces (H, W)) of a photo on the working grid."""
    solid = subject.solid
    region = solid if solid.any() else np.ones(bright.shape, np.bool_)
    rounded = shape.from_outline(pixels, subject)
    found, faces = _with_faces(rounded, people, subject)
    light = light_fit.fit(bright, found.normals, region)
    share = _refined_share(subject, people, region)
    if region.sum() >= _ENOUGH_PIXELS and share[region].mean() > 1 - _MOSTLY_PEOPLE:
        found, light = _refined(found, light, bright, region, share)
    return found, light_fit.steady(light, bright, found.normals, region), faces


def _with_faces(rounded: Shape, people: People, subject: Subject) -> tuple[Shape, Map]:
    size = rounded.height.shape[0], rounded.height.shape[1]
    if not people.meshes:
        return rounded, np.zeros(size, np.float32)
    room = subject.alpha if subject.solid.any() else np.ones(size, np.float32)
    heads, around = head.head_normals(people.meshes, size)
    meshes, weight = face_normals(people.meshes, size)
    normals = _blended(rounded.normals, heads, around * room)
    normals = _blended(normals, meshes, np.float32(_FACE) * weight)
    height = rounded.height + shape.height_between(rounded.normals, normals)
    return Shape(normals, height), weight


def _blended(normals: Map, others: Map, weight: Map) -> Map:
    return unit(normals * (1 - weight[..., None]) + others * weight[..., None])


def _refined(
    found: Shape, light: light_fit.Coefficients, bright: Map, region: Bits, share: Map
) -> tuple[Shape, light_fit.Coefficients]:
    log_bright = np.log(bright + np.float32(0.02))
    log_bright = log_bright - np.median(log_bright[region])
    normals, coefficients = refine.refine(log_bright, region, found.height, found.normals, light)
    return Shape(_blended(found.normals, normals, share), found.height), coefficients


def _refined_share(subject: Subject, people: People, region: Bits) -> Map:
    """(H, W): how far shading may correct the shape. Not at all on people: skin, brows, hair and
    clothes are paint of very different brightness, and taken for shape it cuts a face in two."""
    share = _REFINED_SHARE
    if subject.source == "none":
        share = _REFINED_SCENE_SHARE
    elif subject.source == "auto":
        share = _REFINED_FOUND_SHARE
    result = np.full(region.shape, share, np.float32)
    for cue in people.cues:
        there = portrait.body_room(cue, region.shape)
        result = np.minimum(result, share * (1 - blur(there, 0.3 * cue.eyes_apart)))
    return result
