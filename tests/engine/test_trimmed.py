"""Cut-outs that were trimmed to their outline are as round as others."""

import cv2
import numpy as np
from numpy.typing import NDArray

from mcp_relight.engine.pipeline import analyze_shape
from mcp_relight.engine.rim import Rim
from mcp_relight.engine.trimmed import framed


def ball(margin_px: int) -> NDArray[np.uint8]:
    size = 240 + 2 * margin_px
    alpha = np.zeros((size, size), np.uint8)
    cv2.circle(alpha, (size // 2, size // 2), 120, 255, -1)
    return alpha


def right_edge(margin_px: int) -> NDArray[np.float32]:
    """The normal of a ball at its right."""
    alpha = ball(margin_px)
    found = analyze_shape(np.full((*alpha.shape, 3), (150, 110, 80), np.uint8), alpha=alpha)
    scale = found.alpha.shape[0] / alpha.shape[0]
    return found.normals[int(alpha.shape[0] // 2 * scale), int((margin_px + 236) * scale)]


def test_a_ball_that_touches_its_frame_is_round_up_to_it() -> None:
    trimmed, loose = (right_edge(margin_px) for margin_px in (0, 60))
    assert trimmed[0] > 0.8
    assert trimmed @ loose > 0.97


def test_what_the_frame_cuts_off_goes_on_beyond_it() -> None:
    bust = np.zeros((200, 200), np.float32)
    cv2.circle(bust, (100, 70), 50, 1, -1)
    bust[110:, 30:170] = 1
    wide, (rows, columns) = framed(bust)
    assert (wide[rows, columns] == bust).all()
    assert wide[-1, 100] == 1
    assert wide[:, 0].max() == 0


def test_light_from_behind_draws_the_outline_where_the_frame_touches_it() -> None:
    alpha = (ball(0) / 255).astype(np.float32)
    rim = Rim(alpha, np.ones_like(alpha), is_cut_out=True)
    from_the_right = rim.of(np.array([0.6, 0, -0.8], np.float32))
    assert from_the_right[115:125, 235:].max() > 0.5
