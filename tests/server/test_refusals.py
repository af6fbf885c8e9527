"""Every bad input has its own clear error: a stable code, the argument named, a next step."""

import base64
import json
import shutil
import subprocess
import sys
import zlib
from collections.abc import AsyncGenerator, Callable
from pathlib import Path
from typing import Any

import pytest
from mcp import Client

from mcp_relight.bootstrap import Application
from mcp_relight.config import Settings
from mcp_relight.server.app import create_server
from mcp_relight.service.service import Service
from tests.matrix import some_now
from tests.world import World

pytestmark = pytest.mark.anyio

Call = Callable[..., Any]


def settings_of(world: World, variables: dict[str, str] | None = None, **changes: Any) -> Settings:
    world.photos.mkdir(exist_ok=True)
    values: dict[str, Any] = {
        "data_dir": world.data,
        "output_dir": world.results,
        "allowed_dirs": (world.photos,),
        "worker": "none",
    }
    return Settings.load(variables, **(values | changes))


@pytest.fixture
async def client(world: World) -> AsyncGenerator[Client]:
    async with Client(create_server(Application(settings_of(world)))) as client:
        yield client


async def refusal(client: Client, tool: str = "relight_image", **arguments: Any) -> dict[str, Any]:
    result = await client.call_tool(tool, arguments)
    assert result.is_error, result
    assert result.structured_content is None
    (block,) = result.content
    error = json.loads(block.text)["error"]  # pyright: ignore
    assert result.meta is not None
    assert result.meta["mcp-relight/error"] == error
    assert error["hint"]
    return error


