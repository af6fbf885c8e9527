"""Recovery: from the start of the next server until an abandoned job has a worker again.

    python -m benchmarks.recovery [--rounds 20]

Each round leaves a job behind with a dead worker, starts one server and waits until another worker
has taken the job over. A bare MCP server is started alternately: seconds depend on the machine and
on what else it does, the ratio hardly does. Prints one JSON line: the median and the maximum in
seconds, the ratio of the medians, and the processor time that the new worker had used when it took
the job. Target: 2 s on a quiet machine.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import anyio

from benchmarks.cold_start import BARE, first_list_s
from mcp_relight.bootstrap import Application
from mcp_relight.config import Settings
from mcp_relight.domain.request import RelightArguments
from mcp_relight.jobs.store.store import Store
from tests.crash.rig import kill, processes, rows, workers
from tests.world import World

DEAD = "print.gone"


async def abandon(world: World) -> None:
    """One job that a worker held when it ended."""
    settings = Settings.load(
        data_dir=world.data,
        output_dir=world.results,
        allowed_dirs=(world.photos,),
        worker="none",
    )
    async with Application(settings) as application:
        service = await application.service()
        image = str(world.photo("mug.png", width=64, height=64))
        wish = RelightArguments.model_validate({"image": image, "look": "golden_hour"})
        view = await service.relight(await service.order(wish), wait_s=0)
    store = Store(world.data / "jobs.db", is_living=lambda _: False)
    assert await store.claim(await store.get(view.job_id), DEAD) is not None
    await store.aclose()


@contextmanager
def server(world: World) -> Iterator[None]:
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "mcp_relight", "serve"],
        env=world.environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
    )
    try:
        yield
    finally:
        process.kill()
        process.communicate()
        kill(*processes(world))


def recover(folder: Path) -> tuple[float, float]:
    """Seconds until the job was taken over, and the new worker's processor seconds by then."""
    world = World(folder)
    anyio.run(abandon, world)
    started = time.perf_counter()
    with server(world):
        while {row["worker"] for row in rows(world, "worker")} == {DEAD}:
            assert time.perf_counter() - started < 60, "nobody took the job over"
            time.sleep(0.005)
        took_s = time.perf_counter() - started
        cpu_s = sum(map(_cpu_s, workers(world)))
    return took_s, cpu_s


def _cpu_s(pid: int) -> float:
    user, system = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


def main() -> None:
    parser = argparse.ArgumentParser(description="time until an abandoned job is taken over")
    parser.add_argument("--rounds", type=int, default=20)
    rounds = parser.parse_args().rounds
    recovered: list[tuple[float, float]] = []
    bare: list[float] = []
    for _ in range(rounds):
        with tempfile.TemporaryDirectory() as folder:
            bare.append(first_list_s(BARE, folder))
            recovered.append(recover(Path(folder)))
    seconds = [took_s for took_s, _ in recovered]
    facts: dict[str, Any] = {
        "rounds": rounds,
        "recovery_s": round(statistics.median(seconds), 2),
        "recovery_max_s": round(max(seconds), 2),
        "bare_server_s": round(statistics.median(bare), 2),
        "ratio": round(statistics.median(seconds) / statistics.median(bare), 2),
        "worker_cpu_s": round(statistics.median(cpu_s for _, cpu_s in recovered), 2),
        "load": round(os.getloadavg()[0], 1),
    }
    print(json.dumps(facts))


if __name__ == "__main__":
    main()
