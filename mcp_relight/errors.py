"""The one error tree.

    RelightError
    ├── RequestError                    the caller can fix it; nothing was spent
    │   ├── InvalidArgument             invalid_argument
    │   ├── UnknownArgument             unknown_argument
    │   ├── UnknownModel                unknown_model
    │   ├── UnknownLook                 unknown_look
    │   ├── ImageNotFound               image_not_found
    │   ├── ImageUnsupported            image_unsupported
    │   ├── ImageCorrupt                image_corrupt
    │   ├── ImageTooLarge               image_too_large
    │   ├── UrlRefused                  url_refused
    │   ├── FetchFailed                 fetch_failed
    │   ├── NeedsPublicUrl              needs_public_url
    │   ├── ModelNotReady               model_not_ready
    │   │   └── NotGranted              model_not_ready
    │   ├── BudgetExceeded              budget_exceeded
    │   ├── PriceUnknown                price_unknown
    │   ├── IdempotencyConflict         idempotency_conflict
    │   └── JobNotFound                 job_not_found
    ├── ProviderError                   a remote model said no, or said nothing
    │   ├── ProviderAuth                provider_auth
    │   ├── ProviderCredits             provider_credits
    │   ├── ProviderRefused             provider_refused
    │   ├── ProviderBusy                provider_busy
    │   ├── ProviderDown                provider_down
    │   ├── ProviderProtocol            provider_protocol
    │   ├── ContentRejected             content_rejected
    │   ├── JobExpired                  job_expired
    │   └── OutcomeUnknown              outcome_unknown
    └── LocalError                      this machine could not do it
        ├── EngineCrashed               engine_crashed
        ├── TimedOut                    timeout
        │   └── StoreDown               timeout
        ├── StorageFull                 storage_full
        └── Internal                    internal

`code` is the stable word callers branch on. `message` names the argument and the limit, `hint` the
next step. Neither ever contains the value that was given, a key, or a provider's own text.

Three facts decide what becomes of a job, and none follows from another: `passes` (asking again
later may help), `taken` (the provider may have the job), `billed` (the provider charged for it).
"""

import copy
from typing import ClassVar, Literal, Self

Billed = Literal["yes", "no", "unknown"]
Taken = Literal["no", "maybe"]


def status_passes(status: int) -> bool:
    """Whether what an HTTP server refused with this status may be given later, unchanged."""
    return status >= 500 or status in {408, 425, 429}


