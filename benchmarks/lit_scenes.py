"""Photographs of scenes under known lights, and what a provider might make of one of them."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from mcp_relight.engine.color import decode, encode

Pixels = NDArray[np.uint8]
TOO_ALIKE = ("nctu_bunny",)
"""Scenes whose lights are so near each other that doing nothing cannot be beaten."""

OBJECTS = ((220, 40, 30), (30, 160, 60), (245, 245, 240), (15, 15, 18))
CROP = 0.01


@dataclass(frozen=True)
class LitScene:
    """`photos` (H, W, 3) under `angles` (azimuth_deg, elevation_deg); `mask` (H, W) the subject."""

    name: str
    photos: list[Pixels]
    angles: list[tuple[float, float]]
    mask: NDArray[np.bool_]

    @property
    def soft(self) -> Pixels:
        """The mean of all lights, in linear light."""
        return encode(np.mean([decode(photo) for photo in self.photos], axis=0, dtype=np.float32))


def read_rgb(path: Path) -> Pixels:
    pixels = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if pixels is None:
        raise SystemExit(f"cannot read {path.name} of scene {path.parent.name}")
    return np.ascontiguousarray(pixels[..., ::-1], np.uint8)


def scenes(folder: Path) -> Iterator[LitScene]:
    """Every folder below `folder` that holds a scene.json, in order of name."""
    for described in sorted(folder.rglob("scene.json")):
        place = described.parent
        if place.name in TOO_ALIKE:
            continue
        lights = json.loads(described.read_text())["lights"]
        photos = [read_rgb(place / light["file"]) for light in lights]
        covered = place / "mask.png"
        mask = (
            read_rgb(covered)[..., 0] > 127
            if covered.exists()
            else np.ones(photos[0].shape[:2], np.bool_)
        )
        yield LitScene(place.name, photos, [angles_of(light["dir"]) for light in lights], mask)


def angles_of(direction: list[float]) -> tuple[float, float]:
    x, y, z = np.array(direction) / np.linalg.norm(direction)
    return float(np.degrees(np.arctan2(x, z))), float(np.degrees(np.arcsin(y)))


def as_a_provider_returns(
    real: Pixels, random: np.random.Generator, object_rgb: tuple[int, int, int] | None
) -> tuple[Pixels, NDArray[np.bool_]]:
    """Cropped by 1 % somewhere, half size, a little soft, a thing painted in, JPEG 85.

    Also gives where the thing is, at the size of `real`.
    """
    height, width = real.shape[:2]
    inner_height, inner_width = height - round(2 * CROP * height), width - round(2 * CROP * width)
    top = int(random.integers(0, height - inner_height + 1))
    left = int(random.integers(0, width - inner_width + 1))
    cropped = real[top : top + inner_height, left : left + inner_width]
    half = (width // 2, height // 2)
    small = cv2.GaussianBlur(cv2.resize(cropped, half, interpolation=cv2.INTER_AREA), (0, 0), 0.7)
    thing = np.zeros(half[::-1], np.uint8)
    if object_rgb is not None:
        center = tuple(int(random.uniform(0.35, 0.65) * edge) for edge in half)
        radius = max(3, int(0.025 * max(height, width) * random.uniform(0.8, 1.4)))
        cv2.circle(thing, center, radius, 255, -1)
        cv2.circle(small, center, radius, object_rgb, -1, cv2.LINE_AA)
    _, data = cv2.imencode(".jpg", small[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 85])
    returned = np.ascontiguousarray(cv2.imdecode(data, cv2.IMREAD_COLOR)[..., ::-1], np.uint8)
    painted = np.zeros((height, width), np.uint8)
    painted[top : top + inner_height, left : left + inner_width] = cv2.resize(
        thing, (inner_width, inner_height), interpolation=cv2.INTER_NEAREST
    )
    return returned, painted > 127
