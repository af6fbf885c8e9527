"""Rendered scenes and what a provider might make of them."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from mcp_relight.domain.lighting import Light, Lighting
from tests.engine import synth

Pixels = NDArray[np.uint8]


@dataclass(frozen=True)
class Lit:
    """One scene: its soft photo, a photo per light of synth.LIGHTS_DEG, the subject (H, W)."""

    name: str
    soft: Pixels
    photos: list[Pixels]
    mask: NDArray[np.bool_]


def lit(name: str, scene: synth.Scene) -> Lit:
    photos = [synth.to_pixels(photo) for photo in scene.photos]
    return Lit(name, synth.to_pixels(scene.soft_photo), photos, scene.mask)


def repainted(photo: Pixels) -> Pixels:
    """Another photograph: turned on its side, since all scenes wear the same paint."""
    return np.ascontiguousarray(photo.transpose(1, 0, 2))


def asked(azimuth_deg: float, elevation_deg: float) -> Lighting:
    return Lighting(lights=(Light(azimuth_deg=azimuth_deg, elevation_deg=elevation_deg),))


def angle_deg(one: tuple[float, float], other: tuple[float, float]) -> float:
    """Angle between two (azimuth, elevation) directions."""
    cosine = float(synth.direction(*one) @ synth.direction(*other))
    return float(np.degrees(np.arccos(np.clip(cosine, -1, 1))))


def decoded_jpeg(rgb: Pixels, quality: int) -> Pixels:
    _, data = cv2.imencode(".jpg", rgb[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR)[..., ::-1], np.uint8).copy()


def as_a_provider_returns(
    real: Pixels, *, object_rgb: tuple[int, int, int] | None = None
) -> tuple[Pixels, NDArray[np.bool_]]:
    """Half size, cropped by 1 % on each side, a little soft, JPEG 85, with a disc painted in.

    Also gives the disc (H, W) at the size of `real`.
    """
    height, width = real.shape[:2]
    dx, dy = max(1, round(0.01 * width)), max(1, round(0.01 * height))
    cropped = real[dy : height - dy, dx : width - dx]
    small = cv2.resize(cropped, (width // 2, height // 2), interpolation=cv2.INTER_AREA)
    small = np.asarray(cv2.GaussianBlur(small, (0, 0), 0.7), np.uint8)
    disc = np.zeros(small.shape[:2], np.uint8)
    if object_rgb is not None:
        center, radius = (round(0.45 * width / 2), round(0.5 * height / 2)), round(0.035 * width)
        cv2.circle(disc, center, radius, 255, -1)
        cv2.circle(small, center, radius, object_rgb, -1, cv2.LINE_AA)
    painted = np.zeros((height, width), np.uint8)
    inner = (width - 2 * dx, height - 2 * dy)
    painted[dy : height - dy, dx : width - dx] = cv2.resize(disc, inner)
    return decoded_jpeg(small, 85), painted > 127
