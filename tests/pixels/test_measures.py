"""The measures through the child: values come back whole."""

import numpy as np
import pytest
from PIL import Image

from mcp_relight.domain.image import RenderTask
from mcp_relight.domain.lighting import Light, Lighting
from mcp_relight.pixels.client import PixelChild

from .pictures import encoded, photo

pytestmark = pytest.mark.anyio

WARM_LEFT = Lighting(lights=(Light(azimuth_deg=-60, kelvin=3000),))


def ball(light_from_left: bool) -> Image.Image:
    """A grey ball before a dark wall, lit from one side."""
    y, x = (np.mgrid[0:160, 0:200] - np.array([80, 100]).reshape(2, 1, 1)) / 60.0
    z = np.sqrt(np.clip(1 - x * x - y * y, 0, 1))
    side = -x if light_from_left else x
    shade = np.clip(0.15 + 0.8 * (0.8 * side + 0.6 * z), 0.02, 1)
    level = np.where(x * x + y * y < 1, 200 * shade, 30)
    return Image.fromarray(level.astype(np.uint8)).convert("RGB")


async def test_the_light_of_a_photo_is_measured(pixels: PixelChild) -> None:
    left = await pixels.analyze(encoded(ball(light_from_left=True), "PNG"))
    right = await pixels.analyze(encoded(ball(light_from_left=False), "PNG"))
    assert (left.azimuth_deg or 0) < 0 < (right.azimuth_deg or 0)
    assert left.sentence


async def test_a_mask_says_what_is_measured(pixels: PixelChild) -> None:
    both = Image.new("RGB", (400, 160))
    both.paste(ball(light_from_left=True), (0, 0))
    both.paste(ball(light_from_left=False), (200, 0))
    mask = Image.new("L", both.size)
    mask.paste(255, (245, 25, 355, 135))
    light = await pixels.analyze(encoded(both, "PNG"), mask=encoded(mask, "PNG"))
    assert (light.azimuth_deg or 0) > 0


async def test_a_result_is_measured_against_its_request(pixels: PixelChild) -> None:
    original = encoded(ball(light_from_left=False), "PNG")
    rendered = await pixels.render(RenderTask(image=original, lighting=WARM_LEFT))
    final = rendered.picture.data
    report = await pixels.report(original, final, WARM_LEFT)
    assert report.verdict != "changed content"
    other = encoded(photo(200, 160), "PNG")
    replaced = await pixels.report(original, final, WARM_LEFT, returned=other)
    assert replaced.verdict == "changed content"


async def test_the_mask_says_what_the_subject_of_the_stops_is(pixels: PixelChild) -> None:
    before, after = Image.new("RGB", (160, 120), (90, 90, 90)), Image.new("RGB", (160, 120))
    after.paste((124, 124, 124), (0, 0, 80, 120))
    after.paste((64, 64, 64), (80, 0, 160, 120))
    mask = Image.new("L", before.size)
    mask.paste(255, (0, 0, 80, 120))
    pictures = encoded(before, "PNG"), encoded(after, "PNG")
    report = await pixels.report(*pictures, WARM_LEFT, mask=encoded(mask, "PNG"))
    assert report.stops.background is not None
    assert report.stops.subject > 0 > report.stops.background
