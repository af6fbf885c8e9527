"""Light and shadow were asked for: where nothing stands out lit, the picture only got darker."""

import numpy as np

from mcp_relight.domain.lighting import Light, Lighting
from mcp_relight.measure.report import report
from tests.engine import synth

from .pairs import Lit

FROM_LEFT = Lighting(lights=(Light(azimuth_deg=-60, softness=0.3),), ambient=0.06)


def test_a_side_that_is_less_dark_is_not_lit(scenes: list[Lit]) -> None:
    for scene in scenes:
        lit = report(scene.soft, scene.photos[1], FROM_LEFT)
        dim = synth.to_pixels(0.08 * synth.to_linear(scene.photos[1]))
        darker = report(scene.soft, dim, FROM_LEFT)
        assert lit.parts.contrast == "as asked", scene.name
        assert (darker.parts.contrast, darker.verdict) == ("weaker", "weaker"), scene.name


def test_of_a_picture_that_was_to_be_dark_little_need_be_lit(scenes: list[Lit]) -> None:
    dark = FROM_LEFT.model_copy(update={"exposure_ev": -3.5})
    dim = synth.to_pixels((0.08 * synth.to_linear(scenes[0].photos[1])).astype(np.float32))
    assert report(scenes[0].soft, dim, dark).parts.contrast == "as asked"
