"""How a server ends, and what it ends up with when the disk, the folder or the database fails."""

import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from PIL import Image

from mcp_relight.simulator.app import running_simulator
from mcp_relight.simulator.control import SimulatorHandle
from tests.crash.rig import children, is_running, needs_proc, processes, rows, wait_until
from tests.flows.rig import Paid, remote_environment
from tests.matrix import some_now
from tests.world import World

from .wire import Facts, Wire, wired

pytestmark = needs_proc

ENDS_WITHIN_S, GIVEN_UP_S = 10.0, 60.0
WAYS = {"end of input": None, "SIGTERM": signal.SIGTERM, "SIGINT": signal.SIGINT}
SEGMIND = {"model": "segmind/ic-light", "look": "loop", "finish": "as-returned"}
# The server is cut off in the middle of: what the provider is told to do, the stage it is then in,
# and what the job must be for the next server.
MOMENTS = {
    "submit": ("hang_before_reply", "submitting", {"unknown"}),
    "result": ("queued_forever", "running", {"running"}),
    "download": ("hang_mid_reply", "downloading", {"running", "succeeded"}),
}


@pytest.fixture(scope="module")
def simulator() -> Iterator[SimulatorHandle]:
    with running_simulator(polls=1, speed=1000) as handle:
        yield handle


@contextmanager
def inline(world: World, **environment: str) -> Iterator[Wire]:
    """A server that does the work itself, so that ending it ends the work."""
    with wired(world, MCP_RELIGHT_WORKER="inline", **environment) as wire:
        yield wire


def check_end(wire: Wire, world: World, how: signal.Signals | None) -> None:
    born = children(wire.process.pid)
    code, took_s = wire.end(how)
    assert code == 0
    assert took_s < ENDS_WITHIN_S
    wait_until(lambda: not any(map(is_running, born)), within_s=GIVEN_UP_S)
    assert processes(world) == []
    assert "Traceback" not in wire.stderr.read_text()


@pytest.mark.parametrize("way", some_now(WAYS))
def test_a_server_at_rest_ends_at_once(world: World, way: str) -> None:
    world.photo("mug.png", width=64, height=48)
    with inline(world) as wire:
        wire.facts("analyze_light", image="latest")
        check_end(wire, world, WAYS[way])


@pytest.mark.parametrize("way", some_now(WAYS))
def test_a_local_job_cut_off_is_done_by_the_next_server(world: World, way: str) -> None:
    world.photo("mug.png", width=1200, height=900)
    with inline(world) as wire:
        job = wire.facts("relight_image", image="latest", look="loop", wait_s=0)
        wait_until(lambda: [row["stage"] for row in rows(world)] == ["running"])
        check_end(wire, world, WAYS[way])
    with inline(world) as wire:
        assert until_ended(wire, job["job_id"])["status"] == "succeeded"


@pytest.mark.long
@pytest.mark.parametrize(
    "way",
    ["SIGTERM", *(pytest.param(way, marks=pytest.mark.full) for way in ("SIGINT", "end of input"))],
)
@pytest.mark.parametrize("phase", MOMENTS)
def test_a_paid_job_cut_off_is_neither_lost_nor_sent_again(
    world: World, simulator: SimulatorHandle, phase: str, way: str
) -> None:
    kind, stage, afterwards = MOMENTS[phase]
    simulator.reset()
    simulator.fault("segmind", phase, kind)
    environment = remote_environment(simulator, "segmind")
    photo = world.photo("mug.png", width=64, height=48)
    with inline(world, **environment) as wire:
        job = wire.facts("relight_image", image=str(photo), wait_s=0, **SEGMIND)
        wait_until(lambda: [row["stage"] for row in rows(world)] == [stage])
        check_end(wire, world, WAYS[way])
    with inline(world, **environment) as wire:
        assert until_settled(wire, job["job_id"], afterwards)["status"] in afterwards
    paid = Paid.by(simulator)
    assert (len(paid.submits), len(paid.charges)) == (1, 1)


def until_ended(wire: Wire, job_id: str) -> Facts:
    while (job := wire.facts("get_job", job_id=job_id, wait_s=10))["status"] in {
        "queued",
        "running",
    }:
        pass
    return job


def until_settled(wire: Wire, job_id: str, wanted: set[str]) -> Facts:
    if "running" in wanted:
        return wire.facts("get_job", job_id=job_id, wait_s=1)
    return until_ended(wire, job_id)


def test_a_second_signal_does_not_wait(world: World) -> None:
    world.photo("mug.png", width=64, height=48)
    with inline(world) as wire:
        wire.facts("analyze_light", image="latest")
        wire.process.send_signal(signal.SIGTERM)
        code, took_s = wire.end(signal.SIGTERM)
    assert took_s < ENDS_WITHIN_S
    assert code in {0, -signal.SIGTERM}


