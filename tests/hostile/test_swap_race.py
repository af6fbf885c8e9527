"""A folder that is swapped for a link, over and over, while files in it are read."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from mcp_relight.errors import ImageNotFound
from mcp_relight.storage.paths import read_under

pytestmark = pytest.mark.skipif(os.name == "nt", reason="out of scope on Windows, as paths.py says")

INSIDE, SECRET = b"inside", b"a secret"

# In a process of its own, so that it swaps while the reader is anywhere in its work.
SWAPPER = """
import os, sys
inside, parked, outside = sys.argv[1:]
print("swapping", flush=True)
while True:
    os.rename(inside, parked)
    os.symlink(outside, inside)
    os.unlink(inside)
    os.rename(parked, inside)
"""


@dataclass
class Tally:
    tries: int = 0
    reads: int = 0
    leaks: int = 0


@pytest.fixture
def swapped(tmp_path: Path) -> Iterator[Path]:
    """A root whose folder `album` is being swapped for a link to a folder with a secret."""
    root, outside = tmp_path / "root", tmp_path / "outside"
    (root / "album").mkdir(parents=True)
    outside.mkdir()
    (root / "album" / "a.png").write_bytes(INSIDE)
    (outside / "a.png").write_bytes(SECRET)
    places = [str(root / "album"), str(root / "parked"), str(outside)]
    swapper = subprocess.Popen(
        [sys.executable, "-c", SWAPPER, *places], stdout=subprocess.PIPE, text=True
    )
    assert swapper.stdout is not None
    swapper.stdout.readline()
    yield root
    swapper.kill()
    swapper.wait()
    swapper.stdout.close()


PATIENCE_S = 60.0


def read_for(
    seconds: float, read: Callable[[], bytes], *, enough: Callable[[Tally], bool]
) -> Tally:
    """Read all that time, and on a busy machine longer, until it was `enough`."""
    tally, end = Tally(), time.monotonic() + seconds
    while (now := time.monotonic()) < end or (not enough(tally) and now < end + PATIENCE_S):
        tally.tries += 1
        try:
            content = read()
        except (ImageNotFound, OSError):
            continue
        tally.reads += content == INSIDE
        tally.leaks += content == SECRET
    return tally


def duration_s(config: pytest.Config) -> float:
    return float(os.environ.get("MCP_RELIGHT_RACE_S", 60 if config.getoption("--full") else 4))


def test_a_swapped_folder_never_leads_outside(swapped: Path, pytestconfig: pytest.Config) -> None:
    path = swapped / "album" / "a.png"
    tally = read_for(
        duration_s(pytestconfig),
        lambda: read_under(path, [swapped], max_bytes=100),
        enough=lambda tally: tally.reads > 0,
    )
    assert tally.leaks == 0, tally
    assert tally.reads > 0, tally


def test_the_race_is_won_against_a_reader_that_checks_first_and_opens_later(swapped: Path) -> None:
    path = swapped / "album" / "a.png"

    def careless() -> bytes:
        if not path.resolve(strict=True).is_relative_to(swapped.resolve()):
            raise ImageNotFound("outside")
        return path.read_bytes()

    assert read_for(0, careless, enough=lambda tally: tally.leaks > 0).leaks > 0
