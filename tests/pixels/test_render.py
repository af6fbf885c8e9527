"""Rendering through the child: what comes back has the form of what went in."""

import hashlib
from dataclasses import replace
from pathlib import Path

import anyio
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from mcp_relight.domain.image import RenderTask
from mcp_relight.domain.lighting import Light, Lighting
from mcp_relight.engine import pipeline
from mcp_relight.engine.analysis import Analysis
from mcp_relight.engine.pipeline import prepare
from mcp_relight.engine.shade import Prepared
from mcp_relight.pixels import tasks
from mcp_relight.pixels.client import PixelChild
from mcp_relight.storage.shape_model import ShapeModelFile
from tests.matrix import some_now

from .pictures import array, encoded, opened, photo, wide_profile

Photo = NDArray[np.uint8]

pytestmark = pytest.mark.anyio

WARM_LEFT = Lighting(lights=(Light(azimuth_deg=-60, kelvin=3000),))
COOL_RIGHT = Lighting(lights=(Light(azimuth_deg=60, kelvin=9000),))


def task(image: Image.Image, format: str = "PNG", **changes: object) -> RenderTask:
    given = RenderTask(image=encoded(image, format), lighting=WARM_LEFT)
    return replace(given, **changes)  # pyright: ignore[reportArgumentType]


async def test_a_jpeg_gives_a_jpeg_without_halved_chroma(pixels: PixelChild, shape: bytes) -> None:
    result = await pixels.render(task(photo(), "JPEG", analysis=shape))
    image = opened(result.picture.data)
    assert (result.picture.mime_type, image.format, image.size) == ("image/jpeg", "JPEG", (64, 48))
    samplings = [layer[1:3] for layer in image.layer]  # pyright: ignore
    assert samplings == [(1, 1)] * 3


async def test_anything_else_gives_a_png(pixels: PixelChild, shape: bytes) -> None:
    result = await pixels.render(task(photo(), "WEBP", analysis=shape))
    assert (result.picture.mime_type, opened(result.picture.data).format) == ("image/png", "PNG")


async def test_the_light_changes_and_the_transparency_does_not(pixels: PixelChild) -> None:
    image = photo(mode="RGBA")
    result = await pixels.render(task(image))
    relit = array(result.picture.data)
    assert (relit[..., 3] == np.asarray(image)[..., 3]).all()
    assert np.abs(relit[..., :3].astype(int) - np.asarray(image)[..., :3]).mean() > 3
    assert result.picture.has_alpha


async def test_full_transparency_hides_no_black(pixels: PixelChild) -> None:
    image = photo(mode="RGBA")
    image.putalpha(0)
    result = await pixels.render(task(image, lighting=Lighting(lights=(Light(),), strength=0)))
    assert (array(result.picture.data) == np.asarray(image)).all()


TOY = Path(__file__).parent.parent / "engine" / "models" / "tiny_normals.onnx"


async def test_a_shape_model_of_the_users_own_runs_in_the_child(pixels: PixelChild) -> None:
    model = await ShapeModelFile(TOY).now()
    result = await pixels.render(task(photo(), shape_model=model))
    assert result.mode == "shape_model"
    assert not any("SHAPE_MODEL" in warning for warning in result.warnings)
    normals = task(photo(), shape_model=model, normal_map=encoded(photo(), "PNG"))
    assert (await pixels.render(normals)).mode == "user_normals"


@pytest.mark.parametrize("content", some_now([TOY.read_bytes()[:200], None, b"", b"no network"]))
async def test_a_shape_model_that_is_none_is_told_and_the_picture_comes_all_the_same(
    pixels: PixelChild, content: bytes | None, tmp_path: Path
) -> None:
    path = tmp_path / "shape.onnx"
    if content is not None:
        path.write_bytes(content)
    plain = await pixels.render(task(photo()))
    broken = await pixels.render(task(photo(), shape_model=await ShapeModelFile(path).now()))
    assert broken.picture == plain.picture
    assert broken.warnings[-1].startswith("MCP_RELIGHT_SHAPE_MODEL was not used: ")
    assert str(tmp_path) not in broken.warnings[-1]


