"""A server on stdio, spoken to in raw bytes, with every byte of both directions kept."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.quiet_time import quiet_s
from tests.world import World

Facts = dict[str, Any]

ANSWERS_WITHIN_S = 90.0
ENDS_WITHIN_S = 60.0


class Wire:
    """One server process. Replies may come in any order; each is found by the id it answers."""

    def __init__(self, command: list[str], env: dict[str, str], stderr: Path) -> None:
        self.sent = bytearray()
        self.received = bytearray()
        self.stderr = stderr
        with stderr.open("ab") as log:
            self.process = subprocess.Popen(
                command, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log
            )
        self._replies: dict[Any, Facts] = {}
        self._came = threading.Condition()
        self._writing = threading.Lock()
        self._last_id = 0
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            reply = json.loads(line)
            with self._came:
                self.received += line
                if "method" not in reply:
                    self._replies[reply.get("id")] = reply
                self._came.notify_all()
        with self._came:
            self._came.notify_all()

    def raw(self, line: bytes) -> None:
        assert self.process.stdin is not None
        with self._writing:
            self.sent += line + b"\n"
            self.process.stdin.write(line + b"\n")
            self.process.stdin.flush()

    def ask(self, method: str, params: Facts | None = None) -> int:
        """Send a request; the answer is fetched by the id returned."""
        with self._came:
            self._last_id += 1
            number = self._last_id
        self.raw(json.dumps(_message(method, params) | {"id": number}).encode())
        return number

    def answer(self, number: Any, within_s: float = ANSWERS_WITHIN_S) -> Facts:
        with self._came:
            self._came.wait_for(
                lambda: number in self._replies or not self._reader.is_alive(), within_s
            )
            assert number in self._replies, f"no answer; exit code {self.process.poll()}"
            return self._replies.pop(number)

    def request(self, method: str, params: Facts | None = None) -> Facts:
        return self.answer(self.ask(method, params))

    def tool(self, name: str, **arguments: Any) -> Facts:
        """The result of a tool call, or the error the protocol has for it."""
        reply = self.request("tools/call", {"name": name, "arguments": arguments})
        return reply.get("result") or {"isError": True, "error": reply["error"]}

    def facts(self, name: str, **arguments: Any) -> Facts:
        result = self.tool(name, **arguments)
        assert not result.get("isError"), result
        return result["structuredContent"]

    def initialize(self) -> None:
        params = {
            "protocolVersion": "2025-11-25",
            "capabilities": {},
            "clientInfo": {"name": "raw", "version": "1"},
        }
        assert "result" in self.request("initialize", params)
        self.raw(json.dumps(_message("notifications/initialized", None)).encode())

    def end(self, how: int | None = None) -> tuple[int, float]:
        """Close its input, or send it a signal; its exit code and the seconds that took."""
        started = quiet_s()
        if how is None:
            assert self.process.stdin is not None
            self.process.stdin.close()
        else:
            os.kill(self.process.pid, how)
        code = self.process.wait(ENDS_WITHIN_S)
        return code, quiet_s() - started


def _message(method: str, params: Facts | None) -> Facts:
    message: Facts = {"jsonrpc": "2.0", "method": method}
    return message if params is None else message | {"params": params}


@contextmanager
def wired(world: World, **environment: str) -> Iterator[Wire]:
    """`mcp-relight serve`, initialized; ended with the test, whatever happened in it."""
    world.root.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-P", "-m", "mcp_relight", "serve"]
    wire = Wire(command, world.environment | environment, world.root / "stderr.txt")
    try:
        wire.initialize()
        yield wire
    finally:
        if wire.process.poll() is None:
            wire.process.send_signal(signal.SIGKILL)
        wire.process.wait(ENDS_WITHIN_S)
