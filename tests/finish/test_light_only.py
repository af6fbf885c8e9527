"""Only the light comes over: the original's size, detail and things stay."""

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from mcp_relight.finish.light_only import transfer
from tests.engine import synth
from tests.matrix import some_now
from tests.measure.pairs import Lit, Pixels, as_a_provider_returns, lit, repainted

RED, GREEN, WHITE, BLACK = (220, 40, 30), (30, 160, 60), (245, 245, 240), (15, 15, 18)


@pytest.fixture(scope="module")
def scenes() -> list[Lit]:
    return [lit("sphere", synth.sphere()), lit("blobby", synth.blobby())]


def psnr_db(one: Pixels, other: Pixels) -> float:
    error = np.mean((one.astype(np.float64) - other) ** 2)
    return float(10 * np.log10(255**2 / max(error, 1e-9)))


def enlarged(returned: Pixels, like: Pixels) -> Pixels:
    size = (like.shape[1], like.shape[0])
    return np.asarray(cv2.resize(returned, size, interpolation=cv2.INTER_CUBIC), np.uint8)


def fine_structure(rgb: Pixels) -> NDArray[np.float64]:
    level = np.log(synth.to_linear(rgb) @ np.array([0.2126, 0.7152, 0.0722]) + 0.02)
    return level - cv2.GaussianBlur(level, (0, 0), 2)


def rmse(one: Pixels, other: Pixels, area: NDArray[np.bool_]) -> float:
    return float(np.sqrt(np.mean((one.astype(np.float64) - other)[area] ** 2)))


def test_the_light_comes_over_better_than_the_enlarged_picture(scenes: list[Lit]) -> None:
    gains = []
    for scene in scenes:
        for index, real in enumerate(scene.photos):
            color = (RED, GREEN, WHITE, BLACK)[index % 4]
            returned, _ = as_a_provider_returns(real, object_rgb=color)
            made = transfer(scene.soft, returned).rgb
            assert made is not None
            assert made.shape == scene.soft.shape
            gains.append(psnr_db(made, real) - psnr_db(enlarged(returned, real), real))
    assert np.mean(np.array(gains) > 0) >= 0.9
    assert np.median(gains) >= 3


def test_the_fine_structure_stays_the_original_s(scenes: list[Lit]) -> None:
    kept = []
    for scene in scenes:
        for real in scene.photos:
            made = transfer(scene.soft, as_a_provider_returns(real)[0]).rgb
            assert made is not None
            pair = [fine_structure(one)[scene.mask] for one in (scene.soft, made)]
            kept.append(float(np.corrcoef(*pair)[0, 1]))
    assert np.median(kept) >= 0.9
    assert min(kept) >= 0.85


@pytest.mark.parametrize("color", some_now([RED, GREEN, WHITE, BLACK]))
def test_a_painted_object_is_gone(scenes: list[Lit], color: tuple[int, int, int]) -> None:
    for scene in scenes:
        for index in (1, 6):
            real = scene.photos[index]
            returned, disc = as_a_provider_returns(real, object_rgb=color)
            made = transfer(scene.soft, returned).rgb
            assert made is not None
            assert rmse(made, real, disc) < 0.35 * rmse(enlarged(returned, real), real, disc)


def test_the_same_picture_changes_nothing_much(scenes: list[Lit]) -> None:
    made = transfer(scenes[0].soft, scenes[0].soft).rgb
    assert made is not None
    assert psnr_db(made, scenes[0].soft) > 40


def test_another_photograph_is_refused_with_a_warning(scenes: list[Lit]) -> None:
    made = transfer(scenes[0].soft, repainted(scenes[1].photos[1]))
    assert made.rgb is None
    assert not made.registration.ok
    assert 'finish="as-returned"' in made.warnings[0]


def test_a_larger_result_and_another_aspect_keep_the_original_s_frame(scenes: list[Lit]) -> None:
    scene = scenes[1]
    height, width = scene.soft.shape[:2]
    bigger = np.asarray(cv2.resize(scene.photos[1], (2 * width, 2 * height)), np.uint8)
    squeezed = np.asarray(cv2.resize(scene.photos[1], (width, height * 3 // 4)), np.uint8)
    cropped = scene.photos[1][height // 10 : -height // 10]
    for returned in (bigger, squeezed, cropped):
        made = transfer(scene.soft, returned)
        assert made.rgb is not None
        assert made.rgb.shape == scene.soft.shape
        inside = scene.mask.copy()
        inside[: height // 8] = inside[-height // 8 :] = False
        assert rmse(made.rgb, scene.photos[1], inside) < 25


def test_the_registration_says_what_was_cropped(scenes: list[Lit]) -> None:
    found = transfer(scenes[0].soft, as_a_provider_returns(scenes[0].photos[1])[0]).registration
    assert found.scale == pytest.approx(1 / 0.98, abs=0.012)
    assert 0.01 < found.crop < 0.08
    assert found.score > 0.5


def test_the_same_pictures_give_the_same_bytes(scenes: list[Lit]) -> None:
    returned, _ = as_a_provider_returns(scenes[0].photos[5], object_rgb=RED)
    first, second = (transfer(scenes[0].soft, returned).rgb for _ in range(2))
    assert first is not None
    assert second is not None
    assert np.array_equal(first, second)


@pytest.mark.parametrize("shape", [(1, 1), (5, 7), (2, 900), (17, 17)])
def test_degenerate_pictures_are_refused_or_kept_at_size(shape: tuple[int, int]) -> None:
    random = np.random.default_rng(0)
    for one in (np.zeros((*shape, 3), np.uint8), random.integers(0, 255, (*shape, 3), np.uint8)):
        for other in (one, np.full((30, 40, 3), 255, np.uint8)):
            made = transfer(one, other)
            assert made.rgb is None or made.rgb.shape == one.shape
