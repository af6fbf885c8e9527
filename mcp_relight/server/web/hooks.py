"""Where providers say that a job ended. What they say is read, and thrown away."""

import math

from starlette.requests import Request
from starlette.responses import Response

from mcp_relight.domain import capability
from mcp_relight.domain.capability import HOOKS_PATH, Hooks
from mcp_relight.errors import RelightError

from .refused import Refused
from .routes import WebRoute
from .sources import Sources

_MAX_BODY_BYTES = 65_536
_BODY_WITHIN_S = 2.0
_MISSES_AT_ONCE, _MISSES_PER_S = 100, 1.0
"""Of one source. Providers call addresses that were; whoever guesses costs no look-ups for long."""


class HookRoute:
    """The address is a job's own and nobody else's; even so, a call costs one question at most, to
    the provider, with our key."""

    def __init__(self, hooks: Hooks) -> None:
        self._hooks = hooks
        self._sources = Sources(at_once=_MISSES_AT_ONCE, per_s=_MISSES_PER_S)

    def routes(self) -> list[WebRoute]:
        return [
            WebRoute(
                path=HOOKS_PATH + "{token}",
                endpoint=self._called,
                methods=("POST",),
                scope=None,
                max_body_bytes=_MAX_BODY_BYTES,
                body_within_s=_BODY_WITHIN_S,
            )
        ]

    async def _called(self, request: Request) -> Response:
        text = request.path_params["token"]
        host = request.client.host if request.client else None
        if (wait_s := self._sources.wait_s(host)) > 0:
            return _busy(wait_s).response()
        try:
            is_known = capability.is_text(text) and await self._hooks.call(capability.hash_of(text))
        except RelightError as error:
            return Refused(503, error.code, error.message).response()
        if not is_known:
            self._sources.missed(host)
            return Refused(404, "not_found", "There is nothing at this address.").response()
        async for _ in request.stream():
            pass
        return Response(status_code=204)


def _busy(wait_s: float) -> Refused:
    return Refused(
        429,
        "too_many_requests",
        "Too many calls from there to addresses that do not exist.",
        headers={"Retry-After": str(math.ceil(wait_s))},
    )
