"""The job store: stages, claims, dedup, owners, pages, late evidence."""

import base64
import json
import stat
from pathlib import Path
from typing import Any

import pytest

from mcp_relight.domain.job import LEGAL, Job, Stage, is_legal
from mcp_relight.errors import IdempotencyConflict, Internal, InvalidArgument, JobNotFound
from mcp_relight.jobs.store.store import Store
from tests.jobs.fakes import KEY, OWNER, FakeClock, new_job
from tests.jobs.rows import in_stage, put_in_stage

pytestmark = pytest.mark.anyio

IN_A_FILE = pytest.mark.parametrize("location", ["sqlite"], indirect=True)
STAGES: list[Stage] = sorted(LEGAL)


@pytest.mark.parametrize("before", STAGES)
async def test_exactly_the_legal_transitions_are_made(store: Store, before: Stage) -> None:
    for after in STAGES:
        job = await in_stage(store, before)
        if is_legal(before, after) or before == after:
            moved = await store.move(job, after)
            assert moved is not None
            assert moved.stage == after
        else:
            with pytest.raises(Internal):
                await store.move(job, after)
            assert (await store.get(job.job_id)).stage == before


ADDRESS = "https://pictures.test/mug.png?signature=0123456789abcdef"
FURTHER = "https://pictures.test/cup.png?signature=fedcba9876543210"


def stored(folder: Path) -> bytes:
    """What is in the database's files, once nobody holds them open."""
    return b"".join(path.read_bytes() for path in (folder / "data").glob("jobs.db*"))


@IN_A_FILE
@pytest.mark.parametrize("way", ["sent", "failed", "cancelled"])
async def test_the_address_of_a_photo_is_kept_no_longer_than_it_is_needed(
    store: Store, tmp_path: Path, way: str
) -> None:
    further = {"reference_image_1": FURTHER}
    [job] = await store.insert([new_job(passthrough_url=ADDRESS, extra_urls=further)])
    kept = await store.reserve(job, day_budget_usd=10.0)
    assert kept is not None
    assert (kept.request.passthrough_url, kept.request.extra_urls) == (ADDRESS, further)
    queued = await store.move(kept, "queued")
    assert queued is not None
    match way:
        case "sent":
            sending = await store.reserve(queued, day_budget_usd=10.0)
            assert sending is not None
            await store.move(sending, "running")
        case "failed":
            await store.move(queued, "failed")
        case _:
            await store.request_cancel(job.job_id, owner=OWNER)
    assert (await store.get(job.job_id)).request.passthrough_url is None
    await store.aclose()
    assert ADDRESS.encode() not in stored(tmp_path)
    assert FURTHER.encode() not in stored(tmp_path)


@IN_A_FILE
async def test_the_addresses_of_results_are_kept_until_they_are_downloaded(
    store: Store, tmp_path: Path
) -> None:
    job = await in_stage(store, "running")
    downloading = await store.move(job, "downloading", outputs=(ADDRESS,))
    assert downloading is not None
    assert downloading.outputs == (ADDRESS,)
    finishing = await store.move(downloading, "finishing")
    assert finishing is not None
    assert finishing.outputs == ()
    await store.aclose()
    assert ADDRESS.encode() not in stored(tmp_path)


async def test_a_move_of_a_row_that_moved_on_changes_nothing(store: Store) -> None:
    [job] = await store.insert([new_job()])
    assert await store.move(job, "cancelled") is not None
    assert await store.move(job, "submitting") is None
    assert (await store.get(job.job_id)).stage == "cancelled"


async def test_a_move_under_a_lost_claim_changes_nothing(store: Store) -> None:
    [job] = await store.insert([new_job()])
    mine = await store.claim(job, "a.1")
    assert mine is not None
    theirs = await store.claim(mine, "b.1")
    assert theirs is not None
    assert await store.move(mine, "running") is None


