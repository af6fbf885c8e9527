"""What went wrong: the table of refusals, whether each was charged, and whether it was taken."""

from email.utils import parsedate_to_datetime

from mcp_relight.domain.exchange import Reply
from mcp_relight.errors import (
    Billed,
    JobExpired,
    NeedsPublicUrl,
    OutcomeUnknown,
    ProviderAuth,
    ProviderBusy,
    ProviderCredits,
    ProviderDown,
    ProviderError,
    ProviderProtocol,
    ProviderRefused,
    Taken,
    status_passes,
)
from mcp_relight.providers.kit.adapter import Adapter
from mcp_relight.providers.kit.replies import moment

_REDIRECTS = frozenset({301, 307, 308})
"""They ask for the same request elsewhere: nothing was done with it here."""
_UNCLEAR = frozenset({408, 409})
"""Given up waiting, and already being worked on."""
MAX_HOLD_S = 60.0
_EPOCH_MIN = 1_000_000_000.0

FAILURES = (
    LookupError,
    TypeError,
    ValueError,
    ArithmeticError,
    AttributeError,
    RecursionError,
)
"""What an adapter may raise over a call or a reply of a shape that it does not expect."""


def taken(status: int) -> Taken:
    """Whether a submit that was answered so may be a job now. No adapter has a say in it: what its
    provider does not charge for may have been taken all the same."""
    is_refusal = 400 <= status < 500 and status not in _UNCLEAR
    return "no" if is_refusal or status in _REDIRECTS else "maybe"


def submit_fault(adapter: Adapter, reply: Reply, now: float) -> ProviderError:
    """The error for a refused submit. A status nobody documents as "not taken" is unknown."""
    fault = _common(adapter, reply, now, billed="no") or _not_taken(adapter, reply.status)
    if fault is not None:
        return fault.of_submit(taken(reply.status))
    return OutcomeUnknown(
        f"{adapter.title} gave no clear answer to the submit (HTTP {reply.status})."
    )


def _not_taken(adapter: Adapter, status: int) -> ProviderError | None:
    title = adapter.title
    if status in {404, 405, 410}:
        return ProviderRefused(
            f"{title} does not offer this model at this address (HTTP {status}).",
            hint="Call list_models for models that exist; check the provider's URL setting.",
            billed="no",
            status=status,
        )
    if status in {400, 406, 411, 413, 414, 415, 422}:
        return ProviderRefused(
            f"{title} refused the request as not valid (HTTP {status}).",
            hint="Check params against list_models, the size of the picture and the words.",
            billed="no",
            status=status,
        )
    if status in _REDIRECTS:
        return ProviderProtocol(
            f"{title} answered with a redirect, which is never followed (HTTP {status}).",
            hint="Check the provider's URL setting.",
            billed="no",
            status=status,
        )
    return None


def poll_fault(adapter: Adapter, reply: Reply, now: float) -> ProviderError:
    """The error for a request about a job the provider has, not answered with 2xx."""
    if reply.status in {404, 410}:
        return JobExpired(
            f"{adapter.title} no longer knows this job (HTTP {reply.status}).",
            hint="Its result can no longer be fetched; call relight_image again.",
            billed="unknown",
            status=reply.status,
        )
    return free_fault(adapter, reply, now, billed="unknown")


def free_fault(
    adapter: Adapter, reply: Reply, now: float, *, billed: Billed = "no"
) -> ProviderError:
    """The error for any other free request that was not answered with 2xx. `billed` says it of the
    job that was asked about."""
    if fault := _common(adapter, reply, now, billed=billed):
        return fault
    title, status = adapter.title, reply.status
    if status_passes(status):
        return ProviderDown(
            f"{title} is not answering properly (HTTP {status}).",
            hint="Call again later.",
            billed=billed,
            status=status,
        )
    if status in {404, 410}:
        return ProviderRefused(
            f"{title} does not offer this at this address (HTTP {status}).",
            hint="Call list_models for models that exist; check the provider's URL setting.",
            billed=billed,
            status=status,
        )
    return ProviderProtocol(
        f"{title} answered in a way that is not documented (HTTP {status}).", status=status
    )


def unreadable(adapter: Adapter) -> ProviderProtocol:
    return ProviderProtocol(
        f"{adapter.title} answered in a form that could not be read.",
        hint="Look at the job in the provider's own console, or call again later.",
    )


def _common(adapter: Adapter, reply: Reply, now: float, *, billed: Billed) -> ProviderError | None:
    title, status = adapter.title, reply.status
    if status == 401:
        return ProviderAuth(
            f"{title} did not accept the API key.",
            hint=f"Check {adapter.key_variable}.{_where(adapter)}",
            billed=billed,
            status=status,
        )
    if status == 402:
        return _no_credits(adapter, status, billed)
    if status == 403:
        return ProviderAuth(
            f"{title} does not allow this key to do this.",
            hint=f"Check the account's plan and {adapter.key_variable}.",
            billed=billed,
            status=status,
        )
    if status == 429:
        return ProviderBusy(
            f"{title} asks for fewer requests.",
            hint="Wait a minute, then call again.",
            billed=billed,
            retry_after_s=retry_after_s(adapter, reply, now),
            status=status,
        )
    return None


def _no_credits(adapter: Adapter, status: int, billed: Billed) -> ProviderCredits:
    return ProviderCredits(
        f"The account at {adapter.title} has not enough credits.",
        hint="Top the account up, choose a cheaper model, or use local/classic (free).",
        billed=billed,
        status=status,
    )


def _where(adapter: Adapter) -> str:
    return f" Keys are made at {adapter.key_page}." if adapter.key_page else ""


def retry_after_s(adapter: Adapter, reply: Reply, now: float) -> float | None:
    """How long the provider asks to be left alone, within 0…60 s; None when it does not say."""
    wish = _seconds_or_date(reply.headers.get("retry-after", ""), now)
    if wish is None and adapter.rate_reset_header:
        wish = _reset(reply.headers.get(adapter.rate_reset_header, ""), now)
    return None if wish is None else min(max(wish, 0.0), MAX_HOLD_S)


def _seconds_or_date(value: str, now: float) -> float | None:
    value = value.strip()[:100]
    try:
        seconds = float(value)
    except ValueError:
        pass
    else:
        return None if seconds != seconds else seconds
    try:
        return parsedate_to_datetime(value).timestamp() - now
    except (ValueError, TypeError, OverflowError):
        return None


def _reset(value: str, now: float) -> float | None:
    """A moment as seconds since 1970 or as a date; small numbers are seconds from now."""
    at = moment(value[:100])
    if at is not None:
        return at - now
    seconds = _seconds_or_date(value, now)
    if seconds is not None and seconds > _EPOCH_MIN:
        return seconds - now
    return seconds


def needs_public_url(adapter: Adapter) -> NeedsPublicUrl:
    return NeedsPublicUrl(
        f"{adapter.title} reads pictures only from public https addresses.",
        hint="Give image as an https address, or set MCP_RELIGHT_BUCKET_URL, "
        "MCP_RELIGHT_BUCKET_KEY_ID and MCP_RELIGHT_BUCKET_SECRET to a bucket of your own, "
        "or use a segmind/ model or local/classic, which need neither.",
        argument="image",
    )
