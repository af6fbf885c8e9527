"""What a paid job costs beyond its own requests, in one run.

    python -m benchmarks.job_overhead [--jobs 200]

An instant provider (the simulator, in a process of its own), 64 px pictures, gates raised, no
finish, no report: the same submit, status request and download, once through the job store and the
worker, once in a bare httpx2 loop. Prints one JSON line. Target: at most 4 times the bare loop.
"""

import argparse
import json
import os
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, NoReturn

import anyio
import httpx2
from pydantic import JsonValue

from mcp_relight.bootstrap import Application, InlineWorkers
from mcp_relight.config import Settings
from mcp_relight.domain.request import PlanArguments, RelightArguments
from mcp_relight.errors import Internal
from mcp_relight.pixels.client import PixelChild
from mcp_relight.simulator.control import SimulatorHandle
from tests.flows.rig import settings_of, upload
from tests.world import World, make_photo

_DONE = "select count(*) from jobs where stage = 'succeeded'"
MODEL = "pixeldojo/image-relighting"
WISH = {
    "model": MODEL,
    "light_from": "left",
    "finish": "as-returned",
    # The smallest picture this model returns.
    "params": '{"width": 256, "height": 256}',
}


class NoReport(PixelChild):
    """Decodes, but measures nothing: the report is not what is timed here."""

    async def report(self, *_: Any, **__: Any) -> NoReturn:
        raise Internal("not measured")


@contextmanager
def simulator() -> Iterator[SimulatorHandle]:
    process = subprocess.Popen(
        [sys.executable, "-m", "mcp_relight.simulator", "--polls", "0", "--speed", "1000"],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        handle = SimulatorHandle(json.loads(process.stdout.readline())["origin"])
        handle.open_account("pixeldojo", handle.keys["pixeldojo"], 1e6)
        yield handle
    finally:
        process.kill()
        process.communicate()


async def insert(settings: Settings, image: str, count: int) -> dict[str, JsonValue]:
    """Put the jobs into the store, with nobody to carry them out yet; returns what they send."""
    async with Application(settings) as application:
        service = await application.service()
        plan, _ = await service.plan(PlanArguments.model_validate({**WISH, "image": image}))
        for seed in range(count):
            wish = {**WISH, "image": image, "seed": seed}
            order = await service.order(RelightArguments.model_validate(wish))
            await service.relight(order, wait_s=0)
    return {**plan.candidates[0].request, "subject_image": image}


async def carry_out(settings: Settings, count: int) -> float:
    """Seconds until a worker has brought them all to their end."""
    async with Application(settings) as application:
        workers = application._workers  # pyright: ignore[reportPrivateUsage]
        assert isinstance(workers, InlineWorkers)
        vars(workers._parts)["pixels"] = NoReport()  # pyright: ignore[reportPrivateUsage]
        with closing(sqlite3.connect(settings.data_dir / "jobs.db")) as rows:
            started = time.monotonic()
            await workers.ensure()
            while rows.execute(_DONE).fetchone()[0] < count:  # noqa: ASYNC110 - no event to await
                await anyio.sleep(0.1)
            return time.monotonic() - started


def bare_loop(handle: SimulatorHandle, request: dict[str, JsonValue], count: int) -> float:
    """Seconds for the same requests, one after the other, with nothing around them."""
    base = handle.urls["pixeldojo"] + "/api/v1"
    headers = {"Authorization": f"Bearer {handle.keys['pixeldojo']}"}
    with httpx2.Client(trust_env=False, headers=headers) as client:
        started = time.monotonic()
        for seed in range(count):
            submitted = client.post(
                f"{base}/models/image-relighting/run", json={**request, "seed": seed}
            )
            job_id = submitted.raise_for_status().json()["jobId"]
            status = client.get(f"{base}/jobs/{job_id}").raise_for_status().json()
            client.get(status["output"]["images"][0]).raise_for_status()
        return time.monotonic() - started


def main() -> None:
    parser = argparse.ArgumentParser(description="time per job against a bare loop")
    parser.add_argument("--jobs", type=int, default=200)
    count = parser.parse_args().jobs
    with tempfile.TemporaryDirectory() as folder, simulator() as handle:
        world = World(Path(folder))
        world.photos.mkdir()
        make_photo(world.photos / "mug.png", 64, 64)
        image = upload(handle, world.photos / "mug.png")
        waiting = settings_of(world, handle, worker="none", daily_budget_usd=1e6)
        request = anyio.run(insert, waiting, image, count)
        bare_s = bare_loop(handle, request, count) / count
        working = settings_of(world, handle, worker="inline", daily_budget_usd=1e6)
        job_s = anyio.run(carry_out, working, count) / count
        again_s = bare_loop(handle, request, count) / count
    bare_s = (bare_s + again_s) / 2
    print(
        json.dumps(
            {
                "jobs": count,
                "bare_ms": round(bare_s * 1000, 2),
                "job_ms": round(job_s * 1000, 2),
                "ratio": round(job_s / bare_s, 2),
                "load": round(os.getloadavg()[0], 1),
            }
        )
    )


if __name__ == "__main__":
    main()
