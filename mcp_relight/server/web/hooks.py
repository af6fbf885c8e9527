"""Where providers say that a job ended. What they say is read, and thrown away."""

from starlette.requests import Request
from starlette.responses import Response

from mcp_relight.domain import capability
from mcp_relight.domain.hooks import HOOKS_PATH, Hooks
from mcp_relight.errors import RelightError

from .refused import Refused
from .routes import WebRoute

_MAX_BODY_BYTES = 65_536
_BODY_WITHIN_S = 2.0


class HookRoute:
    """The address is a job's own and nobody else's; even so, a call costs one question at most, to
    the provider, with our key."""

    def __init__(self, hooks: Hooks) -> None:
        self._hooks = hooks

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
        try:
            is_known = capability.is_text(text) and await self._hooks.call(capability.hash_of(text))
        except RelightError as error:
            return Refused(503, error.code, error.message).response()
        if not is_known:
            return Refused(404, "not_found", "There is nothing at this address.").response()
        async for _ in request.stream():
            pass
        return Response(status_code=204)
