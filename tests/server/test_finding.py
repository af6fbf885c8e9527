"""Finding a photo that was not named by its path, as a model does."""

import json
from typing import Any

import pytest
from mcp import Client

from tests.arrivals import put_after_all
from tests.world import World

from .test_looking import call, client, look

__all__ = ["client"]

pytestmark = pytest.mark.anyio

MAX_ROW_CHARS = 130


@pytest.fixture
def gallery(world: World, client: Client) -> World:
    data = world.photo("mug.png", width=64, height=48).read_bytes()
    for name in ("trips/Eileen at the lake.png", "trips/IMG_2041.png", "mug 2.png"):
        put_after_all(world.photos / name, data)
    return world


async def test_a_vague_name_takes_two_calls(client: Client, gallery: World) -> None:
    found = await call(client, "find_images", query="eileen")
    assert [image["name"] for image in found["images"]] == ["Eileen at the lake.png"]
    path = f"{found['folder']}/{found['images'][0]['name']}"
    job = await call(client, "relight_image", image=path, look="loop", wait_s=45)
    assert job["status"] == "succeeded"


async def test_or_one_and_the_answer_says_which_photo_was_taken(
    client: Client, gallery: World
) -> None:
    job = await call(client, "relight_image", image="eileen", look="loop", wait_s=45)
    assert job["name"] == "Eileen at the lake"
    plan = await call(client, "plan_relight", image="latest", look="loop")
    assert plan["name"] == "mug 2"
    line, _ = await look(client, "latest")
    assert '"mug 2"' in line
    line, _ = await look(client, str(gallery.photos / "mug.png"))
    assert "mug" not in line, "a name that the caller gave is not said back"


async def test_rows_are_short_and_their_folder_is_told_once(client: Client, gallery: World) -> None:
    found = await call(client, "find_images")
    assert found["folder"] == str(gallery.photos)
    names = [image["name"] for image in found["images"]]
    assert names[:3] == ["mug 2.png", "trips/IMG_2041.png", "trips/Eileen at the lake.png"]
    assert max(map(row_chars, found["images"])) <= MAX_ROW_CHARS
    assert "allowed_folders" not in found


async def test_results_come_where_asked_and_say_their_job(client: Client, gallery: World) -> None:
    photo = str(gallery.photos / "mug.png")
    job = await call(client, "relight_image", image=photo, look="loop", wait_s=45)
    for given in ({}, {"include": "photos"}):
        found = await call(client, "find_images", **given)
        assert all("job_id" not in image for image in found["images"])
        assert len(found["images"]) == 4
    found = await call(client, "find_images", include="results", limit=1)
    (image,) = found["images"]
    assert image["job_id"] == job["job_id"]
    assert row_chars(image) <= MAX_ROW_CHARS
    assert f"{found['folder']}/{image['name']}" == job["images"][0]["path"]


async def test_pages_end(client: Client, gallery: World) -> None:
    names, cursor = list[str](), None
    for _ in range(4):
        page = await call(client, "find_images", limit=1, **({"cursor": cursor} if cursor else {}))
        names += [image["name"].rpartition("/")[2] for image in page["images"]]
        cursor = page.get("cursor")
    assert cursor is None
    assert len(set(names)) == 4


async def test_nothing_found_says_where_was_looked(client: Client, gallery: World) -> None:
    found = await call(client, "find_images", query="nobody")
    assert found["images"] == []
    assert str(gallery.photos) in found["allowed_folders"]
    assert "query" in found["next_step"]


def row_chars(image: dict[str, Any]) -> int:
    return len(json.dumps(image, separators=(",", ":"), ensure_ascii=False))
