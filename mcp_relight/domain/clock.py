"""Times that were written down, against a clock that anybody may set."""

from typing import Protocol

SLACK_S = 5.0
"""So far a time may lie ahead of the clock before the clock is taken to have been put back."""


class Clock(Protocol):
    def now(self) -> float:
        """Seconds since 1970, UTC."""
        ...

    async def sleep(self, seconds: float) -> None: ...


def is_ahead(then: float, now: float) -> bool:
    """Whether this was written before the clock was put back: then it tells nothing of now."""
    return then > now + SLACK_S


def is_younger(then: float, now: float, life_s: float) -> bool:
    """Whether less than `life_s` passed since; also no where nobody can know."""
    return now - then < life_s and not is_ahead(then, now)
