"""What a photographer would object to: relief on drawings, tinted black-and-white, pale low key."""

import numpy as np
import pytest
from numpy.typing import NDArray

from mcp_relight.domain.lighting import Light, Lighting
from mcp_relight.domain.looks import LOOKS, Staging
from mcp_relight.engine.analysis import Analysis
from mcp_relight.engine.evidence import gather
from mcp_relight.engine.pipeline import analyze_shape, relight
from mcp_relight.engine.shadow import lit_by
from tests.engine import synth
from tests.engine.conftest import Subject

Pixels = NDArray[np.uint8]
HARD_LOOKS = ("rembrandt", "split", "low_key")


def logo(size: int = 160) -> Pixels:
    """Two flat shapes on white paper."""
    y, x = np.mgrid[0:size, 0:size]
    drawn = np.full((size, size, 3), 255, np.uint8)
    drawn[np.hypot(x - 60, y - 80) < 45] = (220, 40, 40)
    drawn[(abs(x - 110) < 28) & (abs(y - 80) < 40)] = (20, 60, 200)
    return drawn


def landscape(size: int = 160) -> Pixels:
    """A plain sky over rough ground."""
    noise = np.random.default_rng(3).integers(-30, 30, (size, size, 3))
    drawn = np.clip(np.array([90, 100, 60]) + noise, 0, 255).astype(np.uint8)
    drawn[: size // 2] = (120, 160, 220)
    return drawn


@pytest.mark.parametrize("look", [*HARD_LOOKS, "rim_light", "golden_hour"])
def test_a_drawing_is_lit_as_the_flat_sheet_it_is(look: str) -> None:
    photo = logo()
    analysis = analyze_shape(photo)
    assert gather(photo, analysis).graphic == 1
    relit = synth.to_linear(relight(photo, analysis, LOOKS[look].lighting).rgb)
    # Inside one color only a slope as wide as the sheet is left: no edge, no rim, no shadow.
    inside = relit[55:105, 30:75].mean(axis=2)
    steps = np.abs(np.diff(inside, axis=1)).max(), np.abs(np.diff(inside, axis=0)).max()
    assert max(steps) < 0.05 * inside.max()


def test_a_photographed_ball_is_not_taken_for_a_drawing(sphere: Subject, vase: Subject) -> None:
    for subject in (sphere, vase):
        assert gather(subject.photo, subject.analysis).graphic == 0


@pytest.fixture(scope="module")
def black_and_white(sphere: Subject) -> tuple[Pixels, Analysis]:
    gray = np.repeat(sphere.photo.mean(axis=2, keepdims=True), 3, axis=2).astype(np.uint8)
    return gray, analyze_shape(gray, mask=sphere.scene.mask_pixels)


@pytest.mark.parametrize("look", sorted(LOOKS))
def test_black_and_white_stays_black_and_white_under_every_look(
    black_and_white: tuple[Pixels, Analysis], look: str
) -> None:
    relit = relight(*black_and_white, LOOKS[look].lighting).rgb
    assert int(np.ptp(relit.astype(int), axis=2).max()) <= 1


@pytest.mark.parametrize("tone", [{"kelvin": 2500.0}, {"color": "#3050FF"}])
def test_a_color_that_was_asked_for_colors_black_and_white(
    black_and_white: tuple[Pixels, Analysis], tone: dict[str, float | str]
) -> None:
    light = Light.model_validate({"azimuth_deg": -40, **tone})
    relit = relight(*black_and_white, Lighting(lights=(light,))).rgb
    assert int(np.ptp(relit.astype(int), axis=2).max()) > 30


def test_low_key_is_low_and_its_ground_lower(sphere: Subject) -> None:
    photo = np.where(sphere.scene.mask[..., None], sphere.photo, np.uint8(225)).astype(np.uint8)
    analysis = analyze_shape(photo, mask=sphere.scene.mask_pixels)
    relit = relight(photo, analysis, LOOKS["low_key"].lighting).rgb
    ground = analysis.alpha < 0.05
    assert np.median(relit[ground]) < 70
    assert np.percentile(relit[sphere.scene.mask], 97) > 1.5 * np.median(relit[ground])


@pytest.mark.parametrize("look", HARD_LOOKS)
def test_a_pool_of_light_leaves_the_corners_darker_than_a_light_alone(look: str) -> None:
    photo = np.random.default_rng(5).integers(90, 160, (160, 200, 3)).astype(np.uint8)
    analysis, lighting = analyze_shape(photo), LOOKS[look].lighting
    assert LOOKS[look].staging != Staging()
    plain = lighting.model_copy(update={"look": None})
    corners = np.zeros(photo.shape[:2], np.bool_)
    for rows in (slice(0, 20), slice(-20, None)):
        for columns in (slice(0, 25), slice(-25, None)):
            corners[rows, columns] = True
    staged = relight(photo, analysis, lighting).rgb[corners].mean()
    assert staged < 0.9 * relight(photo, analysis, plain).rgb[corners].mean()


@pytest.mark.parametrize("side", [-1, 1])
def test_a_scene_has_a_lit_side(side: int) -> None:
    photo = np.random.default_rng(6).integers(80, 170, (150, 220, 3)).astype(np.uint8)
    relit = relight(
        photo, analyze_shape(photo), Lighting(lights=(Light(azimuth_deg=75 * side),))
    ).rgb
    left, right = relit[:, :60].mean(), relit[:, -60:].mean()
    assert (right - left) * side > 25


def test_a_gray_road_is_no_sky() -> None:
    road, overcast = landscape(), landscape()
    road[:80], overcast[:80] = (100, 100, 102), (206, 207, 209)
    assert gather(overcast, analyze_shape(overcast)).sky[:60].mean() > 0.9
    assert not gather(road, analyze_shape(road)).sky.any()


def test_a_sky_is_told_from_the_ground_and_has_no_relief() -> None:
    photo = landscape()
    sky = gather(photo, analyze_shape(photo)).sky
    assert sky[:60].mean() > 0.9
    assert sky[100:].mean() < 0.05


def test_a_larger_light_casts_a_softer_shadow() -> None:
    wall = np.zeros((200, 200), np.float32)
    wall[:, 150:170] = 40
    penumbras = [
        int(((lit > 0.1) & (lit < 0.9)).sum())
        for lit in (lit_by(wall, (0.8, 0.0, 0.6), wide_deg)[100, :150] for wide_deg in (4, 30, 90))
    ]
    assert 2 * penumbras[0] < penumbras[1]
    assert 1.3 * penumbras[1] < penumbras[2]


@pytest.mark.parametrize("look", ["candlelight", "neon"])
def test_colored_light_leaves_neighboring_colors_apart(look: str) -> None:
    """A camera adapts: red, green, blue and white cloth stay four things."""
    photo = np.zeros((120, 160, 3), np.uint8)
    cloths = ((190, 60, 50), (60, 150, 70), (60, 80, 180), (230, 230, 230))
    noise = np.random.default_rng(7).integers(-12, 12, photo.shape)
    for index, cloth in enumerate(cloths):
        photo[:, 40 * index : 40 * index + 40] = cloth
    photo = np.clip(photo + noise, 0, 255).astype(np.uint8)
    key = LOOKS[look].lighting.lights[0].model_copy(update={"azimuth_deg": 0.0})
    lighting = LOOKS[look].lighting.model_copy(update={"lights": (key,)})
    relit = relight(photo, analyze_shape(photo), lighting).rgb.astype(float)
    means = [relit[20:100, 40 * i + 8 : 40 * i + 32].mean(axis=(0, 1)) for i in range(4)]
    apart = [np.linalg.norm(a - b) for i, a in enumerate(means) for b in means[i + 1 :]]
    assert min(apart) > 15


def test_two_lamps_of_different_colors_have_a_side_of_the_frame_each() -> None:
    """What faces the camera gets as much of both, and would be one gray all over."""
    photo = np.full((200, 300, 3), (130, 128, 120), np.uint8)
    wall = np.full((200, 300, 3), (128, 128, 255), np.uint8)
    found = analyze_shape(photo, normals=wall)
    made = relight(photo, found, LOOKS["neon"].lighting).rgb.astype(float)
    left, right = (made[:, columns].mean(axis=(0, 1)) for columns in (slice(30), slice(270, 300)))
    assert left[0] > 1.5 * left[1]
    assert right[2] > 1.5 * right[0]
