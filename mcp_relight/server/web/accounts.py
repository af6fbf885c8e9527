"""Who comes in: by a token of the identity provider, or by one of our own."""

import hashlib
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field

from mcp.server.auth.middleware.auth_context import auth_context_var
from mcp.server.auth.middleware.bearer_auth import AuthenticatedUser
from mcp.server.auth.provider import AccessToken

from mcp_relight.domain.access import Tokens, hash_of_token, is_token_text
from mcp_relight.domain.caller import FREE, PAID, SCOPES, Caller, acting_as
from mcp_relight.domain.owners import Owners
from mcp_relight.errors import RelightError

from .challenge import Resource
from .issuer import Issuer
from .keys import IssuerDown
from .refused import Refused

_REMEMBERED_S = 60.0
"""After this long at most, a token that was revoked, or whose owner was disabled, opens nothing."""
_MAX_REMEMBERED = 10_000


@dataclass(frozen=True, slots=True)
class Visitor:
    """Somebody whose token was found good."""

    caller: Caller
    may_ask_for_more: bool
    """Whether signing in again could grant more; a token of our own grants what it grants."""
    user: AuthenticatedUser = field(repr=False)
    """For the SDK, which binds a question's answer to whoever was asked."""
    good_until: float

    @property
    def owner(self) -> str:
        return self.caller.owner

    @contextmanager
    def acting(self) -> Generator[None]:
        mark = auth_context_var.set(self.user)
        try:
            with acting_as(self.caller):
                yield
        finally:
            auth_context_var.reset(mark)


class Accounts:
    """A `Door` for many. Without an `issuer` only tokens of our own open it."""

    def __init__(
        self,
        resource: Resource,
        tokens: Tokens,
        owners: Owners,
        issuer: Issuer | None,
        *,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._resource = resource
        self._tokens = tokens
        self._owners = owners
        self._issuer = issuer
        self._now = now
        self._known: dict[bytes, tuple[Visitor, float]] = {}

    async def admit(self, authorization: str | None, scope: str) -> Visitor:
        """Raises Refused."""
        if authorization is None:
            raise self._resource.no_token()
        kind, _, token = authorization.partition(" ")
        visitor = await self._visitor(token.strip()) if kind.lower() == "bearer" else None
        if visitor is None:
            raise self._resource.bad_token()
        if scope not in visitor.caller.scopes:
            raise self._resource.too_little(scope)
        return visitor

    def wanting(self, scope: str) -> Refused:
        """What to answer to a call that turned out to need more."""
        return self._resource.too_little(scope)

    async def _visitor(self, token: str) -> Visitor | None:
        mark = hashlib.sha256(token.encode()).digest()
        visitor, until = self._known.get(mark, (None, 0.0))
        if visitor is not None and self._now() < until:
            return visitor
        self._known.pop(mark, None)
        try:
            ours = is_token_text(token)
            visitor = await (self._by_ours(token) if ours else self._by_theirs(token))
        except (IssuerDown, RelightError) as error:
            raise _cannot_tell(error) from None
        if visitor is not None and self._now() < visitor.good_until:
            if len(self._known) >= _MAX_REMEMBERED:
                self._known.clear()
            until = min(visitor.good_until, self._now() + _REMEMBERED_S)
            self._known[mark] = (visitor, until)
        return visitor

    async def _by_ours(self, token: str) -> Visitor | None:
        found = await self._tokens.find_token(hash_of_token(token))
        if found is None:
            return None
        good_until = float("inf") if found.expires_at is None else found.expires_at
        return _visitor(
            found.owner,
            found.scopes,
            client_id=f"token {found.token_id}",
            issuer=None,
            subject=found.owner,
            good_until=good_until,
            may_ask_for_more=False,
        )

    async def _by_theirs(self, token: str) -> Visitor | None:
        if self._issuer is None:
            return None
        claims = await self._issuer.claims(token)
        if claims is None:
            return None
        owner = await self._owners.find(claims.owner)
        if owner is not None and owner.is_disabled:
            return None
        return _visitor(
            claims.owner,
            claims.scopes,
            client_id=claims.client_id,
            issuer=self._issuer.name,
            subject=claims.subject,
            good_until=claims.expires_at,
            may_ask_for_more=True,
        )


def _cannot_tell(error: Exception) -> Refused:
    down = "The identity provider" if isinstance(error, IssuerDown) else "The job database"
    return Refused(
        503,
        "temporarily_unavailable",
        f"{down} cannot be reached: try again.",
        headers={"Retry-After": "60"},
    )


def _visitor(
    owner: str,
    granted: frozenset[str],
    *,
    client_id: str,
    issuer: str | None,
    subject: str,
    good_until: float,
    may_ask_for_more: bool,
) -> Visitor:
    scopes = granted & SCOPES
    if PAID in scopes:
        scopes |= {FREE}  # who may spend may do what costs nothing
    access = AccessToken(
        token="",
        client_id=client_id,
        scopes=sorted(scopes),
        subject=subject,
        claims={"iss": issuer} if issuer else None,
    )
    return Visitor(
        caller=Caller(owner, scopes, remote=True),
        may_ask_for_more=may_ask_for_more,
        user=AuthenticatedUser(access),
        good_until=good_until,
    )
