"""Given masks, maps and conventions, and pictures nobody would relight on purpose."""

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from mcp_relight.domain.lighting import Light, Lighting
from mcp_relight.engine.pipeline import analyze_shape, relight
from mcp_relight.errors import InvalidArgument
from tests.engine import synth
from tests.engine.conftest import Subject
from tests.matrix import some_now

LEFT = Lighting(lights=(Light(azimuth_deg=-60),))


def normal_pixels(normals: synth.Image, green: int = 1) -> NDArray[np.uint8]:
    return np.round((normals * (1, green, 1) + 1) * 127.5).astype(np.uint8)


def upper_share(photo: NDArray[np.uint8], relit: NDArray[np.uint8]) -> float:
    """How much more the upper half gained than the lower."""
    half = photo.shape[0] // 2
    gain = relit.astype(float).mean(axis=2) / np.maximum(photo.astype(float).mean(axis=2), 1)
    return float(gain[:half].mean() / gain[half:].mean())


def test_a_normal_map_is_used_as_given(sphere: Subject) -> None:
    analysis = analyze_shape(sphere.photo, normals=normal_pixels(sphere.scene.normals))
    assert analysis.mode == "user_normals"
    cosine = (analysis.normals * sphere.scene.normals).sum(axis=2)[sphere.scene.mask]
    assert np.degrees(np.arccos(np.clip(cosine, -1, 1))).mean() < 2


def test_the_height_of_a_normal_map_rises_to_the_middle_of_a_sphere(sphere: Subject) -> None:
    height = analyze_shape(sphere.photo, normals=normal_pixels(sphere.scene.normals)).height
    center = synth.EDGE_PX // 2
    assert height[center, center] > height[center, center - 60] + 20
    assert height[center, center] > height[center + 60, center] + 20


def test_directx_normals_are_opengl_normals_with_green_turned(sphere: Subject) -> None:
    normals = sphere.scene.normals
    opengl = analyze_shape(sphere.photo, normals=normal_pixels(normals))
    directx = analyze_shape(
        sphere.photo, normals=normal_pixels(normals, green=-1), normal_convention="directx"
    )
    assert np.abs(opengl.normals - directx.normals).max() < 0.02
    assert directx.warnings == ()


def test_a_normal_map_of_the_other_convention_is_noticed(sphere: Subject) -> None:
    normals = normal_pixels(sphere.scene.normals, green=-1)
    analysis = analyze_shape(sphere.photo, mask=sphere.scene.mask_pixels, normals=normals)
    assert any("normal_convention" in warning for warning in analysis.warnings)


@pytest.mark.parametrize("levels", some_now([np.uint16, np.uint8]))
def test_a_depth_map_shapes_the_light(sphere: Subject, levels: type) -> None:
    depth = sphere.scene.height / sphere.scene.height.max() * np.iinfo(levels).max
    analysis = analyze_shape(sphere.photo, depth=depth.astype(levels))
    assert analysis.mode == "user_depth"
    top = Lighting(lights=(Light(elevation_deg=60),))
    assert upper_share(sphere.photo, relight(sphere.photo, analysis, top).rgb) > 1.2


def test_depth_conventions_are_each_others_negative(sphere: Subject) -> None:
    depth = np.round(sphere.scene.height / sphere.scene.height.max() * 255).astype(np.uint8)
    near_bright = analyze_shape(sphere.photo, depth=depth)
    near_dark = analyze_shape(sphere.photo, depth=255 - depth, depth_convention="near_is_dark")
    assert np.abs(near_bright.normals - near_dark.normals).max() < 0.02
    wrong = analyze_shape(sphere.photo, depth=depth, depth_convention="near_is_dark")
    assert np.corrcoef(wrong.normals[..., 0].ravel(), near_bright.normals[..., 0].ravel())[0, 1] < 0


