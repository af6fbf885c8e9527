"""Commands of a prepared process are what started ones are."""

import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests.prepared import Prepared
from tests.world import World

if sys.platform != "linux":
    pytest.skip("commands are forked on Linux alone", allow_module_level=True)

KEY_RING = {"MCP_RELIGHT_KEY_RING": "a1" * 32}
SET_KEY = ("owners", "key", "set", "acme", "pixeldojo")


@pytest.fixture(scope="module")
def prepared() -> Iterator[Prepared]:
    yield (process := Prepared())
    process.close()


def started(world: World, *words: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "mcp_relight", *words],
        env=world.environment | KEY_RING,
        cwd=world.root,
        input=stdin,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.mark.parametrize(
    ("words", "stdin", "code"),
    [
        (("models", "local/classic"), "", 0),
        (("relight", "none.jpg", "--look", "loop"), "", 2),
        (("--no-such-flag",), "", 2),
        (SET_KEY, "pd_sentinel\n", 0),
        (SET_KEY, "", 2),
    ],
)
def test_a_prepared_command_answers_as_a_started_one(
    world: World, prepared: Prepared, words: tuple[str, ...], stdin: str, code: int
) -> None:
    environment = world.environment | KEY_RING
    first = prepared.run(words, environment, world.root, stdin=stdin, timeout_s=60)
    second = started(world, *words, stdin=stdin)
    assert (first.returncode, second.returncode) == (code, code), first.stderr + second.stderr
    assert (first.stdout, first.stderr) == (second.stdout, second.stderr)


def test_one_that_takes_too_long_is_ended_and_the_next_one_works(
    world: World, prepared: Prepared
) -> None:
    environment = world.environment | {"MCP_RELIGHT_WORKER_IDLE_S": "600"}
    with pytest.raises(subprocess.TimeoutExpired):
        prepared.run(("worker",), environment, world.root, stdin="", timeout_s=1.0)
    done = prepared.run(("--version",), environment, world.root, stdin="", timeout_s=60)
    assert done.returncode == 0
