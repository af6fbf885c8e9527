"""Pictures over the wire: one-time addresses for those that come, signed ones for those that go."""

import re
from collections.abc import AsyncIterator
from io import BytesIO
from pathlib import Path
from typing import Any

import anyio
import anyio.lowlevel
import pytest
from mcp import Client
from mcp.types import TextContent
from PIL import Image

from mcp_relight.domain.capability import MAX_UPLOAD_BYTES, hash_of, new_text
from mcp_relight.server.links import LINK_WITHIN_S, Links
from tests.server.web.site import ORIGIN, raw, visiting
from tests.server.web.team import STATE_KEY, Team, team
from tests.world import World

pytestmark = pytest.mark.anyio

_NOT_THERE = ("latest", "find_images", "folder", "output_dir", "allowed", " path")


@pytest.fixture
async def acme(world: World) -> AsyncIterator[Team]:
    async with team(world, None) as started:
        yield started


def _photo() -> bytes:
    buffer = BytesIO()
    Image.linear_gradient("L").convert("RGB").resize((96, 64)).save(buffer, "PNG")
    return buffer.getvalue()


async def _facts(client: Client, tool: str, **arguments: Any) -> dict[str, Any]:
    result = await client.call_tool(tool, arguments)
    assert not result.is_error, result.content
    assert result.structured_content is not None
    return result.structured_content


async def _address(team: Team, owner: str = "acme") -> str:
    async with team.client(await team.token(owner)) as client:
        return str((await _facts(client, "upload_image"))["url"]).removeprefix(ORIGIN)


async def test_a_picture_sent_once_is_relit_and_fetched_by_its_link(acme: Team) -> None:
    address = await _address(acme)
    async with visiting(acme.app) as anybody:
        sent = await anybody.put(address, content=_photo())
        assert sent.status_code == 201
        image = sent.json()["image"]
        async with acme.client(await acme.token("acme")) as client:
            seen = await _facts(client, "analyze_light", image=image)
            assert "path" not in seen["image"]
        again = await anybody.put(address, content=_photo())
        assert again.status_code == 404
        assert (await anybody.get(address)).status_code == 404


async def test_a_link_gives_the_very_bytes_until_it_expires(acme: Team) -> None:
    address, at = await _address(acme), [1_900_000_000.0]
    async with visiting(acme.app) as anybody:
        image = (await anybody.put(address, content=_photo())).json()["image"]
        image_id = image.rpartition("/")[2]
        links = Links(ORIGIN, ["another", STATE_KEY])
        url, until = Links(ORIGIN, [STATE_KEY]).sign(image_id, owner="acme")
        got = await anybody.get(url)
        assert got.status_code == 200
        resource = await _read(acme, image)
        assert got.content == resource
        assert got.headers["content-type"] == "image/png"
        assert got.headers["referrer-policy"] == "no-referrer"
        forged = url[:-1] + ("A" if url[-1] != "A" else "B")
        other = url.replace(".acme.", ".evil.")
        longer = url.replace(str(until), str(until + 9_000))
        for address in (forged, other, longer, f"{ORIGIN}/pictures/x"):
            assert (await anybody.get(address)).status_code == 404
    token = url.rpartition("/")[2]
    assert links.opened(token) is not None
    assert Links(ORIGIN, ["another"]).opened(token) is None
    dated = Links(ORIGIN, [STATE_KEY], now=lambda: at[0])
    url, _ = dated.sign(image_id, owner="acme")
    at[0] += LINK_WITHIN_S - 1
    assert dated.opened(url.rpartition("/")[2]) is not None
    at[0] += 1
    assert dated.opened(url.rpartition("/")[2]) is None


async def _read(acme: Team, uri: str) -> bytes:
    import base64

    async with acme.client(await acme.token("acme")) as client:
        (content,) = (await client.read_resource(uri)).contents
        return base64.b64decode(content.blob)  # pyright: ignore[reportAttributeAccessIssue]


async def test_what_is_no_picture_is_refused_and_uses_nothing_up(acme: Team) -> None:
    address = await _address(acme)
    polyglot = b"GIF89a/*" + b"\0" * 64 + b"*/=1;<script>alert(1)</script>"
    async with visiting(acme.app) as anybody:
        for bad in (b"", b"hello", polyglot, _photo()[:60]):
            refused = await anybody.put(address, content=bad)
            assert refused.status_code == 422, bad[:8]
            assert "<script" not in refused.text
        assert (await anybody.post(address, content=_photo())).status_code == 201


async def test_a_picture_that_is_too_long_is_refused_before_it_was_read(acme: Team) -> None:
    address = await _address(acme)
    said = {"content-length": str(MAX_UPLOAD_BYTES + 1_000_000)}
    assert await raw(acme.app, address, [b"x"] * 3, headers=said) == (413, 0)
    chunk = b"x" * 1_000_000
    status, taken = await raw(acme.app, address, [chunk] * 40)
    assert status == 413
    assert taken == 26


async def test_an_unknown_address_reads_no_body(acme: Team) -> None:
    path = f"/up/{new_text()}"
    assert await raw(acme.app, path, [b"x"] * 3) == (404, 0)


