"""The one place from which requests leave for a provider: its key, its origin, time and size.

Every request passes the rate gate here, and none is repeated: what comes of it, or what may have
come of it, is said once, and whoever asked decides.
"""

import ssl
import time
from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager

import anyio
import httpx2

from mcp_relight import telemetry
from mcp_relight.domain.exchange import Reply, Request
from mcp_relight.domain.network import Network, is_about_certificates
from mcp_relight.domain.ports import Turn
from mcp_relight.errors import (
    Internal,
    InvalidArgument,
    OutcomeUnknown,
    ProviderAuth,
    ProviderDown,
    RelightError,
)

from .faults import unreadable
from .registry import Account

MAX_REPLY_BYTES = 70_000_000
"""A 50 MB picture inside JSON as base64."""
_CONNECT_S, _WRITE_S, _POOL_S = 5.0, 30.0, 5.0
_HTTPS_PORT = 443
_SLACK, _SLACK_S = 1.25, 2.0
"""A whole exchange may take this much longer than one silence in it: a reply that drips ends."""


def whole_s(timeout_s: float) -> float:
    """How long an exchange with such silences may take in all."""
    return timeout_s * _SLACK + _SLACK_S


_NOT_SENT = (
    httpx2.ProxyError,
    httpx2.ConnectError,
    httpx2.ConnectTimeout,
    httpx2.PoolTimeout,
    httpx2.UnsupportedProtocol,
)


class Wire:
    """One provider's pool of connections. `transport` is replaced in tests."""

    def __init__(
        self,
        account: Account,
        *,
        transport: httpx2.AsyncBaseTransport | None = None,
    ) -> None:
        adapter, network = account.adapter, account.network
        self._adapter = adapter
        self._key = account.key
        self.origin = account.origin
        self._by_proxy = network.proxy is not None
        self._problem: ProviderDown | None = None
        mounts = dict[str, httpx2.AsyncBaseTransport]()
        if transport is None:
            hosts = (f"https://{host}" for host in adapter.sibling_hosts)
            try:
                mounts = _routes(network, [self.origin, *hosts])
            except ProviderDown as problem:
                self._problem = problem
        self._client = httpx2.AsyncClient(
            trust_env=False,
            mounts=mounts,
            follow_redirects=False,
            transport=transport,
            headers={"User-Agent": "mcp-relight", "Accept-Encoding": "identity"},
        )

    async def aclose(self) -> None:
        await self._client.aclose()

    async def send(self, request: Request, turn: Turn) -> Reply:
        """The reply, whatever its status.

        Raises ProviderDown where it cannot be reached, ProviderAuth for a key no key looks like and
        InvalidArgument for a body that cannot be written: then certainly nothing left, and they say
        taken "no". Raises OutcomeUnknown where it may have arrived and no answer came, and
        ProviderProtocol for an answer that is not read.
        """
        title = self._adapter.title
        if self._problem is not None:
            raise self._problem
        try:
            built = self._built(request)
            await turn()
        except RelightError as error:
            raise error.of_submit("no") from None
        began, outcome = time.monotonic(), "no answer"
        try:
            with self._traced(request) as note:
                reply = await self._exchange(built, request.timeout_s)
                note("http_response.status_code", reply.status)
            outcome = str(reply.status)
            return reply
        except _NOT_SENT as error:
            raise _unreachable(title, error, by_proxy=self._by_proxy) from None
        except (httpx2.HTTPError, httpx2.StreamError, TimeoutError):
            raise OutcomeUnknown(f"The job was sent to {title}, but no answer came.") from None
        finally:
            spent_s = time.monotonic() - began
            telemetry.count_request(self._adapter.name, request.method, outcome, spent_s)

    def _traced(self, request: Request) -> AbstractContextManager[telemetry.Note]:
        return telemetry.span(
            f"{request.method} {self._adapter.name}",
            leaves=True,
            http_request=request.method,
            relight_provider=self._adapter.name,
        )

    def _built(self, request: Request) -> httpx2.Request:
        """The request in bytes: what cannot be written fails here, where nothing was sent yet."""
        timeout = httpx2.Timeout(
            connect=_CONNECT_S, read=request.timeout_s, write=_WRITE_S, pool=_POOL_S
        )
        url, headers = self._url(request), {**request.headers, **self._auth()}
        try:
            return self._client.build_request(
                request.method,
                url,
                params=dict(request.query) or None,
                json=request.json,
                headers=headers,
                timeout=timeout,
            )
        except (ValueError, TypeError, httpx2.InvalidURL):
            raise InvalidArgument(
                "The request holds letters or numbers that cannot be sent; nothing was.",
                hint="Check prompt and params, and the provider's URL setting.",
            ) from None

    async def _exchange(self, built: httpx2.Request, timeout_s: float) -> Reply:
        with anyio.fail_after(whole_s(timeout_s)):
            response = await self._client.send(built, stream=True)
            try:
                body = await self._body(response)
            finally:
                await response.aclose()
        named = {name.lower(): value for name, value in response.headers.items()}
        return Reply(response.status_code, named, body)

    async def _body(self, response: httpx2.Response) -> bytes:
        """The raw body, bounded. A compressed one was not asked for and is refused: a small one
        may unfold to any size. The status of a refusal says enough without its body."""
        if response.headers.get("content-encoding", "identity").lower() != "identity":
            if response.status_code >= 300:
                return b""
            raise unreadable(self._adapter)
        body = bytearray()
        async for chunk in response.aiter_raw():
            body += chunk
            if len(body) > MAX_REPLY_BYTES:
                raise unreadable(self._adapter)
        return bytes(body)

    def _url(self, request: Request) -> str:
        """Below the configured origin, or a documented host of the same provider. A gateway in the
        place of the origin stands for those hosts too: the key goes nowhere else."""
        if request.host is None or self.origin != self._adapter.origin:
            return self.origin + request.path
        if request.host not in self._adapter.sibling_hosts:
            raise Internal("An adapter named a host it does not declare.")
        return f"https://{request.host}{request.path}"

    def _auth(self) -> Mapping[str, str]:
        key = self._key.get_secret_value().strip() if self._key else ""
        if not key or not key.isascii() or not key.isprintable():
            raise ProviderAuth(
                f"{self._adapter.key_variable} holds nothing, or characters no key has.",
                hint="Copy the key again, without quotes or line breaks.",
                billed="no",
            )
        return self._adapter.auth(key)


