"""Fetch a picture from an address somebody else chose.

The caller may be a language model that was talked into anything, the server at the other end may
be hostile, and this process sits in a network with things in it. So: the addresses a name resolves
to are checked inside the connection that uses them (there is no second look-up to rebind), each
redirect starts over, nothing is taken from the environment, no cookie or credential exists to be
sent, and bytes and seconds are capped.

Built on httpcore2, the layer under httpx2, whose public `network_backend` is where a connection
can be refused. The conveniences of a full client (environment, cookies, redirects, decompression,
authentication) are absent rather than switched off.
"""

import logging
import socket
import ssl
from collections.abc import Awaitable, Callable, Iterable, Sequence
from functools import partial
from ipaddress import IPv4Address, IPv6Address, ip_address

import anyio
import anyio.to_thread
import httpcore2
import httpx2

from mcp_relight.domain.network import is_about_certificates
from mcp_relight.errors import FetchFailed, ImageTooLarge, TimedOut, UrlRefused
from mcp_relight.storage.urls import HttpUrl, UrlPolicy, literal_address

_log = logging.getLogger(__name__)

MAX_REDIRECTS = 3
_REDIRECTS = (301, 302, 303, 307, 308)
_MAX_ADDRESSES = 4
_FAILURES = (
    httpcore2.NetworkError,
    httpcore2.ProtocolError,
    httpcore2.UnsupportedProtocol,
    OSError,
)

_NOT_BY_PROXY = (
    " Addresses are fetched without the proxy of HTTPS_PROXY: where only it leads out, save the "
    "picture to a folder and give its path."
)

Resolver = Callable[[str, int], Awaitable[Sequence[str]]]
"""Host and port to the texts of all its addresses; raises OSError when there are none."""


async def resolve(host: str, port: int) -> Sequence[str]:
    """Ask the system's resolver, in a worker thread that a deadline may leave behind."""
    ask = partial(socket.getaddrinfo, host, port, type=socket.SOCK_STREAM)
    answers = await anyio.to_thread.run_sync(ask, abandon_on_cancel=True)
    return list(dict.fromkeys(str(answer[4][0]) for answer in answers))


class Fetcher:
    """Fetches over http and https, from public addresses only.

    `allow_private_hosts` holds `host:port` texts that count as public for every rule.
    `resolver`, `connector` and `ssl_context` replace the system's name look-up, its TCP and its
    certificate store. `connect_timeout_s` bounds each look-up, each connection attempt and each
    TLS handshake inside a fetch's own deadline. `passes_by_proxy`: a proxy is set for this
    machine; it is not used, since then nothing could be checked, and errors say so.
    """

    def __init__(
        self,
        *,
        allow_private_hosts: frozenset[str] = frozenset(),
        resolver: Resolver = resolve,
        connector: httpcore2.AsyncNetworkBackend | None = None,
        ssl_context: ssl.SSLContext | None = None,
        passes_by_proxy: bool = False,
        connect_timeout_s: float = 5.0,
    ) -> None:
        self._policy = UrlPolicy(frozenset(pair.lower() for pair in allow_private_hosts))
        self._backend = _CheckedConnections(
            self._policy, resolver, connector or _plain_tcp(), connect_timeout_s
        )
        self._ssl_context = ssl_context or httpx2.create_ssl_context(trust_env=False)
        self._connect_timeout_s = connect_timeout_s
        self._way_out = _NOT_BY_PROXY if passes_by_proxy else ""

    def may_be_passed_on(self, url: str) -> bool:
        """Whether a provider may be told this address: https, or a host the operator named. Only
        its text is looked at, no name is resolved."""
        try:
            self._policy.check(url, accept_http=False)
        except UrlRefused:
            return False
        return True

    async def fetch(
        self,
        url: str,
        *,
        max_bytes: int,
        deadline_s: float,
        accept_http: bool = True,
        max_redirects: int = MAX_REDIRECTS,
    ) -> bytes:
        """The body of `url`, following a few redirects, all within `deadline_s` seconds.

        Raises UrlRefused (not a public http or https address), FetchFailed (no usable answer),
        ImageTooLarge (more than `max_bytes`) or TimedOut. No message holds any part of the URL.
        """
        checked = self._policy.check(url, accept_http=accept_http)
        try:
            with anyio.fail_after(deadline_s):
                return await self._follow(checked, max_bytes, accept_http, max_redirects)
        except (TimeoutError, httpcore2.TimeoutException) as error:
            raise TimedOut(
                f"The server did not deliver within {deadline_s:g} s.",
                hint="Try again later, or save the picture to a folder and give its path."
                + self._way_out,
            ) from error
        except _FAILURES as error:
            if is_about_certificates(error):
                raise FetchFailed(
                    "The certificate that the server shows is not trusted here.",
                    hint="Check the address in a browser, and this machine's clock."
                    + self._way_out,
                ) from error
            raise FetchFailed(
                "The server could not be reached, or broke off, or does not speak proper HTTP.",
                hint="Check the address in a browser." + self._way_out,
            ) from error

    async def _follow(
        self, url: HttpUrl, max_bytes: int, accept_http: bool, max_redirects: int
    ) -> bytes:
        async with self._pool() as pool:
            for _ in range(max_redirects + 1):
                _log.info("fetch %s://%s", url.scheme, url.host)
                async with pool.stream(
                    "GET",
                    httpcore2.URL(
                        scheme=url.scheme, host=url.host, port=url.port, target=url.target
                    ),
                    headers=_headers(url),
                    extensions=self._extensions(url),
                ) as response:
                    if response.status not in _REDIRECTS:
                        return await _read(response, max_bytes)
                    target = _redirect_target(response, url)
                accept_http = accept_http and url.scheme == "http"
                self._policy.check_parsed(target, accept_http=accept_http)
                url = target
        raise UrlRefused(
            f"The URL redirects more than {max_redirects} times.",
            hint="Give the address the redirects end at.",
        )

    def _pool(self) -> httpcore2.AsyncConnectionPool:
        # One pool per fetch, no connection kept: a connection checked for one request is never
        # there to be reused by another.
        return httpcore2.AsyncConnectionPool(
            ssl_context=self._ssl_context,
            max_keepalive_connections=0,
            network_backend=self._backend,
        )

    def _extensions(self, url: HttpUrl) -> dict[str, object]:
        return {
            "timeout": {"connect": self._connect_timeout_s},
            # Certificates are issued without the root dot some addresses are written with.
            "sni_hostname": url.host.removesuffix("."),
        }


