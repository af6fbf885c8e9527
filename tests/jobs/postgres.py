"""A PostgreSQL server of the tests' own: on 127.0.0.1, in a folder of its own, ended by its id."""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

USER, PASSWORD = "jobs", "pass-of-the-tests"


class Cluster:
    """A server with the databases of one PostgreSQL."""

    def __init__(self, folder: Path, *, fsync: bool) -> None:
        self._folder = folder
        self._fsync = fsync
        # PostgreSQL refuses to run as root.
        self._who = {"user": "nobody", "group": "nogroup"} if os.geteuid() == 0 else {}
        self._server: subprocess.Popen[bytes] | None = None
        self.port = _free_port()

    @property
    def url(self) -> str:
        return self.url_of("postgres")

    def url_of(self, database: str, *, user: str = USER, password: str = PASSWORD) -> str:
        return f"postgresql://{user}:{password}@127.0.0.1:{self.port}/{database}"

    def new_database(self, name: str) -> str:
        """The URL of an empty database."""
        self.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        self.execute(f'CREATE DATABASE "{name}"')
        return self.url_of(name)

    def execute(self, statement: str, *, url: str | None = None) -> list[Any]:
        """The rows of one statement, run outside of any transaction."""
        import psycopg

        with psycopg.connect(url or self.url, autocommit=True) as connection:
            cursor = connection.execute(statement)  # pyright: ignore
            return cursor.fetchall() if cursor.description else []

    def create(self) -> None:
        if self._who:
            shutil.chown(self._folder, **self._who)
        secret = self._folder / "password"
        secret.write_text(PASSWORD)
        words = ["-D", str(self._folder / "data"), "-U", USER, "-E", "UTF8", "--no-sync"]
        words += ["-A", "scram-sha-256", f"--pwfile={secret}", "--locale=C"]
        subprocess.run(
            [_program("initdb"), *words],
            check=True,
            capture_output=True,
            cwd=self._folder,
            **self._who,
        )

    def start(self) -> None:
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": str(self.port),
            "fsync": "on" if self._fsync else "off",
            "unix_socket_directories": "",
        }
        words = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        self._server = subprocess.Popen(
            [_program("postgres"), "-D", str(self._folder / "data"), *words],
            stdout=subprocess.DEVNULL,
            stderr=(self._folder / "log").open("ab"),
            cwd=self._folder,
            **self._who,
        )
        self._wait_until_ready(self._server)

    def stop(self) -> None:
        """End its sessions and the server, in good order."""
        if self._server is not None:
            self._server.send_signal(signal.SIGINT)
            self._server.wait(300)  # it writes everything down, on a disk that may be busy
            self._server = None

    def restart(self, *, after_s: float = 0.0) -> None:
        self.stop()
        time.sleep(after_s)
        self.start()

    def crash(self, how: signal.Signals) -> None:
        """Have it end without a word to its sessions (SIGQUIT), or die (SIGKILL), and start it
        again; it then looks through its journal before it lets anybody in."""
        assert self._server is not None
        sessions = _children(self._server.pid)
        self._server.send_signal(how)
        self._server.wait(60)
        deadline = time.monotonic() + 60
        while any(Path(f"/proc/{pid}").exists() for pid in sessions):  # they hold its memory
            assert time.monotonic() < deadline, "a session did not end"
            time.sleep(0.02)
        self.start()

    def _wait_until_ready(self, server: subprocess.Popen[bytes]) -> None:
        import psycopg

        deadline = time.monotonic() + 120
        while True:
            try:
                psycopg.connect(self.url).close()
            except psycopg.OperationalError:
                assert server.poll() is None, "the server ended"
                assert time.monotonic() < deadline, "the server did not answer"
                time.sleep(0.05)
            else:
                return


@contextmanager
def running_postgres(*, fsync: bool = False) -> Iterator[Cluster]:
    """Without `fsync` a kill of the server may lose what was committed."""
    pytest.importorskip("psycopg", reason="needs the driver psycopg")
    _program("initdb")
    with tempfile.TemporaryDirectory(prefix="pg", ignore_cleanup_errors=True) as name:
        cluster = Cluster(Path(name), fsync=fsync)
        cluster.create()
        try:
            cluster.start()
            yield cluster
        finally:
            cluster.stop()


def program_of(name: str) -> Path:
    """Skips the test where it is not installed."""
    return Path(_program(name))


def _program(name: str) -> str:
    """Debian keeps them out of PATH."""
    newest = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    found = str(newest[-1]) if newest else shutil.which(name)
    if found is None:
        pytest.skip(f"needs PostgreSQL: there is no {name} here")
    return found


def _children(pid: int) -> list[int]:
    """Empty where there is no /proc."""
    listed = Path(f"/proc/{pid}/task/{pid}/children")
    return [int(child) for child in listed.read_text().split()] if listed.exists() else []


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
