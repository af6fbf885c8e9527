"""Painted-in damage is called by its name; light alone, however hard, is none."""

from collections.abc import Callable

import cv2
import numpy as np
import pytest

from mcp_relight.domain.report import Flaw
from mcp_relight.measure.flaws import flaws_of
from mcp_relight.measure.linear import Linear
from tests.engine import synth

from .pairs import Lit, Pixels

EDGE_PX = 384


def large(photo: Pixels) -> Pixels:
    resized = cv2.resize(photo, (EDGE_PX, EDGE_PX), interpolation=cv2.INTER_CUBIC)
    return np.asarray(resized, np.uint8)


def found(before: Pixels, after: Pixels) -> tuple[Flaw, ...]:
    return flaws_of(Linear(before), Linear(after), np.ones(before.shape[:2], np.bool_))


def distance(share: float = 0.5) -> np.ndarray:
    """(h, w) from a point inside the subject, in shares of the frame."""
    y, x = (np.mgrid[0:EDGE_PX, 0:EDGE_PX] + 0.5) / EDGE_PX
    return np.hypot(x - share, y - 0.5)


def lit_by(photo: Pixels, gain: np.ndarray) -> Pixels:
    return synth.to_pixels((synth.to_linear(photo) * gain[..., None]).astype(np.float32))


def stained(photo: Pixels) -> Pixels:
    return lit_by(photo, np.where(distance() < 0.06, 0.4, 1.0))


def haloed(photo: Pixels) -> Pixels:
    return lit_by(photo, 1 + 1.6 * np.exp(-(((distance() - 0.2) / 0.012) ** 2)))


def seamed(photo: Pixels) -> Pixels:
    column = (np.arange(EDGE_PX) > 0.52 * EDGE_PX)[None] * np.ones((EDGE_PX, 1))
    return lit_by(photo, np.where(column > 0, 0.45, 1.0))


def grainy(photo: Pixels) -> Pixels:
    grain = np.random.default_rng(1).normal(0, 14, photo.shape)
    return np.clip(photo + grain, 0, 255).astype(np.uint8)


def banded(photo: Pixels) -> Pixels:
    return (np.round(photo / 255.0 * 6) / 6 * 255).astype(np.uint8)


def burnt(photo: Pixels) -> Pixels:
    return lit_by(photo, np.full(photo.shape[:2], 6.0))


DAMAGE: dict[Flaw, Callable[[Pixels], Pixels]] = {
    "stain": stained,
    "halo": haloed,
    "seam": seamed,
    "noise": grainy,
    "posterized": banded,
    "clipped": burnt,
}


def enlarged(scene: Lit) -> tuple[Pixels, list[Pixels]]:
    """The soft photo, and its photos under single lights."""
    first, *others = [large(one) for one in (scene.soft, *scene.photos)]
    return first, others


@pytest.mark.parametrize("flaw", list(DAMAGE))
def test_damage_is_called_by_its_name(scenes: list[Lit], flaw: Flaw) -> None:
    for scene in scenes:
        before, _ = enlarged(scene)
        ramp = np.linspace(0.6, 1.4, EDGE_PX)[None] * np.ones((EDGE_PX, 1))
        for after in (before, lit_by(before, ramp)):
            assert found(before, DAMAGE[flaw](after))[:1] == (flaw,), scene.name


def test_hard_light_from_any_side_is_no_damage(scenes: list[Lit]) -> None:
    for scene in scenes:
        before, photos = enlarged(scene)
        for number, after in enumerate(photos):
            seen = flaws_of(
                Linear(before),
                Linear(after),
                np.ones(before.shape[:2], np.bool_),
                is_hard_asked=True,
            )
            assert seen == (), (scene.name, number)


def test_a_darker_or_tinted_picture_is_no_damage(scenes: list[Lit]) -> None:
    for scene in scenes:
        before, _ = enlarged(scene)
        for gain in (0.2, 0.5, 1.3):
            assert found(before, lit_by(before, np.full(before.shape[:2], gain))) == ()
