"""The relief between colour edges, where no subject was found."""

import numpy as np

from mcp_relight.engine.inflate import soft_edges


def sky_with_a_tower() -> np.ndarray:
    """A gradient with some grain, and a bright tower in its middle."""
    rows = np.linspace(60, 120, 300)[:, None, None]
    grain = np.random.default_rng(4).normal(0, 1.5, (300, 400, 3))
    picture = np.array([0.6, 0.8, 1.2]) * rows + grain
    picture[80:, 190:210] = 230
    return picture.clip(0, 255).astype(np.uint8)


def test_a_plain_sky_lies_flat_beside_what_stands_before_it() -> None:
    normals, height = soft_edges(sky_with_a_tower())
    sky = np.ones((300, 400), np.bool_)
    sky[50:, 150:250] = False
    assert float(normals[sky][:, 2].min()) > 0.97
    assert float(height[sky].max()) < 0.25 * float(height.max())


def test_what_has_detail_rises() -> None:
    normals, height = soft_edges(sky_with_a_tower())
    assert float(np.abs(normals[150, 170:230, 0]).max()) > 0.3
    assert float(height[150, 200]) > 0.25 * float(height.max())