def test_a_mask_of_another_size_is_stretched_over_the_photo(sphere: Subject) -> None:
    small = sphere.scene.mask_pixels[::2, ::2]
    analysis = analyze_shape(sphere.photo, mask=small)
    assert analysis.mode == "user_mask"
    assert np.abs(analysis.alpha - sphere.analysis.alpha).mean() < 0.02


def test_a_mask_wins_over_transparency(sphere: Subject) -> None:
    alpha = np.zeros(sphere.photo.shape[:2], np.uint8)
    alpha[:40] = 255
    analysis = analyze_shape(sphere.photo, alpha=alpha, mask=sphere.scene.mask_pixels)
    assert analysis.mode == "user_mask"


def test_an_empty_mask_is_said_and_not_used(sphere: Subject) -> None:
    analysis = analyze_shape(sphere.photo, mask=np.zeros(sphere.photo.shape[:2], np.uint8))
    assert analysis.mode in ("auto_mask", "scene")
    assert any("mask selects nothing" in warning for warning in analysis.warnings)


def test_a_mask_of_the_whole_frame_is_a_gentle_dome(sphere: Subject) -> None:
    crop = sphere.photo[60:-60, 60:-60]
    analysis = analyze_shape(crop, mask=np.full(crop.shape[:2], 255, np.uint8))
    assert analysis.mode == "user_mask"
    middle = crop.shape[0] // 2
    assert analysis.height[middle, middle] > analysis.height[2, 2] + 5
    assert not analysis.warnings


def test_a_mask_of_the_whole_frame_does_not_hide_a_subject(sphere: Subject) -> None:
    whole = np.full(sphere.photo.shape[:2], 255, np.uint8)
    analysis = analyze_shape(sphere.photo, mask=whole)
    searched = analyze_shape(sphere.photo)
    assert analysis.mode == "auto_mask"
    np.testing.assert_array_equal(analysis.normals, searched.normals)
    assert any("selects the whole picture" in warning for warning in analysis.warnings)


def test_a_region_is_what_the_mask_selects_even_if_that_is_all(sphere: Subject) -> None:
    whole = np.full(sphere.photo.shape[:2], 255, np.uint8)
    analysis = analyze_shape(sphere.photo, mask=whole)
    everywhere = relight(sphere.photo, analysis, LEFT).rgb
    of_subject = LEFT.model_copy(update={"region": "subject"})
    np.testing.assert_array_equal(relight(sphere.photo, analysis, of_subject).rgb, everywhere)
    of_ground = LEFT.model_copy(update={"region": "background"})
    np.testing.assert_array_equal(relight(sphere.photo, analysis, of_ground).rgb, sphere.photo)


def test_a_bright_thing_on_a_plain_ground_is_found(sphere: Subject) -> None:
    analysis = analyze_shape(sphere.photo)
    assert analysis.mode == "auto_mask"
    overlap = (analysis.alpha > 0.5) & sphere.scene.mask
    union = (analysis.alpha > 0.5) | sphere.scene.mask
    assert overlap.sum() / union.sum() > 0.7


def test_all_of_a_many_colored_thing_on_white_is_found() -> None:
    """A search by colours alone takes one of them for the subject and leaves the others out."""
    photo = np.full((200, 300, 3), 252, np.uint8)
    cv2.ellipse(photo, (150, 100), (90, 70), 0, 0, 180, (255, 130, 40), -1)
    cv2.ellipse(photo, (150, 100), (90, 70), 0, 180, 360, (150, 200, 60), -1)
    cv2.line(photo, (60, 100), (240, 100), (252, 252, 252), 7)
    analysis = analyze_shape(photo)
    assert analysis.mode == "auto_mask"
    found = cv2.resize(analysis.alpha, (300, 200)) > 0.5
    thing = (photo != 252).any(axis=2)
    assert (found & thing).sum() / (found | thing).sum() > 0.9


