"""A rim is judged by the line that a picture gained: how much it is seen, how steadily it runs."""

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from mcp_relight.measure.flaws import flaws_of
from mcp_relight.measure.linear import Linear
from mcp_relight.measure.rim import Rim, rim_of
from tests.engine import synth

from .pairs import Pixels

EDGE_PX = 384
ALONG = (np.arange(EDGE_PX, dtype=np.float64) + 0.5) / EDGE_PX - 0.5
ACROSS: NDArray[np.float64] = np.tile(ALONG, (EDGE_PX, 1))
DOWN: NDArray[np.float64] = ACROSS.T
AWAY: NDArray[np.float64] = np.sqrt(DOWN**2 + ACROSS**2)
SHOWN = np.ones(AWAY.shape, np.bool_)
RADIUS = 0.3


def photo() -> Pixels:
    """A disc before a darker wall."""
    ground = np.where(AWAY < RADIUS, 0.3, 0.15)[..., None] * np.ones(3)
    return synth.to_pixels(ground.astype(np.float32))


def rimmed(outline: NDArray[np.float64], *, gain: float = 14.0, dark: float = 0.15) -> Pixels:
    """The disc in the dark, with a line of light inside `outline` (h, w), a radius, above."""
    deep = outline - AWAY
    above = 1 / (1 + np.exp((DOWN - 0.05) / 0.03))
    line = gain * np.exp(-np.maximum(deep, 0) / 0.012) * (deep > 0) * above
    lit = synth.to_linear(photo()) * (dark * (1 + line))[..., None]
    return synth.to_pixels(lit.astype(np.float32))


def torn() -> NDArray[np.float64]:
    """An outline in tatters, as of a wrong mask."""
    noise = np.random.default_rng(3).normal(0, 1, AWAY.shape).astype(np.float32)
    rough = np.asarray(cv2.GaussianBlur(noise, (0, 0), 3.5), np.float64)
    return np.asarray(RADIUS + 0.03 * rough / float(rough.std()), np.float64)


def found(after: Pixels, shown: NDArray[np.bool_] = SHOWN) -> Rim:
    return rim_of(Linear(photo()), Linear(after), shown)


def test_a_rim_along_an_outline_is_seen_and_steady() -> None:
    rim = found(rimmed(np.full(AWAY.shape, RADIUS)))
    assert rim.strength > 0.45
    assert not rim.is_spoilt


def test_a_rim_in_tatters_is_spoilt() -> None:
    rim = found(rimmed(torn()))
    assert rim.strength > 0.3
    assert rim.is_spoilt


@pytest.mark.parametrize("gain", [0.0, 0.6])
def test_where_hardly_a_line_is_seen_none_is_spoilt(gain: float) -> None:
    rim = found(rimmed(torn(), gain=gain))
    assert rim.strength < 0.3
    assert not rim.is_spoilt


def test_the_own_lines_of_a_picture_are_no_rim() -> None:
    assert (
        found(synth.to_pixels((0.3 * synth.to_linear(photo())).astype(np.float32))).strength < 0.1
    )


@pytest.mark.parametrize(("inner_px", "is_drawn"), [(0.2, True), (0.5, True), (4.0, False)])
def test_a_band_that_ends_is_drawn_along_a_cut_out(inner_px: float, is_drawn: bool) -> None:
    """Round a thing light fades inwards."""
    deep_px = (RADIUS - AWAY) * EDGE_PX
    above = DOWN < 0.05
    band = 5 / (1 + np.exp((deep_px - 6) / inner_px)) * above
    lit = synth.to_linear(photo()) * (0.15 * (1 + band))[..., None]
    rim = found(synth.to_pixels(lit.astype(np.float32)), AWAY < RADIUS)
    assert rim.is_drawn == is_drawn
    assert rim.is_spoilt == is_drawn


@pytest.mark.parametrize("is_spoilt", [True, False])
def test_a_spoilt_rim_is_a_halo(is_spoilt: bool) -> None:
    after = rimmed(torn() if is_spoilt else np.full(AWAY.shape, RADIUS))
    rim = found(after)
    flaws = flaws_of(
        Linear(photo()),
        Linear(after),
        SHOWN,
        is_rim_asked=True,
        is_rim_lit=True,
        is_rim_spoilt=rim.is_spoilt,
        is_hard_asked=True,
    )
    assert ("halo" in flaws) == is_spoilt


def test_a_clean_rim_along_a_straight_thing_is_no_seam() -> None:
    wall = np.where(ACROSS < 0.1, 0.22, 0.18)[..., None] * np.ones(3)
    before = Linear(synth.to_pixels(wall.astype(np.float32)))
    deep = 0.1 - ACROSS
    line = 8 * np.exp(-np.maximum(deep, 0) / 0.02) * (deep > 0)
    lit = before.full * (0.15 * (1 + line))[..., None]
    after = Linear(synth.to_pixels(lit.astype(np.float32)))
    flags = {"is_rim_asked": True, "is_hard_asked": True}
    assert "seam" not in flaws_of(before, after, SHOWN, is_rim_lit=True, **flags)