async def test_of_two_stores_that_claim_one_row_one_gets_it(
    store: Store, location: Path | str, clock: FakeClock
) -> None:
    other = Store(location, is_living=lambda _: True, now=clock.now)
    [job] = await store.insert([new_job()])
    seen = await other.get(job.job_id)
    assert await store.claim(job, "a.1") is not None
    assert await other.claim(seen, "b.1") is None
    await other.aclose()


async def test_every_field_of_a_job_survives_the_store(store: Store) -> None:
    wanted = new_job(params={"steps": 20}, mask_id="1" * 32, extra_image_ids={"depth": "2" * 32})
    [job] = await store.insert([wanted])
    assert job.request == wanted.request
    moved = await store.move(
        job, "queued", images=("3" * 32,), outputs=("https://a/b",), warnings=("w",), progress=0.5
    )
    assert moved is not None
    again = await store.get(job.job_id)
    assert again == moved
    assert (again.images, again.outputs, again.warnings) == (
        ("3" * 32,),
        ("https://a/b",),
        ("w",),
    )


async def test_the_same_request_within_ten_minutes_is_the_same_job(
    store: Store, clock: FakeClock
) -> None:
    [first] = await store.insert([new_job(dedup_key="k")])
    clock.time += 599
    [again] = await store.insert([new_job(dedup_key="k")])
    assert again.job_id == first.job_id


async def test_the_same_request_after_ten_minutes_is_a_new_job(
    store: Store, clock: FakeClock
) -> None:
    [first] = await store.insert([new_job(dedup_key="k")])
    clock.time += 601
    [again] = await store.insert([new_job(dedup_key="k")])
    assert again.job_id != first.job_id


@pytest.mark.parametrize("stage", ["failed", "cancelled", "expired"])
async def test_a_job_that_ended_badly_does_not_answer_for_the_next_request(
    store: Store, stage: Stage
) -> None:
    [first] = await store.insert([new_job(dedup_key="k")])
    await put_in_stage(store, first, stage)
    [again] = await store.insert([new_job(dedup_key="k")])
    assert again.job_id != first.job_id


async def test_an_unknown_submit_answers_for_its_request_until_the_user_ends_it(
    store: Store, clock: FakeClock
) -> None:
    [first] = await store.insert([new_job(dedup_key="k")])
    await put_in_stage(store, first, "submit_unknown")
    clock.time += 86_400
    [again] = await store.insert([new_job(dedup_key="k")])
    assert again.job_id == first.job_id
    await store.request_cancel(first.job_id, owner=OWNER)
    [fresh] = await store.insert([new_job(dedup_key="k")])
    assert fresh.job_id != first.job_id


async def test_an_idempotency_key_lasts_as_long_as_its_row(store: Store, clock: FakeClock) -> None:
    [first] = await store.insert([new_job(dedup_key="key:a", keep_key=True)])
    await store.request_cancel(first.job_id, owner=OWNER)
    clock.time += 86_400
    [again] = await store.insert([new_job(dedup_key="key:a", keep_key=True)])
    assert again.job_id == first.job_id
    await store.forget(first.job_id, owner=OWNER)
    [fresh] = await store.insert([new_job(dedup_key="key:a", keep_key=True)])
    assert fresh.job_id != first.job_id


async def test_an_idempotency_key_with_another_request_is_a_conflict(store: Store) -> None:
    await store.insert([new_job(dedup_key="key:a", keep_key=True, request_hash="one")])
    with pytest.raises(IdempotencyConflict):
        await store.insert([new_job(dedup_key="key:a", keep_key=True, request_hash="two")])


async def test_a_conflict_inserts_none_of_the_call(store: Store) -> None:
    await store.insert([new_job(dedup_key="key:a", keep_key=True, request_hash="one")])
    with pytest.raises(IdempotencyConflict):
        await store.insert(
            [new_job(), new_job(dedup_key="key:a", keep_key=True, request_hash="two")]
        )
    page = await store.list(owner=OWNER, status=None, limit=10, cursor=None)
    assert len(page.jobs) == 1


