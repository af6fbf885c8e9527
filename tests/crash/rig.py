"""Real servers and workers of one world: found by their environment, ended by their ids."""

import contextlib
import os
import signal
import sqlite3
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread
import pytest
from mcp import Client, StdioServerParameters

from tests.world import World

LEAVE_WITHIN_S = 20.0
_PROC = Path("/proc")

needs_proc = pytest.mark.skipif(not _PROC.is_dir(), reason="finds processes through /proc")


def processes(world: World, *words: str) -> list[int]:
    """The living processes whose home is this world and whose command line has these words."""
    home = f"HOME={world.root}".encode()
    return [
        int(folder.name)
        for folder in _PROC.iterdir()
        if folder.name.isdecimal() and _fits(folder, home, [word.encode() for word in words])
    ]


def _fits(folder: Path, home: bytes, words: list[bytes]) -> bool:
    try:
        if home not in (folder / "environ").read_bytes().split(b"\0"):
            return False
        command = (folder / "cmdline").read_bytes().split(b"\0")
    except OSError:
        return False  # it ended meanwhile, or is somebody else's
    return all(word in command for word in words)


def children(pid: int) -> list[int]:
    """The processes that this one started and that still run."""
    found: list[int] = []
    for folder in _PROC.iterdir():
        if folder.name.isdecimal():
            with contextlib.suppress(OSError):
                # pid (name) state parent …; the name may hold anything, also parentheses.
                fields = (folder / "stat").read_text().rpartition(")")[2].split()
                if int(fields[1]) == pid and fields[0] != "Z":
                    found.append(int(folder.name))
    return found


def is_running(pid: int) -> bool:
    try:
        return (_PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def workers(world: World) -> list[int]:
    return processes(world, "mcp_relight", "worker")


def servers(world: World, mark: str) -> list[int]:
    wanted = f"MARK={mark}".encode()
    return [
        pid
        for pid in processes(world, "mcp_relight", "serve")
        if wanted in (_PROC / str(pid) / "environ").read_bytes().split(b"\0")
    ]


def kill(*pids: int) -> None:
    for pid in pids:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue


def wait_until(condition: Callable[[], bool], *, within_s: float = 60.0) -> float:
    """How long it took to come true; fails when it does not."""
    started = time.monotonic()
    while not condition():
        assert time.monotonic() - started < within_s, "it did not come true"
        time.sleep(0.02)
    return time.monotonic() - started


async def until(condition: Callable[[], bool], *, within_s: float = 60.0) -> float:
    return await anyio.to_thread.run_sync(lambda: wait_until(condition, within_s=within_s))


@contextmanager
def nothing_left(world: World) -> Iterator[None]:
    """Workers leave by themselves; whatever is still there after that is ended, and a failure."""
    try:
        yield
    except BaseException:
        kill(*processes(world))
        raise
    deadline = time.monotonic() + LEAVE_WITHIN_S
    while (left := processes(world)) and time.monotonic() < deadline:
        time.sleep(0.1)
    kill(*left)
    assert left == [], "processes outlived their work"


def stdio(world: World, *, mark: str = "", **environment: str) -> StdioServerParameters:
    return StdioServerParameters(
        command=sys.executable,
        args=["-P", "-m", "mcp_relight", "serve"],
        env=world.environment | {"MARK": mark} | environment,
    )


@asynccontextmanager
async def doomed(server: StdioServerParameters) -> AsyncIterator[Client]:
    """A client whose server may be killed under it."""
    was_left = False
    try:
        async with Client(server) as client:
            yield client
            was_left = True
    except Exception:
        if not was_left:
            raise


def rows(world: World, columns: str = "*") -> list[Mapping[str, Any]]:
    """The job rows, read past the program."""
    if not (world.data / "jobs.db").exists():
        return []
    connection = sqlite3.connect(f"file:{world.data / 'jobs.db'}?mode=ro", uri=True, timeout=30)
    try:
        connection.row_factory = sqlite3.Row
        return connection.execute(f"select {columns} from jobs").fetchall()  # noqa: S608
    except sqlite3.OperationalError:
        return []  # a fresh file without tables
    finally:
        connection.close()
