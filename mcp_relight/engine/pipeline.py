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

from . import light_fit, refine, shape
from .analysis import Analysis, Mode, rounded
from .apply import Background, apply
from .color import decode, luminance
from .grid import Bits, Map, Pixels, resize_pixels, unit, working_size
from .light_fit import LightFit
from .mask import MaskSource, Subject, find_subject
from .shade import Knobs, shade
from .shape import DepthConvention, NormalConvention, Shape
from .shape_model import Learned

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
_ENOUGH_PIXELS = 64
_OUTLINE_SHARE = np.float32(0.2)
"""Of a subject's normals beside a network's: those that are 25° off would be worse than none."""

_REFINED_SHARE = 1.0
_REFINED_PERSON_SHARE = 0.35
"""Skin, hair and clothes are paint of very different brightness: taken for shape, it cuts a face
in two."""

_REFINED_SCENE_SHARE = 0.35
"""Without a subject, shading from paint and from shape cannot be told apart: trust it less."""

_NO_SUBJECT = (
    "No clear subject was found, so the picture is lit as a whole, without cast shadows. "
    "Give a mask, a normal map or a depth map for a stronger effect."
)
_EMPTY_MASK = "The mask selects nothing and was not used. Paint the subject white on black."
_FLIPPED = "The normal map looks upside down. Try the other normal_convention (opengl or directx)."
_NO_RIM = "A light from behind shows on a subject's outline; without a subject it does little."
_NO_BACKGROUND = "Without a subject there is no background to keep or darken; all was relit."
_ALL_BACKGROUND = "No subject was found, so all of the picture counted as its background."
_REGION_WINS = "region says what may change, so params.background made no difference."


@dataclass(frozen=True, slots=True)
class Relit:
    """The relit photo, (H, W, 3) 8-bit sRGB, and what the user should know about it."""

    rgb: NDArray[np.uint8]
    warnings: tuple[str, ...]


