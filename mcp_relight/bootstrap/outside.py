"""What providers are told of this server, so that they can reach it."""

from dataclasses import dataclass

from mcp_relight.domain import capability
from mcp_relight.domain.hooks import HOOKS_PATH, Hooks


@dataclass(frozen=True, slots=True)
class Callbacks:
    """A new address for each time a job is sent. `base` is where the servers are reached."""

    base: str
    hooks: Hooks

    async def open(self, job_id: str) -> str:
        text = capability.new_text()
        await self.hooks.open(capability.hash_of(text), job_id=job_id)
        return f"{self.base}{HOOKS_PATH}{text}"


def callbacks_at(base: str | None, hooks: Hooks) -> Callbacks | None:
    """None where providers reach no server of ours."""
    return None if base is None else Callbacks(base, hooks)
