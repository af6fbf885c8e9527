"""Another face is said to be one; light alone makes none, and where no face is nothing is said."""

from collections.abc import Callable

import numpy as np
import pytest

from mcp_relight.domain.looks import LOOKS
from mcp_relight.domain.report import Report
from mcp_relight.measure.report import report

from .conftest import Portrait
from .pairs import Lit, Pixels, asked

FACE = np.s_[40:160, 170:280]


def mirrored(photo: Pixels) -> Pixels:
    photo[FACE] = photo[FACE][:, ::-1].copy()
    return photo


def upside_down(photo: Pixels) -> Pixels:
    photo[FACE] = photo[FACE][::-1].copy()
    return photo


def measured(before: Pixels, after: Pixels) -> Report:
    return report(before, after, asked(-60, 10))


@pytest.mark.parametrize("look", ["split", "low_key", "neon", "golden_hour"])
def test_light_leaves_a_face_the_same(portrait: Portrait, look: str) -> None:
    made = measured(portrait.rgb, portrait.under(LOOKS[look].lighting))
    assert made.collateral.face is not None
    assert made.collateral.face > 0.6
    assert made.collateral.face_confidence is not None
    assert made.collateral.face_confidence > 0.3
    assert "The face" not in made.sentence


@pytest.mark.parametrize("change", [mirrored, upside_down])
def test_another_face_is_said_to_be_one(
    portrait: Portrait, change: Callable[[Pixels], Pixels]
) -> None:
    darker = (portrait.rgb * 0.7).astype(np.uint8)
    made = measured(portrait.rgb, change(darker))
    assert made.collateral.face is not None
    assert made.collateral.face < 0.4
    assert made.sentence.endswith("The face looks like another one.")


def test_nothing_is_said_where_no_face_is(scenes: list[Lit]) -> None:
    for scene in scenes:
        made = measured(scene.soft, scene.photos[1])
        assert made.collateral.face is None
        assert made.collateral.face_confidence is None
