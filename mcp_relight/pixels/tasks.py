"""What the child can be asked to compute. The one place that joins codecs, engine, finish and
measures.

Each function is a task under its own name; arguments and results are values of `domain`, with
pictures as encoded bytes.
"""

import hashlib
import zlib
from collections.abc import Callable
from dataclasses import replace
from zipfile import BadZipFile

from pydantic import validate_call

from mcp_relight.domain.image import Encoded, RenderResult, RenderTask
from mcp_relight.domain.lighting import Lighting
from mcp_relight.domain.report import LightAnalysis, Report
from mcp_relight.engine import pipeline
from mcp_relight.engine.analysis import Analysis
from mcp_relight.engine.pipeline import analyze_shape, prepare, relight, subject_middle
from mcp_relight.engine.shade import Prepared
from mcp_relight.engine.shape_model import Learned, ShapeModelRefused, look
from mcp_relight.finish import light_only
from mcp_relight.measure import color
from mcp_relight.measure.analyze import analyze as measure_light
from mcp_relight.measure.report import report as measure_report

from .decode import pixels_of
from .encode import encode_like
from .photo import Photo, read_depth, read_mask, read_normals, read_photo

_LOOKED_AT_PX = 1024
_LARGE_PX = 24_000_000
"""From here on a photo needs the memory in which something would be kept for the next one."""

_NOT_AN_ANALYSIS = (ValueError, KeyError, OSError, EOFError, BadZipFile, zlib.error)


class _LastPrepared:
    """The photo lit last, ready for another light. One alone: memory is counted."""

    def __init__(self) -> None:
        self._key = b""
        self._prepared: Prepared | None = None

    def of(self, key: bytes) -> Prepared | None:
        """What is known under this key; everything else is forgotten."""
        if key != self._key:
            self._prepared = None
        return self._prepared

    def keep(self, key: bytes, prepared: Prepared) -> None:
        self._key, self._prepared = key, prepared


_last = _LastPrepared()
_ahead = _LastPrepared()
"""A photo that is likely to be asked for next, by its bytes alone."""


def _key(task: RenderTask, analysis: bytes) -> bytes:
    digest = hashlib.sha256(f"{task.max_edge_px} {len(analysis)} ".encode())
    digest.update(analysis)
    digest.update(task.image)
    return digest.digest()


def load_ahead() -> None:
    """Load what the first picture needs, while it is still on its way."""
    pipeline.load_ahead()
    color.load_ahead()


def look_ahead(image: bytes) -> None:
    """Find out now what lighting this photo will take, for whoever has the time before."""
    task = RenderTask(image=image, lighting=Lighting())
    photo = read_photo(image)
    _ahead.of(b"")  # two are one too many: memory is counted
    _ahead.keep(_key(task, b""), prepare(photo.rgb, _analyze_shape(task, photo)))


def _foreseen(task: RenderTask) -> Prepared | None:
    """What was found out ahead, for a photo that is lit by itself. It is given once: from then on
    it is the photo lit last."""
    is_alone = not (task.mask or task.normal_map or task.depth_map or task.shape_model)
    found = _ahead.of(_key(task, b"")) if is_alone and task.analysis is None else None
    _ahead.of(b"")
    return found


