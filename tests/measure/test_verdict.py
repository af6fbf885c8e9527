"""The verdict word, from the words of the parts alone."""

from dataclasses import replace
from itertools import product
from typing import get_args

import numpy as np
import pytest

from mcp_relight.domain.looks import LOOKS
from mcp_relight.domain.report import Parts, PartWord
from mcp_relight.measure.content import Content
from mcp_relight.measure.register import Alignment
from mcp_relight.measure.request import wished
from mcp_relight.measure.verdict import Measured, judge, sentence_of

SAME_PICTURE = Content(
    alignment=Alignment(np.eye(2, 3), score=1.0, residual_px=0.0),
    structure=1.0,
    edges_lost=0.0,
    hue_shift_deg=None,
    paint=None,
    face=None,
)
ANOTHER_PICTURE = replace(SAME_PICTURE, structure=0.0, edges_lost=1.0)


def measured(**words: PartWord) -> Measured:
    return Measured(SAME_PICTURE, Parts(**words), flaws=(), moved_stops=1.0)


@pytest.mark.parametrize("words", list(product(get_args(PartWord), repeat=2)))
def test_the_worst_word_wins(words: tuple[PartWord, PartWord]) -> None:
    direction, colour = words
    verdict = judge(measured(direction=direction, colour=colour))
    if direction == "wrong":
        assert verdict == "wrong direction"
    elif colour == "wrong" or "weaker" in words:
        assert verdict == "weaker"
    elif "stronger" in words:
        assert verdict == "stronger"
    else:
        assert verdict == ("as asked" if "as asked" in words else "not judged")


def test_another_picture_outranks_flaws_and_flaws_outrank_the_light() -> None:
    flawed = replace(measured(direction="wrong"), flaws=("stain",))
    assert judge(flawed) == "flawed"
    assert "patches" in sentence_of("flawed", flawed)
    assert judge(replace(flawed, content=ANOTHER_PICTURE)) == "changed content"


def test_the_sentence_names_the_parts_that_fall_short() -> None:
    weak = measured(direction="as asked", colour="weaker", brightness="not asked")
    assert sentence_of("weaker", weak) == "The light changed less than asked (colour weaker)."


def test_no_sentence_says_where_an_unsure_light_comes_from() -> None:
    unsure = measured(direction="as asked")
    assert sentence_of("as asked", unsure) == "The light changed as asked."
    assert "from the left" in sentence_of("as asked", replace(unsure, came_from=(-60, 0)))


@pytest.mark.parametrize("look", ["neon", "high_key", "clamshell", "overcast", "rim_light"])
def test_light_from_two_sides_or_from_all_has_no_side(look: str) -> None:
    wish = wished(LOOKS[look].lighting)
    assert wish is not None
    assert not wish.sided
