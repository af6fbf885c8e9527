"""The simulator as a process: start, stop, journal, controls, load."""

import json
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import anyio
import httpx2
import pytest

from mcp_relight.simulator.app import run, running_simulator
from mcp_relight.simulator.control import SimulatorHandle
from tests.matrix import some_now
from tests.quiet_time import quiet_s
from tests.simulator.caller import BODIES, SUBMIT, Caller

COMMAND = [sys.executable, "-m", "mcp_relight.simulator"]


@contextmanager
def program(*arguments: str) -> Iterator[tuple[subprocess.Popen[str], dict[str, Any]]]:
    process = subprocess.Popen([*COMMAND, *arguments], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield process, json.loads(process.stdout.readline())
    finally:
        process.kill()
        process.communicate()


def events(journal: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in journal.read_text(encoding="utf-8").splitlines()]


def test_the_program_says_where_it_is_and_stops_gracefully_on_sigterm() -> None:
    with program("--polls", "0") as (process, said):
        models = httpx2.get(said["urls"]["pixeldojo"] + "/api/v1/models", trust_env=False)
        process.send_signal(signal.SIGTERM)

        assert models.json()["total"] == 132
        assert set(said["keys"]) == {"pixeldojo", "pixazo", "segmind"}
        assert process.wait(timeout=10) == 0


def test_the_journal_holds_every_post_and_charge_at_once(tmp_path: Path) -> None:
    journal = tmp_path / "journal.jsonl"
    with program("--polls", "0", "--journal", str(journal)) as (_process, said):
        SimulatorHandle(said["origin"]).fault("pixazo", "submit", "reset_after_body")
        url = said["urls"]["pixazo"] + SUBMIT["pixazo"]
        headers = {"ocp-apim-subscription-key": said["keys"]["pixazo"]}
        with httpx2.Client(trust_env=False, headers=headers) as client:
            with pytest.raises(httpx2.ReadError):
                client.post(url, json=BODIES["pixazo"])
            client.post(url, json={"prompt": "nothing to light"})
        written = events(journal)

    assert [event["event"] for event in written] == ["post", "charge", "post"]
    assert written[0]["fault"] == "reset_after_body"
    assert written[1]["amount"] == 0.04


def test_a_journal_is_appended_to(tmp_path: Path) -> None:
    journal = tmp_path / "journal.jsonl"
    for _ in range(2):
        with running_simulator(journal, polls=0) as simulator:
            simulator.reset()

    assert [event["event"] for event in events(journal)] == ["reset", "reset"]


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.5", "example.com", "::"])  # noqa: S104 - refused
def test_hosts_that_are_not_loopback_are_refused(host: str) -> None:
    with pytest.raises(ValueError, match="loopback only"):
        run(host)


def test_a_port_in_use_stops_the_program_with_a_message() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        finished = subprocess.run(
            [*COMMAND, "--port", port], capture_output=True, text=True, timeout=30, check=False
        )

    assert finished.returncode == 2
    assert "Address already in use" in finished.stderr


def test_controls_are_for_callers_that_name_this_machine(simulator: SimulatorHandle) -> None:
    url = f"{simulator.origin}/_sim/reset"
    response = httpx2.post(url, headers={"host": "evil.example"}, trust_env=False)

    assert response.status_code == 403


@pytest.mark.parametrize(
    ("fault", "complaint"),
    [
        ({"provider": "fal", "phase": "submit", "kind": "status_500"}, "provider"),
        ({"provider": "pixazo", "phase": "submit", "kind": "no_such"}, "kind"),
        ({"provider": "pixazo", "phase": "download", "kind": "id_missing"}, "phase"),
        ({"provider": "pixazo", "phase": "poll", "kind": "queued_forever"}, "phase"),
    ],
)
def test_a_fault_that_makes_no_sense_is_refused(
    simulator: SimulatorHandle, fault: dict[str, str], complaint: str
) -> None:
    with pytest.raises(ValueError, match=complaint):
        simulator.fault(**fault)
    with pytest.raises(ValueError, match="times"):
        simulator.fault("pixazo", "submit", "status_500", times=-1)
    assert simulator.faults() == []


def test_settings_that_make_no_sense_are_refused(simulator: SimulatorHandle) -> None:
    with pytest.raises(ValueError, match="unknown setting"):
        simulator.settings(pols=1)
    with pytest.raises(ValueError, match="speed"):
        simulator.settings(speed=0)


def test_reset_forgets_everything(pixeldojo: Caller) -> None:
    job_id = pixeldojo.start()
    pixeldojo.simulator.fault("*", "poll", "status_500", times=0)
    pixeldojo.simulator.settings(polls=9)

    pixeldojo.simulator.reset()
    ledger = pixeldojo.simulator.ledger()

    assert pixeldojo.poll(job_id).status_code == 404
    assert (ledger["charges"], ledger["posts"]) == ([], [])
    assert pixeldojo.simulator.settings()["polls"] == 0


def test_by_the_clock_a_job_takes_its_usual_seconds(pixazo: Caller) -> None:
    pixazo.simulator.settings(polls=None, speed=1.0)
    job_id = pixazo.start()
    first = pixazo.poll(job_id).json()["status"]
    pixazo.simulator.advance_clock(60)
    middle = pixazo.poll(job_id).json()["status"]
    pixazo.simulator.advance_clock(60)

    assert (first, middle) == ("QUEUED", "PROCESSING")
    assert pixazo.poll(job_id).json()["status"] == "COMPLETED"


def test_speed_shortens_the_wait_of_a_blocking_call(segmind: Caller) -> None:
    segmind.simulator.settings(polls=None, speed=300.0)
    started, quiet = time.monotonic(), quiet_s()
    response = segmind.post("/v1/ic-light", BODIES["segmind"])

    assert response.status_code == 200
    assert time.monotonic() - started >= 30.5 / 300
    assert quiet_s() - quiet < 5


@pytest.mark.anyio
@pytest.mark.parametrize("jobs", some_now([100, 1000]))
async def test_many_jobs_at_once_are_charged_once_each(
    simulator: SimulatorHandle, jobs: int
) -> None:
    limit = anyio.CapacityLimiter(16)
    ids: list[str] = []
    headers = {"authorization": f"Bearer {simulator.keys['pixeldojo']}"}
    base = simulator.urls["pixeldojo"]

    async def one(client: httpx2.AsyncClient) -> None:
        async with limit:
            submitted = await client.post(base + SUBMIT["pixeldojo"], json=BODIES["pixeldojo"])
            job = await client.get(submitted.json()["statusUrl"])
            await client.get(job.json()["output"]["images"][0])
            ids.append(job.json()["jobId"])

    async with (
        httpx2.AsyncClient(trust_env=False, headers=headers, timeout=30) as client,
        anyio.create_task_group() as tasks,
    ):
        for _ in range(jobs):
            tasks.start_soon(one, client)

    charges = simulator.ledger()["charges"]
    assert len({charge["job"] for charge in charges}) == len(charges) == jobs
    assert {charge["job"] for charge in charges} == set(ids)
    left = (1000 - jobs) * charges[-1]["amount"]
    assert charges[-1]["balance"] == pytest.approx(left)
