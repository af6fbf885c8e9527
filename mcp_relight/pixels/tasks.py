"""The child's tasks: pictures in, pictures and numbers out.

Each task takes a frame and answers one. The engine and its libraries are imported by the tasks that
need them: decoding alone should start fast.
"""

import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import asdict

import numpy as np
from numpy.typing import NDArray

from mcp_relight.domain.lighting import Lighting
from mcp_relight.domain.pixels import Encoded

from .clean import clean_jpeg, clean_png
from .decode import Decoded, decode, in_srgb
from .encode import encode_like, fit_jpeg, small_jpeg, to_png, without_metadata
from .frames import Frame
from .sheet import draw_sheet

_NORMAL_ORIENTATION = 1


def perform(frame: Frame) -> Frame:
    """Raises errors of the tree."""
    return _TASKS[frame.facts["task"]](frame)


def _inspect(frame: Frame) -> Frame:
    data = frame.blobs["image"]
    picture = decode(data)
    encoded = _clean(data, picture)
    facts = {
        "width": picture.image.width,
        "height": picture.image.height,
        "mime_type": encoded.mime_type,
        "has_alpha": picture.image.mode == "RGBA",
        "warnings": picture.warnings,
    }
    return Frame(facts, {"image": encoded.data})


def _clean(data: bytes, picture: Decoded) -> Encoded:
    """The same pixels in a container of ours; encoded anew only where there is no other way."""
    image = picture.image
    if picture.format == "JPEG":
        return Encoded(
            data=clean_jpeg(data, picture.orientation),
            mime_type="image/jpeg",
            width=image.width,
            height=image.height,
        )
    if picture.format == "PNG" and picture.orientation == _NORMAL_ORIENTATION:
        return Encoded(
            data=clean_png(data, picture.icc),
            mime_type="image/png",
            width=image.width,
            height=image.height,
        )
    return to_png(image, icc=picture.icc)


def _thumbnail(frame: Frame) -> Frame:
    facts = frame.facts
    return _encoded(
        small_jpeg(
            decode(frame.blobs["image"]),
            max_edge_px=facts["max_edge_px"],
            max_bytes=facts["max_bytes"],
        )
    )


def _sheet(frame: Frame) -> Frame:
    cells = [
        (in_srgb(decode(frame.blobs[f"cell{index}"])), label)
        for index, label in enumerate(frame.facts["labels"])
    ]
    return _encoded(
        fit_jpeg(
            lambda edge_px: draw_sheet(cells, edge_px),
            frame.facts["max_edge_px"],
            frame.facts["max_bytes"],
        )
    )


def _reencode(frame: Frame) -> Frame:
    facts = frame.facts
    return _encoded(
        without_metadata(
            decode(frame.blobs["image"]),
            max_edge_px=facts["max_edge_px"],
            mime_type=facts["mime_type"],
        )
    )


def _render(frame: Frame) -> Frame:
    from mcp_relight.engine.analysis import Analysis
    from mcp_relight.engine.pipeline import analyse, relight

    facts, timings = frame.facts, dict[str, float]()
    with _timed(timings, "decode"):
        source = decode(frame.blobs["image"])
        rgb = source.rgb if facts["max_edge_px"] is None else _smaller(source, facts["max_edge_px"])
    cached = frame.blobs.get("analysis")
    with _timed(timings, "analyse"):
        if cached is not None:
            analysis = Analysis.from_bytes(cached)
        else:
            analysis = analyse(
                rgb,
                alpha=source.alpha,
                mask=_grey(frame.blobs.get("mask")),
                normals=_colors(frame.blobs.get("normal_map")),
                normal_convention=facts["normal_convention"],
                depth=_grey(frame.blobs.get("depth_map")),
                depth_convention=facts["depth_convention"],
            )
    with _timed(timings, "relight"):
        relit = relight(
            rgb,
            analysis,
            Lighting.model_validate(facts["lighting"]),
            remove_existing=facts["remove_existing"],
            shadow_strength=facts["shadow_strength"],
            specular=facts["specular"],
            background=facts["background"],
        )
    with _timed(timings, "encode"):
        picture = encode_like(source, relit.rgb)
    reply = _encoded(picture)
    fresh = {} if cached is not None else {"analysis": analysis.to_bytes()}
    return Frame(
        reply.facts
        | {
            "mode": analysis.mode,
            "confidence": round(analysis.confidence, 3),
            "warnings": list(
                dict.fromkeys((*source.warnings, *analysis.warnings, *relit.warnings))
            ),
            "timings_s": {name: round(seconds, 4) for name, seconds in timings.items()},
        },
        {**reply.blobs, **fresh},
    )


def _analyze(frame: Frame) -> Frame:
    from mcp_relight.measure.analyze import analyze

    source = decode(frame.blobs["image"])
    mask = _grey(frame.blobs.get("mask"))
    light = analyze(_srgb(source), alpha=source.alpha, mask=mask)
    return Frame({"light": light.model_dump(mode="json")})


def _report(frame: Frame) -> Frame:
    from mcp_relight.measure.report import report

    returned = frame.blobs.get("returned")
    measured = report(
        _srgb(decode(frame.blobs["original"])),
        _srgb(decode(frame.blobs["final"])),
        Lighting.model_validate(frame.facts["lighting"]),
        returned_rgb=_srgb(decode(returned)) if returned is not None else None,
    )
    return Frame({"report": measured.model_dump(mode="json")})


def _transfer(frame: Frame) -> Frame:
    from mcp_relight.finish.light_only import transfer

    original = decode(frame.blobs["original"])
    done = transfer(original.rgb, _srgb(decode(frame.blobs["result"])))
    facts = {"warnings": list(done.warnings)}
    if done.rgb is None:
        return Frame(facts)
    reply = _encoded(encode_like(original, done.rgb))
    return Frame(reply.facts | facts, reply.blobs)


def _encoded(picture: Encoded) -> Frame:
    facts = asdict(picture)
    return Frame(facts, {"image": facts.pop("data")})


def _srgb(picture: Decoded) -> NDArray[np.uint8]:
    return np.asarray(in_srgb(picture).convert("RGB"))


def _smaller(picture: Decoded, edge_px: int) -> NDArray[np.uint8]:
    image = picture.image.convert("RGB")
    image.thumbnail((edge_px, edge_px))
    return np.asarray(image)


def _grey(data: bytes | None) -> NDArray[np.uint8] | None:
    return None if data is None else np.asarray(decode(data).image.convert("L"))


def _colors(data: bytes | None) -> NDArray[np.uint8] | None:
    return None if data is None else decode(data).rgb


@contextmanager
def _timed(timings: dict[str, float], name: str) -> Generator[None]:
    started = time.perf_counter()
    yield
    timings[name] = time.perf_counter() - started


_TASKS: dict[str, Callable[[Frame], Frame]] = {
    "inspect": _inspect,
    "thumbnail": _thumbnail,
    "sheet": _sheet,
    "reencode": _reencode,
    "render": _render,
    "analyze": _analyze,
    "report": _report,
    "transfer": _transfer,
}
