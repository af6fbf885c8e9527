"""One photo's light: direction, colour, exposure, and no confidence where there is none."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from mcp_relight.domain.looks import LOOKS
from mcp_relight.engine.color import kelvin_color
from mcp_relight.measure.analyze import analyze
from tests.engine import synth

from .pairs import Lit, angle_deg

NOTHING_SEEN = 0.4
PORTRAIT = Path(__file__).parents[2] / "mcp_relight" / "cli" / "samples" / "astronaut.jpg"


def sure_angles(photo: np.ndarray) -> tuple[int, int]:
    seen = analyze(photo)
    assert seen.azimuth_deg is not None
    assert seen.elevation_deg is not None
    return seen.azimuth_deg, seen.elevation_deg


def errors_deg(scenes: list[Lit]) -> list[float]:
    found = []
    for scene in scenes:
        for photo, truth in zip(scene.photos, synth.LIGHTS_DEG, strict=True):
            seen = analyze(photo)
            if seen.azimuth_deg is not None and seen.elevation_deg is not None:
                found.append(angle_deg((seen.azimuth_deg, seen.elevation_deg), truth))
    assert len(found) >= 0.8 * len(scenes) * len(synth.LIGHTS_DEG)
    return found


def gray_world(seed: int = 0) -> np.ndarray:
    """Linear patches (120, 160, 3) whose colours average to grey."""
    random = np.random.default_rng(seed)
    patches = random.uniform(0.05, 0.6, (12, 16, 1)) * random.uniform(0.8, 1.2, (12, 16, 3))
    patches /= patches.mean(axis=(0, 1))
    return np.kron(0.25 * patches, np.ones((10, 10, 1))).astype(np.float32)


def test_a_single_light_is_found_within_15_degrees(scenes: list[Lit]) -> None:
    assert float(np.median(errors_deg(scenes))) <= 15


def test_left_is_never_taken_for_right(scenes: list[Lit]) -> None:
    for scene in scenes:
        assert sure_angles(scene.photos[1])[0] < -25
        assert sure_angles(scene.photos[2])[0] > 25


def test_flat_light_gives_no_confidence(scenes: list[Lit]) -> None:
    for scene in scenes:
        paint = np.where(scene.mask[..., None], synth._paint(), 0.02).astype(np.float32)
        assert analyze(synth.to_pixels(paint * 0.7)).direction_confidence < NOTHING_SEEN
        assert analyze(synth.to_pixels(paint * 0.7), mask=scene.mask).direction_confidence < (
            NOTHING_SEEN
        )


@pytest.mark.parametrize("kelvin", [2500, 2856, 3200, 4000, 5000, 6504, 8000, 9000])
def test_the_kelvin_of_a_gray_world_is_within_10_percent(kelvin: int) -> None:
    seen = analyze(synth.to_pixels(gray_world() * kelvin_color(kelvin)))
    assert seen.kelvin is not None
    assert abs(seen.kelvin - kelvin) <= 0.1 * kelvin
    assert seen.tint is not None
    assert abs(seen.tint) < 0.05
    assert seen.color_confidence > 0.5


def test_green_light_shows_in_the_tint() -> None:
    green = gray_world() * np.array([1, 1.3, 1], np.float32)
    assert (analyze(synth.to_pixels(green)).tint or 0) > 0.15


def test_a_black_and_white_photo_has_no_color_to_be_sure_of(scenes: list[Lit]) -> None:
    gray = cv2.cvtColor(scenes[0].soft, cv2.COLOR_RGB2GRAY)
    assert analyze(np.dstack([gray] * 3)).color_confidence == 0


def test_the_subject_box_holds_the_subject(scenes: list[Lit]) -> None:
    rows, columns = np.nonzero(scenes[0].mask)
    height, width = scenes[0].mask.shape
    box = analyze(scenes[0].soft).subject_box
    assert box is not None
    truth = (columns.min() / width, rows.min() / height, columns.max() / width, rows.max() / height)
    assert np.abs(np.array(box) - truth).max() < 0.03


def test_a_dark_subject_before_a_bright_window_is_backlit(scenes: list[Lit]) -> None:
    scene = scenes[0]
    window = np.where(scene.mask[..., None], scene.soft // 3, 235).astype(np.uint8)
    seen = analyze(window)
    assert seen.backlit
    assert "darker than its background" in seen.sentence
    assert not analyze(scene.soft).backlit


def test_a_light_seen_in_front_is_not_said_to_be_behind(scenes: list[Lit]) -> None:
    scene = scenes[0]
    window = np.where(scene.mask[..., None], scene.photos[1] // 2, 235).astype(np.uint8)
    seen = analyze(window)
    assert seen.backlit
    assert (seen.azimuth_deg or 0) < -25
    assert "sunset_backlight" not in [look.name for look in seen.looks]


def portrait() -> np.ndarray:
    photo = cv2.imread(str(PORTRAIT))
    assert photo is not None
    return np.ascontiguousarray(photo[..., ::-1], np.uint8)


@pytest.mark.parametrize("lamp", [(1, 1, 1), (0.1, 0.3, 1), (0.1, 0.9, 0.3)])
def test_a_face_makes_a_portrait_under_lamps_of_any_color(lamp: tuple[float, ...]) -> None:
    lit = synth.to_pixels(synth.to_linear(portrait()) * np.array(lamp, np.float32))
    assert analyze(lit).kind == "portrait"


def test_a_small_face_makes_no_portrait() -> None:
    room = np.full((1500, 1500, 3), 90, np.uint8)
    room[500:1012, 500:1012] = portrait()
    assert analyze(room).kind != "portrait"


def test_clipping_is_counted() -> None:
    half = np.full((64, 64, 3), 255, np.uint8)
    half[:, :32] = 0
    seen = analyze(half)
    assert seen.clipped_highlights == pytest.approx(0.5, abs=0.02)
    assert seen.clipped_shadows == pytest.approx(0.5, abs=0.02)


def test_hard_light_has_more_stops_between_key_and_fill(scenes: list[Lit]) -> None:
    hard = scenes[0].photos[1]
    filled = synth.to_pixels(
        0.5 * synth.to_linear(hard) + 0.5 * synth._paint() * scenes[0].mask[..., None] * 0.6
    )
    assert analyze(hard).key_to_fill_stops > analyze(filled, mask=scenes[0].mask).key_to_fill_stops


def test_suggested_looks_exist_and_say_why(scenes: list[Lit]) -> None:
    for photo in (*scenes[0].photos, scenes[0].soft // 8):
        for look in analyze(photo).looks:
            assert look.name in LOOKS
            assert look.why


@pytest.mark.parametrize("shape", [(1, 1), (5, 7), (2, 900), (40, 900), (17, 17)])
@pytest.mark.parametrize("level", [0, 128, 255])
def test_degenerate_pictures_are_measured_without_confidence(
    shape: tuple[int, int], level: int
) -> None:
    seen = analyze(np.full((*shape, 3), level, np.uint8))
    assert seen.direction_confidence == 0
    assert seen.color_confidence == 0
