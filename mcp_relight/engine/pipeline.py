"""The engine's door: look at a photo once, then relight it as often as wanted.

Deterministic: the same pixels and arguments give the same bytes on the same machine, because the
number of BLAS and OpenCV threads is fixed and every random start is seeded.
"""

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray
from threadpoolctl import ThreadpoolController  # pyright: ignore[reportMissingTypeStubs]  # has none

from mcp_relight.domain.lighting import Lighting
from mcp_relight.domain.position import MIDDLE
from mcp_relight.errors import InvalidArgument

from . import nets, shape
from .analysis import Analysis, Mode, rounded
from .apply import Background, apply
from .grid import Map, Pixels, beside
from .mask import MaskSource, Subject
from .modeling import Model
from .people import skin
from .seen import Seen, look
from .shade import Knobs, Prepared, shade
from .shape import DepthConvention, NormalConvention
from .shape_model import Learned
from .sky import sky_of

_OPENCV_THREADS = 2
_CONFIDENCE: dict[Mode, float] = {
    "user_normals": 1.0,
    "user_depth": 0.9,
    "shape_model": 0.8,
    "user_mask": 0.8,
    "alpha": 0.8,
    "auto_mask": 0.7,
    "scene": 1.0,
}
"""How far a shape from this source can be trusted; times the mask's own confidence."""

_MODES: dict[MaskSource, Mode] = {
    "user": "user_mask",
    "alpha": "alpha",
    "auto": "auto_mask",
    "none": "scene",
}
_NO_SUBJECT = (
    "No clear subject was found, so the picture is lit as a whole, without cast shadows. "
    "Give a mask, a normal map or a depth map for a stronger effect."
)
_FLIPPED = "The normal map looks upside down. Try the other normal_convention (opengl or directx)."
_NO_RIM = "The light from behind has no outline to draw here: it shows in what is bright, as a sky."
_NO_BACKGROUND = "There was no background to keep or darken: all was relit."
_ALL_BACKGROUND = "All of the picture counted as background."
_REGION_WINS = "region says what may change, so params.background made no difference."


@dataclass(frozen=True, slots=True)
class Relit:
    """The relit photo, (H, W, 3) 8-bit sRGB, and what the user should know about it."""

    rgb: NDArray[np.uint8]
    warnings: tuple[str, ...]


def load_ahead() -> None:
    """Load what the first photo needs, for whoever has the time before it comes."""
    with _fixed_threads(), beside(nets.load_ahead) as loaded:
        np.percentile(np.zeros(2), 50)  # loads more of numpy than numpy does
        cv2.cvtColor(np.zeros((1, 1, 3), np.uint8), cv2.COLOR_RGB2LAB)  # makes OpenCV's tables
        loaded()


def expect(*, more_photos: bool) -> None:
    """Say whether other photos follow at once: what they need is kept then, 250 MB."""
    nets.keep_saliency(more_photos)


def analyze_shape(
    rgb: NDArray[np.uint8],
    *,
    alpha: NDArray[np.uint8] | None = None,
    mask: NDArray[np.uint8] | None = None,
    normals: NDArray[np.uint8] | None = None,
    normal_convention: NormalConvention = "opengl",
    depth: NDArray[np.uint8] | NDArray[np.uint16] | None = None,
    depth_convention: DepthConvention = "near_is_bright",
    learned: Learned | None = None,
) -> Analysis:
    """Find subject, shape and existing light of a photo.

    `rgb` (H, W, 3) sRGB; `alpha` (H, W), 255 = opaque; `mask` (h, w), white = the subject;
    `normals` (h, w, 3); `depth` (h, w). Maps of another size are stretched over the photo. Normals
    win over depth, both over what a network `learned`, that over a shape guessed from the outline.
    Raises InvalidArgument for arrays of other dimensions.
    """
    _check(rgb, alpha=alpha, mask=mask, normals=normals, depth=depth)
    with _fixed_threads():
        seen = look(rgb, mask, alpha)
        with beside(lambda: sky_of(seen.pixels, np.sqrt(seen.bright), seen.subject.alpha)) as sky:
            if normals is not None:
                given = shape.from_normal_map(normals, normal_convention, seen.size)
                found, mode = Model.given(seen, given), "user_normals"
            elif depth is not None:
                given = shape.from_depth_map(depth, depth_convention, seen.size)
                found, mode = Model.given(seen, given), "user_depth"
            elif learned is not None:
                found, mode = Model.learned(seen, learned), "shape_model"
            else:
                found, mode = Model.guessed(seen), _MODES[seen.subject.source]
            return _analysis(seen, found, mode, sky())


def subject_middle(
    rgb: NDArray[np.uint8],
    *,
    alpha: NDArray[np.uint8] | None = None,
    mask: NDArray[np.uint8] | None = None,
) -> tuple[float, float]:
    """The middle of a photo's subject in fractions of width and height; without one, the photo's.

    Arguments as those of `analyze_shape`.
    """
    _check(rgb, alpha=alpha, mask=mask)
    with _fixed_threads():
        return _middle_of(look(rgb, mask, alpha).subject.alpha)


def _middle_of(alpha: Map) -> tuple[float, float]:
    if not alpha.any():
        return MIDDLE
    return _balance(alpha.sum(axis=0)), _balance(alpha.sum(axis=1))