async def test_a_shape_model_file_is_hashed_again_when_it_changes(tmp_path: Path) -> None:
    path = tmp_path / "shape.onnx"
    file = ShapeModelFile(path)
    missing = await file.now()
    path.write_bytes(b"one")
    first = await file.now()
    path.write_bytes(b"second")
    second = await file.now()
    assert missing is not None
    assert missing.sha256 == ""
    assert first is not None
    assert first.sha256 == hashlib.sha256(b"one").hexdigest()
    assert second is not None
    assert second.sha256 == hashlib.sha256(b"second").hexdigest()
    assert await ShapeModelFile(None).now() is None


async def test_a_cached_analysis_gives_the_same_bytes(pixels: PixelChild) -> None:
    first = await pixels.render(task(photo()))
    assert first.analysis is not None
    second = await pixels.render(task(photo(), analysis=first.analysis))
    assert second.picture == first.picture
    assert second.analysis is None
    assert (second.mode, second.confidence) == (first.mode, first.confidence)
    other = await pixels.render(task(photo(), analysis=first.analysis, lighting=COOL_RIGHT))
    assert other.picture.data != first.picture.data


def test_what_is_known_of_a_photo_is_used_again_and_changes_no_byte(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    prepared: list[int] = []

    def counting(rgb: Photo, analysis: Analysis) -> Prepared:
        prepared.append(analysis.alpha.size)
        return prepare(rgb, analysis)

    monkeypatch.setattr(tasks, "prepare", counting)
    first = tasks.render(task(photo()))
    other = task(photo(), analysis=first.analysis, lighting=COOL_RIGHT)
    at_once = tasks.render(other)
    assert len(prepared) == 1
    tasks.render(task(photo(40, 30)))
    assert tasks.render(other).picture == at_once.picture
    assert len(prepared) == 3
    smaller = tasks.render(replace(other, max_edge_px=20))
    assert (smaller.picture.width, len(prepared)) == (20, 4)


def test_nothing_is_kept_for_the_next_photo_while_a_large_one_needs_the_memory(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    expected: list[bool] = []

    def expect(*, more_photos: bool) -> None:
        expected.append(more_photos)

    monkeypatch.setattr(pipeline, "expect", expect)
    monkeypatch.setattr(tasks, "_LARGE_PX", 40 * 30 + 1)
    tasks.render(task(photo(40, 30)), more_to_come=True)
    tasks.render(task(photo(40, 30)))
    assert expected == [True, False]
    tasks.analyze(encoded(photo(40, 30), "PNG"), None)
    assert len(expected) == 2
    large = encoded(photo(41, 30), "PNG")
    tasks.render(task(photo(41, 30)), more_to_come=True)
    tasks.analyze(large, None)
    tasks.middle(large, None)
    tasks.report(large, large, WARM_LEFT, None, None, None, None)
    tasks.transfer(large, large)
    assert expected == [True, False, *[False] * 5]


@pytest.mark.parametrize("cut", some_now([1000, 10, 0]))
async def test_a_damaged_cached_analysis_is_made_anew(pixels: PixelChild, cut: int) -> None:
    first = await pixels.render(task(photo()))
    assert first.analysis is not None
    again = await pixels.render(task(photo(), analysis=first.analysis[:cut]))
    assert again.picture == first.picture
    assert again.analysis == first.analysis


async def test_a_preview_is_small_and_its_analysis_is_not_kept(pixels: PixelChild) -> None:
    result = await pixels.render(task(photo(200, 100, "RGBA"), max_edge_px=50))
    assert (result.picture.width, result.picture.height) == (50, 25)
    assert opened(result.picture.data).mode == "RGBA"
    assert result.analysis is None
    whole = await pixels.render(task(photo(), max_edge_px=500))
    assert (whole.picture.width, whole.picture.height) == (64, 48)


@pytest.mark.parametrize("kind", some_now(["white on black", "transparent around it"]))
async def test_a_mask_keeps_the_background(pixels: PixelChild, kind: str) -> None:
    image = photo()
    mask = Image.new("L", image.size)
    mask.paste(255, (20, 12, 44, 36))
    if kind != "white on black":
        cutout = Image.new("RGBA", image.size, "black")
        cutout.putalpha(mask)
        mask = cutout
    result = await pixels.render(
        task(image, mask=encoded(mask, "PNG"), background="keep", lighting=COOL_RIGHT)
    )
    assert result.mode == "user_mask"
    changed = (array(result.picture.data) != np.asarray(image)).any(axis=2)
    assert changed[16:32, 24:40].mean() > 0.5
    assert not changed[:10].any()
    assert not changed[:, :16].any()


async def test_a_depth_map_keeps_its_sixteen_bits(pixels: PixelChild) -> None:
    y, x = np.mgrid[0:48, 0:64]
    bump = np.exp(-((x - 32) ** 2 + (y - 24) ** 2) / 150)
    fine = (bump * 255).astype(np.uint16)  # all of it in the lowest 8 of 16 bits
    depth = encoded(Image.fromarray(fine), "PNG")
    flat = encoded(Image.fromarray(np.zeros((48, 64), np.uint8)), "PNG")
    with_bump = await pixels.render(task(photo(), depth_map=depth))
    with_none = await pixels.render(task(photo(), depth_map=flat))
    assert (with_bump.mode, with_none.mode) == ("user_depth", "user_depth")
    assert with_bump.picture.data != with_none.picture.data


async def test_sixteen_bit_input_says_so_in_the_result(pixels: PixelChild) -> None:
    deep = Image.fromarray(np.full((32, 32), 30_000, np.uint16))
    result = await pixels.render(task(deep))
    assert any("16-bit" in warning for warning in result.warnings)


@pytest.mark.long
async def test_the_largest_picture_with_all_its_maps_fits_into_the_memory(
    pixels: PixelChild,
) -> None:
    async with anyio.create_task_group() as several:  # after which a network is kept
        for width in (300, 301):
            several.start_soon(pixels.render, task(photo(width, 200)))
    image = photo(8000, 6200, "RGBA")
    maps = encoded(image.convert("L"), "PNG", compress_level=1)
    result = await pixels.render(
        RenderTask(
            image=encoded(image, "PNG", compress_level=1, icc_profile=wide_profile()),
            lighting=WARM_LEFT,
            mask=maps,
            normal_map=encoded(image.convert("RGB"), "JPEG"),
            depth_map=maps,
        )
    )
    assert (result.picture.width, result.picture.height) == (8000, 6200)
    assert opened(result.picture.data).mode == "RGBA"


async def test_only_the_light_of_another_rendering_is_taken(pixels: PixelChild) -> None:
    original = photo(160, 120, "RGBA")
    darker = Image.fromarray((np.asarray(photo(160, 120)) * 0.6).astype(np.uint8))
    picture, why = await pixels.transfer(encoded(original, "PNG"), encoded(darker, "JPEG"))
    assert picture is not None, why
    moved = array(picture.data)
    assert (moved[..., 3] == np.asarray(original)[..., 3]).all()
    assert moved[..., :3].mean() < 0.8 * np.asarray(original)[..., :3].mean()


async def test_another_picture_is_no_light_to_take(pixels: PixelChild) -> None:
    random = np.random.default_rng(7).integers(0, 255, (120, 160, 3), dtype=np.uint8)
    picture, why = await pixels.transfer(
        encoded(photo(160, 120), "PNG"), encoded(Image.fromarray(random), "PNG")
    )
    assert picture is None
    assert why


def test_a_photo_seen_ahead_is_lit_as_any_other_and_looked_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    looked: list[RenderTask] = []
    analyze = tasks._analyze_shape  # pyright: ignore[reportPrivateUsage]

    def counted(task: RenderTask, seen: tasks.Photo) -> Analysis:
        looked.append(task)
        return analyze(task, seen)

    monkeypatch.setattr(tasks, "_analyze_shape", counted)
    asked = task(photo())
    plain = tasks.render(asked)
    tasks.look_ahead(asked.image)
    assert len(looked) == 2
    assert tasks.render(asked) == plain
    assert plain.analysis is not None
    assert len(looked) == 2
    tasks.render(replace(asked, analysis=plain.analysis))
    assert len(looked) == 2


@pytest.mark.parametrize(
    "other",
    [
        {"mask": encoded(photo(mode="L"), "PNG")},
        {"max_edge_px": 32},
        {"image": encoded(photo(), "JPEG")},
    ],
)
def test_what_was_seen_ahead_is_of_no_use_to_another_task(
    other: dict[str, object],
) -> None:
    asked = replace(task(photo()), **other)  # pyright: ignore[reportArgumentType]
    plain = tasks.render(asked)
    tasks.look_ahead(task(photo()).image)
    assert tasks.render(asked) == plain
    ahead = tasks._ahead  # pyright: ignore[reportPrivateUsage]
    assert ahead.of(tasks._key(task(photo()), b"")) is None  # pyright: ignore[reportPrivateUsage]
