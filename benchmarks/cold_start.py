"""Cold start: spawn to the first `tools/list` answer, against a bare MCPServer, alternately.

    python benchmarks/cold_start.py [ROUNDS]

Prints the two medians, their ratio, and which heavy modules the server process had loaded.
"""

import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

BARE = """
from mcp.server.mcpserver import MCPServer
server = MCPServer("bare")
@server.tool()
async def empty() -> None:
    "Nothing."
server.run()
"""
OURS = "from mcp_relight.cli.main import main; main(['serve'])"
PROBE = """
import sys, json, atexit
atexit.register(lambda: open({path!r}, "w").write(json.dumps(sorted(sys.modules))))
from mcp_relight.cli.main import main; main(['serve'])
"""
HEAVY = ("numpy", "cv2", "scipy", "PIL", "sqlalchemy")

REQUESTS = [
    {
        "jsonrpc": "2.0",
        "id": 1,
        "method": "initialize",
        "params": {
            "protocolVersion": "2025-11-25",
            "capabilities": {},
            "clientInfo": {"name": "cold-start", "version": "1"},
        },
    },
    {"jsonrpc": "2.0", "method": "notifications/initialized"},
    {"jsonrpc": "2.0", "id": 2, "method": "tools/list"},
]


def first_list_s(program: str, data_dir: str) -> float:
    """Seconds from spawn to the answer of `tools/list`."""
    started = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-c", program],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={"MCP_RELIGHT_DATA_DIR": data_dir, "PATH": "", "HOME": data_dir},
    )
    assert process.stdin
    assert process.stdout
    process.stdin.write(b"".join(json.dumps(one).encode() + b"\n" for one in REQUESTS))
    process.stdin.flush()
    while json.loads(process.stdout.readline()).get("id") != 2:
        pass
    took = time.perf_counter() - started
    process.stdin.close()
    process.wait(timeout=30)
    return took


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 15
    with tempfile.TemporaryDirectory() as folder:
        for program in (BARE, OURS):
            first_list_s(program, folder)
        times: dict[str, list[float]] = {"bare": [], "ours": []}
        for _ in range(rounds):
            times["bare"].append(first_list_s(BARE, folder))
            times["ours"].append(first_list_s(OURS, folder))
        loaded = Path(folder) / "modules.json"
        first_list_s(PROBE.format(path=str(loaded)), folder)
        modules = set(json.loads(loaded.read_text()))
    bare, ours = statistics.median(times["bare"]), statistics.median(times["ours"])
    print(f"bare {bare * 1000:.0f} ms, mcp-relight {ours * 1000:.0f} ms, ratio {ours / bare:.2f}")
    print("heavy modules in the server:", sorted(modules & set(HEAVY)) or "none")


if __name__ == "__main__":
    main()
