"""Does the light move the right way, on scenes whose truth is known?"""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from mcp_relight.domain.lighting import Light, Lighting
from mcp_relight.engine import modeling
from mcp_relight.engine.pipeline import analyze_shape, relight
from tests.engine import synth
from tests.engine.conftest import Subject


def asked(azimuth_deg: float, elevation_deg: float) -> Lighting:
    light = Light(azimuth_deg=azimuth_deg, elevation_deg=elevation_deg, softness=0.1)
    return Lighting(lights=(light,), ambient=0.1, exposure_ev=-0.7, strength=0.8)


def log_luminance(linear: synth.Image) -> synth.Image:
    bright = linear @ np.array([0.2126, 0.7152, 0.0722], np.float32)
    return cv2.GaussianBlur(np.log(bright + 0.02), (0, 0), 1.5)


def change_correlation(subject: Subject, request: int, lighting: Lighting) -> float:
    """Correlation of the change of log luminance: the engine's, against the true one."""
    result = synth.to_linear(relight(subject.photo, subject.analysis, lighting).rgb)
    mask, before = subject.scene.mask, log_luminance(subject.scene.soft_photo)
    truth = subject.scene.photos[request]
    moved, wanted = log_luminance(result) - before, log_luminance(truth) - before
    return float(np.corrcoef(moved[mask], wanted[mask])[0, 1])


def mean_correlation(subject: Subject) -> float:
    lights = enumerate(synth.LIGHTS_DEG)
    return float(np.mean([change_correlation(subject, i, asked(*light)) for i, light in lights]))


def test_light_moves_the_right_way_on_a_sphere(sphere: Subject) -> None:
    assert mean_correlation(sphere) > 0.88


def test_light_moves_the_right_way_on_a_blobby_shape(blobby: Subject) -> None:
    assert mean_correlation(blobby) > 0.75


def test_light_moves_the_right_way_on_a_vase(vase: Subject) -> None:
    assert mean_correlation(vase) > 0.6


@pytest.mark.parametrize("name", ["sphere", "blobby", "vase"])
def test_the_mirrored_request_always_scores_worse(
    name: str, request: pytest.FixtureRequest
) -> None:
    subject: Subject = request.getfixturevalue(name)
    for index, (azimuth, elevation) in enumerate(synth.LIGHTS_DEG):
        if azimuth:
            right = change_correlation(subject, index, asked(azimuth, elevation))
            mirrored = change_correlation(subject, index, asked(-azimuth, elevation))
            assert right > mirrored + 0.2


def test_normals_of_a_painted_sphere_are_within_seven_degrees(sphere: Subject) -> None:
    inside = cv2.erode(sphere.scene.mask_pixels, np.ones((3, 3), np.uint8)) > 0
    cosine = (sphere.analysis.normals * sphere.scene.normals).sum(axis=2)[inside]
    assert np.degrees(np.median(np.arccos(np.clip(cosine, -1, 1)))) <= 7


@pytest.mark.parametrize(("light", "sign"), [(1, -1), (2, 1)])
def test_the_side_of_the_existing_light_is_found(light: int, sign: int) -> None:
    scene = synth.sphere()
    analysis = analyze_shape(synth.to_pixels(scene.photos[light]), mask=scene.mask_pixels)
    assert sign * analysis.light_azimuth_deg > 20
    assert analysis.light_confidence > 0.5


@pytest.mark.parametrize(("light", "sign"), [(3, 1), (4, -1)])
def test_the_height_of_the_existing_light_is_found(light: int, sign: int) -> None:
    scene = synth.sphere()
    analysis = analyze_shape(synth.to_pixels(scene.photos[light]), mask=scene.mask_pixels)
    assert sign * analysis.light_elevation_deg > 20


def test_image_left_is_the_viewers_left(sphere: Subject) -> None:
    relit = relight(sphere.photo, sphere.analysis, asked(-60, 0)).rgb.astype(float)
    before = sphere.photo.astype(float)
    half = synth.EDGE_PX // 2
    left = relit[:, :half].mean() / before[:, :half].mean()
    right = relit[:, half:].mean() / before[:, half:].mean()
    assert left > 1.3 * right


def test_overhead_light_brightens_the_upper_half(sphere: Subject) -> None:
    relit = relight(sphere.photo, sphere.analysis, asked(0, 60)).rgb.astype(float)
    before = sphere.photo.astype(float)
    half = synth.EDGE_PX // 2
    assert (
        relit[:half].mean() / before[:half].mean()
        > 1.3 * relit[half:].mean() / before[half:].mean()
    )


def test_a_light_from_behind_draws_the_outline(sphere: Subject) -> None:
    rim = Light(azimuth_deg=150, elevation_deg=0, role="rim")
    relit = relight(sphere.photo, sphere.analysis, Lighting(lights=(rim,), ambient=0.3)).rgb
    row = relit[synth.EDGE_PX // 2].astype(float).mean(axis=1)
    before = sphere.photo[synth.EDGE_PX // 2].astype(float).mean(axis=1)
    inside = np.flatnonzero(sphere.scene.mask[synth.EDGE_PX // 2])
    gain = row / np.maximum(before, 1)
    assert gain[inside[-5:]].mean() > 1.5 * gain[inside[len(inside) // 2]]


def test_more_of_an_old_light_is_taken_out_where_it_came_from_the_side(sphere: Subject) -> None:
    lit = 1
    assert synth.LIGHTS_DEG[lit] == (-60, 0)
    photo = synth.to_pixels(sphere.scene.photos[lit])
    found = analyze_shape(photo, mask=sphere.scene.mask_pixels)
    evened = [
        relight(photo, one, asked(0, 0)).rgb.astype(float)
        for one in (found, replace(found, light_azimuth_deg=0.0))
    ]
    right = np.s_[:, synth.EDGE_PX // 2 + synth.EDGE_PX // 8 :]
    mask = sphere.scene.mask[right]
    assert evened[0][right][mask].mean() > 1.015 * evened[1][right][mask].mean()


def test_grain_does_not_make_the_existing_light_less_sure() -> None:
    """Pores and curls are finer than any shape found here, and say nothing about it."""
    scene = synth.sphere()
    photo = synth.to_pixels(scene.photos[1])
    grain = np.random.default_rng(3).normal(1, 0.35, photo.shape[:2])[..., None]
    grainy = np.clip(photo * np.clip(grain, 0.2, 2), 0, 255).astype(np.uint8)
    smooth, rough = (
        analyze_shape(pixels, mask=scene.mask_pixels).light_confidence for pixels in (photo, grainy)
    )
    assert rough > 0.9 * smooth


def test_a_trace_of_a_second_paint_does_not_smooth_the_shape(
    blobby: Subject, monkeypatch: pytest.MonkeyPatch
) -> None:
    found: list[synth.Image] = []
    for plain in (1.0, 0.99):

        def one_paint(*_: object, plain: float = plain) -> float:
            return plain

        monkeypatch.setattr(modeling, "one_paint", one_paint)
        found.append(analyze_shape(blobby.photo).normals)
    cosine = np.clip((found[0] * found[1]).sum(axis=2), -1, 1)
    assert np.degrees(np.arccos(cosine))[blobby.scene.mask].mean() < 1