async def test_the_same_key_of_two_owners_is_two_jobs(store: Store) -> None:
    [mine] = await store.insert([new_job(dedup_key="k")])
    [theirs] = await store.insert([new_job(dedup_key="k", owner="other")])
    assert mine.job_id != theirs.job_id


async def test_jobs_of_one_call_are_siblings_and_an_earlier_one_is_shown_among_them(
    store: Store,
) -> None:
    [old] = await store.insert([new_job(dedup_key="a")])
    shown, b, c = await store.insert([new_job(dedup_key=key) for key in "abc"])
    assert shown.job_id == old.job_id
    assert shown.siblings == (b.job_id, c.job_id)
    assert (await store.get(b.job_id)).siblings == (old.job_id, c.job_id)


async def test_only_the_owner_sees_a_job(store: Store) -> None:
    [job] = await store.insert([new_job()])
    for refused in (store.get, store.request_cancel, store.forget):
        with pytest.raises(JobNotFound):
            await refused(job.job_id, owner="other")
    page = await store.list(owner="other", status=None, limit=10, cursor=None)
    assert page.jobs == ()


async def test_pages_show_every_job_once_newest_first_while_new_ones_arrive(
    store: Store, clock: FakeClock
) -> None:
    made: list[str] = []
    for index in range(7):
        clock.time += index % 2  # some share their second
        made += [job.job_id for job in await store.insert([new_job()])]
    shown: list[Job] = []
    cursor = None
    while True:
        page = await store.list(owner=OWNER, status=None, limit=3, cursor=cursor)
        shown += page.jobs
        await store.insert([new_job()])
        if (cursor := page.cursor) is None:
            break
    assert sorted(job.job_id for job in shown) == sorted(made)
    assert [job.created_at for job in shown] == sorted(
        (job.created_at for job in shown), reverse=True
    )


async def test_a_list_can_be_of_one_status(store: Store) -> None:
    running = await in_stage(store, "downloading")
    await in_stage(store, "succeeded")
    page = await store.list(owner=OWNER, status="running", limit=10, cursor=None)
    assert [job.job_id for job in page.jobs] == [running.job_id]


@pytest.mark.parametrize("cursor", ["", "x", "bnVsbA==", "WzEsMl0=", "é"])
async def test_a_foreign_cursor_is_refused(store: Store, cursor: str) -> None:
    with pytest.raises(InvalidArgument, match="cursor"):
        await store.list(owner=OWNER, status=None, limit=10, cursor=cursor)


@pytest.mark.parametrize("stage", ["queued", "submit_unknown"])
async def test_cancelling_what_nobody_works_on_ends_it_at_once(store: Store, stage: Stage) -> None:
    job = await in_stage(store, stage)
    assert (await store.request_cancel(job.job_id, owner=OWNER)).stage == "cancelled"


@pytest.mark.parametrize("stage", ["submitting", "running", "downloading", "finishing"])
async def test_cancelling_what_is_under_way_leaves_the_wish(store: Store, stage: Stage) -> None:
    job = await in_stage(store, stage)
    asked = await store.request_cancel(job.job_id, owner=OWNER)
    assert (asked.stage, asked.cancel_requested) == (stage, True)


@pytest.mark.parametrize("stage", ["succeeded", "failed", "cancelled", "expired"])
async def test_cancelling_what_has_ended_changes_nothing(store: Store, stage: Stage) -> None:
    job = await in_stage(store, stage)
    assert await store.request_cancel(job.job_id, owner=OWNER) == job


@IN_A_FILE
async def test_database_and_folder_are_private(store: Store, tmp_path: Path) -> None:
    await store.insert([new_job()])
    folder = tmp_path / "data"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    modes = {stat.S_IMODE(file.stat().st_mode) for file in folder.iterdir()}
    assert modes == {0o600}


