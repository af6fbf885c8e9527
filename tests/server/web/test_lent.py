"""Providers that read addresses alone get to see an uploaded picture, and only that, and not for
long."""

import logging
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from mcp_relight.domain import capability
from mcp_relight.domain.capability import MOST_READS
from mcp_relight.simulator.app import running_simulator
from mcp_relight.simulator.control import SimulatorHandle
from mcp_relight.storage.lent import LentPictures
from tests.matrix import some_now
from tests.server.web.site import ORIGIN, visiting
from tests.server.web.team import team
from tests.server.web.test_hooks import PIXAZO, PIXELDOJO, Site, site, until
from tests.world import World

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("brisk")]


@pytest.fixture
def simulator() -> Iterator[SimulatorHandle]:
    with running_simulator() as handle:
        yield handle


@pytest.fixture
def given(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The addresses that were given out."""
    told: list[str] = []
    put = LentPictures.put

    async def noted(self: LentPictures, *arguments: Any) -> str:
        told.append(await put(self, *arguments))
        return told[-1]

    monkeypatch.setattr(LentPictures, "put", noted)
    return told


def _photo_with_a_place() -> bytes:
    exif = Image.Exif()
    exif[0x010E] = "sentinel of the metadata"
    buffer = BytesIO()
    picture = Image.linear_gradient("L").convert("RGB").resize((96, 64))
    picture.save(buffer, "JPEG", exif=exif)
    return buffer.getvalue()


async def uploaded(here: Site) -> str:
    async with here.team.client(await here.team.token()) as client:
        told = await client.call_tool("upload_image", {})
    assert told.structured_content is not None
    path = told.structured_content["url"].removeprefix(ORIGIN)
    async with visiting(here.team.app) as person:
        return (await person.put(path, content=_photo_with_a_place())).json()["image"]


@pytest.mark.parametrize("model", some_now([PIXELDOJO, PIXAZO]))
async def test_an_uploaded_picture_is_lent_for_as_long_as_its_job_needs_it(
    world: World,
    simulator: SimulatorHandle,
    given: list[str],
    model: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    provider = model.partition("/")[0]
    forty_s = {"pixeldojo": 0.1, "pixazo": 2.8}[provider]
    simulator.settings(webhooks=[], speed=forty_s)
    async with site(world, simulator) as here:
        image = await uploaded(here)
        job_id = await here.start(model, image=image)
        await until(lambda: bool(here.hooks))  # the provider has read it, and works on it
        (address,) = given
        assert address.startswith(f"{here.url}/lent/")
        path = address.removeprefix(here.url)
        async with (
            team(world, None, **here.settings | {"worker": "none"}) as other,
            visiting(other.app) as anybody,
        ):
            shown = await anybody.get(path)
            assert (shown.status_code, shown.headers["content-type"]) == (200, "image/jpeg")
            assert b"sentinel" not in shown.content
            assert Image.open(BytesIO(shown.content)).size == (96, 64)
            assert shown.headers["content-security-policy"].endswith("sandbox")
            assert (await anybody.head(path)).status_code == 200
            assert (await anybody.post(path)).status_code == 405
            for text in ("x", capability.new_text(), path.rpartition("/")[2] + "x"):
                assert (await anybody.get(f"/lent/{text}")).status_code == 404
            reads = [(await anybody.get(path)).status_code for _ in range(MOST_READS)]
            assert reads[0] == 200
            assert reads[-1] == 404
            simulator.advance_clock(60)
            done = await here.ended(job_id)
            assert done["status"] == "succeeded", done
            assert (await anybody.get(path)).status_code == 404
        kept = b"".join(one.read_bytes() for one in Path(world.data).glob("jobs.db*"))
        assert path.rpartition("/")[2].encode() not in kept
        assert await here.team.application.lent.jobs() == ()
    ours = [one.getMessage() for one in caplog.records if one.name.startswith("mcp_relight")]
    assert any("GET /lent/{token} 200" in line for line in ours)
    assert not [line for line in ours if path.rpartition("/")[2] in line]


async def test_where_providers_reach_nothing_they_are_told_nothing(
    world: World, simulator: SimulatorHandle, given: list[str]
) -> None:
    async with site(world, simulator, callback_url="off") as here:
        wanted = {"image": await uploaded(here), "model": PIXELDOJO, "light_from": "left"}
        async with here.team.client(await here.team.token()) as client:
            refused = await client.call_tool("relight_image", wanted | {"max_cost_usd": 1})
        assert refused.is_error
        assert "needs_public_url" in str(refused.meta)
        async with visiting(here.team.app) as anybody:
            assert (await anybody.get(f"/lent/{capability.new_text()}")).status_code == 404
    assert given == []
