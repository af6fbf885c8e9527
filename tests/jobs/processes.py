"""Processes of a test: each is started here and ended here."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Self

from mcp_relight.jobs.spawn import Spawner

ROOT = Path(__file__).parents[2]
ENVIRONMENT = os.environ | {"PYTHONPATH": str(ROOT)}
Process = subprocess.Popen[str]


def wait_until(condition: Callable[[], bool], *, within_s: float = 15.0) -> None:
    """For what another process does. Fails when it does not come true."""
    deadline = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < deadline, "it did not come true"
        time.sleep(0.02)


class _Listed(Spawner):
    """A spawner whose children the test can end."""

    def pids(self) -> list[int]:
        return [process.pid for process in self._started if process.poll() is None]

    def end(self) -> None:
        for process in self._started:
            process.kill()
            process.wait()


class Children:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._started: list[Process] = []
        self._spawners: list[_Listed] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for spawner in self._spawners:
            spawner.end()
        for process in self._started:
            process.kill()
            process.communicate()

    def start(self, command: str, *arguments: object) -> Process:
        process = subprocess.Popen(
            [*_command(command, self.folder), *map(str, arguments)],
            env=ENVIRONMENT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._started.append(process)
        return process

    def say(self, process: Process, text: str) -> None:
        assert process.stdin is not None
        process.stdin.write(f"{text}\n")
        process.stdin.flush()

    def all_answers(self, processes: list[Process]) -> list[str]:
        """What each of them said, once all have ended well."""
        answers = [process.communicate(timeout=90)[0].strip() for process in processes]
        assert [process.returncode for process in processes] == [0] * len(processes)
        return answers

    def line_of(self, process: Process) -> str:
        assert process.stdout is not None
        return process.stdout.readline().strip()

    def spawner(self, name: str, *, submit_s: float = 0.0, idle_s: float = 60.0) -> Spawner:
        command = [*_command("work", self.folder), name, str(submit_s), str(idle_s)]
        spawner = _Listed(self.folder, name, environment=ENVIRONMENT, command=command)
        self._spawners.append(spawner)
        return spawner

    def spawned_pids(self) -> list[int]:
        return [pid for spawner in self._spawners for pid in spawner.pids()]

    def spawned_running(self) -> int:
        return len(self.spawned_pids())


def run_command(
    folder: Path, *words: str, environment: Mapping[str, str] | None = None, returns: int = 0
) -> str:
    """`mcp-relight` with this data folder, as a person types it; what it says."""
    done = subprocess.run(
        [sys.executable, "-m", "mcp_relight", *words, "--data-dir", str(folder)],
        env=ENVIRONMENT | dict(environment or {}),
        check=False,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == returns, done.stderr
    return done.stdout


def _command(command: str, folder: Path) -> list[str]:
    return [sys.executable, "-m", "tests.jobs.child", command, str(folder)]
