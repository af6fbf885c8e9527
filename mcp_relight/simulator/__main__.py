"""`python -m mcp_relight.simulator`."""

import argparse
from pathlib import Path

from mcp_relight.simulator.app import run


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m mcp_relight.simulator",
        description="The three provider APIs on this machine: no keys, no money, scripted faults.",
    )
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--journal", type=Path, help="append one JSON line per POST and charge")
    parser.add_argument("--polls", type=int, help="polls until done; without it, by the clock")
    parser.add_argument("--speed", type=float, default=1.0, help="times faster than the providers")
    given = parser.parse_args()
    try:
        run(given.host, given.port, given.journal, polls=given.polls, speed=given.speed)
    except (ValueError, OSError) as problem:
        parser.error(str(problem))


if __name__ == "__main__":
    main()
