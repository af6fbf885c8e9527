"""Streamable HTTP on this machine: where it listens, whom it answers, how it ends."""

import contextlib
import http.client
import socket
import sys
from collections.abc import Iterator
from urllib.parse import urlsplit

import anyio
import anyio.to_thread
import pytest
from mcp import Client

from mcp_relight.server.http import listening
from mcp_relight.server.web.app import MAX_BODY_BYTES
from tests.http_server import Serving, serving
from tests.matrix import some_now
from tests.quiet_time import quiet_s
from tests.world import World

GRACE_S = 5


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    with serving(World(tmp_path_factory.mktemp("http"))) as started:
        yield started


def status(server: Serving, body: bytes = b"{}", **headers: str) -> int:
    where = urlsplit(server.url)
    connection = http.client.HTTPConnection(str(where.hostname), where.port, timeout=30)
    sent = {"Content-Type": "application/json", "Accept": "application/json, text/event-stream"}
    try:
        connection.request("POST", where.path, body, sent | headers)
        return connection.getresponse().status
    finally:
        connection.close()


def test_it_takes_a_free_port_of_this_machine_alone(server: Serving) -> None:
    where = urlsplit(server.url)
    assert where.hostname == "127.0.0.1"
    assert where.port
    assert where.path == "/mcp"


@pytest.mark.skipif(sys.platform != "linux", reason="what is accepted inherits it there")
def test_no_answer_waits_for_the_client_to_confirm_its_head() -> None:
    with listening("127.0.0.1", 0) as listener, socket.create_connection(listener.getsockname()):
        accepted, _ = listener.accept()
        with accepted:
            assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def test_requests_must_name_this_server(server: Serving) -> None:
    port = urlsplit(server.url).port
    assert status(server, Host="evil.example.com") == 421
    assert status(server, Host="127.0.0.1:1") == 421
    assert status(server, Host=f"localhost:{port}") == 400  # it was read: the body says nothing


def test_pages_of_other_sites_may_not_call(server: Serving) -> None:
    port = urlsplit(server.url).port
    assert status(server, Origin="https://evil.example.com") == 403
    assert status(server, Origin=f"http://127.0.0.1:{port}") == 400


def test_a_body_is_bounded_and_fits_the_longest_argument(server: Serving) -> None:
    assert status(server, b"{" + b" " * (MAX_BODY_BYTES - 2) + b"}") == 400
    assert status(server, b" " * (MAX_BODY_BYTES + 1)) == 413


def test_a_taken_port_is_said_in_one_line(server: Serving, world: World) -> None:
    port = str(urlsplit(server.url).port)
    done = world.run("serve", "--http", "--port", port)
    assert done.returncode == 2
    assert "--port" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("host", some_now(["0.0.0.0", "192.0.2.1", "example.com"]))  # noqa: S104 - refused
def test_an_address_others_can_reach_is_refused(world: World, host: str) -> None:
    done = world.run("serve", "--http", "--host", host)
    assert done.returncode == 2
    assert "--host" in done.stderr


@pytest.mark.anyio
async def test_it_ends_on_a_signal_while_a_client_listens(world: World) -> None:
    took_s = None
    # The connection ends under the client, which it may say in any way.
    with serving(world) as server, contextlib.suppress(Exception):
        async with Client(server.url) as client, client.listen(resources_list_changed=True):
            asked_at = quiet_s()
            await anyio.to_thread.run_sync(server.stop)
            took_s = quiet_s() - asked_at
    assert took_s is not None
    assert took_s < GRACE_S + 10


def test_a_balancer_sees_that_a_server_of_many_is_about_to_end(world: World) -> None:
    environment = {
        "MCP_RELIGHT_ACCOUNTS": "1",
        "MCP_RELIGHT_PUBLIC_URL": "https://relight.example.com",
        "MCP_RELIGHT_STATE_KEYS": "state-key-of-the-tests-0123456789abcdef",
    }
    with serving(world, env=environment) as server:
        assert ready(server) == 200
        server.process.terminate()
        statuses: list[int] = []
        while server.process.poll() is None:
            with contextlib.suppress(OSError, http.client.HTTPException):
                statuses.append(ready(server))
    assert 503 in statuses
    assert 200 not in statuses[statuses.index(503) :]


def ready(server: Serving) -> int:
    where = urlsplit(server.url)
    connection = http.client.HTTPConnection(str(where.hostname), where.port, timeout=5)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status
    finally:
        connection.close()


@pytest.mark.parametrize("missing", some_now(["MCP_RELIGHT_PUBLIC_URL", "MCP_RELIGHT_STATE_KEYS"]))
def test_a_server_of_many_names_the_setting_it_lacks(world: World, missing: str) -> None:
    environment = world.environment | {
        "MCP_RELIGHT_ACCOUNTS": "1",
        "MCP_RELIGHT_PUBLIC_URL": "https://relight.example.com",
        "MCP_RELIGHT_STATE_KEYS": "state-key-of-the-tests-0123456789abcdef",
    }
    del environment[missing]
    done = world.run("serve", "--http", "--port", "0", environment=environment)
    assert done.returncode == 2
    assert missing in done.stderr
