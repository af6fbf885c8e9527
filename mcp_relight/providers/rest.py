"""Sends what an adapter describes: the key, time-outs, limits, retries and the mapping of errors.

The rule that shapes this file: a submit may cost money, so it is sent once. Whatever leaves it open
whether the provider took it is OutcomeUnknown; only what certainly was not taken is a plain error.
Every other request is free and is repeated.
"""

import logging
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TypeVar
from urllib.parse import urlsplit

import anyio
import httpx2
from pydantic import JsonValue, SecretStr

from mcp_relight.domain.adapter import Adapter
from mcp_relight.domain.exchange import (
    Accepted,
    Call,
    Follow,
    Outcome,
    Rendered,
    Reply,
    Request,
    Working,
)
from mcp_relight.domain.job import Job
from mcp_relight.domain.words import printable
from mcp_relight.errors import (
    ContentRejected,
    Internal,
    OutcomeUnknown,
    ProviderAuth,
    ProviderDown,
    ProviderError,
    ProviderProtocol,
    ProviderRefused,
)

from .faults import poll_fault, submit_fault
from .waiting import again, paced

_T = TypeVar("_T")
_log = logging.getLogger("mcp_relight.providers")

MAX_REPLY_BYTES = 70_000_000
"""A 50 MB picture inside JSON as base64."""
MAX_OUTPUTS = 12
_MAX_FOLLOWS = 3
_CONNECT_S, _WRITE_S, _POOL_S = 5.0, 30.0, 5.0
_SLACK, _SLACK_S = 1.25, 2.0
"""A whole exchange may take this much longer than one silence in it: a reply that drips ends."""
_SCHEMA_LIFE_S = 3600.0

_TICKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:~-]{0,199}")
_NOT_SENT = (
    httpx2.ConnectError,
    httpx2.ConnectTimeout,
    httpx2.PoolTimeout,
    httpx2.UnsupportedProtocol,
    httpx2.InvalidURL,
)
_UNREADABLE = (LookupError, TypeError, ValueError, AttributeError, RecursionError)
"""What reading a reply of an unexpected shape may raise in an adapter."""


