"""Requested against achieved, on pairs whose change is known."""

import cv2
import numpy as np
import pytest

from mcp_relight.domain.lighting import Light, Lighting
from mcp_relight.domain.looks import LOOKS
from mcp_relight.engine.color import kelvin_color
from mcp_relight.measure.analyze import analyze
from mcp_relight.measure.report import report
from tests.engine import synth
from tests.matrix import some_now

from .pairs import Lit, as_a_provider_returns, asked, decoded_jpeg, repainted

SIDE_LIGHTS = [i for i, (azimuth, _) in enumerate(synth.LIGHTS_DEG) if abs(azimuth) >= 25]
SCENES = some_now([1, 3])
"""How many of the scenes: one now, all in the long suite."""


def test_the_right_light_is_as_asked(scenes: list[Lit]) -> None:
    errors_deg = []
    for scene in scenes:
        for index in SIDE_LIGHTS:
            made = report(scene.soft, scene.photos[index], asked(*synth.LIGHTS_DEG[index]))
            assert made.verdict in ("as asked", "stronger"), (scene.name, index)
            assert made.direction.error_deg is not None
            errors_deg.append(made.direction.error_deg)
    assert np.median(errors_deg) <= 15


@pytest.mark.parametrize("count", SCENES)
def test_a_mirrored_light_is_the_wrong_direction(scenes: list[Lit], count: int) -> None:
    for scene in scenes[:count]:
        for index in SIDE_LIGHTS:
            azimuth, elevation = synth.LIGHTS_DEG[index]
            made = report(scene.soft, scene.photos[index], asked(-azimuth, elevation))
            assert made.verdict == "wrong direction", (scene.name, index)
            assert "left" in made.sentence
            assert "right" in made.sentence


@pytest.mark.parametrize("count", SCENES)
def test_the_way_the_light_moved_is_right(scenes: list[Lit], count: int) -> None:
    right = []
    for scene in scenes[:count]:
        for first in SIDE_LIGHTS:
            for second in SIDE_LIGHTS[::2]:
                truth = synth.LIGHTS_DEG[second][0] - synth.LIGHTS_DEG[first][0]
                if truth == 0:
                    continue
                made = report(scene.photos[first], scene.photos[second], asked(60, 0))
                assert made.direction.before is not None
                assert made.direction.after is not None
                moved = made.direction.after[0] - made.direction.before[0]
                right.append(np.sign(moved) == np.sign(truth))
    assert np.mean(right) >= 0.95


