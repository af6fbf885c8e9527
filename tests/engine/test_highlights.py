"""What was blown and gets darker keeps the color of the skin around it: no gray patch."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

import mcp_relight.cli
from mcp_relight.domain.looks import LOOKS
from mcp_relight.engine.pipeline import analyze_shape, relight
from tests.matrix import some_now

SAMPLE = Path(mcp_relight.cli.__file__).parent / "samples" / "astronaut.jpg"
FOREHEAD, CHEEK = (slice(62, 78), slice(212, 240)), (slice(120, 132), slice(192, 202))
"""Above the brows, where the mesh of a face ends, and on the lit side, where nothing is blown."""

Photo = NDArray[np.uint8]


@pytest.fixture(scope="module")
def blown() -> Photo:
    photo = np.asarray(cv2.cvtColor(cv2.imread(str(SAMPLE)), cv2.COLOR_BGR2RGB), np.float32)
    spot = np.zeros(photo.shape[:2], np.float32)
    spot[FOREHEAD] = 1
    spot = cv2.GaussianBlur(spot, (0, 0), 4)[..., None]
    return np.minimum(photo + 300 * spot, 255).astype(np.uint8)


def redness(photo: Photo, where: tuple[slice, slice]) -> float:
    red, _, blue = photo[where].reshape(-1, 3).astype(np.float64).mean(axis=0)
    return float(red / blue)


@pytest.mark.parametrize("look", some_now(["split", "low_key", "rim_light"]))
def test_a_blown_forehead_darkens_to_skin(blown: Photo, look: str) -> None:
    assert redness(blown, FOREHEAD) < 1.05
    made = relight(blown, analyze_shape(blown), LOOKS[look].lighting).rgb
    assert made[FOREHEAD].mean() < 230
    usual = redness(made, CHEEK) / redness(blown, CHEEK)
    assert redness(made, FOREHEAD) > 1.15 * usual


def test_what_was_blown_stays_brighter_than_white_paint_would(blown: Photo) -> None:
    """A lamp in the picture is brighter than the 255 it was given."""
    lamp, paper = blown.copy(), blown.copy()
    lamp[20:60, 440:480], paper[20:60, 440:480] = 255, 225
    inside = slice(30, 50), slice(450, 470)
    dark = LOOKS["low_key"].lighting
    levels = [relight(one, analyze_shape(one), dark).rgb[inside].mean() for one in (lamp, paper)]
    assert levels[0] / levels[1] > 1.1 * 255 / 225


@pytest.mark.parametrize("look", some_now(["low_key", "rim_light"]))
def test_a_white_wall_beside_a_face_is_no_highlight_on_skin(look: str) -> None:
    photo = np.asarray(cv2.cvtColor(cv2.imread(str(SAMPLE)), cv2.COLOR_BGR2RGB), np.uint8)
    own = cv2.resize(analyze_shape(photo).alpha.astype(np.float32), photo.shape[1::-1])[..., None]
    photo = (photo * own + 255 * (1 - own)).astype(np.uint8)
    everything = np.full(photo.shape[:2], 255, np.uint8)  # so the wall is a part of the subject
    made = relight(photo, analyze_shape(photo, mask=everything), LOOKS[look].lighting).rgb
    beside, far = (slice(95, 125), slice(140, 153)), (slice(95, 125), slice(100, 115))
    assert photo[beside].min() == photo[far].min() == 255
    assert made[beside].mean() < 230
    assert redness(made, beside) < 1.02 * redness(made, far)


def test_a_bright_surface_keeps_its_drawing_in_light_of_one_color() -> None:
    """Pink light fills the red of a pale wall, and its grain with it."""
    grain = cv2.GaussianBlur(np.random.default_rng(1).normal(0, 48, (200, 300)), (0, 0), 1.5)
    wall = np.clip(200 + np.asarray(grain), 0, 255).astype(np.uint8)[..., None].repeat(3, axis=2)
    wall[..., 2] -= 25  # not black and white, or no look would color it
    red = relight(wall, analyze_shape(wall), LOOKS["neon"].lighting).rgb[:, :60, 0]
    assert red.mean() > 225
    assert red.std() > wall[:, :60, 0].std()


def test_a_blown_orange_does_not_turn_green_in_the_shade() -> None:
    photo = np.full((200, 300, 3), (120, 118, 110), np.uint8)
    mask = np.zeros((200, 300), np.uint8)
    cv2.circle(mask, (150, 100), 70, 255, -1)
    photo[mask > 0] = (255, 205, 30)
    made = relight(photo, analyze_shape(photo, mask=mask), LOOKS["golden_hour"].lighting).rgb
    red, green, _ = made[80:120, 190:205].reshape(-1, 3).astype(float).mean(axis=0)
    assert red + green < 0.95 * (255 + 205), "it is not in the shade"
    assert red / green > 1.1 * 255 / 205
