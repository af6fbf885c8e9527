"""Locks that a process holds until it ends, and workers that are started when none lives."""

import os
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import anyio
import pytest

from mcp_relight.errors import Internal
from mcp_relight.jobs.credentials import credential_id, fingerprint
from mcp_relight.jobs.locks import FileLock, WorkerLock, is_held, is_living, lock_path
from mcp_relight.jobs.spawn import Ahead, Spawner, start_ahead
from tests.jobs.processes import ENVIRONMENT, Children, wait_until

pytestmark = pytest.mark.anyio


@pytest.fixture
def children(tmp_path: Path) -> Iterator[Children]:
    with Children(tmp_path) as started:
        yield started


def test_a_lock_is_exclusive_until_it_is_released(tmp_path: Path) -> None:
    lock = FileLock.take(tmp_path / "a.lock")
    assert lock is not None
    assert is_held(tmp_path / "a.lock")
    assert FileLock.take(tmp_path / "a.lock") is None
    lock.release()
    assert not is_held(tmp_path / "a.lock")


def test_a_lock_that_nobody_ever_took_is_free(tmp_path: Path) -> None:
    assert not is_held(tmp_path / "none.lock")


def test_a_worker_lives_while_it_holds_its_lock(tmp_path: Path) -> None:
    lock = WorkerLock(tmp_path, "print")
    assert not is_living(tmp_path, lock.worker_id)
    assert lock.take()
    assert is_living(tmp_path, lock.worker_id)
    lock.release()
    assert not is_living(tmp_path, lock.worker_id)


def test_an_earlier_worker_of_the_same_name_is_dead(tmp_path: Path) -> None:
    first, second = WorkerLock(tmp_path, "print"), WorkerLock(tmp_path, "print")
    assert first.take()
    first.release()
    assert second.take()
    assert is_living(tmp_path, second.worker_id)
    assert not is_living(tmp_path, first.worker_id)
    second.release()


def test_a_second_worker_of_a_name_is_refused(tmp_path: Path) -> None:
    first, second = WorkerLock(tmp_path, "print"), WorkerLock(tmp_path, "print")
    assert first.take()
    assert not second.take(wait_s=0.05)
    first.release()


def test_the_lock_of_one_process_leaves_no_file(tmp_path: Path) -> None:
    lock = WorkerLock.of_one_process(tmp_path)
    assert lock.take()
    lock.release()
    assert list((tmp_path / "workers").iterdir()) == []


async def test_somebody_who_only_looks_does_not_keep_a_worker_from_starting(
    tmp_path: Path,
) -> None:
    """Probers hold the lock for instants; a starting worker outlasts them."""
    path = lock_path(tmp_path, "print")
    path.parent.mkdir()
    path.touch()
    looking = True

    async def look() -> None:
        while looking:
            await anyio.to_thread.run_sync(is_held, path)

    async with anyio.create_task_group() as tasks:
        for _ in range(3):
            tasks.start_soon(look)
        for _ in range(20):
            lock = WorkerLock(tmp_path, "print")
            assert await anyio.to_thread.run_sync(lambda lock=lock: lock.take(wait_s=2))
            lock.release()
        looking = False


def test_the_lock_of_a_killed_process_is_free(children: Children) -> None:
    child = children.start("work", "print", 0, 60)
    assert children.line_of(child) == "working"
    assert is_held(lock_path(children.folder, "print"))
    child.kill()
    child.wait()
    assert not is_held(lock_path(children.folder, "print"))


def test_five_spawners_at_once_leave_one_worker(children: Children) -> None:
    spawners = [children.spawner("print", idle_s=60) for _ in range(5)]
    started = [spawner.ensure() for spawner in spawners]
    assert any(started)
    starts = children.folder / "starts.log"
    wait_until(starts.exists)
    wait_until(lambda: children.spawned_running() == 1)
    assert len(starts.read_text().splitlines()) == 1
    assert not any(spawner.ensure() for spawner in spawners)


def command_of(folder: Path, program: str) -> list[str]:
    """What runs this program; `folder`, `WorkerLock` and `wait_for_go` are there."""
    head = f"""
import time
from pathlib import Path
from mcp_relight.jobs.locks import WorkerLock
folder = Path({str(folder)!r})

def wait_for_go():
    until = time.monotonic() + 30
    while not (folder / "go").exists() and time.monotonic() < until:
        time.sleep(0.01)
"""
    return [sys.executable, "-c", head + textwrap.dedent(program)]


def spawner_of(folder: Path, program: str) -> Spawner:
    command = command_of(folder, program)
    return Spawner(folder, "print", environment=ENVIRONMENT, command=command)


def spawner_after(folder: Path, program: str) -> Spawner:
    """One that learns of a worker with this program, started before it was there."""
    command = command_of(folder, program)
    ahead = start_ahead(folder, ENVIRONMENT, command=command)
    assert ahead
    return Spawner(folder, "print", environment=ENVIRONMENT, command=command, ahead=ahead)


def test_a_worker_that_is_still_starting_is_not_started_again(tmp_path: Path) -> None:
    spawner = spawner_of(tmp_path, "wait_for_go()")
    assert spawner.ensure()
    assert not spawner.ensure()
    (tmp_path / "go").touch()
    wait_until(spawner.ensure)  # it ended without ever taking its lock


