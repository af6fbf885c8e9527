"""A terminal of a chosen width, with a person who types."""

import os
import pty
import select
import struct
import sys
import termios
import time
from fcntl import ioctl

from tests.world import World

COLUMNS = 60


def at_terminal(world: World, *arguments: str, typed: str = "", timeout_s: float = 120) -> str:
    """What a person sees: both outputs of one command, `typed` entered at its question."""
    pid, master = pty.fork()
    if pid == 0:
        os.chdir(world.root)
        environment = world.environment | {"TERM": "xterm", "NO_COLOR": "1"}
        os.execve(sys.executable, [sys.executable, "-m", "mcp_relight", *arguments], environment)  # noqa: S606
    ioctl(master, termios.TIOCSWINSZ, struct.pack("HHHH", 40, COLUMNS, 0, 0))
    seen, until, answer = b"", time.monotonic() + timeout_s, typed.encode()
    try:
        while time.monotonic() < until:
            if not select.select([master], [], [], 1)[0]:
                continue
            try:
                data = os.read(master, 65_536)
            except OSError:  # Linux says so at the end
                break
            if not data:
                break
            seen += data
            if answer and b"[y/N]" in seen:
                os.write(master, answer)
                answer = b""
    finally:
        os.waitpid(pid, 0)
        os.close(master)
    return seen.decode().replace("\r\n", "\n")
