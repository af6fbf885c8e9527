"""What supervisors and balancers ask: does it run, should it get requests."""

from dataclasses import dataclass, field
from typing import Any

import anyio
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from mcp_relight.errors import RelightError

from .routes import Facts, WebRoute

_WITHIN_S = 1.0


@dataclass(slots=True)
class Health:
    """Of this process. `examine` says what it works with, and raises RelightError where something
    is missing."""

    examine: Facts
    ends: bool = field(default=False, init=False)
    """It was told to end: what is under way is finished, nothing new should come."""

    def routes(self) -> list[WebRoute]:
        return [
            WebRoute(path="/healthz", endpoint=self._lives, scope=None),
            WebRoute(path="/readyz", endpoint=self._is_ready, scope=None),
        ]

    async def _lives(self, request: Request) -> Response:
        return _answer(200, {"alive": True})

    async def _is_ready(self, request: Request) -> Response:
        if self.ends:
            return _not_ready("This process is about to end.")
        try:
            with anyio.fail_after(_WITHIN_S):
                facts = await self.examine()
        except TimeoutError:
            return _not_ready(f"What this server works with did not answer within {_WITHIN_S:g} s.")
        except RelightError as error:
            return _not_ready(f"{error.message} {error.hint}".strip())
        return _answer(200, {"ready": True, **facts})


def _not_ready(problem: str) -> Response:
    return _answer(503, {"ready": False, "problem": problem})


def _answer(status: int, facts: dict[str, Any]) -> Response:
    return JSONResponse(facts, status, headers={"Cache-Control": "no-store"})
