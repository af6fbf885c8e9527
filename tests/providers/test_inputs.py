"""How a provider gets to see a picture of this machine, and what is said to have left it."""

from collections.abc import Mapping
from typing import Any

import pytest
from pydantic import JsonValue

from mcp_relight.domain.image import Encoded
from mcp_relight.domain.job import Job, JobRequest
from mcp_relight.domain.lighting import Light, Lighting
from mcp_relight.domain.ports import Turn
from mcp_relight.errors import NeedsPublicUrl
from mcp_relight.providers.inputs import ProviderInputs
from mcp_relight.providers.kit.adapter import Adapter
from mcp_relight.providers.pixazo import Pixazo
from mcp_relight.providers.segmind import Segmind
from mcp_relight.testing import MemoryImages, ScriptedPixels

from .calls import at_once

pytestmark = pytest.mark.anyio


class Remote:
    """An uploader that keeps what it was given; `url` None stands for "takes no uploads"."""

    def __init__(self, adapter: Adapter, url: str | None = None) -> None:
        self.adapter = adapter
        self.url = url
        self.uploads: list[tuple[bytes, str]] = []

    async def upload(self, data: bytes, mime_type: str, turn: Turn) -> str | None:
        if self.url is None:
            return None
        await turn()
        self.uploads.append((data, mime_type))
        return self.url

    def asks_schema(self, model: str) -> bool:
        return False

    async def schema(self, model: str, turn: Turn) -> Mapping[str, JsonValue] | None:
        return None


class Remotes:
    def __init__(self, named: Mapping[str, Remote]) -> None:
        self._named = named

    def opened(self, job: Job) -> Remote:
        return self._named[job.provider]


class MemoryFolder:
    host = "minio.example.com"

    def __init__(self) -> None:
        self.objects: dict[str, tuple[bytes, str, float]] = {}

    async def put(self, folder: str, name: str, picture: Encoded, life_s: float) -> str:
        self.objects[f"{folder}/{name}"] = (picture.data, picture.mime_type, life_s)
        return f"https://{self.host}/{folder}/{name}?signed"

    async def clear(self, folder: str) -> None:
        self.objects = {
            path: value for path, value in self.objects.items() if not path.startswith(f"{folder}/")
        }


class Inline(Pixazo):
    name = "inline"
    title = "Inline"
    takes_data = True


async def stored(images: MemoryImages, data: bytes, mime_type: str = "image/png") -> str:
    picture = Encoded(data=data, mime_type=mime_type, width=4000, height=3000)
    return (await images.put(picture)).image_id


async def job(images: MemoryImages, provider: str, **changes: Any) -> Job:
    values: dict[str, Any] = {
        "model": f"{provider}/model",
        "image_id": await stored(images, b"photo", "image/jpeg"),
        "image_name": "mug",
        "lighting": Lighting(lights=(Light(),)),
        "output_dir": "/tmp",
        **changes,
    }
    return Job(
        job_id="job_1",
        owner="me",
        provider=provider,
        model=values["model"],
        stage="queued",
        request=JobRequest(**values),
        created_at=0.0,
        updated_at=0.0,
        due_at=0.0,
    )


async def test_the_callers_own_address_is_passed_on() -> None:
    images, pixels = MemoryImages(), ScriptedPixels()
    remote = Remote(Segmind(), "https://up.example.com/x")
    asked = await job(images, "segmind", passthrough_url="https://example.com/mug.jpg")
    prepared = await ProviderInputs(images, pixels, remotes=Remotes({"segmind": remote})).prepare(
        asked, at_once
    )
    assert prepared.call.images[0].url == "https://example.com/mug.jpg"
    assert (prepared.call.images[0].width, prepared.call.images[0].height) == (4000, 3000)
    assert [sent.what for sent in prepared.sent] == ["address of the image"]
    assert remote.uploads == []


async def test_what_is_uploaded_is_re_encoded_first_and_listed() -> None:
    images, pixels = MemoryImages(), ScriptedPixels()
    remote = Remote(Segmind(), "https://up.example.com/x")
    prepared = await ProviderInputs(images, pixels, remotes=Remotes({"segmind": remote})).prepare(
        await job(images, "segmind"), at_once
    )
    assert remote.uploads == [(b"clean:photo", "image/jpeg")]
    assert pixels.reencoded == [(b"photo", Segmind.max_edge_px, "image/jpeg")]
    assert prepared.call.images[0].url == "https://up.example.com/x"
    assert (prepared.call.images[0].width, prepared.call.images[0].height) == (640, 480)
    (sent,) = prepared.sent
    assert (sent.what, sent.to, sent.bytes) == ("image", "Segmind", len(b"clean:photo"))


async def test_a_proven_provider_gets_the_picture_inside_the_request() -> None:
    images, pixels = MemoryImages(), ScriptedPixels()
    remote = Remote(Inline(), "https://up.example.com/x")
    prepared = await ProviderInputs(images, pixels, remotes=Remotes({"inline": remote})).prepare(
        await job(images, "inline"), at_once
    )
    assert prepared.call.images[0].data == b"clean:photo"
    assert prepared.call.images[0].url is None
    assert remote.uploads == []


async def test_without_an_upload_the_users_bucket_is_used_and_cleared() -> None:
    images, pixels, bucket = MemoryImages(), ScriptedPixels(), MemoryFolder()
    remote = Remote(Pixazo())
    inputs = ProviderInputs(images, pixels, remotes=Remotes({"pixazo": remote}), bucket=bucket)
    second = await stored(images, b"second")
    asked = await job(images, "pixazo", extra_image_ids={"reference_image_1": second})
    prepared = await inputs.prepare(asked, at_once)
    assert prepared.call.images[0].url == "https://minio.example.com/job_1/image?signed"
    assert prepared.call.extra_images["reference_image_1"].url is not None
    assert {sent.to for sent in prepared.sent} == {"minio.example.com, for Pixazo"}
    assert all(600 <= life_s <= 3600 for _, _, life_s in bucket.objects.values())
    await inputs.release(asked)
    assert bucket.objects == {}


async def test_where_nothing_applies_the_settings_that_would_help_are_named() -> None:
    images = MemoryImages()
    inputs = ProviderInputs(images, ScriptedPixels(), remotes=Remotes({"pixazo": Remote(Pixazo())}))
    with pytest.raises(NeedsPublicUrl) as caught:
        await inputs.prepare(await job(images, "pixazo"), at_once)
    for word in ("MCP_RELIGHT_BUCKET_URL", "MCP_RELIGHT_BUCKET_KEY_ID", "segmind/", "https"):
        assert word in caught.value.hint
