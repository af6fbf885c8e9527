"""A server process over HTTP on a free port of this machine, ended with the test."""

import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from tests.world import World

_SAID = re.compile(r"mcp-relight serves (http://\S+)")
_STARTS_WITHIN_S = 60
_ENDS_WITHIN_S = 30


@dataclass(frozen=True)
class Serving:
    process: subprocess.Popen[str]
    url: str

    def stop(self) -> int:
        """Ask it to end, as a supervisor would. Raises TimeoutExpired when it does not."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(_ENDS_WITHIN_S)


@contextmanager
def serving(world: World, *command: str, env: dict[str, str] | None = None) -> Iterator[Serving]:
    """`serve --http --port 0`, or another module that says its address the same way."""
    process = subprocess.Popen(
        [sys.executable, "-m", *(command or ("mcp_relight", "serve", "--http", "--port", "0"))],
        env=world.environment | (env or {}),
        cwd=world.root,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    late = threading.Timer(_STARTS_WITHIN_S, process.kill)
    late.start()
    try:
        found = next((said for line in process.stderr if (said := _SAID.search(line))), None)
        late.cancel()
        assert found is not None, "the server ended before it said its address"
        # Whoever writes to a full pipe waits for ever.
        threading.Thread(target=process.stderr.read, daemon=True).start()
        yield Serving(process, found[1])
    finally:
        late.cancel()
        if process.poll() is None:
            process.kill()
        process.wait(_ENDS_WITHIN_S)
