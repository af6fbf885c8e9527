"""A call that turned out to need more than its token grants, as told to whoever serves it.

Over HTTP the client can then be sent to sign in for more; elsewhere nobody listens.
"""

from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass


@dataclass(slots=True)
class Wanting:
    """What a call lacked; None while it lacks nothing."""

    scope: str | None = None


_wanting: ContextVar[Wanting | None] = ContextVar("wanting", default=None)


@contextmanager
def listening() -> Generator[Wanting]:
    """What is called within, also in tasks started within, says here what it lacks."""
    wanting = Wanting()
    mark = _wanting.set(wanting)
    try:
        yield wanting
    finally:
        _wanting.reset(mark)


def say_wanting(scope: str) -> None:
    wanting = _wanting.get()
    if wanting is not None:
        wanting.scope = scope
