"""`demo`: the main job, end to end, as a client sees it.

A real MCP client starts this server over stdio, relights a sample photo on the local engine and
prints job, report and result path.
"""

import argparse
import json
import os
import sys
from importlib import resources
from pathlib import Path
from typing import Any

import anyio
from mcp import Client, StdioServerParameters

from mcp_relight.errors import Internal, LocalError

from . import drawing
from .session import answer, load_settings

SAMPLE = "astronaut.jpg"
_LOOK = "golden_hour"


def demo(namespace: argparse.Namespace) -> int:
    settings = load_settings(namespace)
    photo: Path = (namespace.image or _sample(settings.results_dir)).absolute()
    environment = settings.environment()
    folders = [str(folder) for folder in (photo.parent, *settings.readable_dirs)]
    environment["MCP_RELIGHT_ALLOWED_DIRS"] = os.pathsep.join(folders)
    with drawing.progress(visible=not namespace.json):
        job = anyio.run(_relight, photo, environment)

    def draw() -> None:
        print(f"photo    {photo}")
        print(f"job      {job['job_id']} ({job['status']}, {job['model']}, {_LOOK})")
        print("report   " + _report(job))
        for image in job["images"]:
            print(f"result   {image['path']}")

    answer(job, as_json=namespace.json, draw=draw)
    return 0 if job["status"] == "succeeded" else 1


async def _relight(photo: Path, environment: dict[str, str]) -> dict[str, Any]:
    server = StdioServerParameters(
        command=sys.executable, args=["-P", "-m", "mcp_relight", "serve"], env=environment
    )
    async with Client(server) as client:
        result = await client.call_tool(
            "relight_image", {"image": str(photo), "look": _LOOK, "wait_s": 45}
        )
        if result.is_error or result.structured_content is None:
            raise Internal("The server refused the demo's request.")
        job: dict[str, Any] = result.structured_content
        while job["status"] in {"queued", "running"}:
            result = await client.call_tool("get_job", {"job_id": job["job_id"], "wait_s": 45})
            job = result.structured_content or {}
        return job


def _sample(folder: Path) -> Path:
    """The sample photo, copied where a person can look at it next to the result."""
    target = folder / SAMPLE
    try:
        folder.mkdir(parents=True, exist_ok=True)
        target.write_bytes((resources.files("mcp_relight.cli") / "samples" / SAMPLE).read_bytes())
    except OSError:
        raise LocalError(
            "The output folder cannot be written.", hint="Set MCP_RELIGHT_OUTPUT_DIR to another."
        ) from None
    return target


def _report(job: dict[str, Any]) -> str:
    report: dict[str, Any] = job.get("report") or {}
    return str(report.get("sentence") or json.dumps(report))