class RelightError(Exception):
    """Base of every anticipated failure."""

    code: ClassVar[str] = "internal"
    default_hint: ClassVar[str] = ""
    passes: bool = False
    """The trouble passes by itself: the same request may be answered later."""
    taken: Taken = "maybe"
    """Of a submit: "no" where no job of it exists at the provider, or goes on there. Then, and only
    then, it may be sent again. Whoever sends knows; an adapter's word for it is not taken."""
    retry_after_s: float | None = None
    """How long the other side asked to be left alone, where it said so."""

    def __init__(self, message: str, *, hint: str = "", argument: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint or self.default_hint
        self.argument = argument

    def of_submit(self, taken: Taken) -> Self:
        """The same error, said of a submit by its sender."""
        error = copy.copy(self)
        error.taken = taken
        return error


class RequestError(RelightError):
    """The caller can fix it; nothing was spent."""

    code = "invalid_argument"
    taken = "no"

    def about(self, argument: str) -> Self:
        """The same refusal, its message naming the argument."""
        return type(self)(f"{argument}: {self.message}", hint=self.hint, argument=argument)


class InvalidArgument(RequestError):
    code = "invalid_argument"


class UnknownArgument(RequestError):
    code = "unknown_argument"


class UnknownModel(RequestError):
    code = "unknown_model"
    default_hint = "Call list_models to see the models that exist."


class UnknownLook(RequestError):
    code = "unknown_look"


class ImageNotFound(RequestError):
    code = "image_not_found"
    default_hint = (
        "Check the path, or call find_images to see recent pictures in the allowed folders. "
        "A picture attached to a chat never reaches this server: save it to a folder first."
    )


class ImageUnsupported(RequestError):
    code = "image_unsupported"
    default_hint = "Give a PNG, JPEG, WEBP, AVIF or GIF picture."


class ImageCorrupt(RequestError):
    code = "image_corrupt"
    default_hint = "Open the picture in an editor and export it again as PNG or JPEG."


class ImageTooLarge(RequestError):
    code = "image_too_large"


class UrlRefused(RequestError):
    code = "url_refused"


class FetchFailed(RequestError):
    """`status` is the HTTP status where a server gave an answer that is of no use."""

    code = "fetch_failed"
    passes = True

    def __init__(
        self,
        message: str,
        *,
        hint: str = "",
        argument: str | None = None,
        status: int | None = None,
    ) -> None:
        super().__init__(message, hint=hint, argument=argument)
        self.status = status


class NeedsPublicUrl(RequestError):
    code = "needs_public_url"


class ModelNotReady(RequestError):
    code = "model_not_ready"
    provider: str | None = None
    """Whose key would help, where one would."""

    def for_want_of_a_key(self, provider: str) -> Self:
        error = copy.copy(self)
        error.provider = provider
        return error


class NotGranted(ModelNotReady):
    """The caller's token does not let them spend money."""

    scope: ClassVar[str] = "relight:paid"
    """What would."""


class BudgetExceeded(RequestError):
    code = "budget_exceeded"


class Busy(RequestError):
    """As much is under way as is allowed."""

    code = "busy"
    passes = True

    def __init__(self, message: str, *, hint: str, retry_after_s: float) -> None:
        super().__init__(message, hint=hint)
        self.retry_after_s = retry_after_s


class PriceUnknown(RequestError):
    code = "price_unknown"


class IdempotencyConflict(RequestError):
    code = "idempotency_conflict"
    default_hint = "Use a new idempotency_key for a different request."


class JobNotFound(RequestError):
    code = "job_not_found"
    default_hint = "Call list_jobs to see the jobs that exist."


class ProviderError(RelightError):
    """A remote model refused or failed.

    `billed` says whether the provider charged for it, as far as anybody documents.
    """

    code = "provider_protocol"

    def __init__(
        self,
        message: str,
        *,
        hint: str = "",
        billed: Billed = "unknown",
        retry_after_s: float | None = None,
        status: int | None = None,
        taken: Taken = "maybe",
    ) -> None:
        super().__init__(message, hint=hint)
        self.billed: Billed = billed
        self.retry_after_s = retry_after_s
        self.status = status
        self.taken = taken


class ProviderAuth(ProviderError):
    code = "provider_auth"


class ProviderCredits(ProviderError):
    code = "provider_credits"


class ProviderRefused(ProviderError):
    code = "provider_refused"


class ProviderBusy(ProviderError):
    code = "provider_busy"
    passes = True


class ProviderDown(ProviderError):
    code = "provider_down"
    passes = True


class ProviderProtocol(ProviderError):
    code = "provider_protocol"
    default_hint = "Look at the job in the provider's own console, or choose another model."


class ContentRejected(ProviderError):
    code = "content_rejected"


class JobExpired(ProviderError):
    code = "job_expired"


class OutcomeUnknown(ProviderError):
    code = "outcome_unknown"
    default_hint = (
        "The provider may have taken and charged this; it is not sent again. "
        "Check the provider's own job list, then cancel_job to give it up or call again."
    )


class LocalError(RelightError):
    """This machine could not do it."""


class EngineCrashed(LocalError):
    code = "engine_crashed"


class TimedOut(LocalError):
    code = "timeout"
    passes = True


class StoreDown(TimedOut):
    """The store of pictures of a team is out of reach, or refuses us. What is in it stays there."""

    default_hint = "Call again in a minute; if it lasts, whoever runs the server has to look."


class StorageFull(LocalError):
    code = "storage_full"
    default_hint = "Free some disk space, then call again."


class Internal(LocalError):
    code = "internal"
    default_hint = "Run `mcp-relight doctor`, and report this with the log."


def leaves(root: type[RelightError] = RelightError) -> list[type[RelightError]]:
    """Every concrete error class, in the order drawn above."""
    subclasses = root.__subclasses__()
    if not subclasses:
        return [root]
    return [leaf for subclass in subclasses for leaf in leaves(subclass)]
