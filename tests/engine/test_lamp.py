"""A lamp with a place, on a plane and a sphere whose light is known exactly."""

import itertools
from dataclasses import dataclass

import numpy as np
import pytest
from numpy.typing import NDArray

from mcp_relight.domain.lighting import Light, Lighting
from mcp_relight.engine.analysis import Analysis
from mcp_relight.engine.lamp import lamp, surface_of
from mcp_relight.engine.pipeline import analyze_shape, relight
from tests.engine import synth
from tests.matrix import some_now

ROWS, COLUMNS = 240, 320
PLACES = [(0.5, 0.5, 0.35), (0.2, 0.3, 0.35), (0.85, 0.7, 0.5), (0.1, 0.9, 0.2), (0.6, 0.15, 1.0)]
BESIDE = [(0.1, 0.3, 0.45), (0.9, 0.5, 0.5), (0.3, 0.05, 0.6), (0.75, 0.95, 0.5), (1.3, 0.2, 0.4)]


@dataclass(frozen=True)
class Solid:
    """A grey photo of a known surface, x right, y up, z to the viewer, in pixels."""

    photo: NDArray[np.uint8]
    normals: synth.Image
    height: synth.Image
    mask: NDArray[np.bool_]

    def light_at(self, place: tuple[float, float, float]) -> tuple[synth.Image, synth.Image]:
        """(unit vectors to the lamp, its exact Lambert brightness) at every pixel."""
        row, column = np.mgrid[0:ROWS, 0:COLUMNS].astype(np.float32)
        x, y, z = place[0] * COLUMNS - 0.5, place[1] * ROWS - 0.5, place[2] * COLUMNS
        ray = np.dstack([x - column, row - y, z - self.height])
        squared = (ray**2).sum(axis=2)
        towards = ray / np.sqrt(squared)[..., None]
        lit = np.maximum((towards * self.normals).sum(axis=2), 0) / squared
        return towards.astype(np.float32), lit.astype(np.float32)


def plane() -> Solid:
    flat = np.zeros((ROWS, COLUMNS, 3), np.float32)
    flat[..., 2] = 1
    height = np.zeros((ROWS, COLUMNS), np.float32)
    return Solid(_grey(), flat, height, np.ones((ROWS, COLUMNS), np.bool_))


def ball() -> Solid:
    """A sphere whose outline lies in the picture plane."""
    row, column = np.mgrid[0:ROWS, 0:COLUMNS].astype(np.float32)
    x, y, radius = column - COLUMNS / 2 + 0.5, ROWS / 2 - 0.5 - row, 0.35 * ROWS
    inside = x * x + y * y < radius**2
    height = np.sqrt(np.clip(radius**2 - x * x - y * y, 0, None)).astype(np.float32)
    normals = np.dstack([x, y, height]) / radius
    normals[~inside] = (0, 0, 1)
    return Solid(_grey(), normals.astype(np.float32), height, inside)


def _grey() -> NDArray[np.uint8]:
    return np.full((ROWS, COLUMNS, 3), 110, np.uint8)


def _pixels(normals: synth.Image) -> NDArray[np.uint8]:
    return np.round((normals + 1) * 127.5).astype(np.uint8)


def _lamp(place: tuple[float, float, float], *, softness: float = 0.1) -> Lighting:
    light = Light(at=place, softness=softness)
    return Lighting(lights=(light,), ambient=0.05, exposure_ev=-1)


def _relit(solid: Solid, analysis: Analysis, lighting: Lighting) -> synth.Image:
    result = relight(solid.photo, analysis, lighting, shadow_strength=0, specular=0)
    return synth.to_linear(result.rgb)[..., 1]


def _brightest(values: synth.Image) -> NDArray[np.floating]:
    """(column, row) of the middle of the brightest hundredth."""
    bright = values >= np.quantile(values, 0.99)
    row, column = np.nonzero(bright)
    return np.array([column.mean(), row.mean()])


@pytest.mark.parametrize("place", some_now(PLACES))
def test_the_brightest_spot_of_a_plane_lies_under_the_lamp(
    place: tuple[float, float, float],
) -> None:
    solid = plane()
    analysis = analyze_shape(solid.photo, normals=_pixels(solid.normals))
    spot = _brightest(_relit(solid, analysis, _lamp(place)))
    _, exact = solid.light_at(place)
    assert np.linalg.norm(spot - _brightest(exact)) < 0.05 * COLUMNS


@pytest.mark.parametrize("place", some_now(PLACES))
def test_light_on_a_plane_only_falls_with_the_distance(place: tuple[float, float, float]) -> None:
    solid = plane()
    analysis = analyze_shape(solid.photo, normals=_pixels(solid.normals))
    bright = _relit(solid, analysis, _lamp(place))
    row, column = np.mgrid[0:ROWS, 0:COLUMNS]
    away = np.hypot(column - place[0] * COLUMNS + 0.5, row - place[1] * ROWS + 0.5)
    rings = [bright[(away >= ring) & (away < ring + 8)] for ring in range(0, 200, 8)]
    means = [float(ring.mean()) for ring in rings if len(ring)]
    assert all(far <= near * 1.002 for near, far in itertools.pairwise(means))
    assert means[0] > 1.25 * means[-1]


def test_a_nearer_lamp_makes_a_smaller_brighter_pool() -> None:
    solid = plane()
    analysis = analyze_shape(solid.photo, normals=_pixels(solid.normals))
    near, far = (_relit(solid, analysis, _lamp((0.5, 0.5, z))) for z in (0.2, 0.7))
    assert near.max() > 1.2 * far.max()
    assert near.min() < far.min()


@pytest.mark.parametrize("given", ["normals", "mask"])
@pytest.mark.parametrize("place", some_now(BESIDE))
def test_a_lamp_lights_a_ball_from_where_it_stands(
    place: tuple[float, float, float], given: str
) -> None:
    """Directions within 10°, and the brightest spot of the picture within 5 % of the long side."""
    solid = ball()
    mask = solid.mask.astype(np.uint8) * 255
    normals = _pixels(solid.normals) if given == "normals" else None
    analysis = analyze_shape(solid.photo, mask=mask, normals=normals)
    light = Light(at=place, softness=0.1)
    exact_towards, exact = solid.light_at(place)
    surface = surface_of(analysis.height, analysis.alpha, place, is_given=normals is not None)
    towards = lamp(light, place, surface, analysis.alpha).towards
    cosine = np.clip((towards * exact_towards).sum(axis=2), -1, 1)
    error_deg = np.degrees(np.arccos(cosine))[solid.mask]
    assert np.quantile(error_deg, 0.95) <= 10
    bright = _relit(solid, analysis, _lamp(place))
    spot, wanted = _brightest(bright * solid.mask), _brightest(exact * solid.mask)
    assert np.linalg.norm(spot - wanted) < 0.05 * COLUMNS
