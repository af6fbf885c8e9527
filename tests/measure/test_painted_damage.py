"""Damage painted into a real portrait by the benchmark's brush, under a light as asked.

Under a hard light a closed dark patch may as well be a shadow: the stain lies under a soft one.
"""

from pathlib import Path

import cv2
import numpy as np
import pytest

from benchmarks.painted_damage import DAMAGE
from mcp_relight.domain.lighting import Lighting
from mcp_relight.domain.looks import LOOKS
from mcp_relight.domain.report import Flaw
from mcp_relight.engine.analysis import Analysis
from mcp_relight.engine.pipeline import analyze_shape, relight
from mcp_relight.measure.report import report

from .pairs import Pixels

PORTRAIT = Path(__file__).parents[2] / "mcp_relight" / "cli" / "samples" / "astronaut.jpg"
SOFT, HARD = LOOKS["window_right"].lighting, LOOKS["golden_hour"].lighting


@pytest.fixture(scope="module")
def shaped() -> tuple[Pixels, Analysis]:
    photo = cv2.imread(str(PORTRAIT))
    assert photo is not None
    rgb = np.ascontiguousarray(photo[..., ::-1], np.uint8)
    return rgb, analyze_shape(rgb)


@pytest.mark.parametrize("flaw", list(DAMAGE))
def test_damage_that_everybody_sees_is_named(shaped: tuple[Pixels, Analysis], flaw: Flaw) -> None:
    asked = SOFT if flaw == "stain" else HARD
    spoilt = report(shaped[0], DAMAGE[flaw](relight(*shaped, asked).rgb), asked)
    assert spoilt.verdict == "flawed"
    assert flaw in spoilt.flaws


@pytest.mark.parametrize("asked", [SOFT, HARD])
def test_the_light_alone_is_no_damage(shaped: tuple[Pixels, Analysis], asked: Lighting) -> None:
    assert report(shaped[0], relight(*shaped, asked).rgb, asked).flaws == ()
