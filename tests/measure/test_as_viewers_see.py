"""What viewers of relit photos called weak is weaker, what they called good as asked."""

import numpy as np
from numpy.typing import NDArray

from mcp_relight.domain.looks import LOOKS
from mcp_relight.domain.report import Parts
from mcp_relight.measure.report import report
from tests.engine import synth

from .pairs import Pixels

_HIGH, _WIDE = 192, 256
ACROSS: NDArray[np.float64] = np.tile(np.linspace(-1, 1, _WIDE), (_HIGH, 1))
DOWN: NDArray[np.float64] = np.tile(np.linspace(-1, 1, _HIGH)[:, None], (1, _WIDE))
WARM = np.array([1.45, 1.0, 0.5])


def scene() -> NDArray[np.float64]:
    """(h, w, 3) linear: a sky above rough ground, without any subject."""
    rough = np.random.default_rng(5).uniform(0.8, 1.25, DOWN.shape)
    ground = np.where(DOWN < -0.1, 0.35, 0.16 * rough)
    return np.asarray(ground[..., None] * np.ones(3))


def pixels(linear: NDArray[np.float64]) -> Pixels:
    return synth.to_pixels(np.clip(linear, 0, 1).astype(np.float32))


def parts(look: str, stops: NDArray[np.float64], tone: NDArray[np.float64]) -> Parts:
    lit = scene() * np.exp2(stops)[..., None] * tone
    return report(pixels(scene()), pixels(lit), LOOKS[look].lighting).parts


def test_a_scene_is_lit_from_behind_where_the_back_stays_bright() -> None:
    darker_below = np.where(DOWN < -0.1, 0.1, -2.4)
    assert parts("rim_light", darker_below, np.ones(3)).contrast == "as asked"


def test_a_scene_that_got_darker_behind_as_well_is_not() -> None:
    darker = np.where(DOWN < -0.1, -1.2, -3.6)
    assert parts("rim_light", darker, np.ones(3)).contrast == "weaker"


def test_a_low_sun_lights_one_side() -> None:
    assert parts("golden_hour", 0.9 * -ACROSS, WARM).contrast == "as asked"


def test_a_low_sun_whose_side_only_keeps_its_brightness_is_weaker() -> None:
    assert parts("golden_hour", 0.9 * (-ACROSS - 1), WARM).contrast == "weaker"


def test_one_light_without_fill_leaves_something_lit() -> None:
    assert parts("split", 2.3 * -ACROSS, np.ones(3)).contrast == "as asked"


def test_one_light_in_a_picture_dark_all_over_is_weaker() -> None:
    night = 0.2 * scene()
    lit = night * np.exp2(2.6 * -ACROSS - 2.3)[..., None]
    made = report(pixels(night), pixels(lit), LOOKS["split"].lighting)
    assert made.parts.contrast == "weaker"


def veiled(opacity: float) -> str:
    """The colour of a warm light over blue cloth, under a pale haze."""
    cloth = scene() * np.array([0.25, 0.5, 1.0])
    lit = cloth * np.exp2(0.9 * -ACROSS)[..., None] * WARM
    hazed = ACROSS < -0.25
    haze = opacity * hazed[..., None] * np.array([0.4, 0.3, 0.25])
    made = report(pixels(cloth), pixels(lit + haze), LOOKS["golden_hour"].lighting)
    return made.parts.colour


def test_haze_over_a_part_of_a_picture_is_no_warm_light() -> None:
    assert veiled(0.0) == "as asked"
    assert veiled(0.7) == "wrong"
