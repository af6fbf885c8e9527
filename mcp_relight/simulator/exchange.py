"""One question and one answer, as values; and what differs between the providers' dialects."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]


@dataclass(frozen=True)
class Ask:
    """A request whose body has arrived. `origin` is scheme, host and port as the client sees it."""

    provider: str
    method: str
    path: Mapping[str, str]
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes
    origin: str

    @property
    def base(self) -> str:
        """What stands for the provider's own origin."""
        return f"{self.origin}/{self.provider}"


@dataclass(frozen=True)
class Reply:
    """`content` is bytes, or anything JSON. `delivers` marks a reply that carries the outcome."""

    status: int
    content: Any
    headers: Mapping[str, str] = field(default_factory=lambda: dict[str, str]())
    media_type: str = "application/json"
    delivers: bool = False
    chunked: bool = False

    @property
    def is_json(self) -> bool:
        return isinstance(self.content, dict)

    def payload(self) -> bytes:
        if isinstance(self.content, bytes):
            return self.content
        return json.dumps(self.content).encode()


class Answered(Exception):
    """Ends a handler early with its reply: a refusal in the provider's own words."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(reply.status)
        self.reply = reply


@dataclass(frozen=True)
class Dialect:
    """How one provider says the things all of them say.

    `error(status, text)` with an empty text uses the provider's standing words; `no_credits(need)`
    and `reset_header(moment)` take the amount missing and the moment the limit ends (epoch, s).
    """

    provider: str
    id_field: str
    url_fields: tuple[str, ...]
    error: Callable[[int, str], Reply]
    no_credits: Callable[[float], Reply]
    key_of: Callable[[Mapping[str, str]], str | None]
    reset_header: Callable[[float], Mapping[str, str]]


def parsed_body(ask: Ask, refuse: Callable[[str], Reply]) -> Any:
    """The body as JSON. Raises Answered with `refuse(text)` when it is not."""
    try:
        return json.loads(ask.body)
    except (ValueError, RecursionError):
        raise Answered(refuse("Invalid JSON in request body")) from None
