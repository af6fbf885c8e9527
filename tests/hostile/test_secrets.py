"""No secret comes out, however things fail: not on stdout, stderr, in logs, files or answers."""

import os
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.crash.rig import LEAVE_WITHIN_S, needs_proc, wait_until, workers

from .leak_house import House, forms_of, house
from .leak_scenarios import BY_PHASE, LAST, MODELS, Scenario, scenarios

pytestmark = needs_proc

LEAST_SCENARIOS = 40
LEAST_SECRETS = 8

_LEAKING = """
import sys
from mcp_relight.providers.wire import Wire
proper = Wire._auth
def leaking(self):
    found = proper(self)
    print(found, file=sys.stderr, flush=True)
    return found
Wire._auth = leaking
"""


@pytest.fixture(
    scope="module",
    params=[
        "both",
        *(pytest.param(one, marks=pytest.mark.full) for one in ("environment", "file")),
    ],
)
def secretive(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[House]:
    with house(tmp_path_factory.mktemp(request.param), request.param) as one:
        yield one


def in_lanes(one: House) -> Iterator[tuple[Scenario, str]]:
    """Every scenario with the code it ended in; lanes side by side, the last one alone."""
    lanes: dict[str, list[Scenario]] = {}
    for scenario in scenarios():
        lanes.setdefault(scenario.lane, []).append(scenario)

    def work(lane: list[Scenario]) -> list[tuple[Scenario, str]]:
        return [(scenario, scenario.run(one)) for scenario in lane]

    with ThreadPoolExecutor(len(lanes)) as pool:
        for done in pool.map(work, lanes.values()):
            yield from done
    yield LAST, LAST.run(one)


def close(one: House) -> None:
    """End the server and its workers in good order, so that nothing is half written."""
    one.wire.end()
    for pid in workers(one.world):
        os.kill(pid, signal.SIGTERM)
    wait_until(lambda: not workers(one.world), within_s=LEAVE_WITHIN_S)


@pytest.mark.long
def test_no_secret_comes_out_of_a_failure(
    secretive: House, capsys: pytest.CaptureFixture[str]
) -> None:
    ended = list(in_lanes(secretive))
    wrong = [f"{one.name}: {code}, not {one.code}" for one, code in ended if code != one.code]
    assert wrong == []
    assert len({one.name for one, _ in ended}) >= LEAST_SCENARIOS
    assert len(secretive.secrets) >= LEAST_SECRETS
    close(secretive)
    leaks = secretive.leaks()
    written = sum(len(data) for _, data in secretive.everything_written())
    with capsys.disabled():
        codes = len({code for _, code in ended})
        words = f"{len(secretive.secrets)} secrets (keys from {secretive.source}) x {len(ended)}"
        found = f"failures ({codes} codes): {len(leaks)} leaks in {written:,} bytes"
        print(f"\n{words} {found}")  # noqa: T201 - the figure to report
    assert leaks == []


def test_a_line_that_leaks_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The worker prints what it sends: every key it used is found where it was printed."""
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "sitecustomize.py").write_text(_LEAKING)
    path = os.pathsep.join([str(tmp_path / "site"), os.environ.get("PYTHONPATH", "")])
    monkeypatch.setenv("PYTHONPATH", path)
    with house(tmp_path / "house", "environment") as one:
        one.simulator.fault("segmind", "submit", "status_422")
        assert one.order(image=str(one.photo), model=MODELS["segmind"]) == "provider_refused"
        close(one)
        leaks = one.leaks()
        assert "segmind key in data/worker.log" in leaks
        assert {leak.partition(" key in ")[2] for leak in leaks} == {"data/worker.log"}


def test_every_spelling_of_a_secret_is_looked_for() -> None:
    from base64 import b64encode
    from urllib.parse import quote

    secret = "Canary 1&2"
    for ports in range(4):
        text = b"{" * ports + secret.encode() + b"}" * ports
        for spelled in (text, b64encode(text), text.hex().encode(), quote(text).encode()):
            assert any(form in spelled for form in forms_of(secret)), spelled


def test_every_fault_of_the_list_is_its_own() -> None:
    names = [one.name for one in (*scenarios(), LAST)]
    assert len(names) == len(set(names)) >= LEAST_SCENARIOS
    assert sum(len(kinds) for kinds in BY_PHASE.values()) >= 30
