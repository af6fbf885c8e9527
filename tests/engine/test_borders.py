"""Light ends where the photo has an edge, and nowhere else: no seams, halos or smoky stains."""

import cv2
import numpy as np
from numpy.typing import NDArray

from mcp_relight.domain.looks import LOOKS
from mcp_relight.engine.matting import at_edges
from mcp_relight.engine.pipeline import analyze_shape, relight

Pixels = NDArray[np.uint8]
ROWS, COLUMNS = 300, 400
DOWN, ACROSS = np.mgrid[0:ROWS, 0:COLUMNS].astype(np.float32)


def noisy(picture: NDArray[np.float32]) -> Pixels:
    noise = np.random.default_rng(3).normal(0, 1.5, picture.shape)
    return np.clip(picture + noise, 0, 255).astype(np.uint8)


def painted(where: NDArray[np.bool_], color: tuple[int, ...], other: tuple[int, ...]) -> Pixels:
    soft = cv2.GaussianBlur(where.astype(np.float32), (0, 0), 0.7)[..., None]
    picture = soft * np.array(color, np.float32) + (1 - soft) * np.array(other, np.float32)
    return noisy(picture.astype(np.float32))


def lit(rgb: Pixels, look: str, alpha: Pixels | None = None) -> NDArray[np.float32]:
    """Lightness 0..255 under a look."""
    analysis = analyze_shape(rgb, alpha=alpha)
    relit = relight(rgb, analysis, LOOKS[look].lighting).rgb
    return cv2.cvtColor(relit, cv2.COLOR_RGB2GRAY).astype(np.float32)


DISC = np.hypot(ACROSS - 200, DOWN - 150) < 80
DISC_ALPHA = np.where(DISC, 255, 0).astype(np.uint8)


def test_a_flat_white_disc_is_not_cut_in_two_by_light_from_the_side() -> None:
    row = lit(painted(DISC, (238, 239, 236), (130, 105, 80)), "split", DISC_ALPHA)
    along = cv2.GaussianBlur(row, (0, 0), 2)[150, 130:270]
    span = float(along.max() - along.min())
    assert span > 40, "the light does not come from the side"
    over_a_tenth = np.abs(along[16:] - along[:-16])
    assert over_a_tenth.max() < 0.45 * span


def test_a_rim_does_not_glow_on_the_ground() -> None:
    rgb = painted(DISC, (190, 60, 50), (150, 150, 140))
    analysis = analyze_shape(rgb, mask=DISC_ALPHA)
    gray = cv2.cvtColor(relight(rgb, analysis, LOOKS["rim_light"].lighting).rgb, cv2.COLOR_RGB2GRAY)
    away = np.hypot(ACROSS - 200, DOWN - 150)
    beside = float(gray[(away > 84) & (away < 92)].mean())
    farther = float(gray[(away > 105) & (away < 115)].mean())
    inside = float(gray[(away > 74) & (away < 79)].mean())
    middle = float(gray[away < 40].mean())
    assert beside < farther + 6
    assert inside > middle + 25, "there is no rim"


def test_no_halo_lies_between_a_roof_and_the_sky() -> None:
    roof = 110 + 0.5 * np.abs(ACROSS - 190) < DOWN
    for look in ("split", "rembrandt", "low_key"):
        gray = lit(painted(roof, (118, 76, 56), (226, 231, 238)), look)
        height = (DOWN - 110 - 0.5 * np.abs(ACROSS - 190))[:, 120:280]
        sky = gray[:, 120:280]
        beside, farther, far = (
            float(sky[(height > -high) & (height < -low)].mean())
            for low, high in ((3, 9), (28, 36), (53, 63))
        )
        # Where the light turns to shade the sky has a slope; a halo departs from it.
        assert abs(beside - (2 * farther - far)) < 9, look


def test_stripes_and_windows_are_paint() -> None:
    body = ((ACROSS - 200) / 165) ** 2 + ((DOWN - 150) / 85) ** 2 < 1
    stripes = np.sin(ACROSS / 9 + 2 * np.sin(DOWN / 25)) > 0.4
    rgb = painted(stripes, (36, 28, 24), (206, 142, 70))
    analysis = analyze_shape(rgb, alpha=np.where(body, 255, 0).astype(np.uint8))
    middle = cv2.resize(body.astype(np.float32), analysis.alpha.shape[::-1]) > 0.99
    middle = cv2.erode(middle.astype(np.uint8), np.ones((41, 41), np.uint8)) > 0
    fine = analysis.normals - cv2.GaussianBlur(analysis.normals, (0, 0), 10)
    assert float(np.abs(fine[..., 0])[middle].mean()) < 0.06


def test_a_soft_outline_moves_to_the_edge_of_the_photo() -> None:
    rgb = painted(DISC, (60, 110, 60), (235, 235, 240))
    loose = (np.hypot(ACROSS - 200, DOWN - 150) < 84).astype(np.float32)
    found = at_edges(loose, rgb, 6)
    assert float(np.abs(found - DISC).mean()) < 0.25 * float(np.abs(loose - DISC).mean())


def test_an_outline_the_photo_does_not_show_stays() -> None:
    rgb = painted(DISC, (120, 120, 120), (121, 120, 120))
    loose = DISC.astype(np.float32)
    assert np.array_equal(at_edges(loose, rgb, 6), loose)


def test_what_lies_beside_an_outline_in_other_colors_is_no_part_of_it() -> None:
    rgb = painted(DISC, (60, 110, 60), (235, 235, 240))
    noise = np.random.default_rng(4).normal(size=DISC.shape).astype(np.float32)
    rgb[(cv2.GaussianBlur(noise, (0, 0), 2) > 0.12) & ~DISC] = (200, 40, 40)
    found = at_edges(cv2.GaussianBlur(DISC.astype(np.float32), (0, 0), 2), rgb, 6)
    assert not ((found > 0.5) != DISC).any()


def test_a_cut_out_ends_where_it_was_cut_and_not_where_its_colors_change() -> None:
    stripes = (ACROSS + DOWN) % 24 < 12
    rgb = painted(stripes, (40, 40, 45), (210, 205, 200))
    found = analyze_shape(rgb, alpha=DISC_ALPHA).alpha
    assert float(np.abs(found - DISC).max()) < 0.01
