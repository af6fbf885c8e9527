"""How a client is told where to sign in (RFC 9728), and for what (RFC 6750)."""

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from mcp_relight.domain.caller import FREE, PAID

from .refused import Refused
from .routes import WebRoute

_WELL_KNOWN = "/.well-known/oauth-protected-resource"


@dataclass(frozen=True, slots=True)
class Resource:
    """This server as something that tokens are issued for. `issuer` None: only tokens of our own,
    so there is nowhere to sign in."""

    url: str
    """The address of MCP, as clients know it."""
    issuer: str | None

    def routes(self) -> Sequence[WebRoute]:
        """The metadata where the standard has it, and where clients look that drop the path."""
        if self.issuer is None:
            return ()
        places = dict.fromkeys([_WELL_KNOWN + urlsplit(self.url).path.rstrip("/"), _WELL_KNOWN])
        return [WebRoute(path=path, endpoint=self._metadata, scope=None) for path in places]

    def no_token(self) -> Refused:
        # By the standard no error is named to somebody who brought nothing.
        return self._refused(401, None, "This server needs a token: sign in.", FREE)

    def bad_token(self) -> Refused:
        words = "The token is unknown, has expired, or is for another server: connect again."
        return self._refused(401, "invalid_token", words, FREE)

    def too_little(self, scope: str) -> Refused:
        words = f"The token does not grant {scope}."
        wanted = scope if scope == FREE else f"{FREE} {scope}"
        return self._refused(403, "insufficient_scope", words, wanted)

    def _refused(self, status: int, error: str | None, words: str, scope: str) -> Refused:
        parts = [f'error="{error}"', f'error_description="{words}"'] if error else []
        parts.append(f'scope="{scope}"')
        if self.issuer is not None:
            where = urlsplit(self.url)
            place = f"{where.scheme}://{where.netloc}{_WELL_KNOWN}{where.path.rstrip('/')}"
            parts.append(f'resource_metadata="{place}"')
        headers = {"WWW-Authenticate": "Bearer " + ", ".join(parts)}
        return Refused(status, error or "unauthorized", words, headers=headers)

    async def _metadata(self, request: Request) -> Response:
        return JSONResponse(
            {
                "resource": self.url,
                "resource_name": "mcp-relight",
                "authorization_servers": [self.issuer],
                "scopes_supported": [FREE, PAID],
                "bearer_methods_supported": ["header"],
            },
            headers={"Cache-Control": "public, max-age=300"},
        )