def test_an_unchanged_image_is_weaker_even_after_a_trip_through_jpeg(scenes: list[Lit]) -> None:
    for scene in scenes:
        for photo in (scene.soft, scene.photos[1], scene.photos[6]):
            height, width = photo.shape[:2]
            smaller = cv2.resize(photo, (width * 3 // 4, height * 3 // 4), interpolation=3)
            for returned in (photo, decoded_jpeg(photo, 85), np.asarray(smaller, np.uint8)):
                assert report(photo, returned, asked(-60, 10)).verdict == "weaker"


def test_a_different_photograph_is_changed_content(scenes: list[Lit]) -> None:
    for one in scenes:
        for other in scenes:
            if other.name != one.name:
                for photo in other.photos[::4]:
                    made = report(one.soft, repainted(photo), asked(-60, 10))
                    assert made.verdict == "changed content", (one.name, other.name)


def test_content_is_judged_in_what_the_model_returned(scenes: list[Lit]) -> None:
    one, another = scenes[0], repainted(scenes[1].photos[1])
    made = report(one.soft, one.photos[1], asked(-60, 0), returned_rgb=another)
    assert made.verdict == "changed content"
    same = report(one.soft, one.photos[1], asked(-60, 0), returned_rgb=one.photos[1])
    assert same.verdict == "as asked"


def test_a_timid_change_is_weaker_and_an_overdone_one_stronger(scenes: list[Lit]) -> None:
    for scene in scenes:
        soft, hard = synth.to_linear(scene.soft), synth.to_linear(scene.photos[1])
        timid = synth.to_pixels(0.85 * soft + 0.15 * hard)
        assert report(scene.soft, timid, asked(-60, 0)).verdict == "weaker"
        gentle = Lighting(
            lights=(Light(azimuth_deg=-60, elevation_deg=0),), ambient=0.7, strength=0.3
        )
        assert report(scene.soft, scene.photos[1], gentle).verdict == "stronger"


def test_stops_are_measured_on_subject_and_background(scenes: list[Lit]) -> None:
    scene = scenes[0]
    lit = synth.to_linear(scene.soft) * np.where(scene.mask[..., None], 0.5, 2.0)
    made = report(scene.soft, synth.to_pixels(lit.astype(np.float32)), asked(0, 10))
    assert made.stops.subject == pytest.approx(-1, abs=0.15)
    assert made.stops.background == pytest.approx(1, abs=0.2)


def test_the_subject_of_the_stops_is_the_mask_s(scenes: list[Lit]) -> None:
    scene = scenes[0]
    left = np.zeros(scene.mask.shape, np.bool_)
    left[:, : left.shape[1] // 2] = True
    lit = synth.to_linear(scene.soft) * np.where(left[..., None], 0.5, 1.6)
    made = report(scene.soft, synth.to_pixels(lit.astype(np.float32)), asked(0, 10), mask=left)
    assert made.stops.subject == pytest.approx(-1, abs=0.15)
    assert made.stops.background == pytest.approx(0.7, abs=0.15)


def test_a_direction_nobody_can_see_is_never_called_wrong(scenes: list[Lit]) -> None:
    random = np.random.default_rng(0)
    for scene in scenes:
        noise = random.normal(0, 0.5, scene.soft.shape[:2]).astype(np.float32)
        patches = np.exp(cv2.GaussianBlur(noise, (0, 0), 5) * 8)[..., None]
        after = synth.to_pixels((synth.to_linear(scene.soft) * patches).astype(np.float32))
        for azimuth in (-60, 60):
            made = report(scene.soft, after, asked(azimuth, 10))
            assert made.verdict != "wrong direction" or made.direction.confidence >= 0.1


def test_the_color_of_a_light_is_no_direction() -> None:
    """Orange on the left, blue on the right: luminance alone sees candle light come from there."""
    paint = np.zeros((120, 160, 3), np.float32)
    paint[:, :80], paint[:, 80:] = (0.2, 0.1, 0.05), (0.07, 0.14, 0.28)
    daylight, candle = (
        synth.to_pixels((paint * kelvin_color(kelvin)).astype(np.float32))
        for kelvin in (6504, 2200)
    )
    direction = report(daylight, candle, asked(60, 10)).direction
    assert direction.after is None or direction.after[0] > 0


def test_a_warmer_light_shows_as_a_kelvin_shift(scenes: list[Lit]) -> None:
    scene = scenes[0]
    warm = synth.to_pixels(synth.to_linear(scene.soft) * kelvin_color(3500))
    lighting = Lighting(lights=(Light(kelvin=3500, softness=1),), ambient=1)
    made = report(scene.soft, warm, lighting)
    assert made.kelvin.shift < -500
    assert made.kelvin.requested == 3500
    assert made.verdict == "as asked"


def test_a_crop_and_lost_edges_are_reported(scenes: list[Lit]) -> None:
    returned, _ = as_a_provider_returns(scenes[0].photos[1])
    made = report(scenes[0].soft, returned, asked(-60, 0))
    assert 0.01 <= made.collateral.crop <= 0.1
    assert made.collateral.registration > 0.5
    blurred = np.asarray(cv2.GaussianBlur(scenes[0].soft, (0, 0), 9), np.uint8)
    lost = report(scenes[0].soft, blurred, asked(-60, 0))
    assert lost.collateral.structure < made.collateral.structure


def test_painting_the_surface_another_color_shows_as_a_hue_shift(scenes: list[Lit]) -> None:
    scene = scenes[0]
    swapped = scene.soft[..., ::-1].copy()
    assert (report(scene.soft, swapped, asked(0, 10)).collateral.hue_shift_deg or 0) > 40
    relit = report(scene.soft, scene.photos[1], asked(-60, 0)).collateral.hue_shift_deg
    assert relit is not None
    assert relit < 15


def test_a_prompt_alone_is_not_judged(scenes: list[Lit]) -> None:
    for after in (scenes[0].photos[1], scenes[0].soft, repainted(scenes[0].photos[1])):
        made = report(scenes[0].soft, after, Lighting(prompt="moody"))
        assert made.direction.requested is None
        assert made.direction.error_deg is None
        assert made.verdict == "not judged"
        assert set(made.parts.model_dump().values()) == {"not asked"}


def test_a_gray_photo_is_not_praised_for_colors_that_nobody_named(scenes: list[Lit]) -> None:
    """What a look of two colors asks for shows in its colors alone; named, they are missed."""
    before, after = (
        np.repeat(cv2.cvtColor(one, cv2.COLOR_RGB2GRAY)[..., None], 3, axis=2)
        for one in (scenes[0].soft, scenes[0].photos[1])
    )
    look = LOOKS["neon"].lighting
    made = report(before, after, look)
    assert (made.verdict, made.parts.colour) == ("not judged", "not asked")
    named = report(before, after, look.model_copy(update={"look": None}))
    assert (named.verdict, named.parts.colour) == ("weaker", "weaker")


def test_strength_0_is_the_original_as_asked(scenes: list[Lit]) -> None:
    nothing = Lighting(lights=(Light(azimuth_deg=-60),), strength=0)
    made = report(scenes[0].soft, scenes[0].soft, nothing)
    assert made.verdict == "as asked"
    assert "the original, as asked" in made.sentence


def test_a_matched_light_is_measured_against_its_reference(scenes: list[Lit]) -> None:
    one, other = scenes[0], scenes[1]
    target = analyze(other.photos[1])
    near = report(one.soft, one.photos[1], asked(-60, 0), target=target).match
    far = report(one.soft, one.photos[2], asked(-60, 0), target=target).match
    assert near is not None
    assert far is not None
    assert near.direction_deg is not None
    assert far.direction_deg is not None
    assert near.direction_deg <= 35 < far.direction_deg


def test_before_is_what_was_measured_of_the_photo_alone(scenes: list[Lit]) -> None:
    scene = scenes[0]
    alone = analyze(scene.photos[2])
    for after, lighting in ((scene.photos[1], asked(-60, 0)), (scene.soft, asked(0, 70))):
        made = report(scene.photos[2], after, lighting)
        assert made.direction.before == (alone.azimuth_deg, alone.elevation_deg)
        assert made.kelvin.before == alone.kelvin
        assert made == report(scene.photos[2], after, lighting, before=alone)


@pytest.mark.parametrize("count", SCENES)
def test_a_report_is_small(scenes: list[Lit], count: int) -> None:
    for scene in scenes[:count]:
        for photo in (*scene.photos, scenes[1].photos[2]):
            made = report(scene.soft, photo, asked(-135, -45))
            assert len(made.model_dump_json()) <= 700


def pictures() -> list[np.ndarray]:
    random = np.random.default_rng(0)
    shapes = [(1, 1), (5, 7), (2, 900), (40, 900), (17, 17), (60, 80)]
    flat = [np.full((60, 80, 3), level, np.uint8) for level in (0, 255)]
    return flat + [random.integers(0, 255, (*shape, 3), dtype=np.uint8) for shape in shapes]


@pytest.mark.parametrize("others", some_now([2, len(pictures())]))
def test_degenerate_pictures_are_reported_and_unchanged_ones_are_weaker(others: int) -> None:
    """Each beside itself and some of the others."""
    every = pictures()
    for at, one in enumerate(every):
        for other in (every[at:] + every[:at])[:others]:
            made = report(one, other, asked(-60, 10))
            if np.array_equal(one, other):
                assert made.verdict == "weaker"


def test_light_on_the_background_alone_is_not_judged_by_the_subject(scenes: list[Lit]) -> None:
    scene = scenes[0]
    lighting = asked(-60, 0).model_copy(update={"region": "background"})
    made = report(scene.soft, scene.photos[SIDE_LIGHTS[0]], lighting)
    assert made.verdict == "not judged"
    assert report(scene.soft, scene.soft, lighting).verdict == "weaker"


def test_what_lies_under_clear_pixels_changes_no_word(scenes: list[Lit]) -> None:
    scene = scenes[0]
    alpha = np.where(scene.mask, 255, 0).astype(np.uint8)
    lighting = asked(-60, 0).model_copy(update={"exposure_ev": -0.6})
    after = np.asarray(scene.photos[SIDE_LIGHTS[0]] * 0.8, np.uint8)
    reports = [
        report(scene.soft, np.where(alpha[..., None] > 0, after, hidden), lighting, alpha=alpha)
        for hidden in (after, np.uint8(0), np.uint8(255))
    ]
    words = [(one.verdict, one.parts, one.flaws) for one in reports]
    assert words[0] == words[1] == words[2]


@pytest.mark.parametrize("is_gray_before", [False, True])
def test_a_picture_that_lost_all_its_color_is_another_one(is_gray_before: bool) -> None:
    """And one that had none is the same in another light."""
    paint = np.random.default_rng(4).uniform(0.1, 0.6, (12, 16, 3)).astype(np.float32)
    colored = synth.to_pixels(cv2.resize(paint, (192, 144), interpolation=cv2.INTER_NEAREST))
    gray = np.repeat(cv2.cvtColor(colored, cv2.COLOR_RGB2GRAY)[..., None], 3, axis=2)
    lit = np.asarray(gray * np.linspace(0.4, 1, 192)[None, :, None], np.uint8)
    made = report(gray if is_gray_before else colored, lit, asked(60, 10))
    assert (made.verdict == "changed content") != is_gray_before
