"""An outline counts only where the picture has an edge."""

import numpy as np

from mcp_relight.engine.contour import colors_shared, contour_gaps


def test_the_gap_is_the_difference_of_color_where_there_is_an_edge_and_nothing_elsewhere() -> None:
    lab = np.full((80, 80, 3), 100, np.float32)
    lab[20:60, 20:40] = (160, 100, 100)
    half_on_the_edge = np.zeros((80, 80), np.bool_)
    half_on_the_edge[20:60, 20:60] = True  # its right half lies in plain ground
    gaps = contour_gaps(lab, half_on_the_edge)
    assert gaps.max() > 40
    assert 0.3 < (gaps > 6).mean() < 0.7


def test_a_fence_shares_its_colors_with_the_street_behind_it() -> None:
    street = np.random.default_rng(4).integers(90, 130, (120, 120, 3)).astype(np.uint8)
    fence, ball = street.copy(), street.copy()
    fence[30:90:16, 30:90] = (220, 180, 20)
    ball[30:90, 30:90] = (220, 180, 20)
    cut_out = np.zeros((120, 120), np.float32)
    cut_out[30:90, 30:90] = 1
    assert colors_shared(fence, cut_out) > 0.6
    assert colors_shared(ball, cut_out) < 0.05


def test_without_surroundings_no_color_is_shared() -> None:
    photo = np.full((60, 60, 3), 128, np.uint8)
    assert colors_shared(photo, np.ones((60, 60), np.float32)) == 0
