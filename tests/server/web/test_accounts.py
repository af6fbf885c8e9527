"""Who gets in: every kind of token at every address, wherever the server listens."""

import hashlib
import hmac
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from typing import Any

import jwt
import pytest

from mcp_relight.domain.owners import Owner
from mcp_relight.errors import TimedOut
from mcp_relight.server.web.issuer import owner_of
from mcp_relight.server.web.routes import WebRoute
from tests.server.web.issuer import FakeIssuer
from tests.server.web.site import visiting
from tests.server.web.team import Team, call_of, team
from tests.world import World

pytestmark = pytest.mark.anyio

ADMIN = "relight:admin"
Make = Callable[[Team, FakeIssuer], Awaitable[str | None]]


@pytest.fixture
def issuer() -> FakeIssuer:
    return FakeIssuer()


@pytest.fixture(params=["127.0.0.1", "0.0.0.0"])  # noqa: S104 - nothing is bound
async def at_home(
    request: pytest.FixtureRequest, world: World, issuer: FakeIssuer
) -> AsyncIterator[Team]:
    async with team(world, issuer, host=request.param, key_ring="a1" * 32) as started:
        yield started


async def _none(team: Team, issuer: FakeIssuer) -> str | None:
    return None


async def _garbage(team: Team, issuer: FakeIssuer) -> str:
    return "Bearer " + "x" * 300


async def _of_another_kind(team: Team, issuer: FakeIssuer) -> str:
    return "Basic " + issuer.token()


def _claims(**claims: Any) -> Make:
    async def make(team: Team, issuer: FakeIssuer) -> str:
        return "Bearer " + issuer.token(**claims)

    return make


async def _of_another_key(team: Team, issuer: FakeIssuer) -> str:
    return "Bearer " + FakeIssuer().token()


async def _unsigned(team: Team, issuer: FakeIssuer) -> str:
    claims = jwt.decode(issuer.token(), options={"verify_signature": False})
    return "Bearer " + jwt.encode(claims, None, "none", headers={"kid": "k1"})


async def _signed_with_the_public_key(team: Team, issuer: FakeIssuer) -> str:
    claims = jwt.decode(issuer.token(), options={"verify_signature": False})
    head = jwt.utils.base64url_encode(b'{"alg":"HS256","typ":"JWT","kid":"k1"}')
    body = jwt.utils.base64url_encode(json.dumps(claims).encode())
    mac = hmac.new(issuer.public_pem(), head + b"." + body, hashlib.sha256).digest()
    return "Bearer " + (head + b"." + body + b"." + jwt.utils.base64url_encode(mac)).decode()


async def _ours_expired(team: Team, issuer: FakeIssuer) -> str:
    return "Bearer " + await team.token(expires_at=time.time() - 1)


async def _ours_revoked(team: Team, issuer: FakeIssuer) -> str:
    text = await team.token()
    assert await team.application.accounts.revoke_token(text.split("_")[1])
    return "Bearer " + text


async def _disabled(team: Team, owner: str) -> None:
    assert await team.application.owners.add(Owner(owner=owner, is_disabled=True))


async def _ours_of_a_disabled_owner(team: Team, issuer: FakeIssuer) -> str:
    await _disabled(team, "gone")
    return "Bearer " + await team.token("gone")


async def _theirs_of_a_disabled_owner(team: Team, issuer: FakeIssuer) -> str:
    await _disabled(team, owner_of(issuer.name, "sub", "mallory"))
    return "Bearer " + issuer.token(sub="mallory")


async def _ours(team: Team, issuer: FakeIssuer) -> str:
    return "Bearer " + await team.token("acme", "relight:free", "relight:paid", ADMIN)


REFUSED: dict[str, Make] = {
    "none": _none,
    "garbage": _garbage,
    "another kind": _of_another_kind,
    "expired": _claims(exp=int(time.time()) - 60),
    "not yet": _claims(nbf=int(time.time()) + 3600),
    "another audience": _claims(aud="http://other.test/mcp"),
    "no audience": _claims(aud=None),
    "another issuer": _claims(iss="https://evil.test"),
    "no end": _claims(exp=None),
    "no subject": _claims(sub=None),
    "another key": _of_another_key,
    "unsigned": _unsigned,
    "signed with the public key": _signed_with_the_public_key,
    "ours, expired": _ours_expired,
    "ours, revoked": _ours_revoked,
    "ours, owner disabled": _ours_of_a_disabled_owner,
    "theirs, owner disabled": _theirs_of_a_disabled_owner,
}
GOOD: dict[str, Make] = {
    "good": _claims(scope=f"relight:free relight:paid {ADMIN}"),
    "one audience of several": _claims(
        aud=["http://other.test", "http://relight.test/mcp"], scope=f"relight:paid {ADMIN}"
    ),
    "issuer with a slash": _claims(iss="https://login.test/", scope=f"relight:paid {ADMIN}"),
    "ours": _ours,
}


