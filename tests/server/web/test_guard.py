"""The guard: every address keeps the same checks, also those other modules add."""

import logging

import anyio
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp

from mcp_relight.server.web.exchange import current_request_id
from mcp_relight.server.web.guard import Guard
from mcp_relight.server.web.health import Health
from mcp_relight.server.web.names import Names, names
from mcp_relight.server.web.routes import Addresses, WebRoute
from tests.server.web.site import HOST, ORIGIN, raw, visiting

pytestmark = pytest.mark.anyio

_LIMIT = 100


async def whole(request: Request) -> Response:
    return PlainTextResponse(f"{len(await request.body())} {current_request_id()}")


async def broken(request: Request) -> Response:
    raise RuntimeError("a bug")


async def nothing_to_say() -> dict[str, object]:
    return {}


@pytest.fixture
def app() -> ASGIApp:
    addresses = Addresses(
        [
            WebRoute(path="/up/{token}", endpoint=whole, methods=("POST",), max_body_bytes=_LIMIT),
            WebRoute(path="/slow", endpoint=whole, methods=("POST",), body_within_s=0.05),
            WebRoute(path="/bug", endpoint=broken),
            *Health(nothing_to_say).routes(),
        ]
    )
    known = Names(frozenset({HOST}), frozenset({ORIGIN}))
    return Guard(Starlette(routes=[*addresses.routes]), addresses, names=known, door=None)


PATHS = ("/up/secret", "/slow", "/bug", "/healthz", "/readyz", "/nowhere")


@pytest.mark.parametrize("path", PATHS)
async def test_every_address_answers_to_its_own_name_alone(app: ASGIApp, path: str) -> None:
    async with visiting(app) as client:
        for name in ("evil.example.com", "relight.test.evil.com", "relight.test:81", ""):
            assert (await client.get(path, headers={"host": name})).status_code == 421
        assert (await client.get(path, headers={"host": HOST.upper()})).status_code != 421


@pytest.mark.parametrize("path", PATHS)
async def test_no_page_of_another_site_may_call(app: ASGIApp, path: str) -> None:
    async with visiting(app) as client:
        for origin in ("https://evil.example.com", "null", "https://relight.test"):
            assert (await client.get(path, headers={"origin": origin})).status_code == 403
        assert (await client.get(path, headers={"origin": ORIGIN})).status_code != 403


async def test_a_body_is_refused_by_its_own_word_before_any_of_it_is_read(app: ASGIApp) -> None:
    told = {"content-length": str(_LIMIT + 1)}
    assert await raw(app, "/up/secret", [b"x" * (_LIMIT + 1)], headers=told) == (413, 0)
    lying = {"content-length": "-5"}
    assert await raw(app, "/up/secret", [b"x"], headers=lying) == (413, 0)


async def test_a_body_that_does_not_say_its_length_is_read_no_further_than_the_limit(
    app: ASGIApp,
) -> None:
    pieces = [b"x" * 40] * 10
    assert await raw(app, "/up/secret", pieces) == (413, 3)
    assert await raw(app, "/up/secret", [b"x" * 40, b"x" * 60]) == (200, 2)


async def test_a_body_that_trickles_is_given_up(app: ASGIApp) -> None:
    sent = []

    async def never() -> dict[str, object]:
        await anyio.sleep_forever()
        return {}

    async def send(message: dict[str, object]) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "POST", "path": "/slow", "root_path": "", "scheme": "http"}
    scope |= {"query_string": b"", "headers": [(b"host", HOST.encode())], "http_version": "1.1"}
    with anyio.fail_after(30):
        await app(scope, never, send)  # pyright: ignore
    assert sent[0]["status"] == 408


async def test_what_is_not_there_and_what_is_not_taken_is_said(app: ASGIApp) -> None:
    async with visiting(app) as client:
        assert (await client.get("/nowhere")).status_code == 404
        refused = await client.get("/up/secret")
    assert refused.status_code == 405
    assert refused.headers["allow"] == "POST"


async def test_one_line_of_the_log_tells_the_template_never_the_path(
    app: ASGIApp, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, logger="mcp_relight.access")
    async with visiting(app) as client:
        answer = await client.post("/up/secret?key=secret", content=b"abc")
        await client.get("/up/secret", headers={"host": "evil.example.com"})
    lines = [record.getMessage() for record in caplog.records if "access" in record.name]
    assert len(lines) == 2
    assert answer.headers["x-request-id"] in lines[0]
    assert answer.text == f"3 {answer.headers['x-request-id']}"
    assert "POST /up/{token} 200" in lines[0]
    assert "GET /up/{token} 421" in lines[1]
    assert "secret" not in caplog.text
    assert "evil" not in caplog.text


async def test_a_plain_request_id_of_a_proxy_is_kept_and_no_other(app: ASGIApp) -> None:
    async with visiting(app) as client:
        kept = await client.get("/healthz", headers={"x-request-id": "abcd-1234"})
        other = await client.get("/healthz", headers={"x-request-id": "abcd\t1234 evil"})
    assert kept.headers["x-request-id"] == "abcd-1234"
    assert "evil" not in other.headers["x-request-id"]


async def test_a_bug_of_an_endpoint_tells_nothing(app: ASGIApp) -> None:
    async with visiting(app) as client:
        answer = await client.get("/bug")
    assert answer.status_code == 500
    assert "a bug" not in answer.text
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "no-referrer"


def test_the_public_name_is_known_with_and_without_its_port() -> None:
    known = names(bound=("0.0.0.0", 8000), public_url="https://Relight.example.com")  # noqa: S104
    assert {"relight.example.com", "relight.example.com:443", "127.0.0.1:8000"} <= known.hosts
    assert "https://relight.example.com" in known.origins
    assert "http://relight.example.com" not in known.origins
    other = names(bound=("127.0.0.1", 80), public_url="http://box:8080", hosts=["pod"])
    assert {"box:8080", "pod"} <= other.hosts
    assert "box:80" not in other.hosts