def test_a_frame_without_a_subject_is_said_to_have_none(clutter: NDArray[np.uint8]) -> None:
    analysis = analyze_shape(clutter)
    assert analysis.mode == "scene"
    assert analysis.confidence < 0.35
    behind = Lighting(lights=(Light(azimuth_deg=180),))
    warnings = relight(clutter, analysis, behind, background="keep").warnings
    assert any("No clear subject" in warning for warning in warnings)
    assert any("from behind" in warning for warning in warnings)
    assert any("no background" in warning for warning in warnings)


@pytest.mark.parametrize("side", some_now([-1, 1]))
def test_a_frame_without_a_subject_gets_brighter_on_the_side_of_the_light(
    side: int, clutter: NDArray[np.uint8]
) -> None:
    """By 0.8 stops or more from one third to the other: the picture has a lit side."""
    analysis = analyze_shape(clutter)
    light = Lighting(lights=(Light(azimuth_deg=side * 60),))
    relit = synth.to_linear(relight(clutter, analysis, light).rgb).mean(axis=(0, 2))
    gain = relit / synth.to_linear(clutter).mean(axis=(0, 2))
    third = len(gain) // 3
    across = np.log2(gain[-third:].mean() / gain[:third].mean())
    assert side * across > 0.8


@pytest.mark.parametrize(
    "shape", some_now([(1, 1), (3, 500), (1, 40), (500, 3), (2, 2), (9, 7)], 2)
)
def test_tiny_and_narrow_pictures_are_relit(shape: tuple[int, int]) -> None:
    photo = np.random.default_rng(4).integers(0, 256, (*shape, 3)).astype(np.uint8)
    for mask in (None, np.full(shape, 255, np.uint8)):
        relit = relight(photo, analyze_shape(photo, mask=mask), LEFT).rgb
        assert relit.shape == photo.shape
        assert relit.dtype == np.uint8


@pytest.mark.parametrize("level", some_now([119, 0, 255]))
def test_a_plain_picture_stays_without_blotches(level: int) -> None:
    photo = np.full((90, 120, 3), level, np.uint8)
    relit = relight(photo, analyze_shape(photo), LEFT).rgb
    steps = np.abs(np.diff(relit.astype(int), axis=1)).max()
    assert steps <= 4
    assert (relit.max() == 0) == (level == 0)


def test_a_fully_transparent_picture_is_treated_as_opaque(sphere: Subject) -> None:
    hidden = np.zeros(sphere.photo.shape[:2], np.uint8)
    assert (
        analyze_shape(sphere.photo, alpha=hidden).to_bytes()
        == analyze_shape(sphere.photo).to_bytes()
    )


def test_a_gray_picture_stays_gray_under_daylight(sphere: Subject) -> None:
    gray = np.repeat(sphere.photo[..., :1], 3, axis=2)
    relit = relight(gray, analyze_shape(gray, mask=sphere.scene.mask_pixels), LEFT).rgb.astype(int)
    assert np.ptp(relit, axis=2).max() <= 1


def test_eight_lights_render_together(sphere: Subject) -> None:
    lights = tuple(Light(azimuth_deg=45 * i - 180, elevation_deg=10 * i - 40) for i in range(8))
    relit = relight(sphere.photo, sphere.analysis, Lighting(lights=lights)).rgb
    assert 20 < relit[sphere.scene.mask].mean() < 235


def test_no_light_at_all_is_dark_but_not_broken(sphere: Subject) -> None:
    relit = relight(sphere.photo, sphere.analysis, Lighting(ambient=0)).rgb
    assert relit.shape == sphere.photo.shape


def test_arrays_of_other_dimensions_are_refused_by_name() -> None:
    photo = np.zeros((8, 8, 3), np.uint8)
    with pytest.raises(InvalidArgument, match="image"):
        analyze_shape(photo[..., 0])
    with pytest.raises(InvalidArgument, match="mask"):
        analyze_shape(photo, mask=photo)
    with pytest.raises(InvalidArgument, match="normals"):
        analyze_shape(photo, normals=photo[..., 0])
