"""Painted-in damage is called by its name; light alone, however hard, is none."""

import math
from collections.abc import Callable

import cv2
import numpy as np
import pytest

from mcp_relight.domain.report import Flaw
from mcp_relight.measure.curtain import has_curtain
from mcp_relight.measure.flaws import flaws_of
from mcp_relight.measure.linear import Linear
from mcp_relight.measure.marks import Gained, has_seam, has_stain
from tests.engine import synth

from .pairs import Lit, Pixels

EDGE_PX = 384
EVERYWHERE = np.ones((EDGE_PX, EDGE_PX), np.bool_)


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


@pytest.mark.parametrize("flaw", ["stain", "halo", "seam"])
def test_what_lies_under_clear_pixels_is_no_damage(scenes: list[Lit], flaw: Flaw) -> None:
    """Of a cut-out nobody sees them."""
    before, _ = enlarged(scenes[0])
    after = DAMAGE[flaw](before)
    spoilt = np.any(after != before, axis=2)
    if flaw == "seam":
        spoilt[:, EDGE_PX * 2 // 3 :] = False
    shown = cv2.dilate(spoilt.astype(np.uint8), np.ones((31, 31))) == 0
    assert flaws_of(Linear(before), Linear(after), EVERYWHERE)[:1] == (flaw,)
    assert flaws_of(Linear(before), Linear(after), shown) == ()


def before_a_wall(glow: float, light: float = 1.0) -> tuple[Pixels, Pixels]:
    """A dark disc before an even wall, and both in another light with a glow beside the outline."""
    away = distance()
    wall = np.where(away < 0.2, 0.06, 0.3)[..., None] * np.ones(3)
    spill = np.exp(-((np.maximum(away - 0.2, 0) / 0.015) ** 2)) * (away >= 0.2)
    photo = synth.to_pixels(wall.astype(np.float32))
    return photo, lit_by(photo, light * (1 + glow * spill))


@pytest.mark.parametrize("is_rim_asked", [False, True])
def test_light_that_spills_onto_even_ground_is_a_halo(is_rim_asked: bool) -> None:
    before, after = before_a_wall(1.0, 0.6)
    shown = np.ones(before.shape[:2], np.bool_)
    flags = {"is_rim_asked": is_rim_asked, "is_hard_asked": True}
    assert flaws_of(Linear(before), Linear(after), shown, **flags)[:1] == ("halo",)
    _, clean = before_a_wall(0.0, 0.6)
    assert flaws_of(Linear(before), Linear(clean), shown, **flags) == ()


def test_an_unchanged_texture_in_less_light_is_no_grain() -> None:
    """Among fine things nobody sees grain, and darkening never leaves them quite the same."""
    random = np.random.default_rng(2)
    before = random.integers(40, 216, (EDGE_PX, EDGE_PX, 3), np.uint8)
    ramp = np.linspace(0.3, 1.0, EDGE_PX)[None] * np.ones((EDGE_PX, 1))
    after = cv2.GaussianBlur(lit_by(before, ramp), (0, 0), 0.4)
    assert "noise" not in found(before, np.asarray(after, np.uint8))


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


def test_a_line_through_a_wide_picture_is_a_seam_even_where_it_is_dark() -> None:
    """No line across a wide picture is as long as the picture, and half of this one lies in the
    dark."""
    fade = np.linspace(1.0, 0.02, EDGE_PX)[:, None] * np.ones((1, EDGE_PX))
    before = synth.to_pixels(np.full((EDGE_PX, EDGE_PX, 3), 0.4, np.float32))
    after = seamed(lit_by(before, fade))
    wide = slice(80, 320)
    seen = flaws_of(
        Linear(before[wide]),
        Linear(after[wide]),
        np.ones((240, EDGE_PX), np.bool_),
        is_hard_asked=True,
        is_dark_asked=True,
    )
    assert "seam" in seen


def test_of_a_dark_picture_only_a_dark_patch_is_a_stain() -> None:
    before = synth.to_pixels(np.full((EDGE_PX, EDGE_PX, 3), 0.4, np.float32))
    for gain, is_darker in ((3.0, False), (0.3, True)):
        after = lit_by(before, np.where(distance() < 0.05, gain, 1.0) * 0.25)
        change = Gained(Linear(before), Linear(after))
        assert has_stain(change, EVERYWHERE)
        assert has_stain(change, EVERYWHERE, only_darker=True) == is_darker


@pytest.mark.parametrize("turn_deg", range(0, 360, 45))
def test_a_stain_where_the_light_falls_off_is_found_whichever_way_it_does(turn_deg: float) -> None:
    """There its clearest place is not its middle."""
    before = synth.to_pixels(np.full((EDGE_PX, EDGE_PX, 3), 0.35, np.float32))
    down, across = np.mgrid[:EDGE_PX, :EDGE_PX] / EDGE_PX - 0.5
    turn = math.radians(turn_deg)
    towards = across * math.cos(turn) + down * math.sin(turn)
    light = 0.8 * np.exp2(1.5 * np.tanh(towards / 0.05))
    patch = 0.5 - 0.5 * np.tanh((distance() - 0.055) / 0.006)
    for depth, is_stain in ((0.5, True), (0.0, False)):
        after = lit_by(before, light * (1 - depth * patch))
        assert has_stain(Gained(Linear(before), Linear(after)), EVERYWHERE) == is_stain


def test_a_coloured_patch_on_a_white_wall_is_a_stain_under_a_light_of_one_tone() -> None:
    before = synth.to_pixels(np.full((EDGE_PX, EDGE_PX, 3), 0.5, np.float32))
    shown = np.ones(before.shape[:2], np.bool_)
    disc = 1 / (1 + np.exp((distance() - 0.07) / 0.008))
    patch = disc[..., None] * np.array([0.0, -0.5, -0.6])
    warm = np.array([1.0, 0.8, 0.6])
    for spilled, is_stain in ((patch, True), (0 * patch, False)):
        lit = synth.to_linear(before) * warm * (1 + spilled)
        after = Linear(synth.to_pixels(lit.astype(np.float32)))
        seen = flaws_of(Linear(before), after, shown, is_one_tone_asked=True)
        assert ("stain" in seen) == is_stain


def test_a_wall_burnt_into_one_pure_colour_is_clipped() -> None:
    before = synth.to_pixels(np.full((EDGE_PX, EDGE_PX, 3), 0.5, np.float32))
    left = (np.arange(EDGE_PX) < EDGE_PX // 3)[None, :, None]
    for magenta, is_burnt in (
        (np.array([2.5, 0.0, 1.0]), True),
        (np.array([1.2, 0.3, 0.9]), False),
    ):
        lit = synth.to_linear(before) * np.where(left, magenta, 1.0)
        after = synth.to_pixels(lit.astype(np.float32))
        assert ("clipped" in found(before, after)) == is_burnt


@pytest.mark.parametrize("is_filled", [True, False])
def test_what_one_lamp_does_not_meet_may_be_black(is_filled: bool) -> None:
    before = synth.to_pixels(np.full((EDGE_PX, EDGE_PX, 3), 0.4, np.float32))
    dark = np.clip(1.2 - 2.4 * np.linspace(0, 1, EDGE_PX), 0, 1)[None] * np.ones((EDGE_PX, 1))
    after, shown = lit_by(before, dark), np.ones(before.shape[:2], np.bool_)
    seen = flaws_of(Linear(before), Linear(after), shown, is_hard_asked=True, is_filled=is_filled)
    assert ("clipped" in seen) == is_filled


@pytest.mark.parametrize("is_rim", [True, False])
@pytest.mark.parametrize("has_outline", [True, False])
def test_a_bright_line_is_no_halo_on_an_outline_that_was_to_shine(
    is_rim: bool, has_outline: bool
) -> None:
    """Where the picture has no outline, nothing can shine."""
    inside = 0.1 if has_outline else 0.3
    ground = np.where(distance() < 0.12, inside, 0.3)[..., None] * np.ones(3)
    before = synth.to_pixels(ground.astype(np.float32))
    ring = 1 + 3 * np.exp(-(((distance() - 0.12) / 0.007) ** 2))
    after, shown = lit_by(before, ring), np.ones(before.shape[:2], np.bool_)
    flags = {"is_rim_asked": is_rim, "is_rim_lit": is_rim, "is_hard_asked": True}
    seen = flaws_of(Linear(before), Linear(after), shown, **flags)
    assert ("halo" in seen) != (is_rim and has_outline)


@pytest.mark.parametrize("is_whole", [True, False])
def test_a_ring_round_a_thing_is_drawn_and_no_light_from_behind(is_whole: bool) -> None:
    """That would leave the underside dark."""
    away, down = distance(), (np.mgrid[0:EDGE_PX, 0:EDGE_PX][0] + 0.5) / EDGE_PX
    ground = np.where(away < 0.36, 0.12, 0.24)[..., None] * np.ones(3)
    before = synth.to_pixels(ground.astype(np.float32))
    above = 1.0 if is_whole else 1 / (1 + np.exp((down - 0.3) / 0.03))
    line = 6 * np.exp(-(((away - 0.36) / 0.006) ** 2)) * above
    after, shown = Linear(lit_by(before, 0.4 * (1 + line))), np.ones(before.shape[:2], np.bool_)
    flags = {"is_rim_asked": True, "is_rim_lit": True, "is_hard_asked": True}
    assert flaws_of(Linear(before), after, shown, **flags) == (("halo",) if is_whole else ())


@pytest.mark.parametrize("way", [1, 0])
def test_a_straight_edge_of_light_across_even_ground_is_a_seam(way: int) -> None:
    """And one that bends with a thing is its shade."""
    rows, columns = (np.mgrid[0:EDGE_PX, 0:EDGE_PX] + 0.5) / EDGE_PX
    before = synth.to_pixels(np.full((EDGE_PX, EDGE_PX, 3), 0.4, np.float32))
    along, across = (columns, rows) if way else (rows, columns)
    words: list[bool] = []
    for bend in (0.0, 0.2):
        edge = 0.5 + bend * np.sin(2 * np.pi * across)
        lit = lit_by(before, 0.06 + 1 / (1 + np.exp((along - edge) / 0.02)))
        even = np.zeros(rows.shape, np.float32)
        words.append(has_curtain(Gained(Linear(before), Linear(lit)), even, EVERYWHERE))
    assert words == [True, False]


def test_a_line_through_a_very_wide_picture_is_a_seam() -> None:
    strip = slice(0, EDGE_PX * 3 // 8)
    before = synth.to_pixels(np.full((EDGE_PX, EDGE_PX, 3), 0.4, np.float32))[strip]
    step = np.where(np.arange(EDGE_PX) > 0.52 * EDGE_PX, 0.45, 1.0)[None].repeat(len(before), 0)
    for after, is_seam in ((lit_by(before, step), True), (before, False)):
        change = Gained(Linear(before), Linear(after))
        assert has_seam(change, EVERYWHERE[strip], is_hard=False) == is_seam


@pytest.mark.parametrize(("thing", "is_halo"), [(0.5, False), (0.06, True)])
def test_shade_along_a_thin_pole_is_no_halo(thing: float, is_halo: bool) -> None:
    """Where nothing but the light is brighter than the ground it is one."""
    columns = np.broadcast_to((np.arange(EDGE_PX) + 0.5) / EDGE_PX - 0.5, (EDGE_PX, EDGE_PX))
    pole = np.abs(columns) < 0.03
    things = np.where(pole, thing, 0.06)[..., None] * np.ones(3)
    before = synth.to_pixels(things.astype(np.float32))
    lit = np.where(pole, 0.5 + 0.9 / (1 + np.exp(columns / 0.006)), 0.5)
    assert ("halo" in found(before, lit_by(before, lit))) == is_halo


@pytest.mark.parametrize(("own", "is_seam"), [(0.5, False), (0.8, True)])
def test_a_lit_wall_before_a_dark_one_has_an_edge_and_no_seam(own: float, is_seam: bool) -> None:
    """Unless the two are nearly alike."""
    columns = np.broadcast_to(np.arange(EDGE_PX) > 0.52 * EDGE_PX, (EDGE_PX, EDGE_PX))
    walls = np.where(columns, 0.4, 0.4 * own)[..., None] * np.ones(3)
    before = synth.to_pixels(walls.astype(np.float32))
    lit = lit_by(before, np.where(columns, 1.0, 0.2))
    assert has_seam(Gained(Linear(before), Linear(lit)), EVERYWHERE, is_hard=True) == is_seam


@pytest.mark.parametrize(("height", "is_seam"), [(0.08, False), (0.3, True)])
def test_the_short_shade_of_a_nose_is_no_seam(height: float, is_seam: bool) -> None:
    rows, columns = (np.mgrid[0:EDGE_PX, 0:EDGE_PX] + 0.5) / EDGE_PX - 0.5
    beside = np.where(columns > 0, np.exp(-columns / 0.12), 0) * np.exp(-((rows / height) ** 2))
    before = synth.to_pixels(np.full((EDGE_PX, EDGE_PX, 3), 0.4, np.float32))
    assert ("seam" in found(before, lit_by(before, 1 - 0.55 * beside))) == is_seam
