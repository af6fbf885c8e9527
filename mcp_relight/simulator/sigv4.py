"""Check a request's AWS signature, version 4, by header or in the query.

Source: AWS, Signature Version 4 for API requests; S3's own rules for the path and the body's hash.
"""

import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import quote, unquote

_ALGORITHM = "AWS4-HMAC-SHA256"
_HEADER = re.compile(
    rf"{_ALGORITHM}\s+Credential=([^,]+),\s*SignedHeaders=([^,]+),\s*Signature=([0-9a-f]{{64}})"
)
_UNHASHED = "UNSIGNED-PAYLOAD"
_CLOCKS_APART_S = 900


@dataclass(frozen=True, slots=True)
class Signed:
    """A request as it came: `path` and `query` still encoded, header names in small letters."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class _Claim:
    credential: str
    names: str
    signature: str
    made_at: str
    payload: str
    life_s: int


def problem_with(request: Signed, *, key_id: str, secret: str, now: float) -> str | None:
    """S3's code for why a request is not let in; None for one that is."""
    claim = _claim(request)
    if claim is None:
        return "AccessDenied"
    named, _, scope = claim.credential.partition("/")
    try:
        made = datetime.strptime(claim.made_at, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC).timestamp()
        day, region, service, _ = scope.split("/")
    except ValueError:
        return "AuthorizationQueryParametersError"
    if named != key_id:
        return "InvalidAccessKeyId"
    if not made - _CLOCKS_APART_S <= now <= made + claim.life_s:
        return "AccessDenied"
    text = "\n".join([_ALGORITHM, claim.made_at, scope, _sum(_canonical(request, claim).encode())])
    key = f"AWS4{secret}".encode()
    for part in (day, region, service, "aws4_request", text):
        key = hmac.digest(key, part.encode(), "sha256")
    return None if hmac.compare_digest(key.hex(), claim.signature) else "SignatureDoesNotMatch"


def _claim(request: Signed) -> _Claim | None:
    found = _HEADER.fullmatch(request.headers.get("authorization", ""))
    if found is not None:
        payload = request.headers.get("x-amz-content-sha256", _UNHASHED)
        made_at = request.headers.get("x-amz-date", "")
        return _Claim(found[1], found[2], found[3], made_at, payload, _CLOCKS_APART_S)
    said = dict(_pairs(request.query))
    life = said.get("X-Amz-Expires", "")
    if said.get("X-Amz-Algorithm") != _ALGORITHM or not life.isdigit():
        return None
    return _Claim(
        said.get("X-Amz-Credential", ""),
        said.get("X-Amz-SignedHeaders", ""),
        said.get("X-Amz-Signature", ""),
        said.get("X-Amz-Date", ""),
        _UNHASHED,
        int(life),
    )


def _canonical(request: Signed, claim: _Claim) -> str:
    pairs = [(name, value) for name, value in _pairs(request.query) if name != "X-Amz-Signature"]
    query = "&".join(f"{_encoded(name)}={_encoded(value)}" for name, value in sorted(pairs))
    headers = "".join(
        f"{name}:{' '.join(request.headers.get(name, '').split())}\n"
        for name in claim.names.split(";")
    )
    return "\n".join([request.method, request.path, query, headers, claim.names, claim.payload])


def _pairs(query: str) -> list[tuple[str, str]]:
    parts = (part.partition("=") for part in query.split("&") if part)
    return [(unquote(name), unquote(value)) for name, _, value in parts]


def _encoded(text: str) -> str:
    return quote(text, safe="-_.~")


def _sum(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
