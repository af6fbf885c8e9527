"""Carries out what an adapter describes: which request is next, and what its reply means.

The rule that shapes this file: a submit may cost money, so it is sent once. Whatever leaves it open
whether the provider took it is OutcomeUnknown; only what certainly was not taken is a plain error.
Every other request is free, and repeated by whoever asked, not here.
"""

import logging
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import urlsplit

import anyio
from pydantic import JsonValue

from mcp_relight.domain.exchange import (
    Accepted,
    Call,
    Follow,
    Outcome,
    Pace,
    Rate,
    Rendered,
    Reply,
    Request,
    Working,
)
from mcp_relight.domain.job import Job, is_younger
from mcp_relight.domain.ports import Turn
from mcp_relight.domain.words import printable
from mcp_relight.errors import (
    ContentRejected,
    Internal,
    OutcomeUnknown,
    ProviderDown,
    ProviderError,
    ProviderProtocol,
    ProviderRefused,
    RelightError,
    TimedOut,
)
from mcp_relight.providers.kit.adapter import Adapter

from .faults import FAILURES, free_fault, poll_fault, submit_fault, taken, unreadable
from .registry import Account
from .wire import Wire, whole_s

if TYPE_CHECKING:
    import httpx2

_T = TypeVar("_T")
_Fault = Callable[[Adapter, Reply, float], ProviderError]
_log = logging.getLogger("mcp_relight.providers")

MAX_OUTPUTS = 12
_MAX_FALLBACKS = 2
"""Documented ones, each after a definite refusal."""
_SCHEMA_LIFE_S = 3600.0
_TICKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:~-]{0,199}")