def test_a_damaged_database_is_kept_aside_and_said_in_the_log(world: World) -> None:
    world.photo("mug.png", width=64, height=48)
    with inline(world) as wire:
        until_ended(wire, wire.facts("relight_image", image="latest", look="loop")["job_id"])
        wire.end()
    database = world.data / "jobs.db"
    database.write_bytes(database.read_bytes()[:512] + b"\xa5" * 20_000)
    damaged = database.read_bytes()
    with inline(world) as wire:
        assert wire.facts("list_jobs")["jobs"] == []
        again = wire.facts("relight_image", image="latest", look="loop", wait_s=45)
        assert again["status"] == "succeeded"
        wire.end()
    (kept,) = world.data.glob("jobs.damaged-*.db")
    assert kept.read_bytes() == damaged
    assert kept.name in wire.stderr.read_text()
    assert list(world.results.glob("mug-*.png")), "the pictures of the lost jobs are still there"


@contextmanager
def locked(database: Path) -> Iterator[None]:
    """Another program in the middle of a transaction."""
    script = (
        "import sqlite3, sys\n"
        "c = sqlite3.connect(sys.argv[1], isolation_level=None)\n"
        "c.execute('BEGIN EXCLUSIVE')\n"
        "print('locked', flush=True)\n"
        "sys.stdin.read()\n"
    )
    holder = subprocess.Popen(
        [sys.executable, "-c", script, str(database)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == b"locked\n"
    try:
        yield
    finally:
        holder.communicate()


def test_a_locked_database_is_waited_for_while_the_server_answers(world: World) -> None:
    world.photo("mug.png", width=64, height=48)
    with inline(world) as wire:
        wire.facts("list_jobs")
        with locked(world.data / "jobs.db"):
            asked = wire.ask(
                "tools/call",
                {"name": "relight_image", "arguments": {"image": "latest", "look": "loop"}},
            )
            assert wire.request("ping")["result"] == {}
            assert wire.request("tools/list")["result"]["tools"]
            assert rows_are_still(world, 0)
        job = wire.answer(asked)["result"]["structuredContent"]
        assert until_ended(wire, job["job_id"])["status"] == "succeeded"


def rows_are_still(world: World, count: int) -> bool:
    return len(rows(world)) == count


def test_a_data_folder_that_cannot_be_written_is_said_by_its_name(world: World) -> None:
    world.photo("mug.png", width=64, height=48)
    (world.root / "data").write_bytes(b"a file where a folder belongs")
    with inline(world) as wire:
        refused = wire.tool("relight_image", image="latest", look="loop")
        error = refused["_meta"]["mcp-relight/error"]
        assert refused["isError"]
        assert "MCP_RELIGHT_DATA_DIR" in error["message"] + error["hint"]
        assert str(world.root) not in error["message"] + error["hint"]
        check_end(wire, world, None)


_SMALL_DISK = """
mount -t tmpfs -o size="$1" tmpfs "$2" || exit 77
shift 2
exec "$@"
"""


def test_a_full_disk_under_a_server_is_said_and_passes(world: World) -> None:
    """The server lives on, and works again once there is room; no half picture is left."""
    photo = world.photo("mug.png", width=64, height=48)
    Image.effect_noise((1200, 1200), 90).save(photo)
    assert photo.stat().st_size > 1_200_000
    small = world.photo("cup.png", width=32, height=24)
    world.data.mkdir()
    if shutil.which("unshare") is None:
        pytest.skip("needs unshare, to mount a small disk")
    command = ["unshare", "--mount", "sh", "-c", _SMALL_DISK, "sh", "1200k", str(world.data)]
    command += [sys.executable, "-P", "-m", "mcp_relight", "serve"]
    environment = world.environment | {"MCP_RELIGHT_WORKER": "inline"}
    wire = Wire(command, environment, world.root / "stderr.txt")
    try:
        if not _initialized(wire):
            pytest.skip("this user may not mount a small disk")
        refused = wire.tool("relight_image", image=str(photo), look="loop", wait_s=45)
        assert refused["_meta"]["mcp-relight/error"]["code"] == "storage_full"
        assert wire.facts("list_jobs")["jobs"] == []
        job = wire.facts("relight_image", image=str(small), look="loop", wait_s=45)
        assert job["status"] == "succeeded"
        code, took_s = wire.end()
        assert (code, took_s < ENDS_WITHIN_S) == (0, True)
    finally:
        wire.process.kill()
        wire.process.wait()


def _initialized(wire: Wire) -> bool:
    try:
        wire.initialize()
    except (AssertionError, BrokenPipeError):
        return False
    return True