def test_a_worker_started_ahead_is_not_started_again_until_it_ends(tmp_path: Path) -> None:
    spawner = spawner_after(tmp_path, "wait_for_go()")
    assert not spawner.ensure()
    (tmp_path / "go").touch()
    wait_until(spawner.ensure)


def test_a_worker_started_ahead_that_is_about_to_leave_is_replaced(tmp_path: Path) -> None:
    lock = WorkerLock(tmp_path, "print")
    assert lock.take()  # an earlier worker's words stand in the lock
    lock.release()
    before = lock_path(tmp_path, "print").read_bytes()
    spawner = spawner_after(
        tmp_path,
        """
        lock = WorkerLock(folder, "print")
        lock.take()
        lock.release()
        wait_for_go()
        """,
    )
    wait_until(lambda: lock_path(tmp_path, "print").read_bytes() not in {before, b""})
    wait_until(spawner.ensure)
    (tmp_path / "go").touch()


def waiting_worker(folder: Path) -> Ahead:
    """A worker that waits for a word, with a program that writes down what it hears."""
    command = command_of(
        folder,
        """
        import sys
        from mcp_relight.jobs.spawn import await_word
        (folder / "heard").write_text(repr(await_word(int(sys.argv[-1]))))
        """,
    )
    ahead = start_ahead(folder, None, command=command)
    assert ahead
    return ahead


@pytest.mark.parametrize("told", [{"MCP_RELIGHT_LOCAL_ONLY": "1"}, dict[str, str]()])
def test_a_worker_that_waits_begins_with_what_it_is_told(
    tmp_path: Path, told: dict[str, str]
) -> None:
    ahead = waiting_worker(tmp_path)
    ahead.begin(told)
    ahead.dismiss()  # too late
    assert ahead.process.wait(60) == 0
    assert (tmp_path / "heard").read_text() == repr(told)
    assert ahead.line
    with ahead.line as line:
        assert line.fileno() >= 0


def test_a_worker_that_nobody_needs_leaves(tmp_path: Path) -> None:
    ahead = waiting_worker(tmp_path)
    ahead.dismiss()
    assert ahead.process.wait(60) == 0
    assert (tmp_path / "heard").read_text() == "None"


def test_a_word_to_a_worker_that_has_ended_is_no_trouble(tmp_path: Path) -> None:
    ahead = start_ahead(tmp_path, None, command=command_of(tmp_path, "pass"))
    assert ahead
    ahead.process.wait(60)
    ahead.begin({"X": "1"})
    assert ahead.line
    ahead.line.close()


def test_nobody_is_started_ahead_where_a_worker_lives(tmp_path: Path) -> None:
    lock = WorkerLock(tmp_path, "print")
    assert lock.take()
    assert start_ahead(tmp_path, ENVIRONMENT, command=["none"]) is None
    lock.release()


def test_a_worker_that_gave_up_its_lock_and_has_not_ended_is_replaced(tmp_path: Path) -> None:
    spawner = spawner_of(
        tmp_path,
        """
        lock = WorkerLock(folder, "print")
        lock.take()
        lock.release()
        wait_for_go()
        """,
    )
    assert spawner.ensure()
    wait_until(lock_path(tmp_path, "print").exists)
    wait_until(spawner.ensure)
    (tmp_path / "go").touch()


def test_a_spawned_worker_has_a_session_and_a_log_of_its_own(children: Children) -> None:
    spawner = children.spawner("print", idle_s=60)
    assert spawner.ensure()
    wait_until((children.folder / "starts.log").exists)
    [pid] = children.spawned_pids()
    assert os.getsid(pid) == pid
    assert (children.folder / "worker.log").stat().st_mode & 0o777 == 0o600


def test_the_log_of_workers_stays_small(children: Children) -> None:
    log = children.folder / "worker.log"
    log.write_bytes(b"x" * 1_000_001)
    children.spawner("print", idle_s=0).ensure()
    assert log.stat().st_size < 1_000_000
    assert (children.folder / "worker.log.1").stat().st_size == 1_000_001


def test_a_worker_that_cannot_be_started_says_what_else_to_do(tmp_path: Path) -> None:
    spawner = Spawner(tmp_path, "print", environment={}, command=[str(tmp_path / "missing")])
    with pytest.raises(Internal, match="No worker process") as caught:
        spawner.ensure()
    assert "inline" in caught.value.hint


def test_starting_a_worker_needs_nothing_heavy() -> None:
    code = (
        "import sys, mcp_relight.jobs.spawn; "
        "heavy = {'sqlalchemy', 'pydantic', 'anyio'} & set(sys.modules); "
        "sys.exit(len(heavy))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_credential_is_named_by_key_origin_and_folder() -> None:
    names = {
        credential_id(b"salt", "key", "https://a"),
        credential_id(b"other", "key", "https://a"),
        credential_id(b"salt", "other", "https://a"),
        credential_id(b"salt", "key", "https://b"),
    }
    assert len(names) == 4
    assert not any("key" in name for name in names)


def test_a_fingerprint_is_of_the_set_of_keys_and_the_version() -> None:
    assert fingerprint(["a", "b"], "1") == fingerprint(["b", "a"], "1")
    assert len({fingerprint(keys, "1") for keys in (["a"], ["a", "b"], [])}) == 3
    assert fingerprint(["a"], "1") != fingerprint(["a"], "2")
