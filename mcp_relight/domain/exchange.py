"""The values an adapter exchanges with what sends for it.

An adapter turns a `Call` into a `Request`, and a `Reply` into one of the outcomes. It never sends.
"""

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, cast

from pydantic import JsonValue

from mcp_relight.errors import ProviderProtocol

from .job import Cost, FieldHonesty, Sent
from .lighting import Lighting

Method = Literal["GET", "POST", "PUT", "DELETE"]


def data_uri(data: bytes, mime_type: str) -> str:
    return f"data:{mime_type};base64,{base64.b64encode(data).decode()}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """The rate gate of one key: providers count requests per key, whatever they are for."""

    name: str
    per_minute: float
    """Requests of any kind."""
    burst: int


@dataclass(frozen=True, slots=True)
class Pace:
    """How often to ask whether a job is done: every `first_s`, slowing down to `slowest_s`; past
    `deadline_s` it is called slow, and still asked about."""

    first_s: float = 2.0
    slowest_s: float = 10.0
    deadline_s: float = 300.0


@dataclass(frozen=True, slots=True)
class Picture:
    """One input picture as a provider is to read it: exactly one of `url` and `data`."""

    width: int
    height: int
    mime_type: str
    url: str | None = None
    data: bytes | None = None
    image_id: str = ""

    @property
    def reference(self) -> str:
        """The picture as JSON can carry it: its address, else a data: URI of its bytes."""
        return self.url if self.url is not None else data_uri(self.data or b"", self.mime_type)


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One job, ready to be sent: parameters checked, pictures readable by the provider."""

    model: str
    lighting: Lighting
    params: Mapping[str, JsonValue]
    images: tuple[Picture, ...]
    count: int = 1
    seed: int | None = None
    mask: Picture | None = None
    extra_images: Mapping[str, Picture] = field(default_factory=dict[str, Picture])
    schema: Mapping[str, JsonValue] | None = None
    """The JSON Schema of the model's requests, where the provider publishes one."""
    hook_url: str | None = field(default=None, repr=False)
    """Where the provider may say that the job ended."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """A call whose pictures the provider can read, and what leaves this machine with it."""

    call: Call
    sent: tuple[Sent, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """What a model would do with a call, before anything is sent."""

    fields: tuple[FieldHonesty, ...]
    request: Mapping[str, JsonValue]
    """The body that would be sent, with pictures replaced by a word."""
    essence: JsonValue = None
    """What two calls have in common that ask the model for the same: see `Adapter.essence`."""
    takes_seed: bool = False
    """Whether the seed of the call makes a difference; of a call without one, False."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One HTTP request, below the provider's configured origin. The key is added by the sender."""

    method: Method
    path: str
    json: JsonValue = None
    query: Mapping[str, str] = field(default_factory=dict[str, str])
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    timeout_s: float = 30.0
    host: str | None = None
    """Another documented host of the same provider; None is the configured origin."""


@dataclass(frozen=True, slots=True)
class Reply:
    """One HTTP reply. Header names are lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """The body as JSON. Raises ProviderProtocol."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            raise ProviderProtocol("The provider's reply was not JSON.") from None

    def json_object(self) -> dict[str, JsonValue]:
        """The body as a JSON object. Raises ProviderProtocol."""
        value = self.json()
        if not isinstance(value, dict):
            raise ProviderProtocol("The provider's reply was not a JSON object.")
        return cast(dict[str, JsonValue], value)

    @property
    def error_words(self) -> str:
        """The text of a refusal, folded, for matching only: it is never shown."""
        return self.body[:4096].decode("utf-8", "replace").casefold()


@dataclass(frozen=True, slots=True)
class Output:
    """One result picture: bytes already here, or an address to download from."""

    url: str | None = None
    data: bytes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """The provider took the job; or, after a poll, it is to be asked about by another ticket."""

    ticket: str
    poll_after_s: float
    expires_at: float | None = None
    cost: Cost | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Working:
    """Not finished. `progress` 0…1 where the provider says one."""

    progress: float | None = None
    note: str = ""
    poll_after_s: float | None = None
    unknown_status: str | None = None
    """A status word the adapter does not know, for the log alone."""


ANOTHER_JOB = Working(note="An answer that speaks of another job was left aside.")
"""For a status reply whose id is not the one asked about: it says nothing of this job."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Follow:
    """A refused request has a documented fallback: this one."""

    request: Request


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendered:
    """Finished."""

    outputs: tuple[Output, ...]
    seed: int | None = None
    cost: Cost | None = None
    warnings: tuple[str, ...] = ()
    expires_at: float | None = None
    sent: tuple[Sent, ...] = ()


Outcome = Accepted | Working | Rendered
