"""What shapes are solved with: a membrane, a descent, and filled outlines."""

import numpy as np

from mcp_relight.engine.descent import descend
from mcp_relight.engine.grid import filled
from mcp_relight.engine.membrane import stretched


def test_a_loaded_disc_becomes_a_paraboloid() -> None:
    y, x = np.mgrid[0:120, 0:160].astype(np.float64)
    squared = (x - 80) ** 2 + (y - 60) ** 2
    height = stretched(1e-6, 4.0, squared < 50**2)
    assert np.abs(height - np.maximum(50**2 - squared, 0)).max() < 0.04 * 50**2
    assert not height[squared >= 50**2].any()


def test_a_membrane_goes_on_level_at_the_frame() -> None:
    inside = np.ones((60, 80), np.bool_)
    inside[:, :1] = False
    height = stretched(1e-9, 1.0, inside)
    assert np.allclose(height, height[:1], rtol=1e-3)
    # Held on the left, free on the right: h'' = -1, h(0) = 0, and no slope at the far side.
    places = np.arange(80)
    assert np.allclose(height[0], places * (79.5 - places / 2), rtol=1e-3)


def test_descent_finds_the_bottom_of_a_narrow_valley() -> None:
    def valley(place: np.ndarray) -> tuple[float, np.ndarray]:
        x, y = place.astype(np.float64)
        cost = (1 - x) ** 2 + 100 * (y - x * x) ** 2
        by_x = -2 * (1 - x) - 400 * x * (y - x * x)
        return cost, np.array([by_x, 200 * (y - x * x)], np.float32)

    start = np.array([-1.2, 1.0], np.float32)
    assert np.allclose(descend(valley, start, 100), [1, 1], atol=1e-2)
    costs = [valley(descend(valley, start, steps))[0] for steps in range(0, 30, 3)]
    assert costs == sorted(costs, reverse=True)


def test_only_what_is_closed_off_by_sides_is_filled() -> None:
    ring = np.zeros((5, 5), np.bool_)
    ring[1:4, 1:4] = True
    ring[2, 2] = False
    assert filled(ring).sum() == 9
    ring[1, 1] = False  # a way out over the corner alone is none
    assert filled(ring).sum() == 8
    ring[1, 2] = False
    assert (filled(ring) == ring).all()
