"""What a provider's adapter is: pure functions over the values of `exchange`.

An adapter computes requests and reads replies. It never sends, waits, retries, logs or touches a
file: whoever runs it does all that, the same way for every provider.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import ClassVar, Self

from pydantic import JsonValue

from mcp_relight.domain.exchange import Call, Follow, Outcome, Pace, Reply, Request
from mcp_relight.domain.job import Job
from mcp_relight.domain.models import Listing, ModelSpec


class Adapter(ABC):
    """One remote provider. Required: the names, `specs`, `auth`, `submit`, `poll`, `read`."""

    name: ClassVar[str]
    """First part of its model ids."""
    title: ClassVar[str]
    origin: ClassVar[str]
    """Where its API lives; a setting may put a gateway in its place."""
    key_variable: ClassVar[str]
    """The environment variable that holds the key. `<variable>_FILE` may name a file instead, and
    `MCP_RELIGHT_<NAME>_URL` and `_RPM` set another origin and rate. It ends in _KEY, _TOKEN or
    _SECRET, by which its value is kept out of logs from the start."""
    key_page: ClassVar[str] = ""
    """Where a person gets a key."""
    sibling_hosts: ClassVar[frozenset[str]] = frozenset()
    """Further documented hosts of the same provider that are given the key."""
    rate_reset_header: ClassVar[str | None] = None
    """Lower-case header in which a 429 says when to come back, beside Retry-After."""
    per_minute: ClassVar[float] = 50.0
    """Requests of any kind that one key may send, polls and uploads included; a setting may choose
    another rate."""
    burst: ClassVar[int] = 10
    """So many of them may follow each other at once."""
    pace: ClassVar[Pace] = Pace()
    submit_s: ClassVar[float] = 120.0
    """The longest `timeout_s` of a request that starts a job. Whoever finds a job whose sender is
    gone looks for it at the provider only after that."""
    max_edge_px: ClassVar[int | None] = 4096
    """Longer edge of a picture that is uploaded for it."""
    takes_data: ClassVar[bool] = False
    """True where pictures inside the request are proven to work."""

    calls_back: ClassVar[bool] = False
    """True where `submit` passes `Call.hook_url` on, and the provider calls it when a job ends."""

    @abstractmethod
    def specs(self) -> Sequence[ModelSpec]:
        """Its models."""

    @abstractmethod
    def auth(self, key: str) -> Mapping[str, str]:
        """The headers that carry the key."""

    @abstractmethod
    def submit(self, call: Call) -> Request:
        """The request that starts the job. Raises InvalidArgument."""

    def essence(self, call: Call) -> JsonValue:
        """What makes this call another one than the next: two calls of one model with the same
        pictures and the same essence are paid once. Override it where the body also depends on what
        is read from the provider. Raises as `submit`."""
        return self.submit(call).json

    @abstractmethod
    def poll(self, ticket: str) -> Request:
        """The request that asks for its state. The ticket's characters are already checked."""

    @abstractmethod
    def read(self, request: Request, reply: Reply) -> Outcome:
        """What a 2xx reply to `submit`, `poll` or a `Follow` says. Where the result takes one more
        request, return Accepted with a ticket that `poll` makes that request from.

        Raises ProviderProtocol for a reply it cannot read, ProviderRefused, ContentRejected or
        JobExpired for a job that ended badly.
        """

    def read_refusal(self, request: Request, reply: Reply) -> Follow | None:
        """What any other reply says, where this provider differs from the common table: raise the
        error, or return a `Follow` to a documented fallback. None leaves it to the table."""
        return None

    def schema(self, model: str) -> Request | None:
        """The free request for the JSON Schema of this model's requests, which is then in
        `Call.schema`; None where the parameters are known here."""
        return None

    def read_schema(self, reply: Reply) -> Mapping[str, JsonValue]:
        """The JSON Schema itself. Raises ProviderProtocol."""
        return reply.json_object()

    @property
    def takes_uploads(self) -> bool:
        return self.upload(b"", "image/png") is not None

    def upload(self, data: bytes, mime_type: str) -> Request | None:
        """The request that makes a picture readable for the provider; None where there is none."""
        return None

    def read_upload(self, reply: Reply) -> str:
        """The address of an uploaded picture. Raises ProviderProtocol."""
        raise NotImplementedError

    def cancel(self, ticket: str) -> Request | None:
        """The request that stops a job; None where the provider has none."""
        return None

    def recent(self, job: Job) -> Request | None:
        """The request that lists recent jobs; None where there is none."""
        return None

    def read_recent(self, job: Job, reply: Reply) -> str | None:
        """The ticket of the one recent job that can only be `job`; None when in doubt."""
        return None

    def balance(self) -> Request | None:
        """A free request that checks the key; None where there is none."""
        return None

    def read_balance(self, reply: Reply) -> str:
        """What is left on the account, in words."""
        raise NotImplementedError

    def catalog(self) -> Request | None:
        """A free request that lists the models of today; None where there is none."""
        return None

    def read_catalog(self, reply: Reply) -> JsonValue:
        """The list as JSON, in the form `with_catalog` takes. Raises ProviderProtocol."""
        raise NotImplementedError

    def with_catalog(self, rows: JsonValue, as_of: str) -> Self:
        """This adapter with a live list of models, read on the day `as_of`, over its own."""
        return self

    @property
    def listing(self) -> Listing | None:
        """Where its models and prices come from; None where they are all in its documents."""
        return None
