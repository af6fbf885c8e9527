"""What the store does when its database cannot be used."""

import errno
import sqlite3
from pathlib import Path

import anyio
import pytest
from sqlalchemy.exc import OperationalError, PendingRollbackError

from mcp_relight.errors import Internal, JobNotFound, StorageFull, TimedOut
from mcp_relight.jobs.store.errors import (
    DatabaseBroken,
    DatabaseOutage,
    what_a_server_means,
    what_went_wrong,
)
from mcp_relight.jobs.store.store import Store
from tests.jobs.fakes import OWNER, new_job

pytestmark = pytest.mark.anyio


def open_store(path: Path, *, patience_s: float = 5.0) -> Store:
    return Store(path, is_living=lambda _: False, patience_s=patience_s, busy_timeout_s=0.05)


def write_lock(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("BEGIN IMMEDIATE")
    return connection


async def test_a_locked_database_is_waited_for(tmp_path: Path) -> None:
    store = open_store(tmp_path / "jobs.db")
    await store.insert([new_job()])
    lock = write_lock(tmp_path / "jobs.db")
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(store.insert, [new_job()])
        await anyio.sleep(0.3)
        lock.rollback()
    lock.close()
    assert len((await store.list(owner=OWNER, status=None, limit=9, cursor=None)).jobs) == 2
    await store.aclose()


async def test_a_database_that_stays_locked_is_a_clear_error(tmp_path: Path) -> None:
    store = open_store(tmp_path / "jobs.db", patience_s=0.2)
    await store.insert([new_job()])
    lock = write_lock(tmp_path / "jobs.db")
    with pytest.raises(TimedOut, match="did not answer"):
        await store.insert([new_job()])
    lock.close()
    await store.aclose()


async def test_a_fresh_process_reads_while_another_writes(tmp_path: Path) -> None:
    first = open_store(tmp_path / "jobs.db")
    [job] = await first.insert([new_job()])
    await first.aclose()
    fresh, lock = open_store(tmp_path / "jobs.db", patience_s=0.2), write_lock(tmp_path / "jobs.db")
    assert (await fresh.get(job.job_id)).job_id == job.job_id
    assert (await fresh.list(owner=OWNER, status=None, limit=9, cursor=None)).jobs
    await fresh.changed(-1, within_s=0)
    lock.close()
    await fresh.aclose()


async def test_waiting_behind_others_of_this_process_is_part_of_the_patience(
    tmp_path: Path,
) -> None:
    """Else the tenth writer would be answered after ten times as long."""
    store = open_store(tmp_path / "jobs.db", patience_s=0.5)
    await store.insert([new_job()])
    lock = write_lock(tmp_path / "jobs.db")
    told: list[float] = []

    async def write(start: float) -> None:
        with pytest.raises(TimedOut):
            await store.insert([new_job()])
        told.append(anyio.current_time() - start)

    async with anyio.create_task_group() as tasks:
        for _ in range(10):
            tasks.start_soon(write, anyio.current_time())
    lock.close()
    assert len(told) == 10
    assert max(told) < 5
    await store.aclose()


async def test_what_an_earlier_version_lacked_is_added(tmp_path: Path) -> None:
    path = tmp_path / "jobs.db"
    store = open_store(path)
    [job] = await store.insert([new_job()])
    await store.aclose()
    with sqlite3.connect(path) as connection:
        connection.execute("DROP TABLE gates")
        connection.execute("CREATE TABLE gates (name VARCHAR(120) PRIMARY KEY, tat FLOAT NOT NULL)")
        connection.execute("INSERT INTO gates VALUES ('key', 1)")
        connection.execute("UPDATE meta SET content = '1' WHERE name = 'schema'")
    connection.close()
    store = open_store(path)
    assert await store.take_slot("key", per_minute=60, burst=1) == 0
    assert (await store.get(job.job_id)).job_id == job.job_id
    await store.aclose()


@pytest.mark.parametrize("damage", ["no database at all", "overwritten in the middle"])
async def test_a_damaged_database_is_kept_aside_and_a_new_one_started(
    tmp_path: Path, damage: str, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "jobs.db"
    store = open_store(path)
    jobs = await store.insert([new_job() for _ in range(50)])
    await store.aclose()
    whole = path.read_bytes()
    kept_start = b"" if damage == "no database at all" else whole[:2048]
    broken = kept_start + b"\xa5" * (len(whole) - len(kept_start))
    path.write_bytes(broken)

    again = open_store(path)
    with pytest.raises(JobNotFound):
        await again.get(jobs[0].job_id)
    await again.insert([new_job()])
    await again.aclose()

    [kept] = tmp_path.glob("jobs.damaged-*.db")
    assert kept.read_bytes() == broken
    assert kept.name in caplog.text


async def test_another_store_follows_to_the_new_file(tmp_path: Path) -> None:
    path = tmp_path / "jobs.db"
    staying = open_store(path)
    await staying.insert([new_job()])
    path.replace(tmp_path / "old.db")
    fresh = open_store(path)
    [job] = await fresh.insert([new_job()])
    assert (await staying.get(job.job_id)).job_id == job.job_id
    await fresh.aclose()
    await staying.aclose()


async def test_a_folder_that_cannot_be_used_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    store = open_store(tmp_path / "file" / "jobs.db")
    with pytest.raises(Internal, match="cannot be opened"):
        await store.insert([new_job()])


async def test_a_database_of_a_newer_version_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "jobs.db"
    store = open_store(path)
    await store.insert([new_job()])
    await store.aclose()
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE meta SET content = '99'")
    connection.close()
    with pytest.raises(Internal, match="newer version"):
        await open_store(path).insert([new_job()])


def sqlite_error(code: int) -> OperationalError:
    cause = sqlite3.OperationalError("as SQLite words it")
    cause.sqlite_errorcode = code
    return OperationalError("statement", {}, cause)


@pytest.mark.parametrize(
    ("code", "meaning"),
    [
        (sqlite3.SQLITE_FULL, StorageFull),
        (sqlite3.SQLITE_BUSY, DatabaseOutage),
        (sqlite3.SQLITE_IOERR, DatabaseOutage),
        (sqlite3.SQLITE_CORRUPT, DatabaseBroken),
        (sqlite3.SQLITE_NOTADB, DatabaseBroken),
        (sqlite3.SQLITE_READONLY, Internal),
        (sqlite3.SQLITE_CONSTRAINT, Internal),
    ],
)
def test_each_database_error_means_one_thing(code: int, meaning: type[Exception]) -> None:
    assert type(what_went_wrong(sqlite_error(code))) is meaning


def test_a_full_disk_is_said_so_whoever_finds_it() -> None:
    assert isinstance(what_went_wrong(OSError(errno.ENOSPC, "full")), StorageFull)


@pytest.mark.parametrize("number", [errno.ECONNRESET, errno.EBADF, errno.EPIPE, errno.EHOSTUNREACH])
def test_what_the_system_says_of_the_way_to_a_server_passes(number: int) -> None:
    assert isinstance(what_a_server_means(OSError(number, "gone")), DatabaseOutage)


def test_a_transaction_that_broke_before_passes() -> None:
    assert isinstance(what_went_wrong(PendingRollbackError("invalid")), DatabaseOutage)
