"""Light and shadow were asked for: where nothing stands out lit, the picture only got darker."""

import cv2
import numpy as np
import pytest

from mcp_relight.domain.lighting import Light, Lighting
from mcp_relight.domain.looks import LOOKS
from mcp_relight.measure.register import shrink
from mcp_relight.measure.report import report
from mcp_relight.measure.shape import GRID_PX, find_shapes
from tests.engine import synth

from .pairs import Lit, Pixels

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


def test_one_lamp_leaves_the_other_side_dark(scenes: list[Lit]) -> None:
    """A veil of light over it all lifts the shadow, and that is seen."""
    for scene in scenes:
        lifted = synth.to_pixels(0.15 + 0.85 * synth.to_linear(scene.photos[1]))
        assert report(scene.soft, lifted, FROM_LEFT).parts.contrast == "weaker", scene.name


BEHIND = Lighting(lights=(Light(azimuth_deg=160, elevation_deg=35, softness=0.2),), ambient=0.1)


def backlit(scene: Lit, edge: float, front: float) -> Pixels:
    """The photo with its front at a share of its light, and the edge of the subject at another."""
    deep = cv2.distanceTransform(scene.mask.astype(np.uint8), cv2.DIST_L2, 5)
    rim = scene.mask & (deep < 0.02 * max(deep.shape))
    gain = np.where(rim, edge, front)[..., None].astype(np.float32)
    return synth.to_pixels(gain * synth.to_linear(scene.soft))


def test_a_light_from_behind_lights_the_edge_and_leaves_the_front_dark(scenes: list[Lit]) -> None:
    sphere = scenes[0]
    made = {
        (edge, front): report(sphere.soft, backlit(sphere, edge, front), BEHIND, mask=sphere.mask)
        for edge, front in ((1.5, 0.2), (0.2, 0.2), (4, 0.9))
    }
    words = {gains: one.parts.contrast for gains, one in made.items()}
    assert words == {(1.5, 0.2): "as asked", (0.2, 0.2): "weaker", (4, 0.9): "weaker"}


def test_what_has_no_blue_cannot_be_lit_blue() -> None:
    """Paint over an orange wall is not that wall in another light."""
    orange = np.array([0.6, 0.3, 0.004], np.float32)
    shade = np.linspace(0.4, 1, 160, dtype=np.float32)
    before = orange * shade[None, :, None] * np.ones((160, 1, 1), np.float32)
    fall = np.linspace(1.1, 0.3, 160, dtype=np.float32)[None, :, None]
    warm = fall * np.array([1, 0.62, 0.35], np.float32)
    wish = LOOKS["golden_hour"].lighting
    words = [
        report(
            synth.to_pixels(before), synth.to_pixels(after.astype(np.float32)), wish
        ).parts.colour
        for after in (before * warm, before * warm * (1, 0.8, 0) + 0.1 * fall * (0, 0, 1))
    ]
    assert words[0] in ("as asked", "not measurable")
    assert words[1] == "wrong"


@pytest.mark.parametrize(("edge", "word"), [(1.5, "as asked"), (0.2, "weaker")])
def test_a_rim_is_seen_where_no_subject_is_known(edge: float, word: str) -> None:
    """The line that the picture gained speaks for itself."""
    rows = np.broadcast_to(np.arange(192)[:, None], (192, 256))
    paint = np.random.default_rng(1).uniform(0.8, 1, (192, 256))
    hills = np.where(rows > 90, 0.4, 0.2) * paint
    before = synth.to_pixels((hills[..., None] * np.ones(3)).astype(np.float32))
    gain = np.where((rows > 90) & (rows < 95), edge, 0.2)[..., None].astype(np.float32)
    after = synth.to_pixels(gain * synth.to_linear(before))
    small = [shrink(one, GRID_PX) for one in (before, after)]
    assert find_shapes(small)[0].subject is None
    assert report(before, after, BEHIND).parts.contrast == word


def test_one_lamp_lights_a_side_and_does_not_only_leave_the_other_dark(scenes: list[Lit]) -> None:
    for scene in scenes:
        lit = synth.to_linear(scene.photos[1])
        words = [
            report(
                scene.soft, synth.to_pixels((share * lit).astype(np.float32)), FROM_LEFT
            ).parts.contrast
            for share in (1.0, 0.16)
        ]
        assert words == ["as asked", "weaker"], scene.name
