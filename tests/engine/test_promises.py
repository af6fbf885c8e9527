"""What the engine promises about every picture: the same bytes, the same pixels where asked."""

import numpy as np
import pytest
from numpy.typing import NDArray

from mcp_relight.domain.lighting import Light, Lighting
from mcp_relight.domain.looks import LOOKS
from mcp_relight.engine.analysis import Analysis
from mcp_relight.engine.pipeline import analyze_shape, relight
from tests.engine import synth
from tests.engine.conftest import Subject
from tests.matrix import some_now

LEFT = Lighting(lights=(Light(azimuth_deg=-60),))


def mean_color(pixels: NDArray[np.uint8], mask: NDArray[np.bool_]) -> NDArray[np.float32]:
    return synth.to_linear(pixels)[mask].mean(axis=0)


@pytest.mark.afresh
def test_two_runs_give_identical_bytes(blobby: Subject) -> None:
    again = analyze_shape(blobby.photo, mask=blobby.scene.mask_pixels)
    assert again.to_bytes() == blobby.analysis.to_bytes()
    first = relight(blobby.photo, blobby.analysis, LEFT).rgb
    assert np.array_equal(first, relight(blobby.photo, again, LEFT).rgb)


@pytest.mark.afresh
def test_a_searched_subject_is_the_same_on_two_runs() -> None:
    photo = synth.to_pixels(synth.sphere().soft_photo)
    assert analyze_shape(photo).to_bytes() == analyze_shape(photo).to_bytes()


def test_a_stored_analysis_gives_the_same_pixels(vase: Subject) -> None:
    stored = Analysis.from_bytes(vase.analysis.to_bytes())
    assert (stored.mode, stored.warnings) == (vase.analysis.mode, vase.analysis.warnings)
    assert stored.light_azimuth_deg == vase.analysis.light_azimuth_deg
    for background in ("relight", "keep"):
        expected = relight(vase.photo, vase.analysis, LEFT, background=background).rgb
        assert np.array_equal(
            relight(vase.photo, stored, LEFT, background=background).rgb, expected
        )


def test_bytes_of_something_else_are_refused() -> None:
    with pytest.raises((ValueError, KeyError, OSError)):
        Analysis.from_bytes(b"not an analysis")


def test_strength_zero_returns_the_original_pixels(vase: Subject) -> None:
    nothing = LEFT.model_copy(update={"strength": 0.0})
    assert np.array_equal(relight(vase.photo, vase.analysis, nothing).rgb, vase.photo)


def test_more_strength_changes_more(vase: Subject) -> None:
    changes = [
        np.abs(relight(vase.photo, vase.analysis, at).rgb.astype(int) - vase.photo).mean()
        for at in (LEFT.model_copy(update={"strength": s}) for s in (0.3, 0.8, 1.5))
    ]
    assert changes == sorted(changes)
    assert changes[0] > 0.5


def test_a_kept_background_is_bit_exact(vase: Subject) -> None:
    photo = vase.photo.copy()
    outside = ~vase.scene.mask
    photo[outside] = np.random.default_rng(1).integers(0, 256, (int(outside.sum()), 3))
    analysis = analyze_shape(photo, mask=vase.scene.mask_pixels)
    relit = relight(photo, analysis, LEFT, background="keep").rgb
    assert np.array_equal(relit[outside], photo[outside])
    assert not np.array_equal(relit[vase.scene.mask], photo[vase.scene.mask])


def test_a_kept_background_is_bit_exact_on_a_large_photo() -> None:
    photo = np.random.default_rng(2).integers(0, 256, (900, 1300, 3)).astype(np.uint8)
    mask = np.zeros((900, 1300), np.uint8)
    mask[211:703, 333:901] = 255
    relit = relight(photo, analyze_shape(photo, mask=mask), LEFT, background="keep").rgb
    assert np.array_equal(relit[mask == 0], photo[mask == 0])


def test_transparent_pixels_are_a_background_too(vase: Subject) -> None:
    analysis = analyze_shape(vase.photo, alpha=vase.scene.mask_pixels)
    assert analysis.mode == "alpha"
    relit = relight(vase.photo, analysis, LEFT, background="keep").rgb
    assert np.array_equal(relit[~vase.scene.mask], vase.photo[~vase.scene.mask])


def test_a_darkened_background_gets_darker_than_a_relit_one(vase: Subject) -> None:
    photo = np.maximum(vase.photo, 90)
    far = vase.analysis.alpha == 0
    relit = relight(photo, vase.analysis, LEFT).rgb[far].mean()
    assert relight(photo, vase.analysis, LEFT, background="darken").rgb[far].mean() < 0.8 * relit


def test_warm_light_turns_the_picture_redder_and_cool_light_bluer(sphere: Subject) -> None:
    warm, cool = (
        mean_color(
            relight(
                sphere.photo,
                sphere.analysis,
                Lighting(lights=(Light(kelvin=kelvin),), ambient_kelvin=kelvin),
            ).rgb,
            sphere.scene.mask,
        )
        for kelvin in (3000, 12000)
    )
    before = mean_color(sphere.photo, sphere.scene.mask)
    assert warm[0] / warm[2] > 1.3 * before[0] / before[2]
    assert cool[0] / cool[2] < 0.9 * before[0] / before[2]


