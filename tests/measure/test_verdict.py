"""The verdict word, from measured figures alone."""

import math
from dataclasses import replace

import numpy as np
import pytest

from mcp_relight.domain.looks import LOOKS
from mcp_relight.measure.content import Content
from mcp_relight.measure.direction import Change, Light
from mcp_relight.measure.register import Alignment
from mcp_relight.measure.request import wished
from mcp_relight.measure.verdict import Measured, judge, sentence_of

from .pairs import asked

SAME_PICTURE = Content(
    alignment=Alignment(np.eye(2, 3), score=1.0, residual_px=0.0),
    structure=1.0,
    edges_lost=0.0,
    hue_shift_deg=None,
    paint=None,
    face=None,
)


def light(azimuth_deg: float) -> Light:
    x, z = math.sin(math.radians(azimuth_deg)), math.cos(math.radians(azimuth_deg))
    return Light(np.array([x, 0, z], np.float32), confidence=0.3, key_to_fill_stops=1.0)


def measured(*, before: float, after: float, confidence: float) -> Measured:
    """Asked from the left, and what was seen."""
    return Measured(
        content=SAME_PICTURE,
        change=Change(light(before), light(after), explained=confidence),
        wish=wished(asked(-60, 10)),
        error_deg=100,
        direction_confidence=confidence,
        moved_stops=1.0,
        done=1.0,
    )


@pytest.mark.parametrize(
    ("before", "after", "confidence", "verdict"),
    [
        (80, 30, 0.2, "as asked"),
        (80, 30, 0.3, "wrong direction"),
        (0, 30, 0.2, "wrong direction"),
        (30, 30, 0.2, "wrong direction"),
        (0, 30, 0.05, "as asked"),
    ],
)
def test_an_unsure_light_that_went_the_asked_way_is_not_called_wrong(
    before: float, after: float, confidence: float, verdict: str
) -> None:
    assert judge(measured(before=before, after=after, confidence=confidence)) == verdict


def test_no_sentence_says_where_an_unsure_light_comes_from() -> None:
    unsure = measured(before=80, after=30, confidence=0.2)
    assert sentence_of("as asked", unsure) == "The light changed as asked."
    sure = measured(before=0, after=-60, confidence=0.6)
    assert "from the left" in sentence_of("as asked", sure)


@pytest.mark.parametrize("look", ["neon", "high_key", "clamshell", "overcast"])
def test_light_from_two_sides_or_from_all_has_no_wrong_direction(look: str) -> None:
    """Of two neon tubes either may be the one that is seen."""
    change = Change(light(0), replace(light(75), confidence=0.7), explained=0.7)
    seen = measured(before=0, after=75, confidence=0.7)
    asked_for = wished(LOOKS[look].lighting)
    assert judge(replace(seen, change=change, wish=asked_for)) == "as asked"
