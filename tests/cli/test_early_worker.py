"""A worker that loads before the settings of its server or command are known."""

import sys
from collections.abc import Iterator

import pytest

from mcp_relight.cli.main import early_worker
from mcp_relight.jobs.locks import WorkerLock
from mcp_relight.jobs.spawn import Ahead
from tests.world import World

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="no line can be passed on there")


@pytest.fixture
def ahead(world: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[Ahead]:
    for name, value in world.environment.items():
        monkeypatch.setenv(name, value)
    started = early_worker(["serve"])
    assert started is not None
    assert started.line is not None
    with started.line:
        yield started
        started.dismiss()
        assert started.process.wait(60) == 0


def test_it_works_as_soon_as_it_is_told_to(world: World, ahead: Ahead) -> None:
    assert ahead.folder == world.data
    ahead.begin({"MCP_RELIGHT_WORKER_IDLE_S": "0"})
    assert ahead.process.wait(60) == 0
    [lock] = (world.data / "workers").iterdir()
    assert lock.read_text()  # who takes it writes into it


def test_it_leaves_where_the_settings_are_refused(world: World, ahead: Ahead) -> None:
    ahead.dismiss()
    assert ahead.process.wait(60) == 0
    assert not (world.data / "workers").exists()
    assert (world.data / "worker.log").read_text() == ""


@pytest.mark.parametrize(
    "words", [("jobs",), ("relight", "--help"), ("relight", "--data-dir", "x")]
)
def test_other_commands_start_none(
    world: World, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]
) -> None:
    monkeypatch.setenv("MCP_RELIGHT_DATA_DIR", str(world.data))
    assert early_worker([*words]) is None


def test_none_is_started_where_one_lives(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MCP_RELIGHT_DATA_DIR", str(world.data))
    lock = WorkerLock(world.data, "print")
    assert lock.take()
    assert early_worker(["serve"]) is None
    lock.release()


def test_a_command_that_is_refused_leaves_none_behind(world: World) -> None:
    environment = world.environment | {"MCP_RELIGHT_MAX_COST_USD": "a lot"}
    done = world.run("relight", "mug.jpg", "--look", "loop", environment=environment)
    assert done.returncode == 2
    assert not (world.data / "workers").exists()
