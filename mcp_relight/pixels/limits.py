"""What the child takes away from itself before it sees a stranger's picture.

Every limit is applied where the platform has it; the wall clock, kept by the parent, works
everywhere.
"""

import ctypes
import os
import signal
import sys
from contextlib import suppress

if sys.platform != "win32":
    import resource

MEMORY_BYTES = 2_000_000_000
"""Measured: a 50 MP picture with alpha, a mask and a wide profile is relit within it."""

_OPEN_FILES = 64
_NEW_USER, _NEW_NETWORK = 0x1000_0000, 0x4000_0000
_PARENT_DEATH_SIGNAL = 1


def leave_network() -> None:
    """Move into a network namespace without a way out, where Linux allows it."""
    if sys.platform != "linux":
        return
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(_NEW_USER | _NEW_NETWORK) != 0:
        libc.unshare(_NEW_NETWORK)


def die_with_parent() -> None:
    """Ask Linux to kill this process when its parent dies. Elsewhere the end of stdin must do."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PARENT_DEATH_SIGNAL, signal.SIGKILL)


def limit_process() -> None:
    """Memory, open files, and no bytes written to any file."""
    if sys.platform == "win32":
        return
    _lower(resource.RLIMIT_AS, MEMORY_BYTES)
    _lower(resource.RLIMIT_NOFILE, _OPEN_FILES)
    _lower(resource.RLIMIT_FSIZE, 0)
    _lower(resource.RLIMIT_CORE, 0)


def limit_task(seconds: float) -> None:
    """Processor time from here on, should the parent's clock fail. Two threads may be at work."""
    if sys.platform == "win32":
        return
    used = os.times()
    soft = int(used.user + used.system + 2 * seconds) + 1
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_CPU, (soft, hard))


def _lower(kind: int, limit: int) -> None:
    # macOS knows RLIMIT_AS but refuses to set it.
    with suppress(ValueError, OSError):
        resource.setrlimit(kind, (limit, limit))
