"""The shape of a photo: rounded from its outline, with the faces that were found, then corrected by
the shading wherever paint is not likely to be taken for shape."""

from dataclasses import dataclass
from typing import Self

import cv2
import numpy as np

from . import head, light_fit, portrait, refine, shape
from .face_shape import face_normals
from .grid import Map, blur, unit, wide_blur
from .light_fit import LightFit
from .mask import Subject
from .paint import one_paint
from .people import People
from .seen import Seen
from .shape import Shape
from .shape_model import Learned

_FACE = 0.85
"""How far the shape of a face follows its mesh, at most: beyond it, the edge of the mesh shows."""

_OUTLINE_SHARE = np.float32(0.2)
"""Of a subject's normals beside a network's: those that are 25° off would be worse than none."""

_ENOUGH_PIXELS = 64
_REFINED_SHARE = 1.0
_REFINED_FOUND_SHARE = 0.35
"""An outline that was searched, or cut out, may hold several things of different paint."""

_CALM = 0.02
"""In long sides: less is smoothed away of such a correction."""

_VARYING, _VARYING_OVER, _MARGIN = (0.05, 0.15), 0.02, 0.015
"""Spread of log luminance inside the outline, over so many long sides, from which there is any
shading to read, and enough."""

_REFINED_SCENE_SHARE = 0.35
"""Without a subject, shading from paint and from shape cannot be told apart: trust it less."""

_WORTH_REFINING = 0.1
"""Of the subject: what is left to correct beside the people in it."""


@dataclass(frozen=True, slots=True)
class Model:
    """Shape, existing light, that light on the shape (H, W) at median 1 over the subject, and how
    far the shape is that of faces (H, W)."""

    shape: Shape
    light: LightFit
    shading: Map
    face: Map

    @classmethod
    def given(cls, seen: Seen, known: Shape) -> Self:
        """Of a shape the user knows better than we do."""
        _, face = face_normals(seen.people.meshes, seen.size)
        return cls._lit(seen, known, light_fit.fit(seen.bright, known.normals, seen.region), face)

    @classmethod
    def learned(cls, seen: Seen, learned: Learned) -> Self:
        """What a network sees, held to the outline: it does not know where the subject ends."""
        if learned.kind == "depth":
            found = shape.from_depth_map(learned.values, "near_is_bright", seen.size)
        else:
            found = shape.from_normals(learned.values, seen.size)
        if seen.subject.solid.any():
            outline = shape.from_outline(seen.pixels, seen.subject).normals
            share = _OUTLINE_SHARE * seen.subject.alpha
            found = shape.with_height(_blended(found.normals, outline, share))
        return cls.given(seen, found)

    @classmethod
    def _lit(
        cls, seen: Seen, shape: Shape, coefficients: light_fit.Coefficients, face: Map
    ) -> Self:
        light = light_fit.steady(coefficients, seen.bright, shape.normals, seen.region)
        existing = light_fit.shading(shape.normals, light.coefficients)
        usual = np.float32(max(float(np.median(existing[seen.region])), 1e-3))
        return cls(shape, light, existing / usual, face)

    @classmethod
    def guessed(cls, seen: Seen) -> Self:
        """From the photo alone."""
        region = seen.region
        rounded = shape.from_outline(seen.pixels, seen.subject)
        found, face = _with_faces(rounded, seen.people, seen.subject)
        light = light_fit.fit(seen.bright, found.normals, region)
        share = _refined_share(seen)
        if region.sum() >= _ENOUGH_PIXELS and share[region].mean() > _WORTH_REFINING:
            begin = light_fit.tentative(light, seen.bright, found.normals, region)
            found, light = _refined(found, begin, seen, share)
        return cls._lit(seen, found, light, face)


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
    found: Shape, light: light_fit.Coefficients, seen: Seen, share: Map
) -> tuple[Shape, light_fit.Coefficients]:
    log_bright = _log(seen.bright)
    log_bright = log_bright - np.median(log_bright[seen.region])
    normals, coefficients = refine.refine(
        log_bright, seen.region, found.height, found.normals, light
    )
    several = (_REFINED_SHARE - float(share.max())) / (_REFINED_SHARE - _REFINED_FOUND_SHARE)
    if several > 0:
        # Among several paints, what is small is rather paint than shape.
        fine = normals - found.normals
        calm = wide_blur(fine, _CALM * max(seen.size))
        normals = unit(found.normals + fine + np.float32(min(several, 1.0)) * (calm - fine))
    return Shape(_blended(found.normals, normals, share), found.height), coefficients


def _log(bright: Map) -> Map:
    return np.log(bright + np.float32(0.02))


def _shaded(seen: Seen) -> float:
    """0..1: whether light varies on the subject at all. What is evenly bright shows no shape, and a
    shape that would explain it is a roof with a sharp ridge."""
    long_px = max(seen.size)
    depth = cv2.distanceTransform(seen.region.astype(np.uint8), cv2.DIST_L2, 5)
    inside = np.asarray(depth, np.float32) > _MARGIN * long_px
    if int(inside.sum()) < _ENOUGH_PIXELS:
        return 1.0
    weight = inside.astype(np.float32)
    reach = _VARYING_OVER * long_px
    smooth = wide_blur(_log(seen.bright) * weight, reach) / np.maximum(
        wide_blur(weight, reach), 1e-3
    )
    low, high = _VARYING
    return min(max((float(smooth[inside].std()) - low) / (high - low), 0.0), 1.0)


def _refined_share(seen: Seen) -> Map:
    """(H, W): how far shading may correct the shape.

    Not at all on faces: skin, brows and hair are paint of very different brightness, and taken for
    shape it cuts a face in two. On the rest of a person only where everything has one paint: a
    statue in hard light passes for a person.
    """
    share, plain = _REFINED_SHARE, one_paint(seen.pixels, seen.region)
    if seen.subject.source == "none":
        share = _REFINED_SCENE_SHARE
    elif seen.subject.source in ("auto", "alpha"):
        share = _REFINED_FOUND_SHARE + (_REFINED_SHARE - _REFINED_FOUND_SHARE) * plain
        share *= _shaded(seen)
    result = np.full(seen.size, share, np.float32)
    for cue in seen.people.cues:
        soft = 0.3 * cue.eyes_apart
        body = blur(portrait.body_room(cue, seen.size), soft)
        head = blur(portrait.head_room(cue, seen.size), soft)
        result = np.minimum(result, share * (1 - body * (1 - plain)) * (1 - head))
    return result
