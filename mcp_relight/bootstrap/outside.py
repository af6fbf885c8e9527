"""What passes between us and others: what providers are told of this server, so that they
can reach it; what is fetched from addresses."""

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import anyio.to_thread

from mcp_relight.config import Settings
from mcp_relight.domain import capability
from mcp_relight.domain.capability import HOOKS_PATH, Hooks

if TYPE_CHECKING:
    from mcp_relight.storage.fetch import Fetcher


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


class LateDownloads:
    """`domain.ports.Downloads`, loaded for the first address: a tenth of a second that most first
    pictures, which are files, need not wait."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    @cached_property
    def _fetcher(self) -> "Fetcher":
        from mcp_relight.storage.fetch import Fetcher

        return Fetcher(
            allow_private_hosts=self._settings.allow_private_hosts,
            passes_by_proxy=self._settings.network.proxy is not None,
        )

    async def fetch(self, url: str, *, max_bytes: int, deadline_s: float) -> bytes:
        fetcher = await anyio.to_thread.run_sync(lambda: self._fetcher)
        return await fetcher.fetch(url, max_bytes=max_bytes, deadline_s=deadline_s)

    def may_be_passed_on(self, url: str) -> bool:
        return self._fetcher.may_be_passed_on(url)
