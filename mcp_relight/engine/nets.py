"""The small networks that come with the engine (`weights/`), run by OpenCV's own `dnn`.

A file is read and hashed at first need, and only the very bytes that were hashed are parsed. What
is missing, damaged or refused raises NetUnavailable, and the engine goes on without networks.
"""

import hashlib
import io
from contextlib import suppress
from functools import cache
from importlib import resources

import cv2
import numpy as np
from numpy.typing import NDArray

from mcp_relight.domain.weights import WEIGHTS

from .grid import Map

FOLDER = resources.files("mcp_relight.engine") / "weights"
SHORT_RANGE = "face_detection_short_range.tflite"
FULL_RANGE = "face_detection_full_range.tflite"
FACE_MESH = "face_landmark.tflite"
TRIANGLES = "face_mesh_triangles.npy"
SALIENCY = "u2netp_fp16.onnx"


class NetUnavailable(Exception):
    """A network cannot be run here: its file or OpenCV's reader of such files is not in order."""


class Net:
    """One network, ready to run. Raises NetUnavailable where it cannot be loaded."""

    def __init__(self, name: str) -> None:
        self._net = _parsed(name)

    def run(self, values: Map, heads: tuple[str, ...]) -> tuple[Map, ...]:
        """The outputs of these names for a batch (1, 3, H, W). Raises NetUnavailable."""
        try:
            return tuple(self._head(values, head) for head in heads)
        except (cv2.error, MemoryError) as error:
            raise NetUnavailable from error

    def _head(self, values: Map, head: str) -> Map:
        # OpenCV 5 gives several heads at once only when all are asked, and hides some of them.
        self._net.setInput(values)
        return np.asarray(self._net.forward(head), np.float32)


@cache
def kept(name: str) -> Net:
    """A small network, loaded once for the life of this process. Raises NetUnavailable."""
    return Net(name)


_ahead: list[Net] = []
"""The large network, loaded for its first use and not run yet."""


class _Large:
    """The large network after it ran."""

    def __init__(self) -> None:
        self.is_wanted = False
        self.net: Net | None = None


_large = _Large()


def keep_saliency(is_wanted: bool, /) -> None:
    """Whether the large network is kept after use: it is soon used again, so that neither reading
    it nor the 250 MB it takes have to be come by anew. One kept and no longer wanted goes."""
    _large.is_wanted = is_wanted
    if not is_wanted:
        _large.net = None


def run_saliency(values: Map, heads: tuple[str, ...]) -> tuple[Map, ...]:
    """`Net.run` of the large network. Raises NetUnavailable."""
    net, _large.net = _large.net, None
    if net is None:
        net = _ahead.pop() if _ahead else Net(SALIENCY)
    found = net.run(values, heads)
    if _large.is_wanted:
        _large.net = net
    return found


@cache
def triangles() -> NDArray[np.intp]:
    """(898, 3) indices of the corners of the face mesh's triangles. Raises NetUnavailable."""
    corners: NDArray[np.uint16] = np.load(io.BytesIO(_checked(TRIANGLES)), allow_pickle=False)
    return corners.astype(np.intp)


def load_ahead() -> None:
    """Load all networks, for whoever has the time before the first picture comes."""
    with suppress(NetUnavailable):  # said of the picture that misses one
        triangles()
        for name in (SHORT_RANGE, FULL_RANGE, FACE_MESH):
            kept(name)
        _ahead[:] = [Net(SALIENCY)]


def _checked(name: str) -> bytes:
    """The file's bytes, when they are the ones this version was made with."""
    try:
        data = (FOLDER / name).read_bytes()
    except OSError as error:
        raise NetUnavailable from error
    if hashlib.sha256(data).hexdigest() != WEIGHTS[name]:
        raise NetUnavailable
    return data


def _parsed(name: str) -> cv2.dnn.Net:
    data = np.frombuffer(_checked(name), np.uint8)
    try:
        if name.endswith(".onnx"):
            return cv2.dnn.readNetFromONNX(data, cv2.dnn.ENGINE_NEW)
        return cv2.dnn.readNetFromTFLite(data, cv2.dnn.ENGINE_NEW)
    except (cv2.error, MemoryError, AttributeError) as error:
        raise NetUnavailable from error
