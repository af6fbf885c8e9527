"""Provider calls through a real proxy and with a real authority of one's own, on this machine."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from pydantic import SecretStr

from mcp_relight.config import Settings
from mcp_relight.domain.exchange import Accepted
from mcp_relight.domain.network import DIRECT, Network
from mcp_relight.errors import FetchFailed, ProviderDown
from mcp_relight.providers.pixeldojo import PixelDojo
from mcp_relight.providers.registry import Account
from mcp_relight.providers.rest import RestProvider
from mcp_relight.storage.fetch import Fetcher
from tests.hostile.certificates import Authority

from .calls import at_once, call
from .wires import KEY

pytestmark = pytest.mark.anyio

RELIGHT = call("pixeldojo/image-relighting")
TAKEN = b'{"jobId": "job_1", "status": "pending"}'
SECRET = "hunter2"


class Door:
    """A listening server that counts who came, and what they asked first."""

    def __init__(self, port: int, asked: list[bytes]) -> None:
        self.port = port
        self.asked = asked


@asynccontextmanager
async def origin(context: ssl.SSLContext) -> AsyncGenerator[Door]:
    asked = list[bytes]()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        asked.append(head)
        head_lines = head.lower().split(b"\r\n")
        sizes = [line for line in head_lines if line.startswith(b"content-length:")]
        await reader.readexactly(int(sizes[0].split(b":")[1]) if sizes else 0)
        writer.write(
            b"HTTP/1.1 202 Accepted\r\nContent-Type: application/json\r\nConnection: close"
        )
        writer.write(b"\r\nContent-Length: %d\r\n\r\n%b" % (len(TAKEN), TAKEN))
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0, ssl=context) as server:
        yield Door(server.sockets[0].getsockname()[1], asked)


@asynccontextmanager
async def proxy(refusal: bytes = b"") -> AsyncGenerator[Door]:
    """Connects where it is asked to, unless it answers with a refusal."""
    asked = list[bytes]()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        asked.append(head)
        if refusal or not head.startswith(b"CONNECT "):
            writer.write(b"HTTP/1.1 " + (refusal or b"405 No") + b"\r\nContent-Length: 0\r\n\r\n")
            await writer.drain()
            writer.close()
            return
        host, _, port = head.split()[1].decode().rpartition(":")
        inner_reader, inner_writer = await asyncio.open_connection(host, int(port))
        writer.write(b"HTTP/1.1 200 Connected\r\n\r\n")
        with contextlib.suppress(OSError):
            await asyncio.gather(carry(reader, inner_writer), carry(inner_reader, writer))

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        yield Door(server.sockets[0].getsockname()[1], asked)


async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65_536):
        writer.write(data)
        await writer.drain()
    writer.close()


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def provider(door: Door, network: Network) -> RestProvider:
    url = f"https://127.0.0.1:{door.port}"
    return RestProvider(
        Account(adapter=PixelDojo(), key=SecretStr(KEY), gateway=url, network=network)
    )


def set_in(monkeypatch: pytest.MonkeyPatch, **variables: str) -> Network:
    """What the settings make of an environment with these variables and no others of the kind."""
    for name in ("HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "HTTP_PROXY", "SSL_CERT_FILE"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    return Settings.load().network


@pytest.mark.parametrize("variable", ["HTTPS_PROXY", "https_proxy", "ALL_PROXY"])
async def test_a_call_goes_through_the_proxy_that_is_set(
    monkeypatch: pytest.MonkeyPatch, authority: Authority, variable: str
) -> None:
    async with origin(authority.server_context("127.0.0.1")) as door, proxy() as way:
        address = f"http://me:{SECRET}@127.0.0.1:{way.port}"
        network = set_in(
            monkeypatch, SSL_CERT_FILE=str(authority.trust_file()), **{variable: address}
        )
        assert isinstance(await provider(door, network).submit(RELIGHT, at_once), Accepted)
        assert SECRET not in repr(network)
        assert [head.split()[:2] for head in way.asked] == [
            [b"CONNECT", f"127.0.0.1:{door.port}".encode()]
        ]
        assert b"proxy-authorization: basic" in way.asked[0].lower()
        assert KEY.encode() not in way.asked[0]
        assert KEY.encode() in door.asked[0]
        assert b"proxy-authorization" not in door.asked[0].lower()


@pytest.mark.parametrize(
    "spared", ["127.0.0.1", "*", "elsewhere.example, 127.0.0.1", "127.0.0.0/8"]
)
async def test_no_proxy_is_honored(
    monkeypatch: pytest.MonkeyPatch, authority: Authority, spared: str
) -> None:
    async with origin(authority.server_context("127.0.0.1")) as door, proxy() as way:
        network = set_in(
            monkeypatch,
            HTTPS_PROXY=f"http://127.0.0.1:{way.port}",
            NO_PROXY=spared,
            SSL_CERT_FILE=str(authority.trust_file()),
        )
        assert isinstance(await provider(door, network).submit(RELIGHT, at_once), Accepted)
        assert way.asked == []


@pytest.mark.parametrize(
    ("entry", "host", "is_spared"),
    [
        ("pixeldojo.ai", "pixeldojo.ai", True),
        ("pixeldojo.ai", "API.pixeldojo.ai.", True),
        (".pixeldojo.ai", "api.pixeldojo.ai", True),
        ("*.pixeldojo.ai", "api.pixeldojo.ai", True),
        ("pixeldojo.ai:443", "pixeldojo.ai", True),
        ("pixeldojo.ai:8443", "pixeldojo.ai", False),
        ("dojo.ai", "pixeldojo.ai", False),
        ("", "pixeldojo.ai", False),
        ("*", "pixeldojo.ai", True),
        ("10.0.0.0/8", "10.1.2.3", True),
        ("10.0.0.0/8", "11.1.2.3", False),
        ("[::1]", "::1", True),
    ],
)
def test_what_no_proxy_spares(entry: str, host: str, is_spared: bool) -> None:
    network = Network(proxy="http://way.example:3128", spared=("other.example", entry))
    assert (network.proxy_for(host, 443) is None) == is_spared


async def test_our_own_setting_switches_both_off(
    monkeypatch: pytest.MonkeyPatch, authority: Authority
) -> None:
    async with origin(authority.server_context("127.0.0.1")) as door, proxy() as way:
        network = set_in(
            monkeypatch,
            HTTPS_PROXY=f"http://127.0.0.1:{way.port}",
            SSL_CERT_FILE=str(authority.trust_file()),
            MCP_RELIGHT_TRUST_ENV="0",
        )
        assert network == DIRECT
        with pytest.raises(ProviderDown, match="certificate") as refused:
            await provider(door, network).submit(RELIGHT, at_once)
        assert "SSL_CERT_FILE" in refused.value.hint
        assert refused.value.taken == "no"
        assert way.asked == []
        assert door.asked == [], "the key was kept"


async def test_a_certificate_that_is_not_trusted_is_called_one_behind_a_proxy_too(
    monkeypatch: pytest.MonkeyPatch, authority: Authority
) -> None:
    async with origin(authority.server_context("127.0.0.1")) as door, proxy() as way:
        network = set_in(monkeypatch, HTTPS_PROXY=f"http://127.0.0.1:{way.port}")
        with pytest.raises(ProviderDown, match="certificate"):
            await provider(door, network).submit(RELIGHT, at_once)
        assert len(way.asked) == 1


async def test_a_proxy_that_refuses_is_named_and_nothing_was_taken(
    monkeypatch: pytest.MonkeyPatch, authority: Authority
) -> None:
    async with proxy(b"407 Proxy Authentication Required") as way:
        network = set_in(monkeypatch, HTTPS_PROXY=f"http://127.0.0.1:{way.port}")
        with pytest.raises(ProviderDown, match="proxy") as refused:
            await provider(Door(9, []), network).submit(RELIGHT, at_once)
        assert "HTTPS_PROXY" in refused.value.hint
        assert refused.value.taken == "no"


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("SSL_CERT_FILE", "/nowhere/authority.pem"),
        ("SSL_CERT_FILE", __file__),
        ("HTTPS_PROXY", f"socks5://me:{SECRET}@127.0.0.1:1"),
        ("HTTPS_PROXY", "nonsense://"),
        ("HTTPS_PROXY", "http://"),
    ],
)
async def test_a_setting_nobody_can_use_is_named_where_it_is_needed(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    network = set_in(monkeypatch, **{variable: value})
    with pytest.raises(ProviderDown, match=variable) as refused:
        await provider(Door(9, []), network).submit(RELIGHT, at_once)
    assert refused.value.taken == "no"
    assert SECRET not in str(refused.value)
    assert SECRET not in refused.value.hint


async def test_the_guarded_fetcher_goes_without_a_proxy_and_says_so(
    monkeypatch: pytest.MonkeyPatch, authority: Authority
) -> None:
    async with origin(authority.server_context("127.0.0.1")) as door, proxy() as way:
        network = set_in(monkeypatch, HTTPS_PROXY=f"http://127.0.0.1:{way.port}")
        fetcher = Fetcher(
            allow_private_hosts=frozenset({f"127.0.0.1:{door.port}", "127.0.0.1:9"}),
            passes_by_proxy=network.proxy is not None,
        )
        for port, words in ((door.port, "certificate"), (9, "could not be reached")):
            url = f"https://127.0.0.1:{port}/a.png"
            with pytest.raises(FetchFailed, match=words) as refused:
                await fetcher.fetch(url, max_bytes=1000, deadline_s=5)
            assert "HTTPS_PROXY" in refused.value.hint
        assert way.asked == []
