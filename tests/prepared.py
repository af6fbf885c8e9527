"""Commands in a process that has everything loaded: the test command of the README is not to pay
for several hundred starts of Python.

Each command is still a process of its own, forked before its first line ran, with its own
environment, folder, files and exit code. The long suites start every command as a person does.
"""

import importlib
import json
import os
import pkgutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NoReturn

_LOADED = ("cli", "bootstrap", "service", "jobs", "storage", "providers")
_OUTPUTS = ("stdin", "stdout", "stderr")


class Prepared:
    """A process that forks one for each command. Started when first needed; it leaves with us."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[str] | None = None
        self._turn = threading.Lock()

    def run(
        self,
        arguments: tuple[str, ...],
        environment: Mapping[str, str],
        folder: Path,
        *,
        stdin: str,
        timeout_s: float,
    ) -> subprocess.CompletedProcess[str]:
        """Raises TimeoutExpired."""
        with self._turn, tempfile.TemporaryDirectory() as place:
            paths = [Path(place) / name for name in _OUTPUTS]
            paths[0].write_text(stdin)
            asked = {
                "arguments": arguments,
                "environment": dict(environment),
                "folder": str(folder),
                "paths": [str(path) for path in paths],
                "timeout_s": timeout_s,
            }
            code = self._ask(asked)
            if code == -signal.SIGALRM:
                raise subprocess.TimeoutExpired(arguments, timeout_s)
            return subprocess.CompletedProcess(
                arguments, code, paths[1].read_text(), paths[2].read_text()
            )

    def close(self) -> None:
        """End the process, which has nothing under way."""
        if self._process is not None:
            assert self._process.stdin is not None
            self._process.stdin.close()
            self._process.wait(timeout=30)

    def _ask(self, asked: dict[str, Any]) -> int:
        if self._process is None or self._process.poll() is not None:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.prepared"],
                cwd=Path(__file__).parents[1],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(asked) + "\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())


def _load() -> None:
    from mcp_relight.loading import load_lightly

    load_lightly()
    for name in _LOADED:
        package = importlib.import_module(f"mcp_relight.{name}")
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            try:
                importlib.import_module(module.name)
            except ImportError:
                continue  # needs an extra that is not installed
    assert threading.active_count() == 1, "a fork would leave the others behind"


def _commands() -> Iterator[dict[str, Any]]:
    """What each forked process is to run; the one that forks yields nothing and answers."""
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            yield json.loads(line)
            return
        _, status = os.waitpid(child, 0)
        sys.stdout.write(f"{os.waitstatus_to_exitcode(status)}\n")
        sys.stdout.flush()


def _become(asked: dict[str, Any]) -> NoReturn:
    signal.setitimer(signal.ITIMER_REAL, asked["timeout_s"])  # whose signal ends it
    os.chdir(asked["folder"])
    os.environ.clear()
    os.environ.update(asked["environment"])
    for number, path in enumerate(asked["paths"]):
        kind = os.O_RDONLY if number == 0 else os.O_WRONLY
        opened = os.open(path, kind | os.O_CREAT, 0o600)
        os.dup2(opened, number)
        os.close(opened)
    sys.stdin = os.fdopen(0, encoding="utf-8", closefd=False)  # the old one has read ahead
    sys.path[0] = asked["folder"]
    sys.argv = ["mcp-relight", *asked["arguments"]]
    from mcp_relight.cli.main import main

    sys.exit(main())


if __name__ == "__main__":
    _load()
    for command in _commands():
        _become(command)
