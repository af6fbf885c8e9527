"""The embedded engine."""

import pytest

from mcp_relight.domain.exchange import Output
from mcp_relight.domain.image import Encoded, RenderResult, ShapeModel
from mcp_relight.domain.job import JobRequest
from mcp_relight.domain.lighting import Light, Lighting
from mcp_relight.errors import ImageNotFound, InvalidArgument
from mcp_relight.providers.local import CLASSIC, LocalRenderer
from mcp_relight.testing import MemoryImages, ScriptedPixels

pytestmark = pytest.mark.anyio


def _result(mode: str = "user_mask", confidence: float = 1.0, analysis: bytes | None = b"new"):
    return RenderResult(
        picture=Encoded(data=b"lit", mime_type="image/png", width=4, height=3),
        mode=mode,  # type: ignore[arg-type]
        confidence=confidence,
        warnings=("The engine's own words.",),
        analysis=analysis,
    )


async def _stored(images: MemoryImages, data: bytes) -> str:
    info = await images.put(Encoded(data=data, mime_type="image/png", width=4, height=3))
    return info.image_id


async def _request(images: MemoryImages, **changes: object) -> JobRequest:
    values: dict[str, object] = {
        "model": "local/classic",
        "lighting": Lighting(lights=(Light(azimuth_deg=-60),)),
        "params": CLASSIC.check({}),
        "image_id": await _stored(images, b"photo"),
        "image_name": "photo",
        "output_dir": "out",
    }
    return JobRequest.model_validate({**values, **changes})


def _renderer(
    images: MemoryImages,
    pixels: ScriptedPixels,
    version: str = "1",
    shape_model: ShapeModel | None = None,
) -> LocalRenderer:
    async def now() -> ShapeModel | None:
        return shape_model

    return LocalRenderer(images, pixels, engine_version=version, shape_model=now)


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
    request = await _request(
        images,
        params=params,
        mask_id=await _stored(images, b"mask"),
        extra_image_ids={
            "normal_map": await _stored(images, b"normals"),
            "depth_map": await _stored(images, b"depth"),
        },
    )

    outcome = await _renderer(images, pixels).render(request)

    assert outcome.outputs == (Output(data=b"lit"),)
    task = pixels.tasks[0]
    assert (task.image, task.mask, task.normal_map, task.depth_map) == (
        b"photo",
        b"mask",
        b"normals",
        b"depth",
    )
    assert task.lighting == request.lighting
    assert (task.normal_convention, task.depth_convention) == ("directx", "near_is_dark")
    assert (task.remove_existing, task.shadow_strength, task.specular) == (0.25, 0.0, 1.0)
    assert task.background == "keep"


async def test_a_second_light_on_the_same_photo_uses_the_cached_analysis() -> None:
    images, pixels = MemoryImages(), ScriptedPixels(_result())
    renderer = _renderer(images, pixels)
    await renderer.render(await _request(images))
    other_light = Lighting(lights=(Light(azimuth_deg=60),))
    await renderer.render(await _request(images, lighting=other_light))
    assert [task.analysis for task in pixels.tasks] == [None, b"new"]


@pytest.mark.parametrize("changed", ["mask", "normals", "engine", "convention", "model"])
async def test_an_analysis_is_not_reused_when_what_it_depends_on_changed(changed: str) -> None:
    images, pixels = MemoryImages(), ScriptedPixels(_result())
    await _renderer(images, pixels).render(await _request(images))
    changes: dict[str, object] = {}
    if changed == "mask":
        changes["mask_id"] = await _stored(images, b"mask")
    if changed == "normals":
        changes["extra_image_ids"] = {"normal_map": await _stored(images, b"normals")}
    if changed == "convention":
        changes["params"] = CLASSIC.check({"normal_convention": "directx"})
    version = "2" if changed == "engine" else "1"
    model = ShapeModel(path="/shape.onnx", sha256="12ab") if changed == "model" else None
    renderer = _renderer(images, pixels, version, model)
    await renderer.render(await _request(images, **changes))
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
    outcome = await _renderer(images, pixels).render(await _request(images))
    assert words in outcome.warnings[0]
    assert outcome.warnings[-1] == "The engine's own words."


async def test_a_picture_that_is_gone_is_not_found() -> None:
    images, pixels = MemoryImages(), ScriptedPixels(_result())
    request = await _request(images)
    images.stored.clear()
    with pytest.raises(ImageNotFound):
        await _renderer(images, pixels).render(request)


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
