"""The direction told of one photo: right where it is sure, and not sure of paint."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from benchmarks.lit_scenes import LitScene, scenes
from benchmarks.reference_light import NEAR_DEG, error_of
from mcp_relight.domain.report import SURE
from mcp_relight.measure.analyze import analyze
from mcp_relight.measure.likely import Cue, placed, split
from tests.engine import synth

from .pairs import angle_deg

Values = NDArray[np.float32]


def ball() -> tuple[Values, Values, Values]:
    """x, y and normals of places on a ball."""
    side = np.linspace(-0.9, 0.9, 40, dtype=np.float32)
    x, y = (axis.ravel() for axis in np.meshgrid(side, side))
    on = x * x + y * y < 0.8
    x, y = x[on], y[on]
    return x, y, np.column_stack([x, y, np.sqrt(1 - x * x - y * y)]).astype(np.float32)


def cue(luminance: Values, *, along: int = 3, worth: float = 30) -> Cue:
    x, y, normals = ball()
    weights = np.full(len(x), 1 / len(x), np.float32)
    return Cue(normals, luminance, weights, split(x, y, along), worth)


def lit_from(azimuth_deg: float, elevation_deg: float) -> Values:
    *_, normals = ball()
    light = synth.direction(azimuth_deg, elevation_deg)
    return np.asarray(0.5 * np.maximum(normals @ light, 0) + 0.05, np.float32)


@pytest.mark.parametrize("angles", [(0, 0), (-60, 20), (45, 50), (10, -40)])
@pytest.mark.parametrize("along", [1, 3])
def test_the_light_on_a_ball_is_found(angles: tuple[int, int], along: int) -> None:
    light = placed([cue(lit_from(*angles), along=along)])
    assert light.confidence > 0.9
    assert angle_deg(light.angles, angles) < 15


def test_a_ball_dark_below_by_paint_is_not_lit_from_above() -> None:
    _, y, _ = ball()
    strips = np.where(y > np.quantile(y, 2 / 3), 0.6, 0.1)
    assert placed([cue(strips.astype(np.float32))]).confidence < SURE


def test_neither_is_believed_where_two_faces_disagree() -> None:
    left, right = cue(lit_from(-60, 10)), cue(lit_from(60, 10))
    assert placed([left, left]).confidence > SURE
    assert placed([left, right]).confidence < SURE


def test_grain_on_an_even_ball_shows_no_light() -> None:
    *_, normals = ball()
    grain = np.random.default_rng(1).normal(0.5, 0.01, len(normals))
    assert placed([cue(grain.astype(np.float32))]).confidence < SURE


@pytest.fixture
def references(shared: Path) -> list[LitScene]:
    folder = shared / "data" / "relight_dev" / "dev"
    if not folder.is_dir():
        pytest.skip("needs the photographs under known lights, which may not be shipped")
    return list(scenes(folder))


def test_the_light_of_a_reference_is_told_where_it_is_sure(references: list[LitScene]) -> None:
    errors: list[float] = []
    count = 0
    for scene in references:
        for photo, angles in list(zip(scene.photos, scene.angles, strict=True))[::4]:
            count += 1
            error = error_of(analyze(photo), angles)
            errors += [] if error is None else [error]
    assert len(errors) >= 0.5 * count
    assert np.mean(np.array(errors) <= NEAR_DEG) >= 0.9
