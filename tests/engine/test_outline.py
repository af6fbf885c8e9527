"""Round a subject that was found or cut out: no glow on the ground, no body beside a lying head."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

import mcp_relight.cli
from mcp_relight.domain.looks import LOOKS
from mcp_relight.engine import people
from mcp_relight.engine.color import LUMINANCE, decode
from mcp_relight.engine.pipeline import analyze_shape, relight

SAMPLE = Path(mcp_relight.cli.__file__).parent / "samples" / "astronaut.jpg"
EDGE_PX, RADIUS_PX = 300, 80


@pytest.fixture(scope="module")
def cut_out() -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """A ball before an even ground, and its coverage with an edge as soft as that of hair."""
    y, x = np.mgrid[0:EDGE_PX, 0:EDGE_PX] - EDGE_PX / 2
    away = np.hypot(x, y)
    photo = np.full((EDGE_PX, EDGE_PX, 3), 150, np.uint8)
    photo[away < RADIUS_PX] = (120, 80, 60)
    coverage = np.clip(0.5 + (RADIUS_PX - away) / 8, 0, 1)
    return photo, (255 * coverage).astype(np.uint8)


@pytest.mark.parametrize("look", ["rim_light", "split", "low_key"])
def test_the_ground_beside_an_outline_does_not_glow(
    cut_out: tuple[NDArray[np.uint8], NDArray[np.uint8]], look: str
) -> None:
    photo, coverage = cut_out
    made = relight(photo, analyze_shape(photo, alpha=coverage), LOOKS[look].lighting).rgb
    gain = (decode(made) @ LUMINANCE) / (decode(photo) @ LUMINANCE)
    y, x = np.mgrid[0:EDGE_PX, 0:EDGE_PX] - EDGE_PX / 2
    away = np.hypot(x, y) - RADIUS_PX
    for sector in range(12):
        here = np.floor((np.arctan2(y, x) + np.pi) / np.pi * 6) == sector
        beside, beyond = (here & (away > near) & (away < far) for near, far in ((3, 6), (14, 20)))
        assert gain[beside].mean() < 1.15 * gain[beyond].mean() + 0.02, sector


def test_no_body_is_looked_for_beside_a_lying_head() -> None:
    sample = np.asarray(cv2.cvtColor(cv2.imread(str(SAMPLE)), cv2.COLOR_BGR2RGB), np.uint8)
    lying = np.ascontiguousarray(np.rot90(sample))
    for photo, upright in ((sample, 1), (lying, 0)):
        found, _ = people.find(photo, (448, 448))
        assert len(found.meshes) == 1
        assert len(found.upright) == upright
