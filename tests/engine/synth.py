"""Small scenes with known shape, rendered under exact lights, for the engine's tests."""

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.float32]

EDGE_PX = 192
LIGHTS_DEG = (
    (0, 0), (-60, 0), (60, 0), (0, 55), (0, -45), (-45, 40), (45, 40), (-75, 10), (75, -10),
)  # fmt: skip
"""(azimuth, elevation) of the nine lights every scene is rendered under."""


@dataclass(frozen=True)
class Scene:
    """`photos` linear (H, W, 3), one per light of LIGHTS_DEG; `normals` likewise; `mask` (H, W)."""

    photos: list[Image]
    normals: Image
    height: Image
    mask: NDArray[np.bool_]

    @property
    def soft_photo(self) -> Image:
        """The mean of all lights."""
        return np.mean(self.photos, axis=0).astype(np.float32)

    @property
    def mask_pixels(self) -> NDArray[np.uint8]:
        return self.mask.astype(np.uint8) * 255


def direction(azimuth_deg: float, elevation_deg: float) -> Image:
    azimuth, elevation = math.radians(azimuth_deg), math.radians(elevation_deg)
    across = math.cos(elevation)
    return np.array(
        [math.sin(azimuth) * across, math.sin(elevation), math.cos(azimuth) * across], np.float32
    )


def to_pixels(linear: Image) -> NDArray[np.uint8]:
    linear = np.clip(linear, 0, 1)
    high = 1.055 * linear ** (1 / 2.4) - 0.055
    return np.round(np.where(linear <= 0.0031308, 12.92 * linear, high) * 255).astype(np.uint8)


def to_linear(pixels: NDArray[np.uint8]) -> Image:
    encoded = pixels.astype(np.float32) / 255
    high = ((encoded + 0.055) / 1.055) ** 2.4
    return np.where(encoded <= 0.04045, encoded / 12.92, high).astype(np.float32)


def sphere() -> Scene:
    x, y = _axes()
    radius = 0.39 * EDGE_PX
    squared = x * x + y * y
    height = np.sqrt(np.clip(radius**2 - squared, 0, None))
    normals = np.dstack([x, y, np.maximum(height, 1)]) / radius
    return _render(height, _unit(normals), squared < radius**2, gloss=0.05)


def blobby() -> Scene:
    x, y = _axes()
    bumps = ((-14, -16, 31, 1.0), (16, 25, 24, 0.9), (31, -31, 20, 0.7), (-32, 25, 17, 0.6))
    field = sum(
        weight * np.exp(-((x - left) ** 2 + (y - up) ** 2) / (2 * size * size))
        for left, up, size, weight in bumps
    )
    mask = field > 0.35
    height = 45 * np.sqrt(np.clip(field - 0.35, 0, None))
    height = cv2.GaussianBlur(height.astype(np.float32), (0, 0), 1.5)
    return _render(height, _normals_of(height), mask)


def vase() -> Scene:
    x, y = _axes()
    profile = 34 + 16 * np.sin((y - 15) / 25) + 8 * np.cos(y / 13)
    mask = (np.abs(x) < profile) & (np.abs(y) < 78)
    height = np.sqrt(np.clip(profile**2 - x * x, 0, None)).astype(np.float32)
    height = cv2.GaussianBlur(height, (0, 0), 1.2)
    return _render(height, _normals_of(height), mask, gloss=0.08)


def _axes() -> tuple[Image, Image]:
    y, x = np.mgrid[0:EDGE_PX, 0:EDGE_PX].astype(np.float32)
    return x - EDGE_PX / 2 + 0.5, EDGE_PX / 2 - 0.5 - y


def _unit(vectors: Image) -> Image:
    return (vectors / np.linalg.norm(vectors, axis=2, keepdims=True)).astype(np.float32)


def _normals_of(height: Image) -> Image:
    down, across = np.gradient(height)
    return _unit(np.dstack([-across, down, np.ones_like(height)]))


def _paint() -> Image:
    """Patches of four paints, the same in every scene."""
    noise = np.random.default_rng(3).standard_normal((EDGE_PX, EDGE_PX)).astype(np.float32)
    noise = cv2.GaussianBlur(noise, (0, 0), 11)
    paints = np.array(
        [[0.75, 0.55, 0.4], [0.35, 0.45, 0.6], [0.8, 0.75, 0.65], [0.45, 0.25, 0.2]], np.float32
    )
    return paints[np.digitize(noise / noise.std(), [-0.7, 0, 0.7])]


def _render(height: Image, normals: Image, mask: NDArray[np.bool_], gloss: float = 0.0) -> Scene:
    normals = normals.copy()
    normals[~mask] = (0, 0, 1)
    paint, photos = _paint(), []
    for angles in LIGHTS_DEG:
        light = direction(*angles)
        lit = np.maximum(normals @ light, 0) * _cast_shadow(height * mask, light)
        half = light + np.array([0, 0, 1], np.float32)
        shine = np.clip(normals @ (half / np.linalg.norm(half)), 0, 1) ** 40
        photo = paint * (0.92 * lit + 0.06)[..., None] + gloss * shine[..., None]
        photo[~mask] = 0.02
        photos.append(photo.astype(np.float32))
    return Scene(photos, normals, height.astype(np.float32), mask)


def _cast_shadow(height: Image, light: Image) -> Image:
    sideways = float(np.hypot(light[0], light[1]))
    if sideways < 0.05:
        return np.ones_like(height)
    hidden = np.zeros(height.shape, np.bool_)
    for distance in np.arange(1, 0.55 * EDGE_PX, 1.5):
        move = np.array(
            [[1, 0, distance * light[0] / sideways], [0, 1, -distance * light[1] / sideways]],
            np.float32,
        )
        ahead = cv2.warpAffine(
            height,
            move,
            (EDGE_PX, EDGE_PX),
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_REPLICATE,
        )
        hidden |= ahead > height + distance * float(light[2]) / sideways + 1
    return cv2.GaussianBlur((~hidden).astype(np.float32), (0, 0), 1.0)
