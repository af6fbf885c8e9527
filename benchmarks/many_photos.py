"""Many photos through one call and through one command, against the same one after another.

    python benchmarks/many_photos.py [PHOTOS]

Photos of 2 MP in a fresh home. One after another: one call per photo, each waited for, at a server
and a worker that are warm. Then, in another fresh home, all of them as one set through the same
kind of server, and as one command. The ratio of the set to the sum is what two cores and no waiting
in between are worth; at most 0.65 is asked for.
"""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import anyio
from mcp import Client, StdioServerParameters

DRAWN = """
import numpy as np, sys
from PIL import Image
count, folder = int(sys.argv[1]), sys.argv[2]
y, x = np.mgrid[0:1224, 0:1632].astype(np.float32)
for number in range(count):
    r2 = ((x - 816) ** 2 + (y - 612) ** 2) / (400 + 3 * number) ** 2
    ball = np.clip(0.3 + 0.6 * np.sqrt(np.clip(1 - r2, 0, 1)), 0, 1)[..., None] * [210, 120, 70]
    wall = np.dstack([60 + x / 40, 80 + y / 30, 110 + 0 * x])
    photo = np.where(r2[..., None] < 1, ball, wall).astype(np.uint8)
    Image.fromarray(photo).save(f"{folder}/photo{number}.jpg", quality=92)
"""


def environment(home: Path) -> dict[str, str]:
    return {
        "HOME": str(home),
        "PATH": os.environ["PATH"],
        "MCP_RELIGHT_ALLOWED_DIRS": str(home / "photos"),
        "MCP_RELIGHT_WORKER_IDLE_S": "3",
    }


def home_with(count: int, folder: Path) -> Path:
    (folder / "photos").mkdir(parents=True)
    subprocess.run([sys.executable, "-c", DRAWN, str(count), str(folder / "photos")], check=True)
    return folder


def server_of(home: Path) -> StdioServerParameters:
    arguments = ["-m", "mcp_relight", "serve"]
    return StdioServerParameters(command=sys.executable, args=arguments, env=environment(home))


async def ask(client: Client, tool: str, **arguments: Any) -> dict[str, Any]:
    result = await client.call_tool(tool, arguments)
    if result.is_error or result.structured_content is None:
        raise RuntimeError(str(result.content))
    return result.structured_content


async def warm(client: Client, photo: Path) -> None:
    job = await ask(client, "relight_image", image=str(photo), look="neon", wait_s=45)
    while job["status"] in {"queued", "running"}:
        job = await ask(client, "get_job", job_id=job["job_id"], wait_s=45)


async def one_after_another_s(home: Path) -> float:
    photos = sorted((home / "photos").iterdir())
    async with Client(server_of(home)) as client:
        await warm(client, photos[0])
        started = time.perf_counter()
        for photo in photos:
            job = await ask(client, "relight_image", image=str(photo), look="loop", wait_s=45)
            while job["status"] in {"queued", "running"}:
                job = await ask(client, "get_job", job_id=job["job_id"], wait_s=45)
        return time.perf_counter() - started


async def set_s(home: Path) -> float:
    folder = home / "photos"
    async with Client(server_of(home)) as client:
        await warm(client, min(folder.iterdir()))
        started = time.perf_counter()
        found = await ask(client, "relight_image", image=str(folder), look="loop", wait_s=45)
        while found["done"] < found["pictures"]:
            found = await ask(client, "get_job", job_id=found["set_id"], wait_s=45)
        return time.perf_counter() - started


def command_s(home: Path) -> float:
    command = [sys.executable, "-m", "mcp_relight", "relight", str(home / "photos")]
    started = time.perf_counter()
    subprocess.run(
        [*command, "--look", "loop", "--out", str(home / "lit")],
        env=environment(home),
        check=True,
        stdout=subprocess.DEVNULL,
    )
    return time.perf_counter() - started


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 50
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        homes = [home_with(count, Path(folder) / name) for name in ("one", "set", "command")]
        apart = anyio.run(one_after_another_s, homes[0])
        together = anyio.run(set_s, homes[1])
        command = command_s(homes[2])
    print(f"{count} photos of 2 MP on {os.cpu_count()} cores")
    print(f"one after another  {apart:7.1f} s")
    print(f"one call           {together:7.1f} s   {together / apart:.2f}")
    print(f"one command        {command:7.1f} s   {command / apart:.2f}, its start included")


if __name__ == "__main__":
    main()
