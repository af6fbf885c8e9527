"""Colour profiles: kept in results, applied for the maths and for what leaves the machine."""

import io

import numpy as np
import pytest
from PIL import Image, ImageCms

from mcp_relight.domain.image import RenderTask
from mcp_relight.domain.lighting import Light, Lighting
from mcp_relight.pixels.client import PixelChild
from tests.matrix import some_now

from .pictures import array, encoded, opened, photo, srgb_profile, wide_profile

pytestmark = pytest.mark.anyio

WARM_LEFT = Lighting(lights=(Light(azimuth_deg=-60, kelvin=3000),))
NO_CHANGE = Lighting(lights=(Light(),), strength=0)


@pytest.mark.parametrize("format", some_now(["JPEG", "PNG", "WEBP", "AVIF"]))
@pytest.mark.parametrize("profile", [srgb_profile(), wide_profile()], ids=["srgb", "wide"])
async def test_the_profile_goes_through_intake_and_rendering(
    pixels: PixelChild, shape: bytes, format: str, profile: bytes
) -> None:
    found = await pixels.inspect(encoded(photo(), format, icc_profile=profile))
    assert opened(found.data).info["icc_profile"] == profile
    task = RenderTask(image=found.data, lighting=WARM_LEFT, analysis=shape)
    result = await pixels.render(task)
    assert opened(result.picture.data).info["icc_profile"] == profile


async def test_wide_colors_are_brought_to_srgb_where_the_profile_is_dropped(
    pixels: PixelChild,
) -> None:
    muted_green = Image.new("RGB", (32, 32), (100, 160, 100))
    tagged = encoded(muted_green, "PNG", icc_profile=wide_profile())
    shown = await pixels.reencode(tagged, max_edge_px=None, mime_type="image/png")
    assert "icc_profile" not in opened(shown.data).info
    red, green, blue = array(shown.data)[0, 0].astype(int)
    # The same colour has less red and blue in sRGB's smaller triangle.
    assert red < 92
    assert 158 <= green <= 166
    assert blue < 98
    plain = encoded(muted_green, "PNG", icc_profile=srgb_profile())
    same = await pixels.reencode(plain, max_edge_px=None, mime_type="image/png")
    assert array(same.data)[0, 0].tolist() == [100, 160, 100]


async def test_pixels_that_stay_are_bit_exact_even_outside_srgb(pixels: PixelChild) -> None:
    most_green = Image.new("RGB", (64, 48), (0, 255, 0))
    most_green.paste(photo(32, 48), (0, 0))
    data = encoded(most_green, "PNG", icc_profile=wide_profile())
    result = await pixels.render(RenderTask(image=data, lighting=NO_CHANGE))
    assert (array(result.picture.data) == array(data)).all()


async def test_relit_wide_colors_are_in_their_own_profile_again(pixels: PixelChild) -> None:
    """The same scene, written in two profiles, looks the same after the same light."""
    scene = photo(96, 72)
    plain = encoded(scene, "PNG")
    wide = encoded(as_wide(scene), "PNG", icc_profile=wide_profile())
    results = [
        await pixels.render(RenderTask(image=image, lighting=WARM_LEFT)) for image in (plain, wide)
    ]
    shown = [
        array((await pixels.reencode(result.picture.data, max_edge_px=None, mime_type=PNG)).data)
        for result in results
    ]
    changed = np.abs(shown[0].astype(int) - np.asarray(scene)).mean()
    apart = np.abs(shown[0].astype(int) - shown[1]).mean()
    assert changed > 5
    assert apart < 0.2 * changed


PNG = "image/png"


def as_wide(image: Image.Image) -> Image.Image:
    target = ImageCms.ImageCmsProfile(io.BytesIO(wide_profile()))
    source = ImageCms.createProfile("sRGB")
    converted = ImageCms.profileToProfile(image, source, target, outputMode="RGB")
    assert converted is not None
    return converted


NOISE = b"x" * 400_000
CUT_OFF = srgb_profile()[:200]
A_HEADER_ONLY = b"\0" * 36 + b"acsp" + b"\xff" * 3000


@pytest.mark.parametrize(
    ("format", "garbage"),
    some_now(
        [
            ("PNG", NOISE),
            ("JPEG", CUT_OFF),
            ("PNG", A_HEADER_ONLY),
            ("JPEG", NOISE),
            ("PNG", CUT_OFF),
            ("JPEG", A_HEADER_ONLY),
        ],
        now=3,
        rows=True,
    ),
)
async def test_a_damaged_profile_is_left_out(
    pixels: PixelChild, shape: bytes, format: str, garbage: bytes
) -> None:
    found = await pixels.inspect(encoded(photo(), format, icc_profile=garbage))
    assert "icc_profile" not in opened(found.data).info
    task = RenderTask(image=found.data, lighting=WARM_LEFT, analysis=shape)
    assert (await pixels.render(task)).picture.width == 64
