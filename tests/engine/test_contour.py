"""An outline counts only where the picture has an edge."""

import numpy as np

from mcp_relight.engine.contour import contour_gaps


def test_the_gap_is_the_difference_of_color_where_there_is_an_edge_and_nothing_elsewhere() -> None:
    lab = np.full((80, 80, 3), 100, np.float32)
    lab[20:60, 20:40] = (160, 100, 100)
    half_on_the_edge = np.zeros((80, 80), np.bool_)
    half_on_the_edge[20:60, 20:60] = True  # its right half lies in plain ground
    gaps = contour_gaps(lab, half_on_the_edge)
    assert gaps.max() > 40
    assert 0.3 < (gaps > 6).mean() < 0.7
