"""Whose a picture is where everybody's bytes lie apart, and what becomes of a deletion cut off."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from mcp_relight.domain.caller import Caller, acting_as, current_caller
from mcp_relight.domain.image import Encoded
from mcp_relight.domain.owners import Limits, Owner
from mcp_relight.errors import BudgetExceeded, ImageNotFound, StoreDown
from mcp_relight.jobs.store.store import Store
from mcp_relight.storage.files import OwnedImages
from mcp_relight.testing import MemoryImages
from tests.jobs.conftest import empty_database, location, postgres
from tests.jobs.fakes import new_job

__all__ = ["empty_database", "location", "postgres"]

pytestmark = pytest.mark.anyio
ALICE, BOB = Caller("alice"), Caller("bob")
_LATER_S = 61.0


class Apart(MemoryImages):
    """A folder for each caller, and a store that may be out of reach when something is deleted."""

    def __init__(self) -> None:
        super().__init__()
        self.folders: dict[str, MemoryImages] = {}
        self.is_down = False

    @property
    def _mine(self) -> MemoryImages:
        return self.folders.setdefault(current_caller().owner, MemoryImages())

    async def put(self, picture: Encoded) -> object:  # pyright: ignore
        return await self._mine.put(picture)

    async def read(self, image_id: str) -> bytes:
        return await self._mine.read(image_id)

    async def delete(self, image_id: str) -> None:
        if self.is_down:
            raise StoreDown("No answer.")
        await self._mine.delete(image_id)


@pytest.fixture
async def store(location: Path | str) -> AsyncIterator[Store]:
    opened = Store(location, is_living=lambda _: False)
    yield opened
    await opened.aclose()


@pytest.fixture
def bytes_of() -> Apart:
    return Apart()


@pytest.fixture
def images(store: Store, bytes_of: Apart) -> OwnedImages:
    images: Any = bytes_of
    return OwnedImages(images, store.apart, unlisted=None, bounded=True)


def picture(data: bytes = b"bytes") -> Encoded:
    return Encoded(data=data, mime_type="image/png", width=4, height=4, has_alpha=False)


async def test_equal_bytes_go_with_each_owner_for_themselves(
    images: OwnedImages, bytes_of: Apart
) -> None:
    with acting_as(ALICE):
        kept = await images.put(picture())
    with acting_as(BOB):
        with pytest.raises(ImageNotFound):
            await images.read(kept.image_id)
        await images.put(picture())
    with acting_as(ALICE):
        await images.delete(kept.image_id)
        with pytest.raises(ImageNotFound):
            await images.read(kept.image_id)
    assert bytes_of.folders["alice"].stored == {}
    with acting_as(BOB):
        assert await images.read(kept.image_id) == b"bytes"


async def test_a_job_of_another_owner_keeps_nothing_of_mine(
    images: OwnedImages, store: Store, bytes_of: Apart
) -> None:
    with acting_as(ALICE):
        kept = await images.put(picture())
    with acting_as(BOB):
        await images.put(picture())
    (job,) = await store.insert([new_job(owner="bob", image_id=kept.image_id)])
    with acting_as(ALICE):
        await images.delete(kept.image_id)
    assert bytes_of.folders["alice"].stored == {}
    with acting_as(BOB):
        await images.delete(kept.image_id)
        assert await images.read(job.request.image_id) == b"bytes", "a job of theirs needs it"


async def test_a_deletion_that_an_outage_cuts_off_is_made_up_for(
    images: OwnedImages, store: Store, bytes_of: Apart, monkeypatch: pytest.MonkeyPatch
) -> None:
    with acting_as(ALICE):
        kept = await images.put(picture())
        bytes_of.is_down = True
        with pytest.raises(StoreDown):
            await images.delete(kept.image_id)
        with pytest.raises(ImageNotFound):
            await images.read(kept.image_id)
    assert await store.apart.unused() == ()
    assert kept.image_id not in await store.apart.sizes()
    now = store.now()
    monkeypatch.setattr(store._database, "now", lambda: now + _LATER_S)  # pyright: ignore
    assert await store.apart.unused() == (("alice", kept.image_id),)
    bytes_of.is_down = False
    with acting_as(ALICE):
        await images.delete(kept.image_id)
    assert await store.apart.unused() == ()
    assert bytes_of.folders["alice"].stored == {}


async def test_bytes_are_not_brought_back_while_they_are_being_deleted(
    images: OwnedImages, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    apart = store.apart
    with acting_as(ALICE):
        kept = await images.put(picture())
    assert await apart.let_go("alice", kept.image_id)
    assert not await apart.let_go("alice", kept.image_id), "somebody is at it"
    assert not await apart.keep("alice", kept.image_id, 5, bounded=False)
    assert await apart.keep("bob", kept.image_id, 5, bounded=False), "theirs is another"
    await apart.buried("alice", kept.image_id, is_gone=True)
    assert await apart.keep("alice", kept.image_id, 5, bounded=False)
    assert await apart.let_go("alice", kept.image_id)
    now = store.now()
    monkeypatch.setattr(store._database, "now", lambda: now + _LATER_S)  # pyright: ignore
    assert await apart.keep("alice", kept.image_id, 5, bounded=False), "who was at it has died"


async def test_pictures_beyond_an_owners_room_are_refused(
    images: OwnedImages, store: Store
) -> None:
    assert await store.owners.add(Owner(owner="alice", limits=Limits(max_bytes=1_000_000)))
    with acting_as(ALICE):
        kept = await images.put(picture(b"a" * 900_000))
        with pytest.raises(BudgetExceeded, match="1 MB"):
            await images.put(picture(b"b" * 200_000))
        await images.put(picture(b"a" * 900_000))
        await images.delete(kept.image_id)
        await images.put(picture(b"b" * 200_000))
