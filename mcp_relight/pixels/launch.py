"""How a child is called; and starting one before this process has loaded anything else.

Only the standard library is imported here.
"""

import os
import socket
import subprocess
import sys
from dataclasses import dataclass

from .frames import ENGINE, GUEST

IDLE_S = 60.0

_INHERITED = (
    "PATH",
    "PYTHONPATH",
    "PYTHONHOME",
    "LD_LIBRARY_PATH",
    "DYLD_LIBRARY_PATH",
    "SYSTEMROOT",
    "TEMP",
    "TMP",
    "LANG",
)
"""All of our environment that the child gets: no keys."""

_ONE_THREAD = {
    # Further threads cost address space and make results depend on the machine.
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
}


def command(idle_s: float, *, with_engine: bool) -> list[str]:
    # -P: the working folder may hold downloads, and is no place to import from.
    words = [sys.executable, "-P", "-m", "mcp_relight.pixels.child", str(idle_s)]
    return [*words, ENGINE] if with_engine else words


def environment() -> dict[str, str]:
    inherited = {name: os.environ[name] for name in _INHERITED if name in os.environ}
    return inherited | _ONE_THREAD


@dataclass(frozen=True, slots=True)
class Early:
    """A child that was started before there was an event loop. `line` leads to it, both ways."""

    process: subprocess.Popen[bytes]
    line: socket.socket


def start_early(guest: int, *, idle_s: float = IDLE_S) -> Early | None:
    """A child that will compute, which loads what it needs beside this process; None where none
    can be started. `guest` is the descriptor of a line on which another process may ask it until
    this one does; it is the child's from now on."""
    ours, theirs = socket.socketpair()
    with theirs, socket.socket(fileno=guest):
        words = [*command(idle_s, with_engine=True), f"{GUEST}{guest}"]
        try:
            process = subprocess.Popen(
                words,
                stdin=theirs.fileno(),
                stdout=theirs.fileno(),
                env=environment(),
                pass_fds=(guest,),
            )
        except OSError:  # whoever needs one tries again, and says so
            ours.close()
            return None
    return Early(process, ours)
