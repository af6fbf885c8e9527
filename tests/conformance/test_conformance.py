"""The conformance suite from npm, once per protocol revision, and the Tasks extension's scenarios.

`known.yml` lists what is expected to fail; an entry that passes again fails the run.
"""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.http_server import serving
from tests.node import Node, installed_node
from tests.world import World

pytestmark = pytest.mark.long

SUITE = "@modelcontextprotocol/conformance/dist/index.js"
KNOWN = Path(__file__).parent / "known.yml"
TASKS = [
    "lifecycle",
    "capability-negotiation",
    "wire-fields",
    "request-state-removal",
    "mrtr-input",
    "request-headers",
    "dispatch-and-envelope",
    "required-task-error",
    "mrtr-composition",
]
LEAST_PASSED = {"2025-11-25": 79, "2026-07-28": 152}
"""So that a suite that quietly checks nothing does not count as passing."""


@pytest.fixture(scope="module")
def node() -> Node:
    return installed_node()


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory, node: Node) -> Iterator[str]:
    world = World(tmp_path_factory.mktemp("conformance"))
    root = str(Path(__file__).parents[2])
    with serving(world, "tests.conformance.serve", env={"PYTHONPATH": root}) as server:
        yield server.url


@pytest.mark.parametrize("revision", ["2025-11-25", "2026-07-28"])
def test_every_check_of_a_revision_passes_but_the_known_ones(
    node: Node, url: str, revision: str, tmp_path: Path
) -> None:
    done = node.run(
        node.module(SUITE),
        "server",
        *("--url", url, "--suite", "all", "--spec-version", revision, "-o", tmp_path),
        *(("--expected-failures", KNOWN) if revision == "2025-11-25" else ()),
        timeout_s=400,
    )
    said = done.stdout + done.stderr
    assert done.returncode == 0, said[-6000:]
    total = re.search(r"Total: (\d+) passed", said)
    assert total is not None, said[-2000:]
    assert int(total[1]) >= LEAST_PASSED[revision]


@pytest.mark.parametrize("scenario", TASKS)
def test_a_scenario_of_the_tasks_extension_passes(
    node: Node, url: str, scenario: str, tmp_path: Path
) -> None:
    name = f"tasks-{scenario}"
    done = node.run(
        node.module(SUITE),
        *("server", "--url", url, "--scenario", name, "-o", tmp_path),
        timeout_s=120,
    )
    assert done.returncode == 0, done.stdout[-4000:]
    assert "SUCCESS" in done.stdout