@pytest.mark.parametrize(
    ("stage", "ticket", "of", "is_possible"),
    [
        ("submitting", None, {}, True),
        ("submit_unknown", None, {}, True),
        ("running", "t-1", {}, True),
        ("succeeded", "t-1", {}, True),
        ("running", "t-2", {}, False),
        ("queued", None, {}, False),
        ("submit_unknown", None, {"provider": "other"}, False),
        ("submit_unknown", None, {"credential_id": "another key"}, False),
    ],
)
async def test_evidence_may_be_anothers_where_a_row_of_the_same_key_could_claim_it(
    store: Store, stage: Stage, ticket: str | None, of: Any, is_possible: bool
) -> None:
    mine = await in_stage(store, "submit_unknown")
    assert not await store.may_be_anothers(mine, "t-1")
    other = await in_stage(store, stage, **of)
    assert await store.move(other, stage, ticket=ticket) is not None
    assert await store.may_be_anothers(mine, "t-1") == is_possible


async def test_an_old_unknown_job_does_not_hide_the_evidence_of_a_new_one(
    store: Store, clock: FakeClock
) -> None:
    old = await in_stage(store, "submit_unknown")
    clock.time += 3600
    mine = await in_stage(store, "submit_unknown")
    assert not await store.may_be_anothers(mine, "t-1")
    assert not await store.may_be_anothers(old, "t-1")


async def test_the_last_catalog_of_a_provider_is_kept(
    store: Store, location: Path | str, clock: FakeClock
) -> None:
    assert await store.cached_catalog("cloud") is None
    await store.keep_catalog("cloud", "[1]")
    await store.keep_catalog("cloud", "[2]")
    again = Store(location, is_living=lambda _: False)
    assert await again.cached_catalog("cloud") == (clock.time, "[2]")
    await again.aclose()


async def test_a_local_job_knows_how_many_are_before_it(store: Store, clock: FakeClock) -> None:
    entered: list[Job] = []
    for credential_id in (None, KEY, None, None):
        entered += await store.insert([new_job(credential_id=credential_id)])
        clock.time += 1
    first, remote, second, third = entered
    assert [await store.ahead_of(job) for job in (first, second, third)] == [0, 1, 2]
    assert await store.ahead_of(remote) == 0
    await store.request_cancel(first.job_id, owner=OWNER)
    assert await store.ahead_of(third) == 1


@pytest.mark.parametrize("odd", ["\0", "\ud800", "\udc00\ud83d", "x" * 400], ids=ascii)
async def test_odd_text_is_answered_alike_by_both_databases(store: Store, odd: str) -> None:
    """A paid ticket must not be lost to a letter that one of them does not take."""
    [job] = await store.insert([new_job(dedup_key=f"key {odd}"[:300])])
    [same] = await store.insert([new_job(dedup_key=f"key {odd}"[:300])])
    assert same.job_id == job.job_id
    with pytest.raises(JobNotFound):
        await store.get(job.job_id + odd)
    with pytest.raises(JobNotFound):
        await store.request_cancel(job.job_id + odd, owner=OWNER)
    with pytest.raises(JobNotFound):
        await store.forget(odd, owner=OWNER)
    with pytest.raises(JobNotFound):
        await store.get(job.job_id, owner=odd)
    moved = await store.move(job, "running", ticket=f"t {odd} \U0001f600", note=odd)
    assert moved is not None
    assert moved.ticket is not None
    assert moved.ticket.startswith("t ")
    assert moved.ticket.endswith(" \U0001f600")
    assert await store.get(job.job_id) == moved
    cursor = base64.urlsafe_b64encode(json.dumps([job.created_at + 1, odd]).encode()).decode()
    page = await store.list(owner=OWNER, status=None, limit=9, cursor=cursor)
    assert [row.job_id for row in page.jobs] == [job.job_id]
    with pytest.raises(InvalidArgument):
        await store.list(owner=OWNER, status=None, limit=9, cursor=odd)
