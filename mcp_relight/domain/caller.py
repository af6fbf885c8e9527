"""Who asks: the owner of what a call reads and writes, and what they may do.

On one machine there is one caller. A team's HTTP server sets the caller of each request, from a
token, before anything else runs; everything below asks `current_caller()` and takes no owner from
an argument of a tool.
"""

from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

FREE = "relight:free"
PAID = "relight:paid"
ADMIN = "relight:admin"
SCOPES = frozenset({FREE, PAID, ADMIN})


@dataclass(frozen=True)
class Caller:
    """`owner` is an id of ours, at most 40 of `a-z 0-9 _ -`; never a raw subject of a token."""

    owner: str
    scopes: frozenset[str] = SCOPES
    remote: bool = False
    """Whether they sit at another machine: no path, no folder of this one is theirs."""


LOCAL = Caller("local")

_current: ContextVar[Caller] = ContextVar("caller", default=LOCAL)


def current_caller() -> Caller:
    return _current.get()


@contextmanager
def acting_as(caller: Caller) -> Generator[None]:
    """Everything within, and every task started within, is asked by this caller."""
    token = _current.set(caller)
    try:
        yield
    finally:
        _current.reset(token)
