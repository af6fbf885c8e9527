"""The one place from which requests leave for a provider: its key, its origin, time and size.

Every request passes the rate gate here, and none is repeated: what comes of it, or what may have
come of it, is said once, and whoever asked decides.
"""

from collections.abc import Mapping

import anyio
import httpx2
from pydantic import SecretStr

from mcp_relight.domain.adapter import Adapter
from mcp_relight.domain.exchange import Reply, Request
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

MAX_REPLY_BYTES = 70_000_000
"""A 50 MB picture inside JSON as base64."""
_CONNECT_S, _WRITE_S, _POOL_S = 5.0, 30.0, 5.0
_SLACK, _SLACK_S = 1.25, 2.0
"""A whole exchange may take this much longer than one silence in it: a reply that drips ends."""
_NOT_SENT = (
    httpx2.ConnectError,
    httpx2.ConnectTimeout,
    httpx2.PoolTimeout,
    httpx2.UnsupportedProtocol,
)


class Wire:
    """One provider's pool of connections. `transport` is replaced in tests."""

    def __init__(
        self,
        adapter: Adapter,
        *,
        key: SecretStr,
        origin: str,
        transport: httpx2.AsyncBaseTransport | None = None,
    ) -> None:
        self._adapter = adapter
        self._key = key
        self.origin = origin.rstrip("/")
        self._client = httpx2.AsyncClient(
            trust_env=False,
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
        try:
            built = self._built(request)
            await turn()
        except RelightError as error:
            raise error.of_submit("no") from None
        try:
            return await self._exchange(built, request.timeout_s)
        except _NOT_SENT:
            raise ProviderDown(
                f"{title} could not be reached; nothing was sent.",
                hint="Check the network and the provider's URL setting, then call again.",
                billed="no",
                taken="no",
            ) from None
        except (httpx2.HTTPError, httpx2.StreamError, TimeoutError):
            raise OutcomeUnknown(f"The job was sent to {title}, but no answer came.") from None

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
        with anyio.fail_after(timeout_s * _SLACK + _SLACK_S):
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
        key = self._key.get_secret_value().strip()
        if not key.isascii() or not key.isprintable():
            raise ProviderAuth(
                f"{self._adapter.key_variable} holds characters no key has.",
                hint="Copy the key again, without quotes or line breaks.",
                billed="no",
            )
        return self._adapter.auth(key)