def analyse(
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
        seen = _look(rgb, mask, alpha)
        if normals is not None:
            given = shape.from_normal_map(normals, normal_convention, seen.size)
            return _analysis(seen, given, seen.fit(given), "user_normals")
        if depth is not None:
            given = shape.from_depth_map(depth, depth_convention, seen.size)
            return _analysis(seen, given, seen.fit(given), "user_depth")
        if learned is not None:
            given = _learned_shape(seen, learned)
            return _analysis(seen, given, seen.fit(given), "shape_model")
        return _analysis(seen, *_shape_from_photo(seen), _MODES[seen.subject.source])


def subject_middle(
    rgb: NDArray[np.uint8],
    *,
    alpha: NDArray[np.uint8] | None = None,
    mask: NDArray[np.uint8] | None = None,
) -> tuple[float, float]:
    """The middle of a photo's subject in fractions of width and height; without one, the photo's.

    Arguments as those of `analyse`.
    """
    _check(rgb, alpha=alpha, mask=mask)
    with _fixed_threads():
        weight = _look(rgb, mask, alpha).subject.alpha
    if not weight.any():
        return MIDDLE
    return _middle(weight.sum(axis=0)), _middle(weight.sum(axis=1))


def _middle(weights: Map) -> float:
    """The weighted middle of a row of pixels, as a fraction of its length."""
    places = (np.arange(len(weights), dtype=np.float32) + 0.5) / len(weights)
    return round(float(weights @ places) / float(weights.sum()), 3)


def relight(
    rgb: NDArray[np.uint8],
    analysis: Analysis,
    lighting: Lighting,
    *,
    remove_existing: float = 0.7,
    shadow_strength: float = 0.85,
    specular: float = 0.1,
    background: Background = "relight",
) -> Relit:
    """Relight the photo `analysis` was made of.

    `rgb` (H, W, 3) sRGB; the three settings are 0..1. `lighting.strength` 0 returns the pixels
    unchanged; so does a region for all pixels outside of it, and `background="keep"` for those
    outside the subject. Raises InvalidArgument for the region of a subject where there is none.
    """
    _check(rgb)
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
    if not analysis.has_subject:
        region, background = "all", "relight"
    with _fixed_threads():
        shading = shade(analysis, lighting, Knobs(remove_existing, shadow_strength, specular))
        darken = background == "darken" and region == "all"
        return Relit(apply(rgb, analysis, shading, region=region, darken=darken), warnings)


@dataclass(frozen=True, slots=True)
class _Seen:
    """The photo on the working grid, and where its subject is."""

    pixels: Pixels
    bright: Map
    subject: Subject
    support: Pixels
    full_size: tuple[int, int]
    warnings: tuple[str, ...]

    @property
    def size(self) -> tuple[int, int]:
        return self.bright.shape[0], self.bright.shape[1]

    @property
    def region(self) -> Bits:
        """The subject, or everything when there is none."""
        solid = self.subject.solid
        return solid if solid.any() else np.ones(self.size, np.bool_)

    def fit(self, found: Shape, light: light_fit.Coefficients | None = None) -> LightFit:
        """The existing light on this shape; `light` refined elsewhere is only checked."""
        if light is None:
            light = light_fit.fit(self.bright, found.normals, self.region)
        return light_fit.steady(light, self.bright, found.normals, self.region)


def _look(rgb: Pixels, mask: Pixels | None, alpha: Pixels | None) -> _Seen:
    full_size = rgb.shape[0], rgb.shape[1]
    pixels = resize_pixels(rgb, working_size(*full_size))
    bright = luminance(decode(pixels))
    subject = find_subject(pixels, np.sqrt(bright), mask=mask, alpha=alpha)
    given = {"user": mask, "alpha": alpha}.get(subject.source)
    empty = mask is not None and not mask.any()
    return _Seen(
        pixels,
        bright,
        subject,
        _packed(given, full_size),
        full_size,
        (_EMPTY_MASK,) if empty else (),
    )


def _packed(mask: Pixels | None, full_size: tuple[int, int]) -> Pixels:
    """Where a given mask is not black, at full size, one bit per pixel."""
    if mask is None:
        return np.zeros((0, 0), np.uint8)
    rows, columns = full_size
    if mask.shape != full_size:
        mask = np.asarray(
            cv2.resize(mask, (columns, rows), interpolation=cv2.INTER_LINEAR), np.uint8
        )
    return np.packbits(mask > 0, axis=1)


def _learned_shape(seen: _Seen, learned: Learned) -> Shape:
    """What a network sees, held to the outline: a network does not know where the subject ends."""
    if learned.kind == "depth":
        found = shape.from_depth_map(learned.values, "near_is_bright", seen.size)
    else:
        found = shape.from_normals(learned.values, seen.size)
    if not seen.subject.solid.any():
        return found
    outline = shape.from_outline(seen.pixels, seen.subject)
    share = _OUTLINE_SHARE * seen.subject.alpha[..., None]
    return shape.with_height(unit((1 - share) * found.normals + share * outline.normals))


def _shape_from_photo(seen: _Seen) -> tuple[Shape, LightFit]:
    """Guess from the outline, then let the shading correct it."""
    region = seen.region
    found = shape.from_outline(seen.pixels, seen.subject)
    light = seen.fit(found)
    if region.sum() < _ENOUGH_PIXELS:
        return found, light
    log_bright = np.log(seen.bright + np.float32(0.02))
    log_bright = log_bright - np.median(log_bright[region])
    normals, coefficients = refine.refine(
        log_bright, region, found.height, found.normals, light.coefficients
    )
    share = np.float32(_refined_share(seen.subject))
    mixed = Shape(unit(found.normals * (1 - share) + normals * share), found.height)
    return mixed, seen.fit(mixed, coefficients)


def _refined_share(subject: Subject) -> float:
    if subject.is_person:
        return _REFINED_PERSON_SHARE
    return _REFINED_SHARE if subject.solid.any() else _REFINED_SCENE_SHARE


def _analysis(seen: _Seen, found: Shape, light: LightFit, mode: Mode) -> Analysis:
    """Put the findings together. Shading is taken over the median of the subject."""
    existing = light_fit.shading(found.normals, light.coefficients)
    usual = np.float32(max(float(np.median(existing[seen.region])), 1e-3))
    warnings = list(seen.warnings)
    if mode == "scene":
        warnings.append(_NO_SUBJECT)
    if mode == "user_normals" and shape.looks_flipped(found.normals, seen.region):
        warnings.append(_FLIPPED)
    return Analysis(
        normals=rounded(found.normals),
        height=rounded(found.height),
        alpha=rounded(seen.subject.alpha),
        shading=rounded(existing / usual),
        guide=rounded(np.sqrt(seen.bright)),
        support=seen.support,
        full_size=seen.full_size,
        mode=mode,
        confidence=_confidence(mode, seen.subject),
        light_azimuth_deg=light.azimuth_deg,
        light_elevation_deg=light.elevation_deg,
        light_confidence=light.confidence,
        warnings=tuple(warnings),
    )


def _confidence(mode: Mode, subject: Subject) -> float:
    found = subject.confidence if mode in ("auto_mask", "scene") else 1.0
    return _CONFIDENCE[mode] * found


def _light_warnings(
    analysis: Analysis, lighting: Lighting, background: Background
) -> tuple[str, ...]:
    warnings: list[str] = []
    if lighting.lit_region != "all" and background != "relight":
        warnings.append(_REGION_WINS)
    if analysis.has_subject:
        return tuple(warnings)
    if any(light.direction[2] < -0.2 for light in lighting.lights if light.at is None):
        warnings.append(_NO_RIM)
    if lighting.lit_region == "background" or any(
        light.role == "background" for light in lighting.lights
    ):
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
