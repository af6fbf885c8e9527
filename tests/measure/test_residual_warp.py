"""A small smooth warp is found and taken out; a change of light alone is none."""

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from mcp_relight.finish.light_only import transfer
from mcp_relight.measure.edges import agreement, edges
from mcp_relight.measure.register import gray
from mcp_relight.measure.residual_warp import find_residual_warp
from tests.engine import synth

from .pairs import Lit, Pixels

EDGE_PX = 384


def larger(photo: Pixels) -> Pixels:
    return np.asarray(
        cv2.resize(photo, (EDGE_PX, EDGE_PX), interpolation=cv2.INTER_CUBIC), np.uint8
    )


def warp_field(most: float) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """A smooth wave that no affine map follows, at most `most` of the frame long, in px."""
    y, x = np.mgrid[0:EDGE_PX, 0:EDGE_PX].astype(np.float32) / EDGE_PX
    wave = 2 * np.pi * 1.4
    return most * EDGE_PX * np.sin(wave * y), most * EDGE_PX * np.cos(wave * x) * 0.7


def warped(photo: Pixels, most: float) -> Pixels:
    across, down = warp_field(most)
    y, x = np.mgrid[0:EDGE_PX, 0:EDGE_PX].astype(np.float32)
    moved = cv2.remap(photo, x + across, y + down, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(moved, np.uint8)


def psnr_db(one: Pixels, other: Pixels) -> float:
    error = float(np.mean((one.astype(np.float64) - other) ** 2))
    return 10 * float(np.log10(255**2 / max(error, 1e-9)))


@pytest.fixture(scope="module")
def painted(scenes: list[Lit]) -> tuple[Pixels, list[Pixels]]:
    """The soft photo and the photos of a scene whose background is painted as well."""
    scene = next(scene for scene in scenes if scene.name == "blobby")
    paint = synth.to_pixels(synth._paint() * 0.4)
    every = [np.where(scene.mask[..., None], one, paint) for one in (scene.soft, *scene.photos)]
    first, *others = [larger(one) for one in every]
    return first, others


def test_a_warp_is_taken_out_to_a_fraction(painted: tuple[Pixels, list[Pixels]]) -> None:
    soft, photos = painted
    reference = edges(gray(soft))
    for photo in (photos[1], photos[6]):
        bent = warped(photo, 0.012)
        found = find_residual_warp(reference, gray(bent))
        assert found is not None
        before, after = (
            agreement(reference, edges(gray(one))) for one in (bent, found.straightened(bent))
        )
        assert after > before + 0.05


def test_a_change_of_light_alone_is_no_warp(painted: tuple[Pixels, list[Pixels]]) -> None:
    soft, photos = painted
    for photo in photos:
        assert find_residual_warp(edges(gray(soft)), gray(photo)) is None


def test_light_comes_over_better_from_a_warped_result_without_its_warp(
    painted: tuple[Pixels, list[Pixels]], monkeypatch: pytest.MonkeyPatch
) -> None:
    soft, photos = painted
    gains_db = []
    for real in (photos[1], photos[2], photos[7]):
        bent = warped(real, 0.008)
        with monkeypatch.context() as without:
            without.setattr("mcp_relight.finish.light_only.find_residual_warp", lambda *_: None)
            affine_only = transfer(soft, bent).rgb
        straightened = transfer(soft, bent).rgb
        assert affine_only is not None
        assert straightened is not None
        gains_db.append(psnr_db(straightened, real) - psnr_db(affine_only, real))
    assert min(gains_db) > 2


def test_a_warp_never_moves_anything_further_than_two_percent(
    painted: tuple[Pixels, list[Pixels]],
) -> None:
    soft, photos = painted
    found = find_residual_warp(edges(gray(soft)), gray(warped(photos[1], 0.03)))
    if found is not None:
        assert float(np.hypot(*found.shift.transpose(2, 0, 1)).max()) <= 0.02 + 1e-6
