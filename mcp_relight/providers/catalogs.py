"""Live lists of models: a worker fetches them now and then, every process reads what it left.

Where one cannot be had, the last one stays in force, and before that the adapter's own dated copy.
"""

import json
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

from pydantic import JsonValue

from mcp_relight.domain.clock import Clock, is_younger
from mcp_relight.domain.ports import Turn
from mcp_relight.errors import RelightError

_log = logging.getLogger("mcp_relight.providers")

LIFE_S = 6 * 3600.0
"""A list younger than this is taken for today's."""
_LOOK_S = 600.0


class Shelf(Protocol):
    """The part of the job store that is needed here."""

    async def cached_catalog(self, provider: str) -> tuple[float, str] | None: ...

    async def keep_catalog(self, provider: str, content: str) -> None: ...


class Remote(Protocol):
    """The part of `RestProvider` that is needed here."""

    async def catalog(self, turn: Turn) -> JsonValue: ...


@dataclass(frozen=True, slots=True)
class Kept:
    """A list as `Adapter.read_catalog` returned it, and when that was (seconds since 1970)."""

    fetched_at: float
    rows: Any

    @property
    def day(self) -> str:
        return datetime.fromtimestamp(self.fetched_at, UTC).date().isoformat()


class Catalogs:
    def __init__(self, shelf: Callable[[], Shelf], clock: Clock) -> None:
        """`shelf` is first opened when a list is looked for: that takes a while."""
        self._shelf = shelf
        self._clock = clock

    async def kept(self, provider: str) -> Kept | None:
        """The last list that was fetched, however old; None where none ever was."""
        found = await self._shelf().cached_catalog(provider)
        if found is None:
            return None
        fetched_at, content = found
        try:
            return Kept(fetched_at, json.loads(content))
        except (ValueError, RecursionError):
            return None

    def is_fresh(self, kept: Kept | None) -> bool:
        return kept is not None and is_younger(kept.fetched_at, self._clock.now(), LIFE_S)

    async def keep_fresh(
        self, remotes: Mapping[str, Remote], turn_of: Callable[[str], Turn]
    ) -> None:
        """Fetch what is missing or old, again and again until cancelled."""
        while True:
            for name, remote in remotes.items():
                try:
                    await self._refresh(name, remote, turn_of(name))
                except RelightError as error:
                    _log.warning("The list of models of %s stays as it is: %s", name, error.code)
            await self._clock.sleep(_LOOK_S)

    async def _refresh(self, name: str, remote: Remote, turn: Turn) -> None:
        if self.is_fresh(await self.kept(name)):
            return
        rows = await remote.catalog(turn)
        if rows is not None:
            await self._shelf().keep_catalog(name, json.dumps(rows))
