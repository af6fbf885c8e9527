"""One-time pages on which an owner enters a key for a provider.

The address alone does nothing: whoever enters the key has to be the owner it was made for, by the
same token that MCP takes. Else somebody could have another person's key entered for themselves.
"""

from html import escape

from pydantic import SecretStr
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response

from mcp_relight.domain import capability
from mcp_relight.domain.caller import PAID, current_caller
from mcp_relight.domain.owner_keys import KEY_PAGES_PATH, Keeper, KeyPage, KeyPages
from mcp_relight.errors import RelightError

from .page import page_of
from .refused import Refused, refusal_of
from .routes import WebRoute

_MAX_KEY_BYTES = 4096
_NO_STORE = {"Cache-Control": "no-store"}


class KeyPageRoutes:
    """A key that is refused uses nothing up: another may be entered."""

    def __init__(self, pages: KeyPages, keeper: Keeper) -> None:
        self._pages = pages
        self._keeper = keeper

    def routes(self) -> list[WebRoute]:
        path = KEY_PAGES_PATH + "{token}"
        return [
            WebRoute(path=path, endpoint=self._show, scope=None),
            WebRoute(
                path=path,
                endpoint=self._take,
                methods=("PUT",),
                scope=PAID,
                max_body_bytes=_MAX_KEY_BYTES,
            ),
        ]

    async def _show(self, request: Request) -> Response:
        _, found = await self._find(request)
        if found is None:
            return _gone().response()
        page, policy = page_of("key")
        page = page.replace("{provider}", escape(found.provider))
        return HTMLResponse(page, headers={**_NO_STORE, "Content-Security-Policy": policy})

    async def _take(self, request: Request) -> Response:
        hashed, found = await self._find(request)
        if found is None or found.owner != current_caller().owner:
            return _gone().response()
        key = SecretStr((await request.body()).decode("utf-8", "replace"))
        try:
            await self._keeper.put(found.owner, found.provider, key)
        except RelightError as error:
            return refusal_of(error).response()
        await self._pages.use(hashed)
        return JSONResponse({"provider": found.provider}, 201, headers=_NO_STORE)

    async def _find(self, request: Request) -> tuple[str, KeyPage | None]:
        text = request.path_params["token"]
        if not capability.is_text(text):
            return "", None
        hashed = capability.hash_of(text)
        return hashed, await self._pages.find(hashed)


def _gone() -> Refused:
    """One answer to used, expired and another's."""
    words = "This address was used, has expired, or is not for this token: ask for a new one."
    return Refused(404, "not_found", words)
