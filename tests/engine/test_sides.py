"""The looks with a side: lit and shade lie apart, and what is bright keeps its drawing."""

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

import mcp_relight.cli
from mcp_relight.domain.looks import LOOKS
from mcp_relight.engine.pipeline import analyze_shape, relight
from mcp_relight.engine.rim import held_back

SAMPLE = Path(mcp_relight.cli.__file__).parent / "samples" / "astronaut.jpg"


def ball(radius_px: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """A gray disk of plain paint on a darker ground, and its mask."""
    photo = np.full((200, 300, 3), 90, np.uint8)
    cv2.circle(photo, (150, 100), radius_px, (130, 130, 130), -1)
    photo[..., 2] -= 20  # not black and white, or no look would color it
    mask = np.zeros((200, 300), np.uint8)
    cv2.circle(mask, (150, 100), radius_px, 255, -1)
    return photo, mask


def stops(before: NDArray[np.uint8], after: NDArray[np.uint8]) -> float:
    old, new = ((part / 255.0) ** 2.2 for part in (before, after))
    return float(np.log2(new.mean() / old.mean()))


FLAT = np.full((200, 300, 3), (128, 128, 255), np.uint8)
"""Normals that tell no side."""
LEFT, RIGHT = np.s_[70:130, 90:120], np.s_[70:130, 180:210]


@pytest.mark.parametrize(
    ("look", "lit", "shade", "apart"), [("split", LEFT, RIGHT, 4), ("rembrandt", RIGHT, LEFT, 1.9)]
)
def test_even_what_is_flat_has_a_lit_side_and_a_shade(
    look: str, lit: tuple[slice, slice], shade: tuple[slice, slice], apart: float
) -> None:
    photo, mask = ball(70)
    found = analyze_shape(photo, mask=mask, normals=FLAT)
    after = relight(photo, found, LOOKS[look].lighting).rgb
    assert stops(photo[lit], after[lit]) > 0
    assert stops(photo[lit], after[lit]) - stops(photo[shade], after[shade]) > apart


@pytest.mark.parametrize("has_subject", [True, False])
def test_half_of_a_blown_photo_gets_dark(*, has_subject: bool) -> None:
    """Nothing can be raised there, and the shade is a shade still."""
    photo = np.full((200, 300, 3), (250, 248, 240), np.uint8)
    mask = np.full((200, 300), 255, np.uint8)
    found = analyze_shape(photo, mask=mask, normals=FLAT)
    if not has_subject:
        found = replace(found, mode="scene", alpha=np.zeros_like(found.alpha))
    after = relight(photo, found, LOOKS["split"].lighting).rgb
    assert after[70:130, 10:100].mean() > 150
    assert after[70:130, 200:290].mean() < 60


@pytest.mark.parametrize(("look", "apart"), [("split", 3), ("rembrandt", 1.5)])
@pytest.mark.parametrize("has_subject", [True, False])
def test_no_curtain_falls_across_a_wall(look: str, apart: float, *, has_subject: bool) -> None:
    photo, mask = ball(40)
    found = analyze_shape(photo, mask=mask)
    if not has_subject:
        photo[:] = photo[0, 0]
        found = replace(analyze_shape(photo), mode="scene", alpha=np.zeros_like(found.alpha))
    after = relight(photo, found, LOOKS[look].lighting).rgb
    wall = np.log2(((after[:40, 5:295] / 255.0) ** 2.2).mean(axis=(0, 2)) + 1e-4)
    assert abs(wall[:60].mean() - wall[-60:].mean()) > apart, "it has a side all the same"
    step = 30  # a tenth of the width
    assert np.abs(wall[step:] - wall[:-step]).max() < 1.4, "stops"


def test_golden_light_is_warm_and_from_the_left() -> None:
    photo, mask = ball(70)
    found = analyze_shape(photo, mask=mask, normals=FLAT)
    after = relight(photo, found, LOOKS["golden_hour"].lighting).rgb
    red, _, blue = after[LEFT].mean(axis=(0, 1)) / photo[LEFT].mean(axis=(0, 1))
    assert red / blue > 1.55
    assert stops(photo[LEFT], after[LEFT]) - stops(photo[RIGHT], after[RIGHT]) > 1


def test_a_scene_before_a_light_behind_it_can_still_be_read() -> None:
    photo, mask = ball(70)
    found = analyze_shape(photo, mask=mask)
    found = replace(found, mode="scene", alpha=np.zeros_like(found.alpha))
    after = relight(photo, found, LOOKS["rim_light"].lighting).rgb
    assert -3.2 < stops(photo[180:], after[180:]) < -1.5


def test_a_thin_subject_leaves_no_border_in_the_sky() -> None:
    photo = np.full((200, 300, 3), (60, 70, 110), np.uint8)
    photo[40:190, 147:153] = 180
    mask = np.where(photo[..., 0] == 180, 255, 0).astype(np.uint8)
    after = relight(photo, analyze_shape(photo, mask=mask), LOOKS["golden_hour"].lighting).rgb
    sky = after[10:30].astype(float).mean(axis=(0, 2))
    assert np.abs(np.diff(sky)).max() < 1


def test_a_rim_leaves_bright_things_their_drawing() -> None:
    photo = np.array([0.02, 0.3, 0.6], np.float32)[:, None, None] * np.ones(3, np.float32)
    rim, none = np.full((3, 1, 3), 5, np.float32), np.zeros((3, 1), np.float32)
    seen = photo * held_back(rim, photo, none)
    assert seen[0, 0, 0] > 4.4 * photo[0, 0, 0]
    assert seen.max() < 0.9
    assert (photo * held_back(rim, photo, none + 1)).max() < seen.max()


def test_light_from_straight_beside_parts_each_of_a_group() -> None:
    photo = np.full((200, 300, 3), 110, np.uint8)
    photo[..., 2] -= 20
    mask = np.full((200, 300), 255, np.uint8)
    alone = analyze_shape(photo, mask=mask, normals=FLAT)
    boxes = np.array([[50, 60, 100, 120, 0], [200, 60, 250, 120, 0]], np.float32)
    lighting = LOOKS["split"].lighting
    group = relight(photo, replace(alone, faces=boxes), lighting).rgb.astype(float)
    right = [group[60:120, columns].mean() for columns in (slice(190, 220), slice(230, 260))]
    assert right[0] > 1.15 * right[1]
    whole = relight(photo, alone, lighting).rgb.astype(float)
    assert right[0] > 1.05 * whole[60:120, 190:220].mean()


@pytest.mark.parametrize("look", ["split", "rembrandt", "rim_light"])
def test_no_paper_glows_beside_what_is_printed_on_it(look: str) -> None:
    sheet = np.full((300, 400, 3), (247, 245, 238), np.uint8)
    cv2.circle(sheet, (150, 140), 60, (230, 90, 45), 36)
    cv2.rectangle(sheet, (50, 250), (360, 260), (40, 40, 60), -1)
    after = relight(sheet, analyze_shape(sheet), LOOKS[look].lighting).rgb.mean(axis=2)
    away, beside = after[36:44, 150], after[54:61, 150]
    assert beside.max() < away.max() + 3


def test_black_things_stay_black_on_the_lit_side() -> None:
    grain = np.random.default_rng(4).integers(0, 9, (200, 300, 3))
    photo = (100 + grain).astype(np.uint8)
    mask = np.zeros((200, 300), np.uint8)
    cv2.circle(mask, (150, 100), 80, 255, -1)
    photo[mask > 0] = (20 + grain)[mask > 0]
    face, coat = (slice(40, 90), slice(90, 140)), (slice(110, 160), slice(90, 140))
    photo[face] = (150 + grain)[face]
    after = relight(photo, analyze_shape(photo, mask=mask), LOOKS["split"].lighting).rgb
    assert stops(photo[face], after[face]) > -0.5
    assert stops(photo[coat], after[coat]) < 0.8


def test_what_stands_in_the_shade_does_not_shine() -> None:
    """Its own side that faces the lamp would: there the light has ended before it."""
    mask = np.zeros((200, 300), np.uint8)
    for x in (75, 225):
        cv2.circle(mask, (x, 100), 45, 255, -1)
    photo = np.where(mask[..., None] > 0, (130, 130, 110), (90, 90, 80)).astype(np.uint8)
    found = analyze_shape(photo, mask=mask)
    dull, glossy = (
        (relight(photo, found, LOOKS["split"].lighting, specular=specular).rgb / 255.0) ** 2.2
        for specular in (0.0, 1.0)
    )
    shine = (glossy - dull).max(axis=(0, 2))
    assert shine[30:120].max() > 0.1
    assert shine[180:270].max() < 0.3 * shine[30:120].max()


def test_a_face_in_the_upper_part_of_a_scene_is_not_lit_by_what_is_behind_it() -> None:
    photo = np.asarray(cv2.cvtColor(cv2.imread(str(SAMPLE)), cv2.COLOR_BGR2RGB), np.uint8)
    found = analyze_shape(photo)
    assert found.faces.size
    found = replace(found, mode="scene", alpha=np.zeros_like(found.alpha))
    dark, bright = (
        relight(photo, one, LOOKS["rim_light"].lighting).rgb[60:160, 190:250].mean()
        for one in (found, replace(found, face=np.zeros_like(found.face)))
    )
    assert dark < 0.9 * bright
