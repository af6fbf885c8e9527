"""What an operator's Prometheus reads: counts of this process, and what waits in the store."""

import contextlib
from collections.abc import Awaitable, Callable, Mapping

from starlette.requests import Request
from starlette.responses import Response

from mcp_relight import telemetry
from mcp_relight.domain.caller import ADMIN
from mcp_relight.errors import RelightError

from .routes import WebRoute

Queue = Callable[[], Awaitable[tuple[Mapping[str, int], float]]]
"""Open jobs by stage, and how many seconds the longest due one waits. May raise RelightError."""


def metrics_route(queue: Queue) -> WebRoute:
    """Counts from now on. For a token that grants `relight:admin`: it tells of everybody."""
    telemetry.start_counting()

    async def show(request: Request) -> Response:
        # Without the store, what this process counted is worth reading all the more.
        with contextlib.suppress(RelightError):
            telemetry.show_queue(*await queue())
        body, kind = telemetry.metrics_page()
        return Response(body, headers={"Content-Type": kind, "Cache-Control": "no-store"})

    return WebRoute(path="/metrics", endpoint=show, scope=ADMIN)