def test_two_colored_lights_tint_their_own_side(sphere: Subject) -> None:
    lights = (Light(azimuth_deg=-75, color="#FF2020"), Light(azimuth_deg=75, color="#2040FF"))
    relit = synth.to_linear(
        relight(sphere.photo, sphere.analysis, Lighting(lights=lights, ambient=0.1)).rgb
    )
    half, mask = synth.EDGE_PX // 2, sphere.scene.mask
    left, right = relit[:, :half][mask[:, :half]].mean(0), relit[:, half:][mask[:, half:]].mean(0)
    assert left[0] / left[2] > 2 * right[0] / right[2]


def test_mean_exposure_stays_at_intensity_one(vase: Subject) -> None:
    relit = relight(vase.photo, vase.analysis, LEFT).rgb
    before = mean_color(vase.photo, vase.scene.mask).mean()
    assert mean_color(relit, vase.scene.mask).mean() == pytest.approx(before, rel=0.2)


@pytest.mark.parametrize("change", [{"intensity": 2.0}, {"exposure_ev": 1.0}])
def test_more_intensity_or_exposure_is_brighter(vase: Subject, change: dict[str, float]) -> None:
    photo = vase.photo // 2
    analysis = analyze_shape(photo, mask=vase.scene.mask_pixels)
    of_light = {name: value for name, value in change.items() if name == "intensity"}
    of_all = {name: value for name, value in change.items() if name != "intensity"}
    brighter = Lighting(lights=(Light(azimuth_deg=-60, **of_light),), **of_all)
    usual = mean_color(relight(photo, analysis, LEFT).rgb, vase.scene.mask).mean()
    assert mean_color(relight(photo, analysis, brighter).rgb, vase.scene.mask).mean() > 1.3 * usual


def test_harder_removal_flattens_the_old_light_more(sphere: Subject) -> None:
    scene = sphere.scene
    photo = synth.to_pixels(scene.photos[1])
    analysis = analyze_shape(photo, mask=scene.mask_pixels)
    half, mask = synth.EDGE_PX // 2, scene.mask
    even = Lighting(ambient=1)
    balance: list[float] = []
    for remove in (0.0, 0.5, 1.0):
        relit = synth.to_linear(relight(photo, analysis, even, remove_existing=remove).rgb)
        left, right = relit[:, :half][mask[:, :half]], relit[:, half:][mask[:, half:]]
        balance.append(float(left.mean() / right.mean()))
    assert balance[0] > balance[1] > balance[2]
    assert balance[0] > 1.5 * balance[2]


def test_shadows_can_be_switched_off(vase: Subject) -> None:
    low = Lighting(lights=(Light(azimuth_deg=-75, elevation_deg=5, softness=0),))
    hard = relight(vase.photo, vase.analysis, low, shadow_strength=1.0).rgb
    none = relight(vase.photo, vase.analysis, low, shadow_strength=0.0).rgb
    assert not np.array_equal(hard, none)


def test_nothing_casts_a_shadow_where_no_subject_was_found(
    clutter: NDArray[np.uint8], clutter_analysis: Analysis
) -> None:
    low = Lighting(lights=(Light(azimuth_deg=-75, elevation_deg=5, softness=0),))
    hard = relight(clutter, clutter_analysis, low, shadow_strength=1.0).rgb
    none = relight(clutter, clutter_analysis, low, shadow_strength=0.0).rgb
    assert np.array_equal(hard, none)


@pytest.mark.parametrize("look", some_now(sorted(LOOKS), 6))
def test_every_look_renders_without_artifact(look: str, vase: Subject) -> None:
    relit = relight(vase.photo, vase.analysis, LOOKS[look].lighting).rgb[vase.scene.mask]
    assert 8 < relit.mean() < 235
    assert (relit.min(axis=1) == 255).mean() < 0.02
    assert (relit.max(axis=1) == 0).mean() < 0.1
    assert relit.std() > 5


@pytest.mark.parametrize("look", some_now(sorted(LOOKS, reverse=True), 6))
def test_every_look_renders_on_a_frame_without_a_subject(
    look: str, clutter: NDArray[np.uint8], clutter_analysis: Analysis
) -> None:
    relit = relight(clutter, clutter_analysis, LOOKS[look].lighting).rgb
    assert 8 < relit.mean() < 235
    assert (relit.min(axis=2) == 255).mean() < 0.05


def test_a_candle_turns_no_shadow_green(sphere: Subject) -> None:
    gray = np.repeat(synth.to_pixels(sphere.scene.photos[7])[..., 1:2], 3, axis=2)
    analysis = analyze_shape(gray, mask=sphere.scene.mask_pixels)
    relit = relight(gray, analysis, LOOKS["candlelight"].lighting).rgb.astype(int)
    assert (relit[..., 0] >= relit[..., 1]).all()
    assert (relit[..., 1] >= relit[..., 2]).all()