def bomb() -> bytes:
    """A PNG of 60,000 x 60,000 black pixels in a few kilobytes."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return len(body).to_bytes(4) + kind + body + zlib.crc32(kind + body).to_bytes(4)

    header = (60_000).to_bytes(4) * 2 + bytes([8, 0, 0, 0, 0])
    data = zlib.compress(bytes(1_000_000))
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")
    )


def no_size() -> bytes:
    picture = bytearray(bomb())
    picture[16:20] = bytes(4)
    picture[29:33] = zlib.crc32(picture[12:29]).to_bytes(4)
    return bytes(picture)


def truncated(world: World) -> bytes:
    return world.photo("whole.png").read_bytes()[:3000]


@pytest.mark.parametrize(
    ("name", "make", "code", "words"),
    [
        ("empty.png", lambda world: b"", "image_corrupt", "empty"),
        ("words.png", lambda world: b"not a picture at all", "image_unsupported", ""),
        ("shape.svg", lambda world: b"<svg xmlns='x'/>", "image_unsupported", ""),
        ("cut.png", truncated, "image_corrupt", ""),
        ("bomb.png", lambda world: bomb(), "image_too_large", "pixels"),
        ("flat.png", lambda world: no_size(), "image_corrupt", ""),
    ],
)
async def test_a_file_that_is_no_good_picture_is_refused_by_its_own_name(
    client: Client, world: World, name: str, make: Callable[[World], bytes], code: str, words: str
) -> None:
    path = world.photos / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(make(world))
    error = await refusal(client, image=str(path), look="loop")
    assert error["code"] == code
    assert words in error["message"]
    assert name not in error["message"]


async def test_a_missing_file_and_a_forbidden_one_are_told_apart_by_nobody(
    client: Client, world: World
) -> None:
    outside = world.root / "outside.png"
    world.photo("inside.png").rename(outside)
    missing = await refusal(client, image=str(world.photos / "none.png"), look="loop")
    forbidden = await refusal(client, image=str(outside), look="loop")
    assert missing == forbidden
    assert missing["code"] == "image_not_found"
    assert "find_images" in missing["hint"]


async def test_a_folder_is_no_picture(client: Client, world: World) -> None:
    (world.photos / "album").mkdir(parents=True)
    error = await refusal(client, image=str(world.photos / "album"), look="loop")
    assert "folder" in error["message"]


async def test_a_provider_nobody_has_is_refused_naming_the_nearest(client: Client) -> None:
    error = await refusal(client, "list_models", provider="segmint")
    assert error["code"] == "invalid_argument"
    assert '"segmind"' in error["message"]
    assert "pixazo" in error["hint"]


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        ({"look": "loop", "kelvin": 3000, "color": "#ffffff"}, "invalid_argument", "kelvin"),
        ({"lights": json.dumps([{}] * 9)}, "invalid_argument", "8"),
        ({"azimuth_deg": "NaN"}, "invalid_argument", "azimuth_deg"),
        ({"look": "goldenhour"}, "unknown_look", "golden_hour"),
        ({"look": "loop", "model": "local/clasic"}, "unknown_model", "local/classic"),
        ({"look": "loop", "model": "acme/one"}, "unknown_model", ""),
        ({"look": "loop", "params": "{"}, "invalid_argument", "params"),
        ({"look": "loop", "params": "[1]"}, "invalid_argument", "params"),
        ({"look": "loop", "params": '{"backgroud": "keep"}'}, "invalid_argument", "params"),
        ({"look": "loop", "params": '{"specular": 2}'}, "invalid_argument", "specular"),
        ({"look": "loop", "params": '{"specular": NaN}'}, "invalid_argument", "params"),
        ({"lights": "{"}, "invalid_argument", "lights"),
        ({"azimut": 3}, "unknown_argument", "azimuth_deg"),
        ({}, "invalid_argument", "light"),
        ({"prompt": "warmer"}, "invalid_argument", "prompt"),
        ({"look": "loop", "count": 2}, "invalid_argument", "count"),
        ({"look": "loop", "mask": "none.png"}, "image_not_found", "mask"),
        ({"look": "loop", "model": "segmind/ic-light"}, "model_not_ready", "SEGMIND_API_KEY"),
    ],
)
async def test_a_bad_argument_is_refused_naming_itself(
    client: Client, world: World, arguments: dict[str, Any], code: str, words: str
) -> None:
    photo = world.photo("mug.png")
    error = await refusal(client, image=str(photo), **arguments)
    assert error["code"] == code
    assert words in error["message"]


@pytest.mark.parametrize(
    ("image", "code"),
    [
        ("data:image/png;base64,@@@", "invalid_argument"),
        ("data:text/html,hello", "invalid_argument"),
        ("data:image/png;base64," + base64.b64encode(b"x").decode(), "image_unsupported"),
        ("relight://images/" + "0" * 32, "image_not_found"),
        ("relight://images/../../etc/passwd", "image_not_found"),
        ("latest", "image_not_found"),
        ("https://127.0.0.1/a.png", "url_refused"),
        ("https://user:word@example.com/a.png", "url_refused"),
        ("ftp://example.com/a.png", "image_not_found"),
        ("/etc/passwd", "image_not_found"),
        ("", "invalid_argument"),
    ],
)
async def test_a_reference_that_cannot_be_taken_is_refused(
    client: Client, image: str, code: str
) -> None:
    assert (await refusal(client, image=image, look="loop"))["code"] == code


async def test_an_unwritable_output_folder_is_refused_before_anything_is_done(
    world: World,
) -> None:
    photo = world.photo("mug.png")
    (world.root / "file").write_bytes(b"")
    settings = settings_of(world, output_dir=world.root / "file" / "results")
    async with Client(create_server(Application(settings))) as client:
        error = await refusal(client, image=str(photo), look="loop")
        assert "MCP_RELIGHT_OUTPUT_DIR" in error["message"]
        jobs = await client.call_tool("list_jobs", {})
        assert jobs.structured_content is not None
        assert jobs.structured_content["jobs"] == []


async def test_local_only_refuses_remote_models_and_addresses(world: World) -> None:
    photo = world.photo("mug.png")
    settings = settings_of(world, local_only=True)
    async with Client(create_server(Application(settings))) as client:
        error = await refusal(client, image=str(photo), look="loop", model="segmind/ic-light")
        assert "MCP_RELIGHT_LOCAL_ONLY" in error["message"]
        error = await refusal(client, image="https://example.com/a.png", look="loop")
        assert error["code"] == "url_refused"


async def test_local_only_leaves_the_local_engine_alone_ready(world: World) -> None:
    photo = world.photo("mug.png")
    settings = settings_of(world, {"SEGMIND_API_KEY": "SG_nothing"}, local_only=True)
    async with Client(create_server(Application(settings))) as client:
        listed = (await client.call_tool("list_models", {})).structured_content or {}
        assert [one["model"] for one in listed["models"] if one["ready"]] == ["local/classic"]
        (segmind,) = [one for one in listed["providers"] if one["provider"] == "segmind"]
        assert "MCP_RELIGHT_LOCAL_ONLY" in segmind["missing"]
        planned = await client.call_tool("plan_relight", {"image": str(photo), "look": "loop"})
        candidates = (planned.structured_content or {})["candidates"]
        assert [one["model"] for one in candidates if one["ready"]] == ["local/classic"]


async def test_a_bug_is_answered_with_a_code_and_its_text_stays_in_the_log(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    class Broken(Application):
        async def service(self) -> Service:
            raise RuntimeError("words of a bug")

    async with Client(create_server(Broken(settings_of(world)))) as client:
        error = await refusal(client, "list_jobs")
    assert error["code"] == "internal"
    assert "words of a bug" not in str(error)
    assert "words of a bug" in caplog.text


def test_a_full_disk_is_said_and_leaves_nothing_half_written(world: World) -> None:
    photo = world.photo("mug.png", width=1600, height=1200)
    assert photo.stat().st_size > 100_000
    world.data.mkdir()
    # A real small disk, seen by this one process only: the database fits on it, the photo does not.
    script = (
        'mount -t tmpfs -o size="$1" tmpfs "$2" || exit 77; shift 2; '
        '"$@"; code=$?; find "$MCP_RELIGHT_DATA_DIR/images" -type f >&2; exit $code'
    )
    small_disk = ["unshare", "--mount", "sh", "-c", script, "sh", "420k", str(world.data)]
    command = [sys.executable, "-m", "mcp_relight", "relight", str(photo), "--look", "loop"]
    if shutil.which("unshare") is None:
        pytest.skip("needs unshare, to mount a small disk")
    done = subprocess.run(
        [*small_disk, *command, "--json"],
        env=world.environment | {"MCP_RELIGHT_WORKER": "inline"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    if done.returncode in {1, 77} and not done.stdout:
        pytest.skip("this user may not mount a small disk")
    assert done.returncode == 1, done.stderr
    assert json.loads(done.stdout)["error"]["code"] == "storage_full"
    left = [Path(line) for line in done.stderr.splitlines() if line.endswith((".png", ".json"))]
    assert {path.stem for path in left if path.suffix == ".png"} == {
        path.stem for path in left if path.suffix == ".json"
    }
    assert not list(world.results.glob("*"))


@pytest.mark.parametrize("tool", some_now(["get_job", "cancel_job"]))
async def test_an_unknown_job_is_refused(client: Client, tool: str) -> None:
    error = await refusal(client, tool, job_id="job_" + "0" * 32)
    assert error["code"] == "job_not_found"
