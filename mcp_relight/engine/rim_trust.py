"""Where a rim can be believed: along outlines that a photo bears out."""

import math

import cv2
import numpy as np

from .analysis import Analysis
from .color import LUMINANCE
from .evidence import Evidence, mean_of
from .grid import Map, disk, ramp, slopes, wide_blur

_SURE = 0.65
"""Confidence in a searched subject from which its rim is drawn in full."""

_BRIGHT = 0.3, 0.8
_BEFORE_BRIGHT = 0.4
"""Linear luminance of a ground before which a rim fades, and what is left of it before white."""

_CUT_OUT = 0.75
"""On nothing, a rim needs less light to be seen, and in full it looks drawn."""

_CRISP, _CRISP_NEAR_PX = (0.03, 0.1), 3
"""How much of a cut-out's alpha a pixel of the grid changes by where it has an outline, and how far
off that is looked for."""

_ALONG = 0.02
"""Over how many long sides what holds of an outline holds of what lies beside it."""

_TEAR, _TEAR_NEAR, _TEAR_DEEP, _TORN = 0.008, 0.02, (0.5e-3, 1.4e-3), 0.2
"""In long sides: what is finer is a tear, over how much of an outline tears are counted, and how
deep they are in the mean where they begin to count and where the outline is torn; what of a rim is
left there."""

_UNLIKE, _UNLIKE_OUTLINE = (0.3, 0.5), 0.4
_ALIKE_REACH, _ALIKE_CALM = 0.03, 0.003
"""How much further a color is from those of the ground than from those of the subject, of both
together: where a rim begins and is full; below what mean along the outline nothing beside it has a
full one. In long sides, over how much of both colors are taken, and how calm the answer is."""

_GAP, _STRAND, _GAP_NEAR, _GAP_SEEN = 0.025, 0.006, 0.01, 4.0
"""In long sides: half as wide as a gap is narrow, and as one that does not count; how far its sides
reach. And how soon one is seen."""

_NEAR = 0.02
_HEAD, _HEAD_FADES = 1.3, 0.25
_HAIR = 1.1, 1.45
_HAIR_KEPT = 0.6, 0.85
"""Of half the face: a subject that holds so little of what lies so far out above a face ends where
its hair begins, and no light from behind gets as close as that."""


def believed(analysis: Analysis, evidence: Evidence) -> Map:
    """(H, W) 0..1: where a rim on the subject can be believed.

    Where the photo has an edge, the ground is not as bright as the rim, and the outline is not that
    of a face.
    """
    trust = evidence.trust**2 * _before(evidence.photo @ LUMINANCE, analysis.alpha)
    if analysis.is_cut_out:
        trust = _CUT_OUT * trust * _crisp(analysis.alpha)
    if analysis.mode != "auto_mask":
        return trust.astype(np.float32)
    trust = trust * analysis.sure * _open(analysis.alpha) * _smooth(analysis.alpha)
    trust = trust * _unlike_ground(evidence.photo, analysis.alpha)
    sure = min(1.0, (analysis.confidence / _SURE) ** 1.5)
    return (trust * sure * _off_faces(analysis)).astype(np.float32)


def _before(bright: Map, alpha: Map) -> Map:
    """Less before a bright ground."""
    around = 1 - alpha
    reach = _NEAR * max(alpha.shape)
    near = wide_blur((bright * around).astype(np.float32), reach)
    level = near / np.maximum(wide_blur(around.astype(np.float32), reach), 1e-3)
    return (1 - (1 - _BEFORE_BRIGHT) * ramp(level.astype(np.float32), _BRIGHT)).astype(np.float32)


def _crisp(alpha: Map) -> Map:
    """Nothing where a cut-out fades away slowly: a glow or a shadow was cut out with it, and light
    draws no line there."""
    across, up = slopes(alpha)
    near = np.ones((2 * _CRISP_NEAR_PX + 1,) * 2, np.uint8)
    steep = np.asarray(cv2.dilate(np.hypot(across, up), near), np.float32)
    return of_outline(ramp(steep, _CRISP), alpha, _ALONG * max(alpha.shape))


