"""What one look at a photo yields; made once, then relit many times."""

import io
from dataclasses import dataclass, fields
from typing import Literal, Self

import numpy as np
from numpy.typing import NDArray

from .grid import Map

Mode = Literal[
    "user_normals", "user_depth", "shape_model", "user_mask", "alpha", "auto_mask", "scene"
]

_MAPS = ("normals", "height", "alpha", "sure", "sky", "shading", "guide", "face", "skin")


@dataclass(frozen=True, slots=True)
class Analysis:
    """Shape, subject and existing light of one photo, on the working grid (long side ≤ 448 px).

    `normals` (H, W, 3); `height` (H, W) in pixels; `alpha` (H, W) 0..1, the subject, all zero in
    mode "scene"; `sure` (H, W) 0..1, how far its outline can be trusted at each place; `sky`
    (H, W) 0..1; `shading` (H, W), the existing light at median 1; `guide` (H, W), √luminance.
    `face` (H, W) 0..1 is how far the shape is that of a face, fading towards its edge; `skin`
    (H, W) 0..1 where the skin of the persons with these faces is. `faces` (N, 5) holds left, top,
    right, bottom in pixels of the grid and how far each is turned, in radians, clockwise on screen.
    `support` is the given mask at full size, one bit per pixel and rows padded to bytes, and
    `full_size` its (rows, columns); without a given mask it is empty.
    `confidence` 0..1 says how far the shape can be trusted, `light_confidence` the same of the
    estimated input light. `complete` is False where a network was missing: such an analysis is not
    worth keeping.
    """

    normals: Map
    height: Map
    alpha: Map
    sure: Map
    sky: Map
    shading: Map
    guide: Map
    face: Map
    skin: Map
    faces: Map
    support: NDArray[np.uint8]
    full_size: tuple[int, int]
    mode: Mode
    confidence: float
    light_azimuth_deg: float
    light_elevation_deg: float
    light_confidence: float
    complete: bool
    warnings: tuple[str, ...]

    @property
    def has_subject(self) -> bool:
        return bool(self.alpha.any())

    @property
    def is_all_selected(self) -> bool:
        """Whether the given mask has every pixel of the photo."""
        columns = self.full_size[1]
        return self.support.size > 0 and bool(
            np.unpackbits(self.support, axis=1, count=columns).all()
        )

    @property
    def is_cut_out(self) -> bool:
        """Whether the picture is transparent around its subject, which is so to its last pixel."""
        return self.mode == "alpha"

    @property
    def shown(self) -> Map:
        """(H, W) 0..1: what of the frame can be seen: all of it, or a cut-out alone."""
        return self.alpha if self.is_cut_out else np.ones_like(self.alpha)

    def to_bytes(self) -> bytes:
        """A compressed npz archive. `from_bytes` gives back the same values, bit for bit."""
        stored = {name: np.asarray(getattr(self, name)) for name in _PLAIN}
        # `analyze_shape` rounds its maps to half precision, so nothing is lost here.
        halves = {name: np.asarray(getattr(self, name), np.float16) for name in _MAPS}
        buffer = io.BytesIO()
        np.savez_compressed(buffer, allow_pickle=False, **stored, **halves)
        return buffer.getvalue()

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Read `to_bytes`. Raises ValueError, KeyError or OSError when it is something else."""
        with np.load(io.BytesIO(data), allow_pickle=False) as archive:
            stored = {name: archive[name] for name in archive.files}
        maps = {name: stored[name].astype(np.float32) for name in _MAPS}
        rows, columns = (int(edge) for edge in stored["full_size"])
        return cls(
            **maps,
            faces=stored["faces"],
            support=stored["support"],
            full_size=(rows, columns),
            mode=str(stored["mode"]),  # pyright: ignore[reportArgumentType]  # written by to_bytes
            confidence=float(stored["confidence"]),
            light_azimuth_deg=float(stored["light_azimuth_deg"]),
            light_elevation_deg=float(stored["light_elevation_deg"]),
            light_confidence=float(stored["light_confidence"]),
            complete=bool(stored["complete"]),
            warnings=tuple(str(warning) for warning in stored["warnings"]),
        )


_PLAIN = tuple(field.name for field in fields(Analysis) if field.name not in _MAPS)


def rounded(values: Map) -> Map:
    """Round to half precision, so that a stored analysis renders the same pixels."""
    return values.astype(np.float16).astype(np.float32)
