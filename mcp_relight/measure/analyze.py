"""The light in one photo: the numbers that a report, a reference and a reader start from."""

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from mcp_relight.domain.report import SURE, Kind, LightAnalysis
from mcp_relight.engine.backdrop import before_plain_backdrop
from mcp_relight.engine.color import decode, luminance
from mcp_relight.engine.face import Face
from mcp_relight.engine.face_mesh import MeshFace, find_faces
from mcp_relight.engine.grid import Map, Pixels
from mcp_relight.engine.nets import NetUnavailable

from .color import color_of, hex_of
from .light_words import sentence_of
from .register import shrink
from .seen_light import light_of
from .shape import GRID_PX, Shape, box_of, find_shapes
from .suggest import looks_for

_COLOR_PX = 384
_MID_GRAY = 0.18
_BACKLIT_STOPS, _BRIGHT = 1.0, 0.2
_NIGHT_LEVEL, _NIGHT_MEAN = 0.02, 0.06
_GRAPHIC_SHARE, _GRAPHIC_COLORS = 0.8, 24
_SKY_ROWS, _SKY_CALM, _SKY_BRIGHTER = 0.25, 0.05, 1.15
_OF_A_PERSON = 0.08
"""Width of a face, of the long side, from which a photo is one of people."""
_TINTED = 0.12
"""Log ratio of green over red and blue from which a light is no black body's."""
_MOST_AMBIENT, _LEAST_RATIO = 1.0, 1.03
_SOFTEST, _SOFTNESS_PER_STOP, _HARDEST = 1.0, 0.22, 0.1


def analyze(
    rgb: NDArray[np.uint8],
    *,
    alpha: NDArray[np.uint8] | None = None,
    mask: NDArray[np.bool_ | np.uint8] | None = None,
) -> LightAnalysis:
    """Measure the light of an (H, W, 3) sRGB photo.

    `alpha` (0…255) and `mask` (bool, or 0…255), (H, W) at any size, mark the subject if known.
    """
    small = shrink(rgb, GRID_PX)
    level = luminance(decode(small))
    faces = _faces(rgb)
    shape = find_shapes(
        [small], mask=mask, alpha=alpha, faces=_cues(faces, small.shape[1] / rgb.shape[1])
    )[0]
    light, stops = light_of(level, shape, rgb, faces or [])
    colored = shrink(rgb, _COLOR_PX)
    color = color_of(decode(colored))
    is_placed, is_toned = light.confidence >= SURE, color.confidence >= SURE
    azimuth, elevation = light.angles
    measured = LightAnalysis(
        azimuth_deg=azimuth if is_placed else None,
        elevation_deg=elevation if is_placed else None,
        direction_confidence=light.confidence,
        key_to_fill_stops=stops,
        ambient=_ambient(stops),
        softness=round(max(_SOFTEST - _SOFTNESS_PER_STOP * stops, _HARDEST), 2),
        contrast_confidence=light.confidence,
        kelvin=rounded_kelvin(color.kelvin) if is_toned else None,
        tint=round(color.off_locus, 2) if is_toned else None,
        color=hex_of(color) if is_toned and abs(color.off_locus) > _TINTED else None,
        color_confidence=color.confidence,
        exposure_ev=round(math.log2(max(float(level.mean()), 1e-4) / _MID_GRAY), 1),
        clipped_shadows=round(float((colored.max(axis=2) <= 2).mean()), 3),
        clipped_highlights=round(float((colored.max(axis=2) >= 254).mean()), 3),
        subject_box=None if shape.subject is None else box_of(shape.subject),
        backlit=_is_backlit(level, shape),
        kind=_Seen(colored, small, level, shape, _widest(rgb, faces or [])).kind,
    )
    told = {"sentence": sentence_of(measured), "looks": looks_for(measured)}
    return measured.model_copy(update=told)


def _faces(rgb: NDArray[np.uint8]) -> list[MeshFace] | None:
    """None where no network can be asked."""
    try:
        return find_faces(rgb)
    except NetUnavailable:
        return None


def _cues(faces: list[MeshFace] | None, scale: float) -> list[Face] | None:
    """The faces as a search for the subject takes them, in a picture `scale` times as large."""
    return None if faces is None else [face.cue.scaled(scale) for face in faces]


def _widest(rgb: NDArray[np.uint8], faces: list[MeshFace]) -> float:
    """Width of the largest face, of the long side; 0 without one."""
    return max((face.width for face in faces), default=0.0) / max(rgb.shape[:2])


def rounded_kelvin(kelvin: float) -> int:
    return round(kelvin / 50) * 50


def _ambient(key_to_fill_stops: float) -> float:
    """The argument that asks for shadows as deep: key and fill over fill is the ratio."""
    ratio = max(2.0**key_to_fill_stops, _LEAST_RATIO)
    return round(min(1 / (ratio - 1), _MOST_AMBIENT), 2)


def _is_backlit(level: Map, shape: Shape) -> bool:
    """The background is bright and clearly brighter than the subject."""
    if shape.subject is None or bool(shape.subject.all()):
        return False
    inside, outside = (float(level[area].mean()) for area in (shape.subject, ~shape.subject))
    return outside > _BRIGHT and math.log2(outside / max(inside, 1e-4)) > _BACKLIT_STOPS


@dataclass(frozen=True, slots=True)
class _Seen:
    """A photo at two sizes (h, w, 3), the luminance (h, w) of the smaller one, its subject, and the
    width of its largest face, of the long side."""

    colored: Pixels
    small: Pixels
    level: Map
    shape: Shape
    widest_face: float

    @property
    def kind(self) -> Kind:
        if self._is_graphic:
            return "graphic"
        if self.widest_face >= _OF_A_PERSON:
            return "portrait"
        if float(np.median(self.level)) < _NIGHT_LEVEL and float(self.level.mean()) < _NIGHT_MEAN:
            return "night"
        if self.shape.subject is not None and before_plain_backdrop(self.small) is not None:
            return "product"
        return "landscape" if self._has_sky else "scene"

    @property
    def _is_graphic(self) -> bool:
        """A few colours cover nearly all of it, without the noise that every photo has."""
        coarse = (self.colored >> 3).astype(np.int64)
        codes = (coarse[..., 0] << 10) | (coarse[..., 1] << 5) | coarse[..., 2]
        counts = np.sort(np.bincount(codes.ravel()))[::-1]
        steps = cv2.Laplacian(self.colored[..., 1].astype(np.float32), cv2.CV_32F)
        is_few = counts[:_GRAPHIC_COLORS].sum() >= _GRAPHIC_SHARE * codes.size
        return bool(is_few and float((np.abs(steps) < 0.5).mean()) > _GRAPHIC_SHARE)

    @property
    def _has_sky(self) -> bool:
        """The upper edge is calm and brighter than the rest, over the whole width."""
        rows = max(2, round(_SKY_ROWS * self.level.shape[0]))
        above, below = np.sqrt(self.level[:rows]), np.sqrt(self.level[rows:])
        calm = float(np.abs(np.diff(above, axis=1)).mean()) < _SKY_CALM * max(
            float(above.mean()), 1e-3
        )
        is_wide = self.level.shape[1] >= self.level.shape[0]
        return is_wide and calm and float(above.mean()) > _SKY_BRIGHTER * float(below.mean())