def guarded(team: Team) -> list[tuple[str, WebRoute]]:
    """Every method of every address that keeps something, as the application has them."""
    terms = [one for one in team.app.addresses.terms if one.scope is not None]
    assert {"/mcp"} <= {one.path for one in terms}
    return [(method, one) for one in terms for method in one.methods]


async def status_of(team: Team, method: str, path: str, authorization: str | None) -> int:
    headers = {} if authorization is None else {"authorization": authorization}
    async with visiting(team.app, **headers) as client:
        return (await client.request(method, path.replace("{", "").replace("}", ""))).status_code


@pytest.mark.parametrize("kind", REFUSED)
async def test_a_token_that_is_not_good_opens_no_address(
    at_home: Team, issuer: FakeIssuer, kind: str
) -> None:
    authorization = await REFUSED[kind](at_home, issuer)
    for method, route in guarded(at_home):
        assert await status_of(at_home, method, route.path, authorization) == 401, route.path


@pytest.mark.parametrize("kind", GOOD)
async def test_a_good_token_opens_every_address(
    at_home: Team, issuer: FakeIssuer, kind: str
) -> None:
    authorization = await GOOD[kind](at_home, issuer)
    for method, route in guarded(at_home):
        assert await status_of(at_home, method, route.path, authorization) not in {401, 403}


async def test_whoever_is_let_in_again_is_known_at_once(world: World) -> None:
    issuer = FakeIssuer()
    owner = Owner(owner=owner_of(issuer.name, "sub", "alice"), is_disabled=True)
    async with team(world, issuer) as started:
        assert await started.application.owners.add(owner)
        assert await status_of(started, "POST", "/mcp", f"Bearer {issuer.token()}") == 401
        assert await started.application.owners.change(replace(owner, is_disabled=False))
        assert await status_of(started, "POST", "/mcp", f"Bearer {issuer.token()}") == 400


async def test_a_store_that_is_down_is_no_reason_to_sign_in_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    issuer = FakeIssuer()
    async with team(world, issuer) as started:

        async def down(*_: object) -> None:
            raise TimedOut("The job database did not answer.")

        ours = await started.token()
        monkeypatch.setattr(type(started.application.accounts), "find_token", down)
        monkeypatch.setattr(type(started.application.owners), "find", down)
        for token in (ours, issuer.token()):
            async with visiting(started.app, authorization=f"Bearer {token}") as client:
                answer = await client.post("/mcp", json={})
            assert answer.status_code == 503
            assert answer.headers["retry-after"] == "60"


async def test_a_token_that_grants_nothing_is_told_so(at_home: Team, issuer: FakeIssuer) -> None:
    for authorization in ("openid profile", "", "relight:everything"):
        async with visiting(
            at_home.app, authorization=f"Bearer {issuer.token(scope=authorization)}"
        ) as client:
            answer = await client.post("/mcp", json={})
        assert answer.status_code == 403
        assert 'error="insufficient_scope"' in answer.headers["www-authenticate"]
        assert 'scope="relight:free"' in answer.headers["www-authenticate"]
        assert "relight:free" in answer.json()["error_description"]


async def test_a_token_in_the_address_is_not_looked_at(at_home: Team, issuer: FakeIssuer) -> None:
    good = issuer.token()
    async with visiting(at_home.app) as client:
        for name in ("access_token", "token", "authorization"):
            assert (await client.post(f"/mcp?{name}={good}", json={})).status_code == 401


async def test_other_names_and_pages_are_refused_before_any_token_is_looked_at(
    at_home: Team, issuer: FakeIssuer
) -> None:
    for route in at_home.app.addresses.terms:
        path = route.path.replace("{", "").replace("}", "")
        async with visiting(at_home.app, authorization=f"Bearer {issuer.token()}") as client:
            evil = await client.request(route.methods[0], path, headers={"host": "evil.test"})
            page = await client.request(
                route.methods[0], path, headers={"origin": "https://evil.test"}
            )
        assert (evil.status_code, page.status_code) == (421, 403)
        assert "access-control-allow-origin" not in evil.headers


