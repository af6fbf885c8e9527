"""From nothing to the first picture, against what no client of MCP and OpenCV can do without.

    python -m benchmarks.first_picture [ROUNDS]

A fresh home, a 512 px photo, a real client over stdio: spawn the server, shake hands, list the
tools, relight. Then another light on the same photo. The baseline of the same run: a bare MCPServer
from spawn to its first answer, plus numpy, OpenCV and Pillow imported once in a fresh Python.
Each round measures all three, one after the other; the medians and their ratio are printed. Also
from the command line.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import anyio
from mcp import Client, StdioServerParameters

from benchmarks.cold_start import BARE

PICTURES = "import numpy, cv2, PIL.Image"
DRAWN = """
import numpy as np, sys
from PIL import Image
y, x = np.mgrid[0:384, 0:512].astype(np.float32)
r2 = ((x - 256) ** 2 + (y - 192) ** 2) / 140**2
ball = np.clip(0.3 + 0.6 * np.sqrt(np.clip(1 - r2, 0, 1)), 0, 1)[..., None] * [210, 120, 70]
wall = np.dstack([60 + x / 12, 80 + y / 9, 110 + 0 * x])
Image.fromarray(np.where(r2[..., None] < 1, ball, wall).astype(np.uint8)).save(sys.argv[1])
"""


def environment(home: Path) -> dict[str, str]:
    return {"HOME": str(home), "PATH": os.environ["PATH"], "MCP_RELIGHT_WORKER_IDLE_S": "3"}


def draw(photo: Path) -> None:
    subprocess.run([sys.executable, "-c", DRAWN, str(photo)], check=True)


async def bare_s(home: Path) -> float:
    started = time.perf_counter()
    server = StdioServerParameters(command=sys.executable, args=["-c", BARE], env=environment(home))
    async with Client(server) as client:
        await client.list_tools()
        return time.perf_counter() - started


def import_s(home: Path) -> float:
    started = time.perf_counter()
    subprocess.run([sys.executable, "-c", PICTURES], env=environment(home), check=True)
    return time.perf_counter() - started


async def pictures_s(home: Path, photo: Path) -> tuple[float, float]:
    """Seconds to the first picture, and then to one in another light."""
    server = StdioServerParameters(
        command=sys.executable,
        args=["-P", "-m", "mcp_relight", "serve", "--allow-dir", str(photo.parent)],
        env=environment(home),
    )
    started = time.perf_counter()
    async with Client(server) as client:
        await client.list_tools()
        await _relight(client, photo, "golden_hour")
        first = time.perf_counter() - started
        started = time.perf_counter()
        await _relight(client, photo, "rembrandt")
        return first, time.perf_counter() - started


async def _relight(client: Any, photo: Path, look: str) -> None:
    asked = {"image": str(photo), "look": look, "wait_s": 45}
    job = (await client.call_tool("relight_image", asked)).structured_content
    assert job["status"] == "succeeded", job


def command_line_s(home: Path, photo: Path) -> float:
    command = [sys.executable, "-P", "-m", "mcp_relight", "relight", str(photo), "--json"]
    started = time.perf_counter()
    done = subprocess.run(
        [*command, "--look", "golden_hour"], env=environment(home), capture_output=True, check=True
    )
    took = time.perf_counter() - started
    assert json.loads(done.stdout)["status"] == "succeeded"
    return took


async def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    times: dict[str, list[float]] = {}

    def note(name: str, seconds: float) -> None:
        times.setdefault(name, []).append(seconds)

    for number in range(rounds + 1):
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
            root = Path(folder)
            photo = root / "photos" / "ball.jpg"
            photo.parent.mkdir()
            draw(photo)
            measured = [("sdk", await bare_s(root)), ("import", import_s(root))]
            measured += zip(("first", "another"), await pictures_s(root / "a", photo), strict=True)
            measured.append(("command line", command_line_s(root / "b", photo)))
        if number:  # the first round only compiles and fills the disk cache
            for name, seconds in measured:
                note(name, seconds)
    median = {name: statistics.median(values) for name, values in times.items()}
    floor = median["sdk"] + median["import"]
    print(f"bare SDK {median['sdk']:.2f} s + imports {median['import']:.2f} s = {floor:.2f} s")
    for name in ("first", "command line"):
        print(f"{name:<13} {median[name]:.2f} s, {median[name] / floor:.2f} x that")
    print(f"{'another':<13} {median['another']:.2f} s")


if __name__ == "__main__":
    anyio.run(main)
