"""A PostgreSQL server of the tests' own: on a socket in a folder of its own, ended by its id."""

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

_USER = "jobs"


def _program(name: str) -> str:
    """Debian keeps them out of PATH."""
    newest = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    found = str(newest[-1]) if newest else shutil.which(name)
    if found is None:
        pytest.skip(f"needs PostgreSQL: there is no {name} here")
    return found


@contextmanager
def running_postgres() -> Iterator[str]:
    """The URL of an empty database."""
    pytest.importorskip("psycopg", reason="needs the driver psycopg")
    initdb, postgres = _program("initdb"), _program("postgres")
    # PostgreSQL refuses to run as root.
    who = {"user": "nobody", "group": "nogroup"} if os.geteuid() == 0 else {}
    with tempfile.TemporaryDirectory(prefix="pg") as name:
        folder = Path(name)
        if who:
            shutil.chown(folder, **who)
        data = folder / "data"
        subprocess.run(
            [initdb, "-D", data, "-U", _USER, "-A", "trust", "-E", "UTF8", "--no-sync"],
            check=True,
            capture_output=True,
            cwd=folder,
            **who,
        )
        server = subprocess.Popen(
            [postgres, "-D", data, "-k", folder, "-c", "listen_addresses=", "-c", "fsync=off"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=folder,
            **who,
        )
        try:
            _wait_until_ready(folder, server)
            yield f"postgresql+psycopg://{_USER}@/postgres?host={folder}"
        finally:
            server.send_signal(signal.SIGINT)  # ends its sessions and stops
            server.wait(30)


def _wait_until_ready(folder: Path, server: subprocess.Popen[bytes]) -> None:
    import psycopg

    deadline = time.monotonic() + 30
    while True:
        try:
            psycopg.connect(host=str(folder), user=_USER, dbname="postgres").close()
        except psycopg.OperationalError:
            assert server.poll() is None, "the server ended"
            assert time.monotonic() < deadline, "the server did not answer"
            time.sleep(0.05)
        else:
            return