class _CheckedConnections(httpcore2.AsyncNetworkBackend):
    """Connects to addresses it has itself resolved and checked; check and connect are one act."""

    def __init__(
        self,
        policy: UrlPolicy,
        resolver: Resolver,
        connector: httpcore2.AsyncNetworkBackend,
        resolve_timeout_s: float,
    ) -> None:
        self._policy = policy
        self._resolver = resolver
        self._connector = connector
        self._resolve_timeout_s = resolve_timeout_s

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109  the signature of the base class
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        failure: Exception | None = None
        for address in await self._checked_addresses(host, port):
            try:
                return await self._connector.connect_tcp(
                    str(address), port, timeout, local_address, socket_options
                )
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout) as error:
                failure = error
        raise failure or httpcore2.ConnectError("the name has no address")

    async def _checked_addresses(self, host: str, port: int) -> Sequence[IPv4Address | IPv6Address]:
        literal = literal_address(host)
        addresses = [literal] if literal is not None else await self._resolved(host, port)
        host_and_port = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        # All of them, not just the one used: a name with one private address among public ones
        # is an attack or a mistake.
        for address in addresses:
            self._policy.check_address(address, host_and_port)
        return addresses[:_MAX_ADDRESSES]

    async def _resolved(self, host: str, port: int) -> list[IPv4Address | IPv6Address]:
        try:
            with anyio.fail_after(self._resolve_timeout_s):
                texts = await self._resolver(host, port)
            return [ip_address(text) for text in texts]
        except TimeoutError:
            raise
        except (OSError, ValueError):
            raise FetchFailed(
                "The URL's host name has no address.", hint="Check the address for typing errors."
            ) from None


def _plain_tcp() -> httpcore2.AsyncNetworkBackend:
    # The declared type allows for the stand-in that raises when anyio is missing.
    return httpcore2.AnyIOBackend()  # pyright: ignore[reportReturnType]


def _headers(url: HttpUrl) -> list[tuple[str, str]]:
    return [
        ("Host", url.authority),
        ("User-Agent", "mcp-relight"),
        ("Accept", "image/*, */*;q=0.1"),
        ("Accept-Encoding", "identity"),
        ("Connection", "close"),
    ]


def _redirect_target(response: httpcore2.Response, url: HttpUrl) -> HttpUrl:
    try:
        location = _header(response, b"location").decode("utf-8")
    except UnicodeDecodeError:
        location = ""
    if not location:
        raise FetchFailed("The server redirects without saying where to.")
    return url.join(location)


async def _read(response: httpcore2.Response, max_bytes: int) -> bytes:
    if response.status != 200:
        raise FetchFailed(
            f"The server answered with HTTP status {response.status}, not with a picture.",
            hint="Check the address in a browser: links that need a login cannot be fetched.",
            status=response.status,
        )
    if _header(response, b"content-encoding").lower() not in (b"", b"identity"):
        # A decompressor would let a small body become an endless one.
        raise FetchFailed(
            "The server compresses its answer although asked not to.", status=response.status
        )
    if int(_header(response, b"content-length") or b"0") > max_bytes:
        raise _too_large(max_bytes)
    body = bytearray()
    async for chunk in response.aiter_stream():
        if len(body) + len(chunk) > max_bytes:
            raise _too_large(max_bytes)
        body += chunk
    return bytes(body)


def _header(response: httpcore2.Response, name: bytes) -> bytes:
    return b", ".join(value for key, value in response.headers if key.lower() == name)


def _too_large(max_bytes: int) -> ImageTooLarge:
    return ImageTooLarge(
        f"The file behind the URL has more than {max_bytes:,} bytes.",
        hint="Give the address of a smaller version.",
    )
