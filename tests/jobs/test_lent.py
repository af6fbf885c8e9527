"""Addresses of lent pictures: for a while, some reads, and one job that goes on."""

import pytest

from mcp_relight.domain import capability
from mcp_relight.domain.capability import MOST_READS, Lent
from mcp_relight.jobs.store.store import Store
from tests.jobs.fakes import OWNER, new_job

pytestmark = pytest.mark.anyio

HASHED, OTHER = capability.hash_of("x" * 43), capability.hash_of("y" * 43)
IMAGE = "ab" * 16


async def test_it_shows_one_picture_while_its_job_goes_on(store: Store) -> None:
    (job,) = await store.insert([new_job()])
    lent = Lent(job.job_id, IMAGE)
    await store.lent.lend(HASHED, lent, life_s=600.0)
    assert await store.lent.read(HASHED) == lent
    assert await store.lent.read(OTHER) is None
    assert await store.lent.of(job.job_id) == (IMAGE,)
    assert await store.lent.jobs() == (job.job_id,)
    await store.request_cancel(job.job_id, owner=OWNER)
    assert await store.lent.read(HASHED) is None
    await store.lent.take_back(job.job_id)
    assert await store.lent.jobs() == ()


async def test_it_is_read_so_often_and_no_more(store: Store) -> None:
    (job,) = await store.insert([new_job()])
    await store.lent.lend(HASHED, Lent(job.job_id, IMAGE), life_s=600.0)
    read = [await store.lent.read(HASHED) for _ in range(MOST_READS + 5)]
    assert len([one for one in read if one is not None]) == MOST_READS


async def test_it_expires(store: Store) -> None:
    (job,) = await store.insert([new_job()])
    await store.lent.lend(HASHED, Lent(job.job_id, IMAGE), life_s=-1.0)
    assert await store.lent.read(HASHED) is None
