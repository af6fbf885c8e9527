"""Seconds as a machine with nothing else to do would count them.

What promises to end within seconds is tried beside whatever else runs, and a test that fails for
want of a processor says nothing. Where the kernel tells how long somebody waited for one, that
time does not count; a wait that is our own always does.
"""

import time
from pathlib import Path

_PRESSURE = Path("/proc/pressure/cpu")


def quiet_s() -> float:
    """A moment; only the difference of two of them means anything."""
    return time.monotonic() - _starved_s()


def _starved_s() -> float:
    """How long, since the machine started, at least one task was ready and had to wait."""
    try:
        some = _PRESSURE.read_text().splitlines()[0]
    except OSError:
        return 0.0
    return int(some.rpartition("total=")[2]) / 1e6
