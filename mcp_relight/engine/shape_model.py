"""A network of the user's own that sees shape: an ONNX file with normals or depth.

It is a stranger's file: read here, in the pixel child, no larger than a limit, and parsed only as
the very bytes whose digest was expected. Whatever goes wrong raises ShapeModelRefused, and the
engine goes on as it would without the file.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import cv2
import numpy as np

from mcp_relight.domain.image import SHAPE_MODEL_MAX_BYTES, ShapeModel

from .grid import Map, Pixels, unit


class ShapeModelRefused(Exception):
    """The file cannot be used. `why` is for the user and names no path."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


@dataclass(frozen=True, slots=True)
class Layout:
    """How a network wants its picture and where its answer is.

    `outputs` are the names by which a file is known to be of this kind. The picture goes in as
    (1, 3, H, W) RGB 0..1, less `mean`, over `std`, its sides multiples of `multiple_px` with the
    longer one near `edge_px`. Normals become x right, y up, z to the viewer by `signs`.
    """

    name: str
    licence: str
    outputs: frozenset[str]
    input: str
    output: str
    kind: Literal["normals", "depth"]
    channels_last: bool = False
    signs: tuple[int, int, int] = (1, 1, 1)
    multiple_px: int = 14
    edge_px: int = 518
    mean: tuple[float, float, float] = (0.0, 0.0, 0.0)
    std: tuple[float, float, float] = (1.0, 1.0, 1.0)
    numbers: tuple[tuple[str, int], ...] = ()
    """Further inputs, each one whole number."""


_IMAGENET_MEAN, _IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)

LAYOUTS = (
    Layout(
        name="MoGe-2 with normals",
        licence="MIT",
        outputs=frozenset({"points", "normal", "mask", "metric_scale"}),
        input="image",
        output="normal",
        kind="normals",
        channels_last=True,
        signs=(1, -1, -1),
        numbers=(("num_tokens", 1800),),
    ),
    Layout(
        name="Depth-Anything-V2, export of transformers",
        licence="Apache-2.0 (Small only)",
        outputs=frozenset({"predicted_depth"}),
        input="pixel_values",
        output="predicted_depth",
        kind="depth",
        mean=_IMAGENET_MEAN,
        std=_IMAGENET_STD,
    ),
    Layout(
        name="Depth-Anything-V2, plain export",
        licence="Apache-2.0 (Small only)",
        outputs=frozenset({"depth"}),
        input="image",
        output="depth",
        kind="depth",
        mean=_IMAGENET_MEAN,
        std=_IMAGENET_STD,
    ),
    Layout(
        name="normals with x right, y up",
        licence="",
        outputs=frozenset({"normal", "mask"}),
        input="image",
        output="normal",
        kind="normals",
        multiple_px=1,
    ),
)
"""Nobody's weights are here; no row but the last was run with a real file."""


@dataclass(frozen=True, slots=True)
class Learned:
    """What the network says: unit normals (h, w, 3), or depth (h, w) that is larger where it is
    nearer; on a grid of the network's own."""

    kind: Literal["normals", "depth"]
    values: Map


def look(model: ShapeModel, rgb: Pixels) -> Learned:
    """Run the user's network on an 8-bit sRGB photo (H, W, 3). Raises ShapeModelRefused."""
    data = np.frombuffer(_checked(model), np.uint8)
    try:
        net = cv2.dnn.readNetFromONNX(data, cv2.dnn.ENGINE_NEW)
        names = tuple(net.getUnconnectedOutLayersNames())
        layout = _layout_of(names)
        net.setInput(_blob(rgb, layout), layout.input)
        for name, number in layout.numbers:
            net.setInput(np.array(number, np.int64), name)
        # OpenCV 5 wants all outputs asked for, or none comes.
        answers = dict(zip(names, net.forward(list(names)), strict=True))
    except (cv2.error, AttributeError, MemoryError) as error:
        raise ShapeModelRefused("OpenCV cannot read or run it") from error
    return understood(np.asarray(answers[layout.output], np.float32), layout)


def _checked(model: ShapeModel) -> bytes:
    path = Path(model.path)
    try:
        if not path.is_file():
            raise ShapeModelRefused("there is no such file")
        with path.open("rb") as file:
            data = file.read(SHAPE_MODEL_MAX_BYTES + 1)
    except OSError as error:
        raise ShapeModelRefused("the file cannot be read") from error
    if len(data) > SHAPE_MODEL_MAX_BYTES:
        raise ShapeModelRefused(f"it is larger than {SHAPE_MODEL_MAX_BYTES // 1_000_000} MB")
    if hashlib.sha256(data).hexdigest() != model.sha256:
        raise ShapeModelRefused("the file changed while it was looked at")
    return data


def _layout_of(outputs: tuple[str, ...]) -> Layout:
    for layout in LAYOUTS:
        if layout.outputs == frozenset(outputs):
            return layout
    raise ShapeModelRefused("its outputs are those of no known kind of model")


def _blob(rgb: Pixels, layout: Layout) -> Map:
    rows, columns = (_side(edge, max(rgb.shape[:2]), layout) for edge in rgb.shape[:2])
    small = cv2.resize(rgb, (columns, rows), interpolation=cv2.INTER_AREA).astype(np.float32) / 255
    scaled = (small - np.array(layout.mean)) / np.array(layout.std)
    return np.ascontiguousarray(scaled.transpose(2, 0, 1)[None].astype(np.float32))


def _side(edge: int, longest: int, layout: Layout) -> int:
    wanted = edge * min(1.0, layout.edge_px / longest)
    return max(1, round(wanted / layout.multiple_px)) * layout.multiple_px


def understood(answer: Map, layout: Layout) -> Learned:
    """The network's output in our frame. Raises ShapeModelRefused for what it cannot be."""
    if not np.isfinite(answer).all():
        raise ShapeModelRefused("its answer holds numbers that are none")
    values = answer.reshape(answer.shape[1:]) if answer.shape[:1] == (1,) else answer
    if layout.kind == "depth":
        values = values.reshape(values.shape[-2:]) if values.shape[:-2] in {(), (1,)} else values
    elif not layout.channels_last and values.ndim == 3:
        values = values.transpose(1, 2, 0)
    channels = {"normals": (3,), "depth": ()}[layout.kind]
    if values.shape[2:] != channels or values.ndim < 2 or min(values.shape[:2]) < 2:
        raise ShapeModelRefused("its answer has another shape than expected")
    if layout.kind == "depth":
        return Learned("depth", values.astype(np.float32))
    return Learned("normals", unit(values * np.array(layout.signs, np.float32)))