def _routes(network: Network, origins: Iterable[str]) -> dict[str, httpx2.AsyncBaseTransport]:
    """A transport for each of these https origins, by the pattern under which httpx2 mounts it.

    Nothing is read from the environment here. Raises ProviderDown for settings nobody can use.
    """
    context = _context(network)
    mounted = dict[str, httpx2.AsyncBaseTransport]()
    for origin in origins:
        url = httpx2.URL(origin)
        if url.scheme == "https":
            host = url.host if url.port is None else f"{url.host}:{url.port}"
            proxy = _checked(network.proxy_for(url.host, url.port or _HTTPS_PORT))
            mounted[f"https://{host}"] = httpx2.AsyncHTTPTransport(verify=context, proxy=proxy)
    return mounted


def _unreachable(title: str, error: Exception, *, by_proxy: bool) -> ProviderDown:
    """Nothing left for the provider; why, as far as the error tells."""
    if isinstance(error, httpx2.ProxyError):
        return _down(
            f"The proxy did not let the request to {title} through; nothing was sent.",
            "Check HTTPS_PROXY, or name the host in NO_PROXY. MCP_RELIGHT_TRUST_ENV=0 goes "
            "without it.",
        )
    if is_about_certificates(error):
        return _down(
            f"The certificate shown for {title} is not trusted here; nothing was sent.",
            "Where a company's proxy signs what passes, set SSL_CERT_FILE to a file with its "
            "certificate. Check this machine's clock.",
        )
    return _down(
        f"{title} could not be reached; nothing was sent.",
        "Check the network and the provider's URL setting, then call again."
        + (" HTTPS_PROXY is used for it: check it too." if by_proxy else ""),
    )


def _context(network: Network) -> ssl.SSLContext:
    if network.certificates is None:
        return httpx2.create_ssl_context(trust_env=False)
    try:
        return ssl.create_default_context(cafile=str(network.certificates))
    except (OSError, ValueError):  # ssl.SSLError is an OSError
        raise _down(
            "SSL_CERT_FILE names no file of certificates that can be read; nothing was sent.",
            "Correct or remove SSL_CERT_FILE. MCP_RELIGHT_TRUST_ENV=0 goes without it.",
        ) from None


def _checked(proxy: str | None) -> httpx2.Proxy | None:
    if proxy is None:
        return None
    try:
        checked = httpx2.Proxy(proxy)
    except (ValueError, httpx2.InvalidURL):
        checked = None
    if checked is None or checked.url.scheme not in ("http", "https") or not checked.url.host:
        raise _down(
            "HTTPS_PROXY is no address of an http or https proxy; nothing was sent.",
            "Write it as http://host:port. MCP_RELIGHT_TRUST_ENV=0 goes without it.",
        )
    return checked


def _down(message: str, hint: str) -> ProviderDown:
    return ProviderDown(message, hint=hint, billed="no", taken="no")
