"""Where the light may change: the pixels outside keep what they had."""

from functools import cache

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from mcp_relight.domain.lighting import Light, Lighting, Region
from mcp_relight.domain.looks import LOOKS
from mcp_relight.engine.analysis import Analysis
from mcp_relight.engine.pipeline import analyze_shape, relight
from mcp_relight.errors import InvalidArgument
from tests.engine.conftest import Subject
from tests.matrix import some_now

WARM_LEFT = Light(azimuth_deg=-60, kelvin=2700)
ASKED = {
    "left": Lighting(lights=(WARM_LEFT,)),
    "lamp": Lighting(lights=(Light(at=(0.9, 0.1, 0.3), color="#3060FF"),)),
    "behind": Lighting(lights=(Light(at=(0.5, 0.4, -0.3), kelvin=3000),)),
    "neon": LOOKS["neon"].lighting,
    "low_key": LOOKS["low_key"].lighting,
}


def in_region(lighting: Lighting, region: Region) -> Lighting:
    return lighting.model_copy(update={"region": region})


def eroded(mask: NDArray[np.bool_], by_px: int) -> NDArray[np.bool_]:
    side = 2 * by_px + 1
    return cv2.erode(mask.astype(np.uint8), np.ones((side, side), np.uint8)) > 0


def enlarged(subject: Subject, factor: int) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    height, width = (factor * edge for edge in subject.photo.shape[:2])
    photo = cv2.resize(subject.photo, (width, height), interpolation=cv2.INTER_CUBIC)
    mask = cv2.resize(subject.scene.mask_pixels, (width, height), interpolation=cv2.INTER_NEAREST)
    return photo.astype(np.uint8), mask > 0


@pytest.mark.parametrize("factor", some_now([1, 5]))
def test_the_subject_stays_as_it_was_when_the_background_is_lit(
    blobby: Subject, factor: int
) -> None:
    photo, mask = enlarged(blobby, factor)
    analysis = analyze_shape(photo, mask=mask.astype(np.uint8) * 255)
    for asked in ASKED.values():
        relit = relight(photo, analysis, in_region(asked, "background")).rgb
        assert np.array_equal(relit[mask], photo[mask])
        assert np.abs(relit[~mask].astype(int) - photo[~mask]).mean() > 1


@pytest.mark.parametrize("asked", ASKED)
def test_the_background_stays_as_it_was_when_the_subject_is_lit(
    blobby: Subject, asked: str
) -> None:
    mask = blobby.scene.mask
    relit = relight(blobby.photo, blobby.analysis, in_region(ASKED[asked], "subject")).rgb
    assert np.array_equal(relit[~mask], blobby.photo[~mask])
    assert np.abs(relit[mask].astype(int) - blobby.photo[mask]).mean() > 1


@cache
def found_subject() -> tuple[NDArray[np.uint8], Analysis, NDArray[np.bool_]]:
    """A ball before a plain wall: found without a mask, and larger than the working grid."""
    row, column = np.mgrid[0:900, 0:1200].astype(np.float32)
    away = np.hypot(column - 620, row - 460) / 250
    inside = away < 1
    shade = 0.35 + 0.65 * np.sqrt(np.clip(1 - away**2, 0, 1))
    photo = np.full((900, 1200, 3), (150, 165, 175), np.float32)
    photo[inside] = np.array([220, 80, 50]) * shade[inside][:, None]
    photo += np.random.default_rng(2).normal(0, 2, photo.shape)
    pixels = np.clip(photo, 0, 255).astype(np.uint8)
    return pixels, analyze_shape(pixels), inside


@pytest.mark.parametrize("asked", some_now(["left", "lamp"]))
def test_a_subject_that_was_found_stays_within_two_levels(asked: str) -> None:
    photo, analysis, inside = found_subject()
    assert analysis.mode == "auto_mask"
    relit = relight(photo, analysis, in_region(ASKED[asked], "background")).rgb
    change = np.abs(relit.astype(int) - photo)
    assert change[eroded(inside, 2)].max() <= 2
    assert change[eroded(~inside, 25)].mean() > 3


def test_a_light_for_the_background_leaves_the_subject_alone(blobby: Subject) -> None:
    key = Light(azimuth_deg=-30)
    behind = Light(role="background", at=(0.85, 0.2, 0.3), color="#2040FF", intensity=2)
    without = relight(blobby.photo, blobby.analysis, Lighting(lights=(key,))).rgb
    both = relight(blobby.photo, blobby.analysis, Lighting(lights=(key, behind))).rgb
    change = np.abs(both.astype(int) - without)
    assert change[eroded(blobby.scene.mask, 6)].max() <= 6
    assert change[~blobby.scene.mask].mean() > 2


def test_lights_for_the_background_alone_are_that_region(blobby: Subject) -> None:
    lights = (Light(role="background", azimuth_deg=-60, kelvin=2500),)
    relit = relight(blobby.photo, blobby.analysis, Lighting(lights=lights)).rgb
    assert np.array_equal(relit[blobby.scene.mask], blobby.photo[blobby.scene.mask])


def test_the_background_keeps_its_mean_exposure(blobby: Subject) -> None:
    photo, analysis, inside = found_subject()
    lighting = in_region(Lighting(lights=(Light(azimuth_deg=-60),)), "background")
    relit = relight(photo, analysis, lighting).rgb
    around = eroded(~inside, 20)
    assert relit[around].mean() == pytest.approx(photo[around].mean(), rel=0.12)


def test_the_region_of_no_subject_is_refused(
    clutter_analysis: Analysis, clutter: NDArray[np.uint8]
) -> None:
    with pytest.raises(InvalidArgument, match="none was found") as caught:
        relight(clutter, clutter_analysis, in_region(ASKED["left"], "subject"))
    assert (caught.value.argument, "mask" in caught.value.hint) == ("region", True)


def test_without_a_subject_all_is_background(
    clutter_analysis: Analysis, clutter: NDArray[np.uint8]
) -> None:
    result = relight(clutter, clutter_analysis, in_region(ASKED["left"], "background"))
    assert any("counted as background" in warning for warning in result.warnings)
    assert np.abs(result.rgb.astype(int) - clutter).mean() > 1


def test_a_region_wins_over_the_models_own_parameter_and_says_so(blobby: Subject) -> None:
    asked = in_region(ASKED["left"], "background")
    result = relight(blobby.photo, blobby.analysis, asked, background="darken")
    assert any("params.background" in warning for warning in result.warnings)
    assert np.array_equal(result.rgb, relight(blobby.photo, blobby.analysis, asked).rgb)
