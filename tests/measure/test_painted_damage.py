"""Damage painted into a real portrait by the benchmark's brush, under a light as asked.

Under a hard light a closed dark patch may as well be a shadow: the stain lies under a soft one.
"""

import pytest

from benchmarks.painted_damage import DAMAGE
from mcp_relight.domain.lighting import Lighting
from mcp_relight.domain.looks import LOOKS
from mcp_relight.domain.report import Flaw
from mcp_relight.measure.report import report

from .conftest import Portrait

SOFT, HARD = LOOKS["window_right"].lighting, LOOKS["golden_hour"].lighting


@pytest.mark.parametrize("flaw", list(DAMAGE))
def test_damage_that_everybody_sees_is_named(portrait: Portrait, flaw: Flaw) -> None:
    asked = SOFT if flaw == "stain" else HARD
    spoilt = report(portrait.rgb, DAMAGE[flaw](portrait.under(asked)), asked)
    assert spoilt.verdict == "flawed"
    assert flaw in spoilt.flaws


@pytest.mark.parametrize("asked", [SOFT, HARD])
def test_the_light_alone_is_no_damage(portrait: Portrait, asked: Lighting) -> None:
    assert report(portrait.rgb, portrait.under(asked), asked).flaws == ()
