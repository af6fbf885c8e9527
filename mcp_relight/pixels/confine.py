"""What the child gives up before it reads a byte that somebody else wrote."""

import contextlib
import ctypes
import os
import sys

MEMORY_BYTES = 2_500_000_000
"""Address space, not use: numeric libraries reserve far more than they touch."""
OPEN_FILES = 64

_CLONE_NEWUSER = 0x10000000
_CLONE_NEWNET = 0x40000000


def confine() -> None:
    """Best effort: each platform has some of this, and no picture depends on any of it."""
    sys.dont_write_bytecode = True
    _limit_resources()
    _leave_the_network()


def _limit_resources() -> None:
    try:
        import resource
    except ImportError:  # Windows
        return
    limits = {
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_FSIZE: 0,
        resource.RLIMIT_NOFILE: OPEN_FILES,
    }
    if sys.platform == "linux":
        # macOS neither enforces it nor allows it to be set below what is mapped.
        limits[resource.RLIMIT_AS] = MEMORY_BYTES
    for limit, value in limits.items():
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(limit, (value, value))


def _leave_the_network() -> None:
    """A network namespace of its own, where the kernel lets an ordinary process have one."""
    if sys.platform != "linux":
        return
    with contextlib.suppress(OSError, AttributeError):
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.unshare(_CLONE_NEWNET) != 0 and os.geteuid() != 0:
            libc.unshare(_CLONE_NEWUSER | _CLONE_NEWNET)
