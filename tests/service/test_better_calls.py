"""Which fields the next step may change, and which way, for every look and every part that is not
as asked; and that the change does move that part, in a picture really made."""

from itertools import product
from pathlib import Path
from typing import Literal, get_args

import cv2
import numpy as np
import pytest

from mcp_relight.domain.lighting import DAYLIGHT_KELVIN, NOTED_EV, Lighting
from mcp_relight.domain.looks import LOOKS
from mcp_relight.domain.report import Parts, StopsReport
from mcp_relight.domain.request import RelightArguments, based_on
from mcp_relight.engine.analysis import Analysis
from mcp_relight.engine.pipeline import analyze_shape, relight
from mcp_relight.measure.gain import Gain, gain_of
from mcp_relight.measure.linear import Linear
from mcp_relight.measure.request import wished
from mcp_relight.service.next_steps import next_step
from tests.measure.pairs import Pixels

from .test_next_steps import call_in, job, report

Field = Literal["strength", "ambient", "exposure_ev", "kelvin"]
Ways = dict[Field, int]
"""1 where the field may only rise, -1 where it may only fall; kelvin: away from daylight is 1."""
ALLOWED: dict[tuple[str, str], Ways] = {
    ("direction", "weaker"): {"strength": 1, "ambient": -1},
    ("contrast", "weaker"): {"strength": 1, "ambient": -1, "exposure_ev": 1},
    ("contrast", "wrong"): {"ambient": 1, "strength": -1},
    ("contrast", "stronger"): {"ambient": 1, "strength": -1},
    ("colour", "weaker"): {"kelvin": 1, "strength": 1},
    ("colour", "wrong"): {},
    ("colour", "stronger"): {"kelvin": -1, "strength": -1},
    ("brightness", "weaker"): {"exposure_ev": 1},
    ("brightness", "wrong"): {"exposure_ev": 1},
    ("brightness", "stronger"): {"exposure_ev": -1},
}
"""Of brightness: 1 is further the way that was asked."""
PORTRAIT = Path(__file__).parents[2] / "mcp_relight" / "cli" / "samples" / "astronaut.jpg"
FELL_DARK = -1.2


def after_the_step(
    lighting: Lighting, part: str, word: str, subject_stops: float = 0
) -> Lighting | None:
    """The lighting of the call that the next step names; None where it names none."""
    verdict = "stronger" if word == "stronger" else "weaker"
    parts = Parts.model_validate({part: word})
    stops = StopsReport(subject=subject_stops, confidence=1)
    measured = report(verdict).model_copy(update={"parts": parts, "stops": stops})
    base = job(measured, lighting=lighting, asked={"look": lighting.look}, mask_id="1" * 32)
    step = next_step(base)
    if "relight_image with" not in step:
        return None
    whole, _ = based_on(RelightArguments.parse(call_in(step)), base.request, same_picture=True)
    (after,) = whole.lightings()
    return after


def ways_of(before: Lighting, after: Lighting, part: str) -> dict[str, int]:
    """Which fields changed, and which way."""

    def farness(one: Lighting) -> float:
        return abs(1e6 / (one.key.kelvin if one.key and one.key.kelvin else 1e9) - 1e6 / 6504)

    asked = -1 if part == "brightness" and before.exposure_ev < 0 else 1
    moved = {
        "strength": after.strength - before.strength,
        "ambient": after.ambient - before.ambient,
        "exposure_ev": asked * (after.exposure_ev - before.exposure_ev),
        "kelvin": farness(after) - farness(before),
    }
    return {name: round(np.sign(way)) for name, way in moved.items() if abs(way) > 1e-6}


@pytest.mark.parametrize(("part", "word"), list(ALLOWED))
@pytest.mark.parametrize("look", list(LOOKS))
def test_the_next_step_moves_only_what_helps(look: str, part: str, word: str) -> None:
    asked = LOOKS[look].lighting
    if part == "brightness" and abs(asked.exposure_ev) < NOTED_EV:
        return
    allowed = dict(ALLOWED[part, word])
    is_to_be_dark = asked.is_dark or all(light.is_behind for light in asked.leading)
    if part == "contrast" and is_to_be_dark:
        allowed.pop("exposure_ev", None)
    for subject_stops in (0, FELL_DARK):
        after = after_the_step(asked, part, word, subject_stops)
        if not allowed:
            assert after is None, "no field helps: another model may"
            continue
        assert after is not None
        ways = ways_of(asked, after, part)
        assert ways, "nothing changed"
        assert ways.items() <= allowed.items(), (look, subject_stops)


@pytest.fixture(scope="module")
def portrait() -> tuple[Pixels, Analysis]:
    photo = cv2.imread(str(PORTRAIT))
    assert photo is not None
    small = cv2.resize(photo[..., ::-1], (256, 256), interpolation=cv2.INTER_AREA)
    rgb = np.ascontiguousarray(small, np.uint8)
    return rgb, analyze_shape(rgb)


def figure_of(part: str, gain: Gain, asked: Lighting) -> float:
    """What the part is judged by: more is nearer to what was asked."""
    wish = wished(asked)
    assert wish is not None
    if part == "contrast":
        return gain.spread()
    near, far = gain.tones_across(wish.axis, gain.toned)
    if wish.two_toned:
        return float(np.linalg.norm(near - far))
    warmth = float(near[0] - near[1])
    return warmth if (asked.key and (asked.key.kelvin or 0) < DAYLIGHT_KELVIN) else -warmth


MADE = [
    *product(("golden_hour", "rembrandt", "split", "low_key", "rim_light"), ("contrast",)),
    *product(("golden_hour", "neon", "moonlight"), ("colour",)),
]


@pytest.mark.parametrize(("look", "part"), MADE)
def test_the_call_brings_the_part_nearer(
    portrait: tuple[Pixels, Analysis], look: str, part: str
) -> None:
    rgb, analysis = portrait
    asked = LOOKS[look].lighting
    after = after_the_step(asked, part, "weaker")
    assert after is not None
    first, second = (
        gain_of(
            Linear(rgb),
            Linear(relight(rgb, analysis, made).rgb),
            np.ones(rgb.shape[:2], np.bool_),
        )
        for made in (asked, after)
    )
    assert figure_of(part, second, asked) > figure_of(part, first, asked)


def test_every_word_of_a_part_has_a_place_in_the_table() -> None:
    parts = {part for part, _ in ALLOWED}
    assert parts == {"direction", "contrast", "colour", "brightness"}
    assert set(get_args(Field)) == {name for ways in ALLOWED.values() for name in ways}
