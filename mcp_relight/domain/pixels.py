"""What the pixel child answers: values only, no arrays."""

from dataclasses import dataclass
from typing import Any, Literal

from pydantic import TypeAdapter

from .lighting import Lighting

ENGINE_VERSION = "16"
"""Changes whenever the local engine finds out other things about the same photo, or writes them
down in other bytes: part of the key of every cached analysis."""

MaskMode = Literal[
    "user_normals", "user_depth", "shape_model", "user_mask", "alpha", "auto_mask", "scene"
]


SHAPE_MODEL_MAX_BYTES = 256_000_000
"""Weights take about four times their size while they run; the child has 2 GB."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShapeModel:
    """A network file of the user's own. Only bytes of this digest are parsed; it is empty where
    there is no file, or one that is too large."""

    path: str
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Inspected:
    """A picture that was fully decoded once, and its clean bytes: no metadata but colour profile
    and orientation, nothing behind the end of the picture."""

    data: bytes
    mime_type: str
    width: int
    height: int
    has_alpha: bool
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoded:
    """Encoded picture bytes."""

    data: bytes
    mime_type: str
    width: int
    height: int
    has_alpha: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RenderTask:
    """One rendering by the local engine. Picture fields are clean encoded bytes."""

    image: bytes
    lighting: Lighting
    mask: bytes | None = None
    normal_map: bytes | None = None
    normal_convention: Literal["opengl", "directx"] = "opengl"
    depth_map: bytes | None = None
    depth_convention: Literal["near_is_bright", "near_is_dark"] = "near_is_bright"
    shape_model: ShapeModel | None = None
    remove_existing: float = 0.7
    shadow_strength: float = 0.85
    specular: float = 0.1
    background: Literal["relight", "keep", "darken"] = "relight"
    max_edge_px: int | None = None
    analysis: bytes | None = None
    """A cached analysis of the same pictures, where there is one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RenderResult:
    picture: Encoded
    mode: MaskMode
    confidence: float
    warnings: tuple[str, ...]
    analysis: bytes | None
    """A fresh analysis worth caching; None when a cached one was used."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SheetCell:
    """One labelled picture of a contact sheet."""

    image: bytes
    label: str


_PLAIN = TypeAdapter[Any](Any)


def plain(value: object) -> Any:
    """A value of ours as plain ones, which a frame can carry."""
    return _PLAIN.dump_python(value)
