"""The keys of the issuer: rotated, unreachable, and of kinds that must not be trusted."""

import jwt
import pytest

from mcp_relight.server.web.issuer import Issuer, owner_of
from mcp_relight.server.web.keys import IssuerDown, IssuerKeys
from tests.server.web.issuer import ISSUER, RESOURCE, FakeIssuer

pytestmark = pytest.mark.anyio

_ALGORITHMS = ("ES256", "RS256")


class Rig:
    """An issuer, and who checks its tokens by a clock that tests move."""

    def __init__(self, *, jwks_url: str | None = None) -> None:
        self.issuer = FakeIssuer()
        self.now = 1000.0
        self.keys = IssuerKeys(ISSUER, self.issuer.fetch, jwks_url=jwks_url, now=lambda: self.now)
        self.checks = Issuer(name=ISSUER, audience=RESOURCE, keys=self.keys, algorithms=_ALGORITHMS)

    async def takes(self, token: str) -> bool:
        return await self.checks.claims(token) is not None


async def test_keys_are_fetched_once_for_many_tokens() -> None:
    rig = Rig()
    for _ in range(5):
        assert await rig.takes(rig.issuer.token())
    assert rig.issuer.asked == [f"{ISSUER}/.well-known/openid-configuration", f"{ISSUER}/jwks"]


async def test_a_new_key_is_found_and_an_old_one_forgotten() -> None:
    rig = Rig()
    old = rig.issuer.token()
    assert await rig.takes(old)
    rig.issuer.rotate("k2", keep=False)
    new = rig.issuer.token()
    assert not await rig.takes(new)  # asked a moment ago
    rig.now += 61
    assert await rig.takes(new)
    assert not await rig.takes(old)


async def test_unknown_keys_make_us_ask_once_a_minute_at_most() -> None:
    rig = Rig()
    assert await rig.takes(rig.issuer.token())
    stranger = FakeIssuer()
    stranger.rotate("k9")
    asked = len(rig.issuer.asked)
    rig.now += 61
    for _ in range(50):
        assert not await rig.takes(stranger.token())
    assert len(rig.issuer.asked) == asked + 2


async def test_keys_are_trusted_for_a_day_while_the_issuer_is_down() -> None:
    rig = Rig()
    assert await rig.takes(rig.issuer.token())
    rig.issuer.is_down = True
    rig.now += 86_000
    assert await rig.takes(rig.issuer.token())
    rig.now += 1_000
    with pytest.raises(IssuerDown):
        await rig.takes(rig.issuer.token())
    rig.issuer.is_down = False
    rig.now += 61
    assert await rig.takes(rig.issuer.token())


async def test_an_issuer_that_could_never_be_asked_is_no_verdict_on_a_token() -> None:
    rig = Rig()
    rig.issuer.is_down = True
    with pytest.raises(IssuerDown):
        await rig.takes(rig.issuer.token())


async def test_keys_at_another_host_are_fetched_only_where_the_operator_named_it() -> None:
    rig = Rig()
    rig.issuer.jwks_uri = "https://evil.test/jwks"
    with pytest.raises(IssuerDown):
        await rig.takes(rig.issuer.token())
    assert not [url for url in rig.issuer.asked if "evil" in url]
    named = Rig(jwks_url=f"{ISSUER}/jwks")
    named.issuer.jwks_uri = "https://evil.test/jwks"
    assert await named.takes(named.issuer.token())


async def test_a_shared_secret_in_the_list_of_keys_is_never_used() -> None:
    rig = Rig()
    secret = b"0123456789abcdef0123456789abcdef"
    told = {"kty": "oct", "kid": "s", "k": jwt.utils.base64url_encode(secret).decode()}
    rig.issuer.extra = [told | {"alg": "HS256"}]
    claims = jwt.decode(rig.issuer.token(), options={"verify_signature": False})
    assert not await rig.takes(jwt.encode(claims, secret, "HS256", headers={"kid": "s"}))
    assert await rig.takes(rig.issuer.token())


async def test_an_algorithm_that_is_not_listed_is_refused() -> None:
    rig = Rig()
    only_rsa = Issuer(name=ISSUER, audience=RESOURCE, keys=rig.keys, algorithms=["RS256"])
    assert await only_rsa.claims(rig.issuer.token()) is None
    assert await rig.takes(rig.issuer.token())


@pytest.mark.parametrize("scope", ["relight:free relight:paid", ["relight:free", "relight:paid"]])
async def test_scopes_and_owners_come_from_the_claims_that_were_configured(scope: object) -> None:
    rig = Rig()
    checks = Issuer(
        name=ISSUER,
        audience=RESOURCE,
        keys=rig.keys,
        algorithms=_ALGORITHMS,
        owner_claim="tenant",
        scope_claim="scp",
    )
    claims = await checks.claims(rig.issuer.token(scp=scope, tenant="design"))
    assert claims is not None
    assert claims.owner == "design"
    assert claims.scopes == {"relight:free", "relight:paid"}
    assert await checks.claims(rig.issuer.token(scp=scope, email="x@design")) is None


def test_an_owner_is_never_a_raw_subject_nor_one_of_another_issuer() -> None:
    ours = owner_of(ISSUER, "sub", "alice@example.com")
    assert ours == owner_of(ISSUER + "/", "sub", "alice@example.com")
    assert len(ours) <= 40
    assert "alice" not in ours
    assert ours != owner_of("https://other.test", "sub", "alice@example.com")
    for reserved in ("local", ours, "Design Team", "x" * 41):
        assert owner_of(ISSUER, "tenant", reserved) != reserved