class RestProvider:
    """A remote provider: an adapter, a key, and one pool of connections.

    Implements `domain.ports.Provider`. `transport` and `now` are replaced in tests.
    """

    def __init__(
        self,
        adapter: Adapter,
        *,
        key: SecretStr,
        origin: str | None = None,
        transport: httpx2.AsyncBaseTransport | None = None,
        now: Callable[[], float] = time.time,
    ) -> None:
        self.adapter = adapter
        self._key = key
        self._origin = (origin or adapter.origin).rstrip("/")
        self._now = now
        self._client = httpx2.AsyncClient(
            trust_env=False,
            follow_redirects=False,
            transport=transport,
            headers={"User-Agent": "mcp-relight", "Accept-Encoding": "identity"},
        )
        self._schemas: dict[str, tuple[float, Mapping[str, JsonValue]]] = {}
        self._odd_words: set[str] = set()

    @property
    def name(self) -> str:
        return self.adapter.name

    async def aclose(self) -> None:
        await self._client.aclose()

    # --- the port

    async def submit(self, call: Call) -> Outcome:
        """Send the job, once. Raises OutcomeUnknown when it may have been taken."""
        return await self._start(await self._first_request(call))

    async def poll(self, job: Job) -> Outcome:
        if job.ticket is None:
            raise Internal("A job without a ticket was polled.")
        outcome = await self._ask(self.adapter.poll(self._checked(job.ticket)))
        if isinstance(outcome, Working):
            if outcome.unknown_status is not None:
                self._note_odd_word(outcome.unknown_status)
            since = job.submitted_at or job.created_at
            return paced(outcome, self.adapter, max(self._now() - since, 0.0))
        if isinstance(outcome, Rendered):
            return outcome
        raise self._unreadable()

    async def cancel(self, job: Job) -> bool:
        request = self.adapter.cancel(self._checked(job.ticket)) if job.ticket else None
        if request is None:
            return False
        await self._free(request)
        return True

    async def reconcile(self, job: Job) -> Outcome | None:
        request = self.adapter.recent(job)
        if request is None:
            return None
        reply = await self._free(request)
        ticket = self._guarded(lambda: self.adapter.read_recent(job, reply))
        if ticket is None:
            return None
        return Accepted(ticket=self._checked(ticket), poll_after_s=0.0)

    async def balance(self) -> str | None:
        request = self.adapter.balance()
        if request is None:
            return None
        reply = await self._free(request)
        return self._guarded(lambda: self.adapter.read_balance(reply))

    # --- beyond the port

    async def upload(self, data: bytes, mime_type: str) -> str | None:
        """An address the provider can read these bytes at; None where it takes no uploads."""
        request = self.adapter.upload(data, mime_type)
        if request is None:
            return None
        reply = await self._free(request)
        return self._shareable(self._guarded(lambda: self.adapter.read_upload(reply)))

    def _shareable(self, url: str) -> str:
        """Only an https address with a name, or one of the configured origin, is passed on."""
        parts = urlsplit(url)
        here = urlsplit(self._origin)
        is_here = (parts.scheme, parts.netloc) == (here.scheme, here.netloc)
        has_name = "." in (parts.hostname or "") and not _is_number(parts.hostname or "")
        if is_here or (parts.scheme == "https" and has_name and parts.username is None):
            return url
        raise self._unreadable()

    async def catalogue(self) -> JsonValue:
        """Today's list of models as JSON; None where the provider has no such list."""
        request = self.adapter.catalogue()
        if request is None:
            return None
        reply = await self._free(request)
        return self._guarded(lambda: self.adapter.read_catalogue(reply))

    # --- paid

    async def _first_request(self, call: Call) -> Request:
        request = self.adapter.schema(call)
        if request is None:
            return self.adapter.submit(call)
        kept = self._schemas.get(request.path)
        if kept is None or self._now() - kept[0] > _SCHEMA_LIFE_S:
            reply = await self._free(request)
            kept = (self._now(), self._guarded(reply.json_object))
            self._schemas[request.path] = kept
        return self.adapter.submit_with(call, kept[1])

    async def _start(self, request: Request, follows: int = 0) -> Outcome:
        reply = await self._send_once(request)
        if not _is_good(reply):
            outcome = self._refusal(request, reply)
            if isinstance(outcome, Follow) and follows < _MAX_FOLLOWS:
                return await self._start(outcome.request, follows + 1)
            raise submit_fault(self.adapter, reply, self._now())
        try:
            return self._settled(await self._followed(request, reply))
        except (ProviderRefused, ContentRejected):
            raise
        except ProviderError:
            raise self._unknown("its answer could not be read") from None

    def _refusal(self, request: Request, reply: Reply) -> Outcome | None:
        """What the adapter makes of a refusal; one it cannot read is left to the common table."""
        try:
            return self._guarded(lambda: self.adapter.read_refusal(request, reply))
        except ProviderProtocol:
            return None

    async def _followed(self, request: Request, reply: Reply) -> Outcome:
        """What a taken submit came to, with the free requests its result still needs."""
        outcome = self._read(request, reply)
        return await self._ask(outcome.request) if isinstance(outcome, Follow) else outcome

    def _settled(self, outcome: Outcome) -> Outcome:
        if isinstance(outcome, Accepted):
            return replace(outcome, ticket=self._checked(outcome.ticket))
        if isinstance(outcome, Rendered):
            return outcome
        raise self._unreadable()

    async def _send_once(self, request: Request) -> Reply:
        try:
            return await self._send(request)
        except _NOT_SENT:
            raise ProviderDown(
                f"{self.adapter.title} could not be reached; nothing was sent.",
                hint="Check the network and the provider's URL setting, then call again.",
                billed="no",
            ) from None
        except (httpx2.HTTPError, httpx2.StreamError, TimeoutError):
            raise self._unknown("no answer came") from None
        except ProviderProtocol:
            raise self._unknown("its answer could not be read") from None

    def _unknown(self, why: str) -> OutcomeUnknown:
        return OutcomeUnknown(f"The job was sent to {self.adapter.title}, but {why}.")

    # --- free

    async def _ask(self, request: Request) -> Outcome:
        """The outcome of a free request, repeated while that may help."""
        for _ in range(_MAX_FOLLOWS):
            outcome = await self._asked(request)
            if not isinstance(outcome, Follow):
                return outcome
            request = outcome.request
        raise self._unreadable()

    async def _asked(self, request: Request) -> Outcome:
        async for attempt in again():
            with attempt:
                return self._read(request, await self._answer(request))
        raise self._unreadable()

    async def _free(self, request: Request) -> Reply:
        """The 2xx reply to a free request, repeated while that may help."""
        async for attempt in again():
            with attempt:
                reply = await self._answer(request)
                if _is_good(reply):
                    return reply
                self._refusal(request, reply)
                raise poll_fault(self.adapter, reply, self._now())
        raise self._unreadable()

    async def _answer(self, request: Request) -> Reply:
        try:
            return await self._send(request)
        except (httpx2.HTTPError, httpx2.InvalidURL, httpx2.StreamError, TimeoutError):
            raise ProviderDown(
                f"{self.adapter.title} could not be reached.",
                hint="The job is kept; call get_job later.",
                billed="unknown",
            ) from None

    def _read(self, request: Request, reply: Reply) -> Outcome:
        outcome: Outcome | None
        if _is_good(reply):
            outcome = self._guarded(lambda: self.adapter.read(request, reply))
        else:
            outcome = self._refusal(request, reply)
        if outcome is None:
            raise poll_fault(self.adapter, reply, self._now())
        if isinstance(outcome, Rendered):
            if not outcome.outputs:
                raise self._empty()
            return replace(outcome, outputs=outcome.outputs[:MAX_OUTPUTS])
        return outcome

    def _guarded(self, reading: Callable[[], _T]) -> _T:
        try:
            return reading()
        except _UNREADABLE:
            raise self._unreadable() from None

    def _unreadable(self) -> ProviderProtocol:
        return ProviderProtocol(
            f"{self.adapter.title} answered in a form that could not be read.",
            hint="Look at the job in the provider's own console, or call again later.",
        )

    def _empty(self) -> ProviderProtocol:
        return ProviderProtocol(
            f"{self.adapter.title} says that the job is done, but names no picture that may be "
            "fetched.",
            billed="yes",
        )

    # --- one request

    async def _send(self, request: Request) -> Reply:
        timeout = httpx2.Timeout(
            connect=_CONNECT_S, read=request.timeout_s, write=_WRITE_S, pool=_POOL_S
        )
        with anyio.fail_after(request.timeout_s * _SLACK + _SLACK_S):
            async with self._client.stream(
                request.method,
                self._base(request.host) + request.path,
                params=dict(request.query) or None,
                json=request.json,
                headers={**request.headers, **self._auth()},
                timeout=timeout,
            ) as response:
                body = await self._body(response)
        headers = {name.lower(): value for name, value in response.headers.items()}
        return Reply(response.status_code, headers, body)

    async def _body(self, response: httpx2.Response) -> bytes:
        """The raw body, bounded. A compressed one was not asked for and is refused: a small one
        may unfold to any size. The status of a refusal says enough without its body."""
        if response.headers.get("content-encoding", "identity").lower() != "identity":
            if response.status_code >= 300:
                return b""
            raise self._unreadable()
        body = bytearray()
        async for chunk in response.aiter_raw():
            body += chunk
            if len(body) > MAX_REPLY_BYTES:
                raise self._unreadable()
        return bytes(body)

    def _base(self, host: str | None) -> str:
        """The configured origin, or a documented host of the same provider. A gateway in the place
        of the origin stands for those hosts too: the key goes nowhere else."""
        if host is None or self._origin != self.adapter.origin:
            return self._origin
        if host not in self.adapter.sibling_hosts:
            raise Internal("An adapter named a host it does not declare.")
        return f"https://{host}"

    def _auth(self) -> Mapping[str, str]:
        key = self._key.get_secret_value().strip()
        if not key.isascii() or not key.isprintable():
            raise ProviderAuth(
                f"{self.adapter.key_variable} holds characters no key has.",
                hint="Copy the key again, without quotes or line breaks.",
                billed="no",
            )
        return self.adapter.auth(key)

    def _checked(self, ticket: object) -> str:
        """Tickets go into paths, so only harmless characters may be in them."""
        if not isinstance(ticket, str) or not _TICKET.fullmatch(ticket):
            raise self._unreadable()
        return ticket

    def _note_odd_word(self, word: str) -> None:
        shown = printable(word, 40)
        if shown not in self._odd_words and len(self._odd_words) < 100:
            self._odd_words.add(shown)
            _log.warning("%s: unknown status word %r", self.adapter.name, shown)


def _is_number(host: str) -> bool:
    """Whether a host is spelled as an IP address rather than a name."""
    return ":" in host or host.replace(".", "").isdecimal()


def _is_good(reply: Reply) -> bool:
    return 200 <= reply.status < 300