class RestProvider:
    """A remote provider: one account at it, and one pool of connections.

    Implements `domain.ports.Provider`. `transport` and `now` are replaced in tests.
    """

    def __init__(
        self,
        account: Account,
        *,
        transport: "httpx2.AsyncBaseTransport | None" = None,
        now: Callable[[], float] = time.time,
    ) -> None:
        self.account = account
        self.adapter = account.adapter
        self._wire = Wire(account, transport=transport)
        self._now = now
        self._schemas: dict[str, tuple[float, Mapping[str, JsonValue]]] = {}
        self._odd_words: set[str] = set()

    @property
    def name(self) -> str:
        return self.adapter.name

    @property
    def rate(self) -> Rate:
        return self.account.rate

    @property
    def pace(self) -> Pace:
        return self.adapter.pace

    @property
    def submit_within_s(self) -> float:
        return whole_s(self.adapter.submit_s)

    async def aclose(self) -> None:
        await self._wire.aclose()

    # --- the port

    async def submit(self, call: Call, turn: Turn) -> Outcome:
        """Send the job, once. Every error says whether it may have been taken."""
        try:
            request = self.adapter.submit(call)
        except RelightError as error:
            raise error.of_submit("no") from None
        except FAILURES:
            raise ProviderRefused(
                f"The request to {self.adapter.title} could not be put together; nothing was sent.",
                hint="Call plan_relight with the same arguments, or choose another model.",
                billed="no",
                taken="no",
            ) from None
        has_left = False

        async def leave() -> None:
            nonlocal has_left
            await turn()
            has_left = True

        with anyio.move_on_after(self.submit_within_s):
            return await self._submit(request, leave, fallbacks=_MAX_FALLBACKS)
        if has_left:
            raise OutcomeUnknown(f"The job was sent to {self.adapter.title}, but no answer came.")
        raise TimedOut(f"The turn to ask {self.adapter.title} did not come.").of_submit("no")

    async def poll(self, job: Job, turn: Turn) -> Outcome:
        if job.ticket is None:
            raise Internal("A job without a ticket was polled.")
        request = self.adapter.poll(self._checked(job.ticket))
        outcome = self._read(request, await self._free(request, turn, poll_fault))
        if isinstance(outcome, Working) and outcome.unknown_status is not None:
            self._note_odd_word(outcome.unknown_status)
        return outcome

    async def cancel(self, job: Job, turn: Turn) -> bool:
        request = self.adapter.cancel(self._checked(job.ticket)) if job.ticket else None
        if request is None:
            return False
        await self._free(request, turn, poll_fault)
        return True

    async def reconcile(self, job: Job, turn: Turn) -> Outcome | None:
        request = self.adapter.recent(job)
        if request is None:
            return None
        reply = await self._free(request, turn)
        ticket = self._guarded(lambda: self.adapter.read_recent(job, reply))
        if ticket is None:
            return None
        return Accepted(ticket=self._checked(ticket), poll_after_s=0.0)

    async def balance(self, turn: Turn) -> str | None:
        request = self.adapter.balance()
        if request is None:
            return None
        reply = await self._free(request, turn)
        return self._guarded(lambda: self.adapter.read_balance(reply))

    # --- beyond the port

    async def upload(self, data: bytes, mime_type: str, turn: Turn) -> str | None:
        """An address the provider can read these bytes at; None where it takes no uploads."""
        request = self.adapter.upload(data, mime_type)
        if request is None:
            return None
        reply = await self._free(request, turn)
        return self._guarded(lambda: self._shareable(self.adapter.read_upload(reply)))

    def _shareable(self, url: str) -> str:
        """Only an https address with a name, or one of the configured origin, is passed on."""
        parts = urlsplit(url)
        here = urlsplit(self._wire.origin)
        is_here = (parts.scheme, parts.netloc) == (here.scheme, here.netloc)
        has_name = "." in (parts.hostname or "") and not _is_number(parts.hostname or "")
        if is_here or (parts.scheme == "https" and has_name and parts.username is None):
            return url
        raise unreadable(self.adapter)

    def asks_schema(self, model: str) -> bool:
        """Whether `schema` would send a request now."""
        request = self.adapter.schema(model)
        return request is not None and self._kept_schema(request) is None

    async def schema(self, model: str, turn: Turn) -> Mapping[str, JsonValue] | None:
        """What the provider publishes for a model's requests; None where the adapter knows it."""
        request = self.adapter.schema(model)
        if request is None:
            return None
        kept = self._kept_schema(request)
        if kept is None:
            reply = await self._free(request, turn)
            kept = self._guarded(lambda: self.adapter.read_schema(reply))
            self._schemas[request.path] = (self._now(), kept)
        return kept

    def _kept_schema(self, request: Request) -> Mapping[str, JsonValue] | None:
        read_at, kept = self._schemas.get(request.path, (0.0, None))
        return kept if is_younger(read_at, self._now(), _SCHEMA_LIFE_S) else None

    async def catalog(self, turn: Turn) -> JsonValue:
        """Today's list of models as JSON; None where the provider has no such list."""
        request = self.adapter.catalog()
        if request is None:
            return None
        reply = await self._free(request, turn)
        return self._guarded(lambda: self.adapter.read_catalog(reply))

    # --- paid

    async def _submit(self, request: Request, turn: Turn, *, fallbacks: int) -> Outcome:
        try:
            reply = await self._wire.send(request, turn)
        except ProviderProtocol:
            raise self._unknown() from None
        if _is_good(reply):
            return self._taken(request, reply)
        try:
            fallback = self._refusal(request, reply)
        except RelightError as error:
            raise error.of_submit(taken(reply.status)) from None
        if fallback is None or fallbacks == 0 or taken(reply.status) != "no":
            raise submit_fault(self.adapter, reply, self._now())
        return await self._submit(fallback.request, turn, fallbacks=fallbacks - 1)

    def _taken(self, request: Request, reply: Reply) -> Outcome:
        """What a 2xx reply to a submit says. The job exists, unless it ended at once: what cannot
        be read is unknown."""
        try:
            outcome = self._read(request, reply)
        except (ProviderRefused, ContentRejected) as error:
            raise error.of_submit("no") from None
        except RelightError:
            raise self._unknown() from None
        if isinstance(outcome, Working):
            raise self._unknown()
        return outcome

    def _refusal(self, request: Request, reply: Reply) -> Follow | None:
        """What the adapter makes of a refusal; one it cannot read is left to the common table."""
        try:
            return self._guarded(lambda: self.adapter.read_refusal(request, reply))
        except ProviderProtocol:
            return None

    def _unknown(self) -> OutcomeUnknown:
        return OutcomeUnknown(
            f"The job was sent to {self.adapter.title}, but its answer could not be read."
        )

    # --- free

    async def _free(self, request: Request, turn: Turn, fault: _Fault = free_fault) -> Reply:
        """The 2xx reply to a free request."""
        try:
            reply = await self._wire.send(request, turn)
        except OutcomeUnknown:
            raise ProviderDown(
                f"{self.adapter.title} did not answer.", hint="Call again later.", billed="unknown"
            ) from None
        if _is_good(reply):
            return reply
        self._refusal(request, reply)
        raise fault(self.adapter, reply, self._now())

    # --- reading

    def _read(self, request: Request, reply: Reply) -> Outcome:
        outcome = self._guarded(lambda: self.adapter.read(request, reply))
        if isinstance(outcome, Accepted):
            return replace(outcome, ticket=self._checked(outcome.ticket))
        if isinstance(outcome, Rendered):
            if not outcome.outputs:
                raise self._empty()
            return replace(outcome, outputs=outcome.outputs[:MAX_OUTPUTS])
        return outcome

    def _guarded(self, reading: Callable[[], _T]) -> _T:
        try:
            return reading()
        except FAILURES:
            raise unreadable(self.adapter) from None

    def _empty(self) -> ProviderProtocol:
        return ProviderProtocol(
            f"{self.adapter.title} says that the job is done, but names no picture that may be "
            "fetched.",
            billed="yes",
        )

    def _checked(self, ticket: object) -> str:
        """Tickets go into paths, so only harmless characters may be in them."""
        if not isinstance(ticket, str) or not _TICKET.fullmatch(ticket):
            raise unreadable(self.adapter)
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