def render(task: RenderTask, more_to_come: bool = False) -> RenderResult:
    pipeline.expect(more_photos=more_to_come and not _is_large(task.image))
    key = _key(task, task.analysis or b"")
    known = _last.of(key)
    foreseen = _foreseen(task)
    photo = read_photo(task.image, max_edge_px=task.max_edge_px)
    cached = known.analysis if known else _cached_analysis(task)
    analysis = cached or (foreseen.analysis if foreseen else _analyze_shape(task, photo))
    prepared = known or foreseen or prepare(photo.rgb, analysis)
    relit = relight(
        photo.rgb,
        analysis,
        task.lighting,
        remove_existing=task.remove_existing,
        shadow_strength=task.shadow_strength,
        specular=task.specular,
        background=task.background,
        prepared=prepared,
    )
    picture = encode_like(photo, relit.rgb)
    # An analysis of a preview is not one of the photo, nor one made without the networks.
    worth_caching = cached is None and task.max_edge_px is None and analysis.complete
    stored = analysis.to_bytes() if worth_caching else None
    if known is None and (stored or cached):
        _last.keep(_key(task, stored) if stored else key, prepared)
    return RenderResult(
        picture=picture,
        mode=analysis.mode,
        confidence=analysis.confidence,
        warnings=(*photo.warnings, *relit.warnings),
        analysis=stored,
    )


def _analyze_shape(task: RenderTask, photo: Photo) -> Analysis:
    learned, refused = _learned(task, photo)
    analysis = analyze_shape(
        photo.rgb,
        alpha=photo.alpha,
        mask=None if task.mask is None else read_mask(task.mask),
        normals=None if task.normal_map is None else read_normals(task.normal_map),
        normal_convention=task.normal_convention,
        depth=None if task.depth_map is None else read_depth(task.depth_map),
        depth_convention=task.depth_convention,
        learned=learned,
    )
    return replace(analysis, warnings=(*analysis.warnings, *refused))


def _learned(task: RenderTask, photo: Photo) -> tuple[Learned | None, tuple[str, ...]]:
    """What the user's own shape model sees, where there is one and nothing better."""
    if task.shape_model is None or task.normal_map is not None or task.depth_map is not None:
        return None, ()
    try:
        return look(task.shape_model, photo.rgb), ()
    except ShapeModelRefused as refusal:
        return None, (f"MCP_RELIGHT_SHAPE_MODEL was not used: {refusal.why}.",)


def _cached_analysis(task: RenderTask) -> Analysis | None:
    """The analysis handed in; None when there is none or it is damaged."""
    if task.analysis is None:
        return None
    try:
        return Analysis.from_bytes(task.analysis)
    except _NOT_AN_ANALYSIS:
        return None


def _is_large(image: bytes) -> bool:
    return pixels_of(image) >= _LARGE_PX


def _make_room(image: bytes) -> None:
    if _is_large(image):
        pipeline.expect(more_photos=False)


def analyze(image: bytes, mask: bytes | None) -> LightAnalysis:
    _make_room(image)
    photo = read_photo(image)
    region = None if mask is None else read_mask(mask)
    return measure_light(photo.rgb, alpha=photo.alpha, mask=region)


def middle(image: bytes, mask: bytes | None) -> tuple[float, float]:
    _make_room(image)
    photo = read_photo(image, max_edge_px=_LOOKED_AT_PX)
    region = None if mask is None else read_mask(mask)
    return subject_middle(photo.rgb, alpha=photo.alpha, mask=region)


def report(
    original: bytes,
    final: bytes,
    lighting: Lighting,
    returned: bytes | None,
    mask: bytes | None,
    before: LightAnalysis | None,
    target: LightAnalysis | None,
) -> Report:
    _make_room(original)
    photo = read_photo(original)
    return measure_report(
        photo.rgb,
        read_photo(final).rgb,
        lighting,
        returned_rgb=None if returned is None else read_photo(returned).rgb,
        mask=None if mask is None else read_mask(mask),
        alpha=photo.alpha,
        before=before,
        target=target,
    )


def transfer(original: bytes, result: bytes) -> tuple[Encoded | None, list[str]]:
    _make_room(original)
    photo = read_photo(original)
    moved = light_only.transfer(photo.rgb, read_photo(result).rgb)
    picture = None if moved.rgb is None else encode_like(photo, moved.rgb)
    return picture, list(moved.warnings)


COMPUTING: dict[str, Callable[..., object]] = {
    task.__name__: validate_call(task) for task in (render, transfer, analyze, middle, report)
}
