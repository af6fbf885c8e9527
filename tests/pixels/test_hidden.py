"""Colors under full transparency are kept, but neither seen nor measured nor sent."""

import io

import numpy as np
import pytest
from hypothesis import given, settings, strategies
from numpy.typing import NDArray
from PIL import Image

from mcp_relight.domain.image import RenderTask
from mcp_relight.domain.lighting import Lighting
from mcp_relight.domain.looks import LOOKS
from mcp_relight.pixels import decoding, tasks
from mcp_relight.pixels.hidden import continued
from mcp_relight.pixels.photo import read_photo

from .pictures import array, encoded, wide_profile

GOLDEN: Lighting = LOOKS["golden_hour"].lighting
BLACK, WHITE = 0, 255


def cut_out(under: int | NDArray[np.uint8], size: int = 160) -> bytes:
    """A shaded ball with a soft edge; where nothing is to be seen one color, or many (N, 3)."""
    y, x = np.mgrid[0:size, 0:size] / size
    alpha = np.clip((0.37 - np.hypot(x - 0.5, y - 0.5)) * 50 + 0.5, 0, 1)
    shade = np.clip(1 - np.hypot(x - 0.4, y - 0.37) / 0.73, 0, 1)
    rgb = np.stack([200 * shade + 30, 90 * shade + 20, 60 * shade + 15], axis=-1)
    hidden = alpha == 0
    rgb[hidden] = under if isinstance(under, int) else np.resize(under, (int(hidden.sum()), 3))
    rgba = np.dstack([rgb, alpha * 255]).round().astype(np.uint8)
    return encoded(Image.fromarray(rgba), "PNG")


def visible(data: bytes) -> NDArray[np.uint8]:
    rgba = array(data, "RGBA")
    return rgba[rgba[..., 3] > 0]


def test_a_cut_out_is_relit_alike_whatever_is_hidden_around_it() -> None:
    black, white = (
        tasks.render(RenderTask(image=cut_out(under), lighting=GOLDEN)).picture.data
        for under in (BLACK, WHITE)
    )
    assert (visible(black) == visible(white)).all()
    assert not (visible(black) == visible(cut_out(BLACK))).all(), "nothing was relit"


@pytest.mark.long
@settings(max_examples=200, deadline=None)
@given(
    under=strategies.binary(min_size=3, max_size=600),
    look=strategies.sampled_from(sorted(LOOKS)),
    size=strategies.integers(16, 90),
)
def test_any_bytes_hidden_around_a_cut_out_give_the_same(
    under: bytes, look: str, size: int
) -> None:
    colors = np.frombuffer(under[: len(under) // 3 * 3], np.uint8).reshape(-1, 3)
    plain, busy = (
        tasks.render(RenderTask(image=cut_out(hidden, size), lighting=LOOKS[look].lighting))
        for hidden in (BLACK, colors)
    )
    assert (visible(plain.picture.data) == visible(busy.picture.data)).all()
    assert plain.warnings == busy.warnings
    transparency = array(cut_out(BLACK, size))[..., 3]
    assert (array(busy.picture.data)[..., 3] == transparency).all()


def test_hidden_colors_come_back_bit_by_bit() -> None:
    before = cut_out(77)
    result = tasks.render(RenderTask(image=before, lighting=GOLDEN)).picture.data
    hidden = array(before)[..., 3] == 0
    assert (array(result)[hidden] == array(before)[hidden]).all()


def test_a_preview_has_no_fringe_of_what_is_hidden() -> None:
    black, white = (read_photo(cut_out(under), max_edge_px=50) for under in (BLACK, WHITE))
    assert (black.rgb == white.rgb).all()
    assert black.alpha is not None


def test_the_report_and_the_analysis_are_those_of_what_is_seen() -> None:
    relit = tasks.render(RenderTask(image=cut_out(BLACK), lighting=GOLDEN)).picture.data
    reports = [
        tasks.report(cut_out(under), relit, GOLDEN, None, None, None, None)
        for under in (BLACK, WHITE)
    ]
    assert reports[0] == reports[1]
    assert tasks.analyze(cut_out(BLACK), None) == tasks.analyze(cut_out(WHITE), None)


def test_light_is_transferred_alike() -> None:
    relit = tasks.render(RenderTask(image=cut_out(BLACK), lighting=GOLDEN)).picture.data
    (black, _), (white, _) = (tasks.transfer(cut_out(under), relit) for under in (BLACK, WHITE))
    assert black is not None
    assert white is not None
    assert (visible(black.data) == visible(white.data)).all()


@pytest.mark.parametrize("mime_type", ["image/png", "image/webp", "image/jpeg"])
def test_what_leaves_the_machine_holds_nothing_hidden(mime_type: str) -> None:
    black, white = (decoding.reencode(cut_out(under), None, mime_type) for under in (BLACK, WHITE))
    assert black.data == white.data


def test_wide_colors_and_hidden_ones_at_once() -> None:
    image = Image.open(io.BytesIO(cut_out(200)))
    data = encoded(image, "PNG", icc_profile=wide_profile())
    nothing = GOLDEN.model_copy(update={"strength": 0})
    result = tasks.render(RenderTask(image=data, lighting=nothing)).picture.data
    assert (array(result) == array(data)).all()


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (700, 3), (513, 1031)])
def test_any_shape_is_continued_and_what_is_seen_stays(shape: tuple[int, int]) -> None:
    dice = np.random.default_rng(1)
    rgb = dice.integers(0, 256, (*shape, 3), np.uint8)
    alpha = dice.integers(0, 2, shape, np.uint8) * np.uint8(255)
    result = continued(rgb, alpha)
    assert (result[alpha > 0] == rgb[alpha > 0]).all()
    nothing = continued(rgb, np.zeros(shape, np.uint8))
    assert nothing.std() == 0, "nothing seen, nothing told"
