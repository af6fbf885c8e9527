"""What a process loads; and that it looks for garbage seldom then, and often enough while it
serves."""

import gc
import json
import subprocess
import sys
from collections.abc import Iterator

import pytest

from mcp_relight.loading import begin_serving, load_lightly
from tests.world import World


@pytest.fixture(autouse=True)
def as_before(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("PYDANTIC_DISABLE_PLUGINS", "")  # put back as it was
    thresholds = gc.get_threshold()
    yield
    gc.unfreeze()
    gc.set_threshold(*thresholds)


class Cycle:
    def __init__(self) -> None:
        self.itself = self


def most_left_behind() -> int:
    """Of cycles that nobody needs, how many there were at a time."""
    most = 0
    for number in range(60_000):
        Cycle()
        if number % 500 == 0:
            most = max(most, sum(isinstance(one, Cycle) for one in gc.get_objects(generation=0)))
    return most


def test_what_calls_leave_behind_does_not_pile_up() -> None:
    load_lightly()
    begin_serving()
    assert gc.get_freeze_count() > 1000  # what is loaded is no longer looked through
    assert most_left_behind() < 10_000


def test_while_loading_hardly_anything_is_looked_for() -> None:
    load_lightly()
    assert most_left_behind() > 20_000


def loaded_by(*modules: str, then: str = "", environment: dict[str, str] | None = None) -> set[str]:
    """What a fresh Python has loaded after these."""
    told = "print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-P", "-c", f"import json, sys, {', '.join(modules)}\n{then}\n{told}"],
        env=environment,
        capture_output=True,
        check=True,
        text=True,
    )
    return set(json.loads(done.stdout))


def test_a_server_loads_nothing_that_it_only_speaks_of() -> None:
    """Every client waits for what is loaded here."""
    loaded = loaded_by("mcp_relight.cli.serving", "mcp_relight.server.app")
    assert "mcp_relight.domain.ports" in loaded
    heavy = {"numpy", "cv2", "PIL", "sqlalchemy", "mcp_relight.pixels.client"}
    unused = {"mcp_relight.domain.exchange", "mcp_relight.domain.owner_keys"}
    assert loaded & (heavy | unused) == set()


def test_a_first_worker_is_started_before_anything_is_loaded() -> None:
    loaded = loaded_by("mcp_relight.cli.main", "mcp_relight.config_early", "mcp_relight.jobs.spawn")
    assert loaded & {"pydantic", "anyio", "asyncio", "mcp", "mcp_relight.config"} == set()


def test_a_first_child_is_started_before_anything_is_loaded() -> None:
    loaded = loaded_by("mcp_relight.pixels.launch")
    assert loaded & {"pydantic", "anyio", "numpy", "asyncio"} == set()
    assert {name for name in loaded if name.startswith("mcp_relight.")} <= {
        "mcp_relight.pixels",
        "mcp_relight.pixels.frames",
        "mcp_relight.pixels.launch",
    }


_PARTS = """
from mcp_relight.bootstrap import Parts
from mcp_relight.config import Settings
parts = Parts(Settings.load())
parts.library, parts.steps
"""


@pytest.mark.parametrize(("key", "sends"), [({}, False), ({"SEGMIND_API_KEY": "k"}, True)])
def test_where_nothing_is_sent_nothing_that_sends_is_loaded(
    world: World, key: dict[str, str], sends: bool
) -> None:
    loaded = loaded_by("mcp_relight", then=_PARTS, environment=world.environment | key)
    assert "mcp_relight.jobs.steps" in loaded
    assert ("httpx2" in loaded) is sends