async def test_a_client_is_told_where_to_sign_in(at_home: Team) -> None:
    async with visiting(at_home.app) as client:
        challenge = (await client.post("/mcp", json={})).headers["www-authenticate"]
        assert challenge.startswith("Bearer ")
        assert "error=" not in challenge
        place = "http://relight.test/.well-known/oauth-protected-resource"
        assert f'resource_metadata="{place}/mcp"' in challenge
        for address in (f"{place}/mcp", place):
            told = (await client.get(address)).json()
            assert told["resource"] == "http://relight.test/mcp"
            assert told["authorization_servers"] == ["https://login.test"]
            assert "relight:paid" in told["scopes_supported"]


async def test_without_an_issuer_nobody_is_sent_anywhere(world: World) -> None:
    async with team(world, None) as started, visiting(started.app) as client:
        challenge = (await client.post("/mcp", json={})).headers["www-authenticate"]
        assert "resource_metadata" not in challenge
        assert (await client.get("/.well-known/oauth-protected-resource")).status_code == 404
        assert (await client.get("/healthz")).status_code == 200


async def test_a_call_that_needs_more_is_challenged_for_it(world: World) -> None:
    issuer = FakeIssuer()
    async with team(world, issuer) as started:
        token = issuer.token(scope="relight:free")
        async with visiting(started.app, authorization=f"Bearer {token}") as client:
            ours = {"image": "relight://images/" + "0" * 32, "look": "golden_hour"}
            paid = await call_of(client, "relight_image", **ours, model="segmind/ic-light")
            assert paid.status_code == 403
            assert 'scope="relight:free relight:paid"' in paid.headers["www-authenticate"]
            assert 'error="insufficient_scope"' in paid.headers["www-authenticate"]
            free = await call_of(client, "relight_image", **ours)
            assert free.status_code == 200
            listed = (await call_of(client, "list_models")).json()["result"]["structuredContent"]
            assert "segmind" not in str(listed["models"])
            assert "local/classic" in str(listed["models"])


async def test_a_token_of_ours_that_grants_less_is_answered_in_words(world: World) -> None:
    # There is no signing in for more: a challenge would lead nowhere.
    async with team(world, None) as started:
        token = await started.token("acme", "relight:free")
        async with started.client(token) as client:
            arguments = {"image": "relight://images/" + "0" * 32, "look": "golden_hour"}
            answer = await client.call_tool(
                "relight_image", arguments | {"model": "segmind/ic-light"}
            )
    assert answer.is_error
    assert "relight:paid" in str(answer.content)


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_clients_of_both_eras_call_with_a_token(world: World, mode: Any) -> None:
    issuer = FakeIssuer()
    async with team(world, issuer) as started, started.client(issuer.token(), mode=mode) as client:
        assert not (await client.call_tool("list_jobs", {})).is_error
        assert client.server_capabilities.resources is not None
        if mode == "legacy":  # nothing could bring the notice
            assert not client.server_capabilities.resources.subscribe


async def test_what_callers_see_differently_is_kept_by_nobody_between(world: World) -> None:
    issuer = FakeIssuer()
    async with team(world, issuer) as started, started.client(issuer.token()) as client:
        assert (await client.list_tools()).cache_scope == "private"


async def test_metrics_are_for_administrators_alone(world: World) -> None:
    issuer = FakeIssuer()
    async with team(world, issuer) as started:
        async with visiting(started.app, authorization=f"Bearer {issuer.token()}") as client:
            await call_of(client, "list_jobs")
            refused = await client.get("/metrics")
            assert refused.status_code == 403
            assert 'scope="relight:free relight:admin"' in refused.headers["www-authenticate"]
        token = issuer.token(scope=ADMIN)
        async with visiting(started.app, authorization=f"Bearer {token}") as client:
            shown = await client.get("/metrics")
            assert (await client.post("/mcp", json={})).status_code == 403  # it may only look
    assert 'mcp_relight_call_seconds_count{outcome="ok",tool="list_jobs"}' in shown.text
    assert "mcp_relight_overdue_seconds 0.0" in shown.text
    assert "alice" not in shown.text
