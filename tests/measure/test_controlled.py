"""A real portrait relit by the engine, judged against another wish: every part has to notice."""

from collections.abc import Callable

import numpy as np
import pytest

from mcp_relight.domain.lighting import Lighting
from mcp_relight.domain.looks import LOOKS
from mcp_relight.domain.report import Report
from mcp_relight.engine.analysis import Analysis
from mcp_relight.engine.pipeline import analyze_shape, relight
from mcp_relight.measure.report import report
from tests.matrix import some_now

from .conftest import Portrait
from .pairs import Pixels

SIDED = some_now(["golden_hour", "neon", "split", "low_key", "window_right"], now=2)
"""One lamp or two."""


def judged(portrait: Portrait, look: str, change: Callable[[Lighting], Lighting]) -> Report:
    """The look asked for, and what was made of the changed one."""
    asked = LOOKS[look].lighting
    return report(portrait.rgb, portrait.under(change(asked)), asked)


def mirrored(lighting: Lighting) -> Lighting:
    lights = tuple(
        light.model_copy(update={"azimuth_deg": -light.azimuth_deg}) for light in lighting.lights
    )
    return lighting.model_copy(update={"lights": lights})


def half_as_warm(lighting: Lighting) -> Lighting:
    """Half way from daylight, in reciprocal kelvin."""
    lights = tuple(
        light.model_copy(update={"kelvin": 2 / (1 / (light.kelvin or 6504) + 1 / 6504)})
        for light in lighting.lights
    )
    return lighting.model_copy(update={"lights": lights})


@pytest.mark.parametrize(
    "look", some_now(["golden_hour", "neon", "rembrandt", "low_key", "window_right"], now=2)
)
def test_the_look_itself_is_as_asked(portrait: Portrait, look: str) -> None:
    assert judged(portrait, look, lambda asked: asked).verdict == "as asked"


def test_a_lit_side_that_only_got_darker_is_weaker(portrait: Portrait) -> None:
    asked = LOOKS["window_right"].lighting
    dimmed = np.asarray(portrait.under(asked) * 0.5, np.uint8)
    made = report(portrait.rgb, dimmed, asked)
    assert (made.parts.direction, made.parts.contrast) == ("as asked", "weaker")


@pytest.mark.parametrize("look", SIDED)
def test_a_quarter_of_it_is_weaker(portrait: Portrait, look: str) -> None:
    made = judged(portrait, look, lambda asked: asked.model_copy(update={"strength": 0.25}))
    assert made.verdict == "weaker"


@pytest.mark.parametrize("look", SIDED)
def test_the_other_side_is_wrong(portrait: Portrait, look: str) -> None:
    """Of two neon tubes, each on the side of the other."""
    made = judged(portrait, look, mirrored)
    assert made.verdict == "wrong direction"
    assert made.parts.direction == "wrong"


@pytest.mark.parametrize("look", ["golden_hour", "candlelight"])
def test_half_the_warmth_is_a_weaker_colour(portrait: Portrait, look: str) -> None:
    made = judged(portrait, look, half_as_warm)
    assert (made.verdict, made.parts.colour) == ("weaker", "weaker")


@pytest.mark.parametrize("look", some_now(["golden_hour", "candlelight"]))
def test_dark_things_show_less_of_a_color_and_it_is_there_all_the_same(
    portrait: Portrait, look: str
) -> None:
    rgb = np.asarray(portrait.rgb * 0.7, np.uint8)
    analysis = analyze_shape(rgb)
    asked = LOOKS[look].lighting
    whole, half = (
        report(rgb, relight(rgb, analysis, light).rgb, asked).parts.colour
        for light in (asked, half_as_warm(asked))
    )
    assert (whole, half) == ("as asked", "weaker")


@pytest.mark.parametrize("look", ["golden_hour", "rim_light"])
def test_more_than_the_whole_light_is_a_means_and_no_wish(portrait: Portrait, look: str) -> None:
    asked = LOOKS[look].lighting
    made = portrait.under(asked)
    more = asked.model_copy(update={"strength": 1.5})
    assert report(portrait.rgb, made, more) == report(portrait.rgb, made, asked)


def test_where_one_lamp_darkens_all_the_rest_more_exposure_is_not_refuted(
    portrait: Portrait,
) -> None:
    asked = LOOKS["split"].lighting.model_copy(update={"exposure_ev": 0.5})
    made = report(portrait.rgb, portrait.under(asked), asked)
    assert made.parts.brightness in ("as asked", "not measurable")


@pytest.fixture(scope="module")
def ball() -> tuple[Pixels, Analysis]:
    """Before a grey wall: what its outline stands out from changes with the light."""
    down, across = np.mgrid[:120, :160]
    away = np.hypot(across - 80, down - 60) / 42
    shade = 0.35 + 0.65 * np.sqrt(np.clip(1 - away * away, 0, 1))
    painted = shade[..., None] * (200, 150, 110)
    rgb = np.where((away < 1)[..., None], painted, 128).astype(np.uint8)
    return rgb, analyze_shape(rgb)


@pytest.mark.parametrize("look", ["golden_hour", "candlelight"])
def test_a_small_thing_in_the_dark_shows_the_color_of_a_light(
    ball: tuple[Pixels, Analysis], look: str
) -> None:
    """A face before a black wall: a tenth of the picture is enough."""
    dark = np.zeros((200, 260, 3), np.uint8)
    dark[40:160, 50:210] = np.where(ball[0] == 128, 0, ball[0])
    analysis, asked = analyze_shape(dark), LOOKS[look].lighting
    whole, half = (
        report(dark, relight(dark, analysis, light).rgb, asked).parts.colour
        for light in (asked, half_as_warm(asked))
    )
    assert (whole, half) == ("as asked", "weaker")


@pytest.mark.parametrize("look", ["golden_hour", "low_key", "neon"])
def test_a_small_plain_thing_stays_the_same_picture(
    ball: tuple[Pixels, Analysis], look: str
) -> None:
    asked = LOOKS[look].lighting
    assert report(ball[0], relight(*ball, asked).rgb, asked).verdict == "as asked"
