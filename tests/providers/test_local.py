"""The embedded engine as a provider."""

import pytest

from mcp_relight.domain.exchange import Call, Output, Picture, Rendered
from mcp_relight.domain.lighting import Light, Lighting
from mcp_relight.domain.pixels import Encoded, RenderResult, ShapeModel
from mcp_relight.errors import ImageNotFound, InvalidArgument
from mcp_relight.providers.local import CLASSIC, LocalProvider
from mcp_relight.testing import MemoryImages, ScriptedPixels

from .calls import at_once

pytestmark = pytest.mark.anyio


def _result(mode: str = "user_mask", confidence: float = 1.0, analysis: bytes | None = b"new"):
    return RenderResult(
        picture=Encoded(data=b"lit", mime_type="image/png", width=4, height=3),
        mode=mode,  # type: ignore[arg-type]
        confidence=confidence,
        warnings=("The engine's own words.",),
        analysis=analysis,
        timings_s={},
    )


async def _stored(images: MemoryImages, data: bytes) -> Picture:
    info = await images.put(Encoded(data=data, mime_type="image/png", width=4, height=3))
    return Picture(width=4, height=3, mime_type="image/png", image_id=info.image_id)


async def _call(images: MemoryImages, **changes: object) -> Call:
    values: dict[str, object] = {
        "model": "local/classic",
        "lighting": Lighting(lights=(Light(azimuth_deg=-60),)),
        "params": CLASSIC.check({}),
        "images": (await _stored(images, b"photo"),),
    }
    return Call(**{**values, **changes})  # type: ignore[arg-type]


def _provider(
    images: MemoryImages,
    pixels: ScriptedPixels,
    version: str = "1",
    shape_model: ShapeModel | None = None,
) -> LocalProvider:
    async def now() -> ShapeModel | None:
        return shape_model

    return LocalProvider(images, pixels, engine_version=version, shape_model=now)


async def test_a_rendering_gets_the_stored_bytes_the_light_and_every_parameter() -> None:
    images, pixels = MemoryImages(), ScriptedPixels(_result())
    params = CLASSIC.check(
        {
            "normal_convention": "directx",
            "depth_convention": "near_is_dark",
            "remove_existing": 0.25,
            "shadow_strength": 0,
            "specular": 1,
            "background": "keep",
        }
    )
    call = await _call(
        images,
        params=params,
        mask=await _stored(images, b"mask"),
        extra_images={
            "normal_map": await _stored(images, b"normals"),
            "depth_map": await _stored(images, b"depth"),
        },
    )

    outcome = await _provider(images, pixels).submit(call, at_once)

    assert isinstance(outcome, Rendered)
    assert outcome.outputs == (Output(data=b"lit"),)
    task = pixels.tasks[0]
    assert (task.image, task.mask, task.normal_map, task.depth_map) == (
        b"photo",
        b"mask",
        b"normals",
        b"depth",
    )
    assert task.lighting == call.lighting
    assert (task.normal_convention, task.depth_convention) == ("directx", "near_is_dark")
    assert (task.remove_existing, task.shadow_strength, task.specular) == (0.25, 0.0, 1.0)
    assert task.background == "keep"


async def test_a_second_light_on_the_same_photo_uses_the_cached_analysis() -> None:
    images, pixels = MemoryImages(), ScriptedPixels(_result())
    provider = _provider(images, pixels)
    await provider.submit(await _call(images), at_once)
    other_light = Lighting(lights=(Light(azimuth_deg=60),))
    await provider.submit(await _call(images, lighting=other_light), at_once)
    assert [task.analysis for task in pixels.tasks] == [None, b"new"]


@pytest.mark.parametrize("changed", ["mask", "normals", "engine", "convention", "model"])
async def test_an_analysis_is_not_reused_when_what_it_depends_on_changed(changed: str) -> None:
    images, pixels = MemoryImages(), ScriptedPixels(_result())
    await _provider(images, pixels).submit(await _call(images), at_once)
    changes: dict[str, object] = {}
    if changed == "mask":
        changes["mask"] = await _stored(images, b"mask")
    if changed == "normals":
        changes["extra_images"] = {"normal_map": await _stored(images, b"normals")}
    if changed == "convention":
        changes["params"] = CLASSIC.check({"normal_convention": "directx"})
    version = "2" if changed == "engine" else "1"
    model = ShapeModel(path="/shape.onnx", sha256="12ab") if changed == "model" else None
    provider = _provider(images, pixels, version, model)
    await provider.submit(await _call(images, **changes), at_once)
    assert pixels.tasks[1].shape_model == model
    assert pixels.tasks[1].analysis is None


@pytest.mark.parametrize(
    ("mode", "confidence", "words"),
    [
        ("scene", 0.1, "mode scene, confidence 0.10"),
        ("auto_mask", 0.5, "mode auto_mask, confidence 0.50"),
        ("alpha", 1.0, "transparency"),
        ("user_depth", 0.9, "depth map"),
    ],
)
async def test_the_result_says_how_the_subject_was_found(
    mode: str, confidence: float, words: str
) -> None:
    images, pixels = MemoryImages(), ScriptedPixels(_result(mode, confidence))
    outcome = await _provider(images, pixels).submit(await _call(images), at_once)
    assert isinstance(outcome, Rendered)
    assert words in outcome.warnings[0]
    assert outcome.warnings[-1] == "The engine's own words."


async def test_a_picture_that_is_gone_is_not_found() -> None:
    images, pixels = MemoryImages(), ScriptedPixels(_result())
    call = await _call(images)
    images.stored.clear()
    with pytest.raises(ImageNotFound):
        await _provider(images, pixels).submit(call, at_once)


@pytest.mark.parametrize("name", ["remove_existing", "shadow_strength", "specular"])
@pytest.mark.parametrize(
    ("value", "is_good"), [(0, True), (1, True), (-0.01, False), (1.01, False)]
)
def test_amounts_go_from_zero_to_one(name: str, value: float, is_good: bool) -> None:
    if is_good:
        assert CLASSIC.check({name: value})[name] == value
    else:
        with pytest.raises(InvalidArgument, match=name):
            CLASSIC.check({name: value})


def test_defaults_are_those_of_the_product_page() -> None:
    assert CLASSIC.check({}) == {
        "normal_convention": "opengl",
        "depth_convention": "near_is_bright",
        "remove_existing": 0.7,
        "shadow_strength": 0.85,
        "specular": 0.1,
        "background": "relight",
    }


def test_every_field_of_a_light_is_honored_and_words_are_not() -> None:
    lighting = Lighting(lights=(Light(kelvin=3000), Light(role="fill")), prompt="warm")
    how = {entry.name: entry.how for entry in CLASSIC.honesty(lighting, {})}
    assert how.pop("prompt") == "ignored"
    assert set(how.values()) == {"honoured"}
    assert {"azimuth_deg", "elevation_deg", "kelvin", "softness", "ambient", "lights"} <= set(how)


@pytest.mark.parametrize(("kelvin", "how"), [(1900, "approximated"), (3200, "honoured")])
def test_candle_colors_are_said_to_be_approximated(kelvin: float, how: str) -> None:
    lighting = Lighting(lights=(Light(kelvin=kelvin),))
    fields = {field.name: field.how for field in CLASSIC.honesty(lighting, {})}
    assert fields["kelvin"] == how
