"""The public keys of the issuer: fetched from where it says, kept while it is down."""

import json
import logging
from collections.abc import Awaitable, Callable
from typing import Any, cast
from urllib.parse import urlsplit

import anyio
import jwt

from mcp_relight.errors import RelightError

Fetch = Callable[[str], Awaitable[bytes]]
"""A bounded GET of an address that the operator named. Raises RelightError."""

_FRESH_S = 300.0
_KEPT_S = 86_400.0
"""How long keys are trusted that the issuer could not be asked about again."""
_AGAIN_S = 60.0
"""How often at most an unknown key, or an issuer that is down, makes us ask."""
_MAX_KEYS = 32

_log = logging.getLogger(__name__)


class IssuerDown(Exception):
    """The issuer's keys are not known: it could never be asked."""


class IssuerKeys:
    """The keys of one issuer, by id. `jwks_url` where the operator named it; else the issuer's own
    metadata says, which may name no other origin than its own."""

    def __init__(
        self,
        issuer: str,
        fetch: Fetch,
        *,
        jwks_url: str | None = None,
        now: Callable[[], float] = anyio.current_time,
    ) -> None:
        self._issuer = issuer.rstrip("/")
        self._fetch = fetch
        self._jwks_url = jwks_url
        self._now = now
        self._keys: dict[str | None, jwt.PyJWK] = {}
        self._fetched_at: float | None = None
        self._asked_at: float | None = None
        self._asking = anyio.Lock()

    async def find(self, key_id: str | None) -> jwt.PyJWK | None:
        """Of a token that names no key only where there is but one. Raises IssuerDown."""
        if not self._is_known(key_id):
            async with self._asking:
                if not self._is_known(key_id) and self._may_ask():
                    await self._ask()
        if self._fetched_at is None or self._now() - self._fetched_at > _KEPT_S:
            raise IssuerDown
        return self._keys.get(key_id)

    def _is_known(self, key_id: str | None) -> bool:
        fetched_at = self._fetched_at
        return (
            key_id in self._keys and fetched_at is not None and self._now() - fetched_at < _FRESH_S
        )

    def _may_ask(self) -> bool:
        return self._asked_at is None or self._now() - self._asked_at >= _AGAIN_S

    async def _ask(self) -> None:
        self._asked_at = self._now()
        try:
            found = _keys_in(await self._fetch(self._jwks_url or await self._said_url()))
        except (RelightError, ValueError, KeyError, TypeError) as error:
            _log.warning("The issuer's keys could not be fetched (%s).", type(error).__name__)
            return
        self._keys, self._fetched_at = found, self._now()

    async def _said_url(self) -> str:
        """Where the issuer's metadata says its keys are."""
        problem: Exception = ValueError("no metadata")
        for address in _metadata_of(self._issuer):
            try:
                said = json.loads(await self._fetch(address))
                url = str(said["jwks_uri"])
                if str(said["issuer"]).rstrip("/") != self._issuer:
                    raise ValueError("metadata of another issuer")
            except (RelightError, ValueError, KeyError, TypeError) as error:
                problem = error
                continue
            if urlsplit(url)[:2] != urlsplit(self._issuer)[:2]:
                _log.error("Set MCP_RELIGHT_AUTH_JWKS_URL: the issuer's keys are at another host.")
                raise ValueError("keys of another origin")
            return url
        raise problem


def _metadata_of(issuer: str) -> tuple[str, str]:
    parts = urlsplit(issuer)
    origin = f"{parts.scheme}://{parts.netloc}"
    return (
        f"{issuer}/.well-known/openid-configuration",
        f"{origin}/.well-known/oauth-authorization-server{parts.path}",
    )


def _keys_in(document: bytes) -> dict[str | None, jwt.PyJWK]:
    """Those that can check a signature. Raises ValueError, KeyError or TypeError."""
    listed = cast(list[dict[str, Any]], json.loads(document)["keys"])
    found: dict[str | None, jwt.PyJWK] = {}
    for one in listed[:_MAX_KEYS]:
        # A shared secret has no business in a public list: nothing is ever checked with one.
        if one.get("kty") == "oct" or one.get("use", "sig") != "sig":
            continue
        try:
            found[one.get("kid")] = jwt.PyJWK(one)
        except jwt.PyJWTError:
            continue  # of a kind that we do not know
    if len(found) == 1:
        found[None] = next(iter(found.values()))
    elif None in found:
        del found[None]
    return found
