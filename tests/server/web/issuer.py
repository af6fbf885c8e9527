"""An identity provider of the tests' own: keys that change, tokens of every kind."""

import http.server
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from mcp_relight.errors import FetchFailed

ISSUER = "https://login.test"
RESOURCE = "http://relight.test/mcp"
BOTH = "relight:free relight:paid"


class FakeIssuer:
    """Signs with its newest key; publishes all it has not thrown away."""

    def __init__(self, name: str = ISSUER, audience: str = RESOURCE) -> None:
        self.name, self.audience = name, audience
        self.keys: dict[str, ec.EllipticCurvePrivateKey] = {}
        self.is_down = False
        self.asked: list[str] = []
        self.extra: list[dict[str, Any]] = []
        self.jwks_uri: str | None = None
        self.rotate("k1")

    def rotate(self, key_id: str, *, keep: bool = True) -> None:
        kept = dict(self.keys) if keep else {}
        self.keys = {**kept, key_id: ec.generate_private_key(ec.SECP256R1())}

    def token(self, *, kid: str | None = None, scope: str = BOTH, **claims: Any) -> str:
        """A good one, but for what is said otherwise; a claim that is None is left out."""
        kid = kid or next(reversed(self.keys))
        now = int(time.time())
        said = {"iss": self.name, "sub": "alice", "aud": self.audience, "scope": scope}
        said |= {"exp": now + 3600, "iat": now, "client_id": "client"}
        said = {name: value for name, value in (said | claims).items() if value is not None}
        return jwt.encode(said, self.keys[kid], "ES256", headers={"kid": kid})

    def public_pem(self) -> bytes:
        key = self.keys[next(reversed(self.keys))].public_key()
        return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)

    def document(self, path: str) -> dict[str, Any] | None:
        if path == "/.well-known/openid-configuration":
            return {"issuer": self.name, "jwks_uri": self.jwks_uri or f"{self.name}/jwks"}
        return (
            {"keys": [*map(_public, self.keys.items()), *self.extra]} if path == "/jwks" else None
        )

    async def fetch(self, url: str) -> bytes:
        """As the product fetches, without a network."""
        self.asked.append(url)
        found = None if self.is_down else self.document(url.removeprefix(self.name))
        if found is None:
            raise FetchFailed("The server could not be reached.")
        return json.dumps(found).encode()


def _public(pair: tuple[str, ec.EllipticCurvePrivateKey]) -> dict[str, Any]:
    told = json.loads(jwt.algorithms.ECAlgorithm.to_jwk(pair[1].public_key()))
    return told | {"kid": pair[0], "alg": "ES256", "use": "sig"}


@contextmanager
def serving_issuer(audience: str) -> Iterator[FakeIssuer]:
    """The same over HTTP on this machine."""
    issuer = FakeIssuer(audience=audience)

    class Pages(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found = None if issuer.is_down else issuer.document(self.path)
            body = json.dumps(found).encode()
            self.send_response(404 if found is None else 200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *words: object) -> None: ...

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Pages) as server:
        issuer.name = f"http://127.0.0.1:{server.server_port}"
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield issuer
        finally:
            server.shutdown()
