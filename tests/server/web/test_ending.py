"""Servers and workers of a team are told to end (SIGTERM) in the midst of what they do: calls are
answered, jobs are left in good order, and nobody is left behind."""

import signal
import subprocess
import time
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread
import pytest
from mcp import Client

from mcp_relight.simulator.app import running_simulator
from mcp_relight.simulator.control import SimulatorHandle
from tests.crash.rig import children, is_running, needs_proc, wait_until
from tests.flows.rig import Paid, facts_of, remote_environment
from tests.http_server import Serving, serving
from tests.jobs.postgres import Cluster, running_postgres
from tests.server.web.farm import ended, working
from tests.world import World

ENDS_WITHIN_S = 15.0
"""Eight seconds are given to what is under way, two to say so; the rest is for a busy machine."""
REMOTE = {"model": "segmind/ic-light", "look": "loop", "finish": "as-returned"}
LOCAL = {"look": "loop"}
# What the worker is doing: what the provider is told to do, the stage the job is then in, how it is
# ordered, and what the next worker makes of it.
MOMENTS: dict[str, tuple[tuple[str, str] | None, str, dict[str, str], str]] = {
    "submit": (("submit", "hang_before_reply"), "submitting", REMOTE, "submit_unknown"),
    "poll": (("result", "hang_before_reply"), "running", REMOTE, "succeeded"),
    "download": (("download", "hang_mid_reply"), "downloading", REMOTE, "succeeded"),
    "render": (None, "running", LOCAL, "succeeded"),
}

pytestmark = pytest.mark.anyio


@dataclass
class Site:
    world: World
    simulator: SimulatorHandle
    cluster: Cluster
    server: Serving
    environment: dict[str, str]

    def stages(self) -> list[str]:
        return [stage for (stage,) in self.cluster.execute("SELECT stage FROM jobs")]

    @contextmanager
    def worker(self) -> Generator[subprocess.Popen[bytes]]:
        with working(self.world, self.environment, "local", "remote", name="worker") as process:
            yield process


@contextmanager
def site(world: World) -> Generator[Site]:
    with ExitStack() as stack:
        simulator = stack.enter_context(running_simulator(polls=1, speed=1000))
        cluster = stack.enter_context(running_postgres())
        environment = remote_environment(simulator, "segmind")
        environment["MCP_RELIGHT_DATABASE_URL"] = cluster.url
        server = stack.enter_context(serving(world, env=environment))
        yield Site(world, simulator, cluster, server, environment)


async def check_end(process: subprocess.Popen[Any], log: Path | None = None) -> None:
    """It leaves in time, of its own will, and takes along whatever it had started."""
    born, began = children(process.pid), time.monotonic()
    process.send_signal(signal.SIGTERM)
    code = await anyio.to_thread.run_sync(process.wait, 60)
    assert time.monotonic() - began < ENDS_WITHIN_S
    assert code in {0, -signal.SIGTERM}  # uvicorn raises the signal again once all is in order
    wait_until(lambda: not any(map(is_running, born)))
    assert log is None or "Traceback" not in log.read_text()


@pytest.mark.long
@needs_proc
@pytest.mark.parametrize("moment", MOMENTS)
async def test_a_worker_leaves_its_job_to_the_next(world: World, moment: str) -> None:
    pytest.importorskip("procrastinate", reason="needs the extra team")
    fault, stage, how, afterwards = MOMENTS[moment]
    photo = world.photo("mug.png", width=2400 if how is LOCAL else 64, height=1800)
    with site(world) as here:
        if fault is not None:
            here.simulator.fault("segmind", *fault)
        async with Client(here.server.url) as client:
            with here.worker() as process:
                wanted = {"image": str(photo), "wait_s": 0, **how}
                job = facts_of(await client.call_tool("relight_image", wanted))
                wait_until(lambda: here.stages() == [stage], within_s=60)
                await check_end(process, world.root / "worker-worker.log")
            here.cluster.execute("UPDATE jobs SET submitted_at = submitted_at - 200")
            here.cluster.execute("UPDATE jobs SET due_at = 0")
            here.cluster.execute("UPDATE procrastinate_jobs SET scheduled_at = now()")
            with here.worker():
                done = await ended(client, job["job_id"])
        assert here.stages() == [afterwards], done
        paid = Paid.by(here.simulator)
        assert len(paid.submits) == len(paid.charges) == (how is REMOTE)


@pytest.mark.parametrize("waits_for", ["job", "set"])
async def test_calls_that_wait_are_answered_by_a_server_that_ends(
    world: World, waits_for: str
) -> None:
    """In the midst of a streaming answer; the job is there for whoever asks the next server."""
    several = [str(world.photo(f"{name}.png", width=64, height=48)) for name in ("a", "b")]
    nobody_works = {"MCP_RELIGHT_WORKER": "none"}
    with serving(world, env=nobody_works) as server:
        told = anyio.Event()
        answers: list[dict[str, Any]] = []

        async def on_progress(progress: float, total: float | None, message: str | None) -> None:
            told.set()

        async def wait(client: Client) -> None:
            wanted = {"job_id": name, "wait_s": 45}
            found = await client.call_tool("get_job", wanted, progress_callback=on_progress)
            answers.append(facts_of(found))

        async with Client(server.url) as client:
            image = ",".join(several) if waits_for == "set" else several[0]
            wanted = {"image": image, "look": "loop", "wait_s": 0}
            job = facts_of(await client.call_tool("relight_image", wanted))
            name = job["set_id"] if waits_for == "set" else job["job_id"]
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(wait, client)
                await told.wait()
                await check_end(server.process)
        assert answers[0]["status"] in {"queued", "running"}
        assert answers[0]["next_step"]
    with serving(world, env=nobody_works) as server:
        async with Client(server.url) as client:
            found = facts_of(await client.call_tool("get_job", {"job_id": name, "wait_s": 0}))
        assert found["status"] == answers[0]["status"]
