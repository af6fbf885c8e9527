"""Access tokens of the team's identity provider: signed, for us, in time, and whose."""

import hashlib
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import jwt

from mcp_relight.domain.owners import is_owner_id

from .keys import IssuerKeys

_LEEWAY_S = 30.0
_MAX_TOKEN = 16_384
_HASHED = "u-"


@dataclass(frozen=True, slots=True)
class Claims:
    """What a token that was found good says."""

    owner: str
    scopes: frozenset[str]
    client_id: str
    subject: str
    expires_at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Issuer:
    """One identity provider, and what its tokens have to say to be for this server."""

    name: str
    audience: str
    keys: IssuerKeys
    algorithms: Collection[str]
    """Of public keys alone: with a shared secret, a public key could pass for one."""
    owner_claim: str = "sub"
    scope_claim: str = "scope"

    async def claims(self, token: str) -> Claims | None:
        """None for a token that is not good, whatever the reason. Raises IssuerDown."""
        if len(token) > _MAX_TOKEN:
            return None
        try:
            header = jwt.get_unverified_header(token)
            if header.get("alg") not in self.algorithms:
                return None
            key = await self.keys.find(_text(header.get("kid")))
            if key is None:
                return None
            return self._read(self._decoded(token, key))
        except (jwt.PyJWTError, ValueError, TypeError):
            return None

    def _decoded(self, token: str, key: jwt.PyJWK) -> dict[str, Any]:
        named = self.name.rstrip("/")
        return jwt.decode(
            token,
            key,
            algorithms=list(self.algorithms),
            audience=self.audience,
            issuer=[named, named + "/"],
            leeway=_LEEWAY_S,
            options={"require": ["exp", "iss", "aud", "sub"]},
        )

    def _read(self, claims: dict[str, Any]) -> Claims | None:
        value, subject = _text(claims.get(self.owner_claim)), _text(claims.get("sub"))
        if not value or not subject:
            return None
        client = _text(claims.get("client_id")) or _text(claims.get("azp")) or "-"
        return Claims(
            owner=owner_of(self.name, self.owner_claim, value),
            scopes=_scopes(claims.get(self.scope_claim)),
            client_id=client,
            subject=subject,
            expires_at=float(claims["exp"]),
        )


def owner_of(issuer: str, claim: str, value: str) -> str:
    """The id of an owner. A claim that the operator chose to name owners is one as it stands where
    it can be; a subject never is, for it may be a person's address and belongs to its issuer."""
    if claim != "sub" and is_owner_id(value) and not value.startswith(_HASHED):
        return value
    told = "\0".join([issuer.rstrip("/"), claim, value])
    return _HASHED + hashlib.sha256(told.encode()).hexdigest()[:32]


def _scopes(claim: object) -> frozenset[str]:
    """Words in one text, as the standard has it, or a list, as some providers write."""
    if isinstance(claim, str):
        return frozenset(claim.split())
    if isinstance(claim, list):
        return frozenset(one for one in claim if isinstance(one, str))  # pyright: ignore[reportUnknownVariableType]
    return frozenset()


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None
