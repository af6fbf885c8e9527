"""What an address of this server is, and on which terms it answers."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match, Route
from starlette.types import ASGIApp, Scope

from mcp_relight.domain.caller import FREE

_BODY_WITHIN_S = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class WebRoute:
    """One address. The guard keeps its terms; the endpoint need not know of them."""

    path: str
    """Starlette's template, as "/up/{token}". Logs show this, never what stands in its place."""
    endpoint: Callable[[Request], Awaitable[Response]] | ASGIApp
    methods: tuple[str, ...] = ("GET",)
    scope: str | None = FREE
    """What the caller's token has to grant. None: the address itself is the secret, or there is
    nothing to keep."""
    max_body_bytes: int = 0
    body_within_s: float = _BODY_WITHIN_S

    def as_starlette(self) -> Route:
        return Route(self.path, self.endpoint, methods=list(self.methods))


class Addresses:
    """All routes, to be found by a request. The first that fits is taken, as Starlette does."""

    def __init__(self, routes: Sequence[WebRoute]) -> None:
        self.terms = list(routes)
        self.routes = [route.as_starlette() for route in routes]
        self._pairs = list(zip(self.routes, routes, strict=True))

    def find(self, scope: Scope) -> tuple[WebRoute | None, bool]:
        """The address and whether it takes this method."""
        nearest: WebRoute | None = None
        for route, terms in self._pairs:
            match, _ = route.matches(scope)
            if match is Match.FULL:
                return terms, True
            if match is Match.PARTIAL:
                nearest = nearest or terms
        return nearest, False


Routes = Sequence[WebRoute]
Facts = Callable[[], Awaitable[dict[str, Any]]]
