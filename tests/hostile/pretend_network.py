"""A network that exists only in memory: it writes down which address each connection went to."""

# ruff: noqa: ASYNC109  the signatures are those of httpcore2's network interface

import ssl
from collections.abc import Callable, Sequence

import httpcore2

from mcp_relight.storage.fetch import Fetcher
from tests.hostile.canary import reply_to
from tests.hostile.names import Names

# Loading the system's certificates takes longer than any fetch here.
_NO_CERTIFICATES = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


class PretendNetwork(httpcore2.AsyncNetworkBackend):
    """Every address answers. TLS is accepted as it is, so https needs no certificates here."""

    def __init__(self, reply: Callable[[bytes], bytes] = reply_to) -> None:
        self.names = Names()
        self.reached: list[tuple[str, int]] = []
        self.requests: list[bytes] = []
        self.tls_names: list[str | None] = []
        self._reply = reply

    def fetcher(self, *, allow_private_hosts: frozenset[str] = frozenset()) -> Fetcher:
        return Fetcher(
            allow_private_hosts=allow_private_hosts,
            resolver=self.resolve,
            connector=self,
            ssl_context=_NO_CERTIFICATES,
        )

    async def resolve(self, host: str, port: int) -> Sequence[str]:
        addresses = self.names.addresses(host)
        if not addresses:
            raise OSError("no such name")
        return addresses

    async def connect_tcp(
        self, host, port, timeout=None, local_address=None, socket_options=None
    ) -> httpcore2.AsyncNetworkStream:
        self.reached.append((host, port))
        return _Conversation(self)

    def answer(self, request: bytes) -> bytes:
        self.requests.append(request)
        return self._reply(request)


class _Conversation(httpcore2.AsyncNetworkStream):
    def __init__(self, network: PretendNetwork) -> None:
        self._network = network
        self._request = b""
        self._answer: bytes | None = None

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._request += buffer

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        if self._answer is None:
            self._answer = self._network.answer(self._request)
        chunk, self._answer = self._answer[:max_bytes], self._answer[max_bytes:]
        return chunk

    async def start_tls(
        self, ssl_context, server_hostname=None, timeout=None
    ) -> httpcore2.AsyncNetworkStream:
        self._network.tls_names.append(server_hostname)
        return self

    async def aclose(self) -> None:
        pass
