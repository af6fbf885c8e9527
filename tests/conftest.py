"""Options and fixtures shared by every test."""

import gc
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from mcp_relight.bootstrap import Parts
from tests.schemas import check_schemas_once
from tests.shared_pixels import SharedPixels, shared_pixels
from tests.world import World, prepare_commands

if TYPE_CHECKING:
    from tests.s3 import S3

# Hundreds of processes are started here: what one of them compiled is read by the others, also
# where the shell asks Python to leave no such files.
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
# A test makes and drops more than the 700 objects after which Python would look for garbage.
gc.set_threshold(10_000)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--long", action="store_true", help="also run the long suites")
    parser.addoption("--full", action="store_true", help="run the long suites at full counts")


def pytest_configure(config: pytest.Config) -> None:
    """Where every second counts, commands are not started anew. Coverage follows starts alone, and
    macOS lets a process that was forked do little."""
    long = config.getoption("--long") or config.getoption("--full")
    if not long and sys.platform == "linux" and "COVERAGE_PROCESS_START" not in os.environ:
        prepare_commands()


@pytest.hookimpl(tryfirst=True)  # before xdist reads the groups
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Skip what this run does not ask for; with `--dist loadgroup`, a file stays on one worker,
    where its servers are shared, unless it is marked `spread`."""
    full = config.getoption("--full")
    long = full or config.getoption("--long")
    for item in items:
        if "spread" not in item.keywords:
            item.add_marker(pytest.mark.xdist_group(f"{item.path.parent.name}/{item.path.stem}"))
        if "full" in item.keywords and not full:
            item.add_marker(pytest.mark.skip(reason="a very long suite: runs with --full"))
        elif "long" in item.keywords and not long:
            item.add_marker(pytest.mark.skip(reason="a long suite: runs with --long or --full"))


def pytest_collection_finish() -> None:
    """What was collected stays to the end: thousands of tests and all modules, which the garbage
    collector would otherwise go through again and again, half a second each time."""
    gc.freeze()


SHARED = Path(os.environ.get("MCP_RELIGHT_SHARED", Path(__file__).parents[2] / "shared"))


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


@pytest.fixture(scope="session", autouse=True)
def schemas_checked_once() -> Iterator[None]:
    """Also by the clients of another test."""
    with pytest.MonkeyPatch.context() as patch:
        check_schemas_once(patch)
        yield


@pytest.fixture(scope="session")
def children_of_all() -> Iterator[SharedPixels]:
    with shared_pixels() as pixels:
        yield pixels


@pytest.fixture
def one_pair_of_children(children_of_all: SharedPixels, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every server and worker inside this process has its pictures looked at and rendered by the
    same children, which are started once."""
    monkeypatch.setattr(Parts, "pixels", children_of_all)


@pytest.fixture(scope="module")
def s3() -> "Iterator[S3]":
    """An S3 server with one bucket, for the tests of a file."""
    from tests.s3 import running_s3

    with running_s3() as store:
        yield store


@pytest.fixture(autouse=True)
def no_settings_of_the_shell(monkeypatch: pytest.MonkeyPatch) -> None:
    """A test says itself what is set: what this shell exports for the product is not seen."""
    for name in [name for name in os.environ if name.startswith("MCP_RELIGHT_")]:
        monkeypatch.delenv(name)


@pytest.fixture
def shared() -> Path:
    """The folder of development data beside the repository; it is not part of it."""
    if not SHARED.is_dir():
        pytest.skip("needs the development data in ../shared, which is not here")
    return SHARED