def _balance(weights: Map) -> float:
    """Where a row of weights balances, as a fraction of its length."""
    places = (np.arange(len(weights), dtype=np.float32) + 0.5) / len(weights)
    return round(float(weights @ places) / float(weights.sum()), 3)


def prepare(rgb: NDArray[np.uint8], analysis: Analysis) -> Prepared:
    """What `relight` does for every light in the same way, once for the photo `analysis` is of."""
    with _fixed_threads():
        return Prepared.of(rgb, analysis)


def relight(
    rgb: NDArray[np.uint8],
    analysis: Analysis,
    lighting: Lighting,
    *,
    remove_existing: float = 0.7,
    shadow_strength: float = 0.85,
    specular: float = 0.1,
    background: Background = "relight",
    prepared: Prepared | None = None,
) -> Relit:
    """Relight the photo `analysis` was made of.

    `rgb` (H, W, 3) sRGB; `prepared` is what `prepare` made of both before, for many lights on one
    photo. The three settings are 0..1. `lighting.strength` 0 returns the pixels
    unchanged; so does a region for all pixels outside of it, and `background="keep"` for those
    outside the subject. Raises InvalidArgument for the region of a subject where there is none.
    """
    _check(rgb)
    lighting = lighting.aimed(_middle_of(analysis.alpha), rgb.shape[1], rgb.shape[0])
    region = lighting.lit_region
    if region == "subject" and not analysis.has_subject:
        raise InvalidArgument(
            "region=subject needs a subject, and none was found in the picture.",
            hint="Give a mask, white on the subject, or leave region out.",
            argument="region",
        )
    warnings = analysis.warnings + _light_warnings(analysis, lighting, background)
    if lighting.strength == 0:
        return Relit(rgb.copy(), warnings)
    if region == "all" and background == "keep":
        region = "subject"
    if not analysis.has_subject or (region == "subject" and analysis.is_all_selected):
        region, background = "all", "relight"
    with _fixed_threads():
        knobs = Knobs(remove_existing, shadow_strength, specular)
        shading = shade(prepared or Prepared.of(rgb, analysis), lighting, knobs)
        darken = background == "darken" and region == "all"
        return Relit(apply(rgb, analysis, shading, region=region, darken=darken), warnings)


def _analysis(seen: Seen, found: Model, mode: Mode, sky: Map) -> Analysis:
    """Put the findings together."""
    warnings = list(seen.warnings)
    if mode == "scene":
        warnings.append(_NO_SUBJECT)
    if mode == "user_normals" and shape.looks_flipped(found.shape.normals, seen.region):
        warnings.append(_FLIPPED)
    sure, guide = seen.subject.sure, np.sqrt(seen.bright)
    return Analysis(
        normals=rounded(found.shape.normals),
        height=rounded(found.shape.height),
        alpha=rounded(seen.subject.alpha),
        sure=np.ones_like(seen.bright) if sure is None else rounded(sure),
        sky=rounded(sky),
        shading=rounded(found.shading),
        guide=rounded(guide),
        face=rounded(found.face),
        skin=rounded(skin(seen.pixels, seen.people, found.face, seen.subject.alpha)),
        faces=seen.people.boxes,
        support=seen.support,
        full_size=seen.full_size,
        mode=mode,
        confidence=_confidence(mode, seen.subject),
        light_azimuth_deg=found.light.azimuth_deg,
        light_elevation_deg=found.light.elevation_deg,
        light_confidence=found.light.confidence,
        complete=seen.complete,
        warnings=tuple(warnings),
    )


def _confidence(mode: Mode, subject: Subject) -> float:
    found = subject.confidence if mode in ("auto_mask", "scene") else 1.0
    return _CONFIDENCE[mode] * found


def _light_warnings(
    analysis: Analysis, lighting: Lighting, background: Background
) -> tuple[str, ...]:
    region, warnings = lighting.lit_region, list[str]()
    if region != "all" and background != "relight":
        warnings.append(_REGION_WINS)
    if analysis.has_subject:
        return tuple(warnings)
    if any(light.direction[2] < -0.2 for light in lighting.lights if light.at is None):
        warnings.append(_NO_RIM)
    if region == "background" or any(light.role == "background" for light in lighting.lights):
        warnings.append(_ALL_BACKGROUND)
    elif background != "relight":
        warnings.append(_NO_BACKGROUND)
    return tuple(warnings)


def _check(rgb: Pixels, **maps: NDArray[np.generic] | None) -> None:
    if rgb.ndim != 3 or rgb.shape[2] != 3 or rgb.size == 0:
        raise InvalidArgument(
            "image must be an array of rows, columns and 3 channels", argument="image"
        )
    for name, values in maps.items():
        channels = 3 if name == "normals" else 1
        if values is None or (values.size and (values.shape[2:] or (1,)) == (channels,)):
            continue
        raise InvalidArgument(
            f"{name} must have {channels} channel(s) and at least one pixel", argument=name
        )


@cache
def _thread_pools() -> ThreadpoolController:
    return ThreadpoolController()


@contextmanager
def _fixed_threads() -> Generator[None]:
    cv2.setNumThreads(_OPENCV_THREADS)
    with _thread_pools().limit(limits=1):  # pyright: ignore[reportUnknownMemberType]
        yield
