"""Reading replies that differ from their documents: tolerant, and never quoting the provider."""

import base64
import math
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, Literal, cast

from mcp_relight.errors import Billed, ContentRejected, ProviderError, ProviderRefused

State = Literal["queued", "running", "succeeded", "failed", "error", "expired", "cancelled"]

_STATES: dict[State, frozenset[str]] = {
    "queued": frozenset({"queued", "pending", "in_queue", "submitted", "created", "starting"}),
    "running": frozenset({"running", "processing", "in_progress", "started"}),
    "succeeded": frozenset({"completed", "succeeded", "success", "done", "finished"}),
    "failed": frozenset({"failed", "failure"}),
    "error": frozenset({"error"}),
    "expired": frozenset({"expired"}),
    "cancelled": frozenset({"cancelled", "canceled"}),
}
_CONTENT_WORDS = ("safety", "nsfw", "moderat", "content policy", "content filter", "inappropriate")
_MAX_DEPTH = 4
MAX_ADDRESS_CHARS = 4096


def state_of(word: object) -> State | None:
    """The state a status word means, in any provider's spelling; None for an unknown word."""
    if not isinstance(word, str):
        return None
    folded = word.strip().casefold().replace("-", "_")
    return next((state for state, words in _STATES.items() if folded in words), None)


def addresses(value: object, *, depth: int = 0) -> tuple[str, ...]:
    """Every http(s) address in a text, list or object, in order, without repeats."""
    if depth > _MAX_DEPTH:
        return ()
    if isinstance(value, str):
        return (value,) if _is_address(value) else ()
    inner: Iterable[Any] = ()
    if isinstance(value, Mapping):
        inner = cast(Mapping[str, Any], value).values()
    elif isinstance(value, list):
        inner = cast(list[Any], value)
    found = [address for item in inner for address in addresses(item, depth=depth + 1)]
    return tuple(dict.fromkeys(found))


def _is_address(text: str) -> bool:
    is_web = text.startswith(("https://", "http://"))
    return is_web and len(text) <= MAX_ADDRESS_CHARS and text.isprintable() and " " not in text


_SIGNATURES = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF8")


def is_picture(body: bytes) -> bool:
    """Whether the bytes begin as a picture does, whatever their label says."""
    is_webp = body[:4] == b"RIFF" and body[8:12] == b"WEBP"
    return is_webp or body.startswith(_SIGNATURES) or body[4:12] == b"ftypavif"


def inline_picture(value: object) -> bytes | None:
    """The picture in a base64 text or data: URI; None when it is none."""
    if not isinstance(value, str):
        return None
    encoded = value.partition(",")[2] if value.startswith("data:") else value
    try:
        data = base64.b64decode(encoded, validate=True)
    except ValueError:
        return None
    return data if is_picture(data) else None


def words_of(error: object) -> str:
    """The text of an error given as text, object or nothing. For matching only, never shown."""
    if isinstance(error, str):
        return error
    if isinstance(error, Mapping):
        parts = cast(Mapping[str, Any], error)
        texts = [parts.get(name) for name in ("code", "message", "error", "detail")]
        return " ".join(text for text in texts if isinstance(text, str))
    return ""


def job_failed(provider: str, error: object, *, billed: Billed = "unknown") -> ProviderError:
    """The error for a job the provider reports as failed."""
    said = words_of(error).casefold()
    if any(word in said for word in _CONTENT_WORDS):
        return ContentRejected(
            f"{provider} refused this picture or these words by its content rules.",
            hint="Use another picture or other words; local/classic has no such rules.",
            billed=billed,
        )
    return ProviderRefused(
        f"{provider} took the job and reported that it failed.",
        hint="Call again with a new idempotency_key, or choose another model.",
        billed=billed,
    )


def number(value: object) -> float | None:
    """A finite, non-negative number, also as text; else None."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        result = float(value)
    except (ValueError, OverflowError):  # JSON has whole numbers of any length
        return None
    return result if math.isfinite(result) and result >= 0 else None


def whole(value: object) -> int | None:
    """A whole number, also as text; else None."""
    result = number(value)
    return int(result) if result is not None and result.is_integer() else None


def moment(value: object) -> float | None:
    """Seconds since 1970 of `2025-01-23T12:00:00Z` or `2025-01-23 12:00:00` (UTC); else None."""
    if not isinstance(value, str):
        return None
    try:
        read = datetime.fromisoformat(value.strip())
    except ValueError:
        return None
    return (read if read.tzinfo else read.replace(tzinfo=UTC)).timestamp()


def text(value: object) -> str | None:
    """A text that is not empty; else None."""
    return value if isinstance(value, str) and value else None
