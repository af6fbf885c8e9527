"""Beside other image servers: start, and what their tools cost a model to carry.

    python -m benchmarks.peers [ROUNDS]

One table. Each server is installed into an environment of its own, in a temporary folder, from the
package index of this machine; one that cannot be installed or does not start without a key is
named, and left out. Start is from spawn to the answer of `tools/list`, the median of the rounds, in
turn with a bare MCPServer of the same run; tokens are characters / 4 of name, description and input
schema as compact JSON, app-only tools left out. No provider is called.
"""

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anyio
from mcp import Client, StdioServerParameters

from benchmarks.cold_start import BARE

_START_S = 60.0


@dataclass(frozen=True, slots=True)
class Peer:
    """A server: what installs it, its program, and the arguments and variables it starts with."""

    name: str
    package: str
    program: str
    arguments: tuple[str, ...] = ()
    npm: bool = False


PEERS = (
    Peer("image-generation-mcp", "image-generation-mcp", "image-generation-mcp", ("serve",)),
    Peer("fal-mcp-server", "fal-mcp-server", "fal-mcp"),
    Peer("mcp-image", "mcp-image", "mcp-image", npm=True),
)


async def look(command: list[str], home: str) -> tuple[float, int, int]:
    """Seconds to the list of tools, how many there are, and their tokens."""
    server = StdioServerParameters(
        command=command[0], args=command[1:], env={"HOME": home, "PATH": os.environ["PATH"]}
    )
    started = time.perf_counter()
    with anyio.fail_after(_START_S):
        async with Client(server) as client:
            tools = (await client.list_tools()).tools
            took = time.perf_counter() - started
    shown = [tool.model_dump(mode="json", by_alias=True) for tool in tools if is_shown(tool)]
    kept = [{key: one.get(key) for key in ("name", "description", "inputSchema")} for one in shown]
    characters = sum(
        len(json.dumps(one, separators=(",", ":"), ensure_ascii=False)) for one in kept
    )
    return took, len(kept), characters // 4


def is_shown(tool: Any) -> bool:
    visibility = ((tool.meta or {}).get("ui") or {}).get("visibility")
    return visibility is None or "model" in visibility


def installed(peer: Peer, folder: Path) -> list[str] | None:
    """The command that starts it; None where it cannot be installed here."""
    place = folder / peer.name
    quiet: dict[str, Any] = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    try:
        if peer.npm:
            npm = shutil.which("npm") or "npm"
            subprocess.run([npm, "install", "--prefix", place, peer.package], check=True, **quiet)
            return [str(place / "node_modules" / ".bin" / peer.program), *peer.arguments]
        subprocess.run([sys.executable, "-m", "venv", place], check=True, **quiet)
        pip = [place / "bin" / "python", "-m", "pip", "install", peer.package]
        subprocess.run(pip, check=True, **quiet)
    except (OSError, subprocess.CalledProcessError):
        return None
    return [str(place / "bin" / peer.program), *peer.arguments]


def row(name: str, seen: list[tuple[float, int, int]], bare_s: float) -> str:
    start = statistics.median(one[0] for one in seen)
    return f"| {name} | {start / bare_s:.2f} | {seen[0][1]} | {seen[0][2]:,} |"


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        commands = {
            "bare MCPServer": [sys.executable, "-c", BARE],
            "mcp-relight": [sys.executable, "-P", "-m", "mcp_relight", "serve"],
        }
        left_out: list[str] = []
        for peer in PEERS:
            command = installed(peer, Path(folder))
            if command is None:
                left_out.append(f"{peer.name}: cannot be installed here")
            else:
                commands[peer.name] = command
        seen: dict[str, list[tuple[float, int, int]]] = {}
        for number in range(rounds + 1):
            for name, command in list(commands.items()):
                try:
                    one = anyio.run(look, command, folder)
                except (Exception, TimeoutError) as error:  # noqa: BLE001 - another's server may end as it likes
                    left_out.append(f"{name}: does not start here ({type(error).__name__})")
                    del commands[name]
                    continue
                if number:  # the first only warms the disk
                    seen.setdefault(name, []).append(one)
    bare_s = statistics.median(one[0] for one in seen["bare MCPServer"])
    print(f"Start of a bare MCPServer in this run: {bare_s:.2f} s.\n")
    print("| server | start, x bare | tools | tokens |\n|---|---|---|---|")
    for name, values in seen.items():
        print(row(name, values, bare_s))
    for line in left_out:
        print(f"\nLeft out: {line}.")


if __name__ == "__main__":
    main()