def of_outline(values: Map, alpha: Map, reach_px: float) -> Map:
    """(H, W) `values` 0..1 as the nearest outline of `alpha` has them: what begins inside has no
    outline to lie on, and a rim that ended at once would be a ribbon."""
    line = outline((alpha > 0.5).astype(np.float32))
    near = wide_blur((values * line).astype(np.float32), reach_px)
    return np.minimum(near / np.maximum(wide_blur(line, reach_px), 1e-4), 1).astype(np.float32)


def _open(alpha: Map) -> Map:
    """Less in a narrow gap of what was found: it is a hole in the mask as often as one between an
    arm and the trunk."""
    solid = (alpha > 0.5).astype(np.uint8)
    reach = round(_GAP * max(alpha.shape))
    closed = cv2.morphologyEx(solid, cv2.MORPH_CLOSE, disk(reach), borderValue=0)
    gaps = np.where((np.asarray(closed) > 0) & (solid == 0), 1, 0).astype(np.uint8)
    # Between strands of hair there are gaps as well, and they are finer.
    strand = np.ones((2 * round(_STRAND * max(alpha.shape)) + 1,) * 2, np.uint8)
    gaps = np.asarray(cv2.morphologyEx(gaps, cv2.MORPH_OPEN, strand), np.float32)
    near = wide_blur(gaps, _GAP_NEAR * max(alpha.shape))
    return (1 - np.clip(_GAP_SEEN * near, 0, 1)).astype(np.float32)


def _smooth(alpha: Map) -> Map:
    """Less along an outline that is jagged and has islands before it: a searched subject is torn
    there, and a rim would show every tear."""
    longest = max(alpha.shape)
    solid = (alpha > 0.5).astype(np.float32)
    torn = np.abs(solid - (wide_blur(solid, _TEAR * longest) > 0.5)).astype(np.float32)
    reach = _TEAR_NEAR * longest
    line = wide_blur(outline(solid), reach)
    deep = wide_blur(torn, reach) / np.maximum(line, 1e-3) / longest
    return 1 - (1 - _TORN) * ramp(deep, _TEAR_DEEP)


def outline(solid: Map) -> Map:
    """The last pixels of what is solid, (H, W) 0 or 1."""
    core = cv2.erode(solid, np.ones((3, 3), np.uint8), borderValue=1)
    return solid - np.asarray(core, np.float32)


def _unlike_ground(photo: Map, alpha: Map) -> Map:
    """Less on what a network took for the subject's, and has the colors of what lies around it."""
    colors = np.sqrt(photo)
    reach = _ALIKE_REACH * max(alpha.shape)
    inside = np.linalg.norm(colors - mean_of(colors, alpha, reach), axis=2)
    around = np.linalg.norm(colors - mean_of(colors, 1 - alpha, reach), axis=2)
    share = ramp(np.asarray(around / np.maximum(inside + around, 1e-3), np.float32), _UNLIKE)
    share = wide_blur(share, _ALIKE_CALM * max(alpha.shape))
    # Inside of hair that is like its ground lies the forehead, which is not.
    along = of_outline(share, alpha, _ALONG * max(alpha.shape))
    return share * np.minimum(along / _UNLIKE_OUTLINE, 1)


def _off_faces(analysis: Analysis) -> Map:
    """0 along the border of a face whose hair the subject has lost."""
    rows, columns = analysis.alpha.shape
    kept = np.ones((rows, columns), np.float32)
    y, x = np.mgrid[:rows, :columns].astype(np.float32)
    for left, top, right, bottom, turned in analysis.faces.tolist():
        across, down = x + 0.5 - (left + right) / 2, y + 0.5 - (top + bottom) / 2
        cosine, sine = math.cos(turned), math.sin(turned)
        wide = (across * cosine + down * sine) / max((right - left) / 2, 1)
        high = (down * cosine - across * sine) / max((bottom - top) / 2, 1)
        away = np.hypot(wide, high)
        hair = analysis.alpha[(away > _HAIR[0]) & (away < _HAIR[1]) & (high < -0.3)]
        low, full = _HAIR_KEPT
        whole = np.clip((hair.mean() - low) / (full - low), 0, 1) if hair.size else 1.0
        share = np.clip((away - _HEAD) / _HEAD_FADES, 0, 1)
        share = share * share * (3 - 2 * share)
        kept = np.minimum(kept, whole + (1 - whole) * share)
    return kept.astype(np.float32)
