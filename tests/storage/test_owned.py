"""Whose a stored picture is: bytes are stored once, and everybody has their own and no others."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from mcp_relight.domain.caller import Caller, acting_as
from mcp_relight.domain.image import Encoded
from mcp_relight.domain.owners import Limits, Owner
from mcp_relight.errors import BudgetExceeded, ImageNotFound
from mcp_relight.jobs.store.store import Store
from mcp_relight.storage.files import ImageFiles, OwnedImages
from tests.jobs.conftest import empty_database, location, postgres

__all__ = ["empty_database", "location", "postgres"]

pytestmark = pytest.mark.anyio
ALICE, BOB = Caller("alice"), Caller("bob")


@pytest.fixture
async def store(location: Path | str) -> AsyncIterator[Store]:
    opened = Store(location, is_living=lambda _: False)
    yield opened
    await opened.aclose()


@pytest.fixture
def images(store: Store, tmp_path: Path) -> OwnedImages:
    return OwnedImages(ImageFiles(tmp_path / "d"), store.owners, unlisted=None, bounded=True)


def picture(data: bytes = b"bytes") -> Encoded:
    return Encoded(data=data, mime_type="image/png", width=4, height=4, has_alpha=False)


async def not_found(images: OwnedImages, image_id: str) -> str:
    with pytest.raises(ImageNotFound) as refused:
        await images.read(image_id)
    with pytest.raises(ImageNotFound):
        await images.info(image_id)
    return f"{refused.value.message} {refused.value.hint}"


async def test_anothers_picture_is_not_found_in_the_words_of_one_that_never_was(
    images: OwnedImages,
) -> None:
    with acting_as(ALICE):
        kept = await images.put(picture())
        assert await images.read(kept.image_id) == b"bytes"
    with acting_as(BOB):
        assert await not_found(images, kept.image_id) == await not_found(images, "0" * 32)
        with pytest.raises(ImageNotFound):
            await images.publish(kept.image_id, Path("/nowhere"), "stolen")


async def test_the_same_bytes_are_everybodys_own_and_go_with_the_last(images: OwnedImages) -> None:
    with acting_as(ALICE):
        kept = await images.put(picture())
    with acting_as(BOB):
        assert await images.put(picture()) == kept
        await images.delete(kept.image_id)
        await not_found(images, kept.image_id)
    with acting_as(ALICE):
        assert await images.read(kept.image_id) == b"bytes"
        await images.delete(kept.image_id)
        await not_found(images, kept.image_id)
        assert await images.put(picture()) == kept
        assert await images.read(kept.image_id) == b"bytes"


async def test_nobody_deletes_what_is_not_theirs(images: OwnedImages) -> None:
    with acting_as(ALICE):
        kept = await images.put(picture())
    with acting_as(BOB):
        await images.delete(kept.image_id)
    with acting_as(ALICE):
        assert await images.read(kept.image_id) == b"bytes"


async def test_bytes_are_not_brought_back_while_they_are_being_deleted(
    images: OwnedImages, store: Store
) -> None:
    with acting_as(ALICE):
        kept = await images.put(picture())
    assert await store.owners.let_go("alice", kept.image_id)
    assert not await store.owners.keep("bob", kept.image_id, 5, bounded=False)
    await store.owners.buried("alice", kept.image_id, is_gone=True)
    assert await store.owners.keep("bob", kept.image_id, 5, bounded=False)


async def test_pictures_beyond_an_owners_room_are_refused_and_the_limit_is_named(
    images: OwnedImages, store: Store
) -> None:
    assert await store.owners.add(Owner(owner="alice", limits=Limits(max_bytes=1_000_000)))
    with acting_as(ALICE):
        await images.put(picture(b"a" * 900_000))
        with pytest.raises(BudgetExceeded, match="1 MB"):
            await images.put(picture(b"b" * 200_000))
    with acting_as(BOB):
        await images.put(picture(b"b" * 200_000))


async def test_what_lies_in_the_folder_of_this_machine_is_its_persons(
    store: Store, tmp_path: Path
) -> None:
    files = ImageFiles(tmp_path / "d")
    earlier = await files.put(picture())
    images = OwnedImages(files, store.owners, unlisted="local", bounded=True)
    assert await images.read(earlier.image_id) == b"bytes"
    with acting_as(BOB):
        await not_found(images, earlier.image_id)
        await images.put(picture())
        await images.delete(earlier.image_id)
    assert await images.read(earlier.image_id) == b"bytes"
