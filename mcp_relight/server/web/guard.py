"""The one guard before every address: by which name, from which page, how much, and for whom.

No endpoint is reached but through it, so none can forget a check.
"""

from contextlib import AbstractContextManager
from typing import Protocol

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from mcp_relight import telemetry
from mcp_relight.server.step_up import Wanting, listening

from .exchange import Exchange
from .names import Names
from .refused import Refused
from .routes import Addresses, WebRoute


class Admitted(Protocol):
    """Whoever was let in."""

    @property
    def owner(self) -> str: ...

    @property
    def may_ask_for_more(self) -> bool:
        """Whether signing in again could grant more."""
        ...

    def acting(self) -> AbstractContextManager[None]:
        """What is called within, is called by them."""
        ...


class Door(Protocol):
    """Who may come in."""

    async def admit(self, authorization: str | None, scope: str) -> Admitted:
        """By the value of that header, to what needs that scope. Raises Refused."""
        ...

    def wanting(self, scope: str) -> Refused:
        """What to answer to a call that turned out to need more."""
        ...


class Guard:
    """Without a `door` there is one person, at this machine."""

    def __init__(
        self, app: ASGIApp, addresses: Addresses, *, names: Names, door: Door | None
    ) -> None:
        self._app = app
        self.addresses = addresses
        self._names = names
        self._door = door

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
        elif scope["type"] == "http":
            exchange = Exchange(scope, receive, send)
            try:
                with telemetry.continued(Headers(scope=scope).get("traceparent")):
                    await self._serve(exchange)
            finally:
                exchange.log()

    async def _serve(self, exchange: Exchange) -> None:
        scope = exchange.scope
        headers = Headers(scope=scope)
        route, takes_method = self.addresses.find(scope)
        try:
            exchange.template = route.path if route else "-"
            self._names.check(headers.get("host"), headers.get("origin"))
            route = _there(route, takes_method=takes_method)
            exchange.bound(route.max_body_bytes, route.body_within_s)
            admitted = None
            if self._door is not None and route.scope is not None:
                admitted = await self._door.admit(headers.get("authorization"), route.scope)
        except Refused as refused:
            await exchange.refuse(refused)
            return
        if admitted is None:
            await exchange.run(self._app)
            return
        exchange.owner = admitted.owner
        with admitted.acting(), listening() as wanting:
            if admitted.may_ask_for_more:
                exchange.instead(lambda: self._challenge(wanting))
            await exchange.run(self._app)

    def _challenge(self, wanting: Wanting) -> Refused | None:
        """What to answer in place of a result that says it was not granted."""
        if wanting.scope is None or self._door is None:
            return None
        return self._door.wanting(wanting.scope)


def _there(route: WebRoute | None, *, takes_method: bool) -> WebRoute:
    if route is None:
        raise Refused(404, "not_found", "There is nothing at this address.")
    if not takes_method:
        raise Refused(
            405,
            "method_not_allowed",
            "This address does not take that method.",
            headers={"Allow": ", ".join(route.methods)},
        )
    return route