async def test_an_address_expires_and_only_its_hash_is_kept(acme: Team, world: World) -> None:
    uploads = acme.application.uploads
    text = new_text()
    await uploads.open_upload(hash_of(text), owner="acme")
    kept = b"".join(path.read_bytes() for path in Path(world.data).glob("jobs.db*"))
    assert text.encode() not in kept
    assert hash_of(text).encode() in kept
    assert await uploads.use_upload(hash_of(text))
    assert not await uploads.use_upload(hash_of(text))


async def test_the_page_runs_nothing_but_its_own_script(acme: Team) -> None:
    address = await _address(acme)
    async with visiting(acme.app) as person:
        page = await person.get(address)
    assert page.status_code == 200
    assert '<script>"use strict"' in page.text
    policy = page.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; script-src 'sha256-")
    assert "unsafe" not in policy
    assert not re.search(r"https?://", page.text)
    assert address.rpartition("/")[2] not in page.text


async def test_no_file_of_the_server_can_be_named(acme: Team, world: World) -> None:
    photo = Path(world.root) / "private.png"
    photo.write_bytes(_photo())
    async with acme.client(await acme.token("acme")) as client:
        for image in (str(photo), f"file://{photo}", "latest", str(photo.parent), "~/x.png"):
            result = await client.call_tool("analyze_light", {"image": image})
            assert result.is_error
            (block, *_) = result.content
            assert isinstance(block, TextContent)
            assert "upload_image" in block.text
            assert "folder" not in block.text


async def test_the_surface_speaks_of_no_file(acme: Team) -> None:
    async with acme.client(await acme.token("acme")) as client:
        tools = {tool.name: tool for tool in (await client.list_tools()).tools}
        assert "upload_image" in tools
        assert "find_images" not in tools
        for tool in tools.values():
            words = (tool.description or "") + str(tool.input_schema)
            assert not [word for word in _NOT_THERE if word in words], tool.name
        prompts = (await client.list_prompts()).prompts
        assert "relight_set" not in {prompt.name for prompt in prompts}
        assert not [one for one in _NOT_THERE if one in str(prompts)]


async def test_a_job_is_told_with_addresses_and_without_paths(world: World) -> None:
    async with team(world, None, worker="inline") as acme:
        address = await _address(acme)
        async with visiting(acme.app) as anybody:
            image = (await anybody.put(address, content=_photo())).json()["image"]
            async with acme.client(await acme.token("acme")) as client:
                job = await _facts(client, "relight_image", image=image, look="overcast", wait_s=45)
                assert job["status"] == "succeeded", job
                (picture,) = job["images"]
                assert "path" not in picture
                assert "url" in job["next_step"]
                rows = await _facts(client, "list_jobs")
                (read,) = (await client.read_resource(f"relight://jobs/{job['job_id']}")).contents
            got = await anybody.get(picture["url"])
    assert got.status_code == 200
    assert len(got.content) == picture["bytes"]
    for told in (str(job), str(rows), str(read)):
        assert str(world.root) not in told


async def test_an_address_works_on_another_replica(acme: Team, world: World) -> None:
    address = await _address(acme)
    async with team(world, None) as other, visiting(other.app) as anybody:
        assert (await anybody.put(address, content=_photo())).status_code == 201
    async with visiting(acme.app) as anybody:
        assert (await anybody.put(address, content=_photo())).status_code == 404


async def test_a_body_that_never_comes_is_given_up_and_uses_nothing_up(
    acme: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = await _address(acme)
    (terms,) = [
        one for one in acme.app.addresses.terms if one.path == "/up/{token}" and one.max_body_bytes
    ]
    assert terms.body_within_s <= 120
    now = [0.0]

    async def receive() -> dict[str, Any]:
        await anyio.lowlevel.checkpoint()
        now[0] += 61  # a piece a minute
        return {"type": "http.request", "body": b"x", "more_body": True}

    monkeypatch.setattr("mcp_relight.server.web.exchange.anyio.current_time", lambda: now[0])
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    scope: dict[str, Any] = {
        "type": "http",
        "method": "PUT",
        "path": address,
        "headers": [(b"host", b"relight.test")],
        "query_string": b"",
        "root_path": "",
    }
    with anyio.fail_after(30):
        await acme.app(scope, receive, send)
    assert sent[0]["status"] == 408
    monkeypatch.undo()
    async with visiting(acme.app) as anybody:
        assert (await anybody.put(address, content=_photo())).status_code == 201


async def test_what_one_owner_sent_is_nobody_elses(acme: Team) -> None:
    async with visiting(acme.app) as anybody:
        image = (await anybody.put(await _address(acme), content=_photo())).json()["image"]
        links = Links(ORIGIN, [STATE_KEY])
        for owner, status in (("acme", 200), ("evil", 404)):
            url, _ = links.sign(image.rpartition("/")[2], owner=owner)
            assert (await anybody.get(url)).status_code == status
    async with acme.client(await acme.token("evil")) as client:
        assert (await client.call_tool("analyze_light", {"image": image})).is_error
