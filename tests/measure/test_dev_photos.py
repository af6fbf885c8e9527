"""The report on real photographs; they may not be shipped, so this runs beside the data only."""

from pathlib import Path

import numpy as np
import pytest

from benchmarks.light_transfer import measure as measure_transfer
from benchmarks.lit_scenes import LitScene, scenes
from benchmarks.report_quality import measure


@pytest.fixture(scope="module")
def random() -> np.random.Generator:
    return np.random.default_rng(1)


@pytest.fixture
def owl(shared: Path) -> LitScene:
    folder = shared / "data" / "relight_dev" / "dev" / "uw_owl"
    if not folder.is_dir():
        pytest.skip("needs the photographs of the owl, which may not be shipped")
    return next(scenes(folder))


def test_the_report_is_right_about_an_owl(owl: LitScene, random: np.random.Generator) -> None:
    tally = measure(owl, 3, random)
    assert all(tally.moved)
    assert all(tally.mirrored)
    assert all(tally.same)


def test_an_owl_s_light_comes_over(owl: LitScene, random: np.random.Generator) -> None:
    cases, refused = measure_transfer(owl, random)
    assert refused == 0
    assert np.median([case.gain_db for case in cases]) >= 3
    assert min(case.detail for case in cases) >= 0.9
