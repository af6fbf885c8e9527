"""Jobs: what is asked, the stages a job goes through, which steps between them are legal, and in
words what an earlier job was asked otherwise."""

import re
import secrets
from dataclasses import dataclass, field
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from mcp_relight.errors import Billed, ProviderError, RelightError

from .lighting import Lighting
from .report import Report

Stage = Literal[
    "queued",
    "submitting",
    "submit_unknown",
    "running",
    "downloading",
    "finishing",
    "succeeded",
    "failed",
    "cancelled",
    "expired",
]
Status = Literal["queued", "running", "succeeded", "failed", "cancelled", "unknown"]
Finish = Literal["as-returned", "light-only", "auto"]

LEGAL: dict[Stage, frozenset[Stage]] = {
    "queued": frozenset({"submitting", "running", "cancelled", "failed"}),
    "submitting": frozenset(
        {"running", "downloading", "finishing", "queued", "failed", "submit_unknown"}
    ),
    "submit_unknown": frozenset({"running", "cancelled"}),
    "running": frozenset({"downloading", "finishing", "queued", "failed", "cancelled", "expired"}),
    "downloading": frozenset({"finishing", "failed", "expired"}),
    "finishing": frozenset({"succeeded", "failed"}),
    "succeeded": frozenset(),
    "failed": frozenset(),
    "cancelled": frozenset(),
    "expired": frozenset(),
}
"""Every legal transition. Anything else is a bug and is refused by the store."""

TERMINAL: frozenset[Stage] = frozenset(stage for stage, after in LEGAL.items() if not after)

STATUS: dict[Stage, Status] = {
    "queued": "queued",
    "submitting": "running",
    "submit_unknown": "unknown",
    "running": "running",
    "downloading": "running",
    "finishing": "running",
    "succeeded": "succeeded",
    "failed": "failed",
    "cancelled": "cancelled",
    "expired": "failed",
}


def is_legal(before: Stage, after: Stage) -> bool:
    return after in LEGAL[before]


_JOB_ID = re.compile(r"job_[0-9a-f]{32}")


def is_job_id(text: str) -> bool:
    return _JOB_ID.fullmatch(text) is not None


def new_job_id() -> str:
    """128 random bits: knowing an id is not a permission, but it cannot be guessed either."""
    return "job_" + secrets.token_hex(16)


class _Value(BaseModel):
    # Made when the first is: a server that lists its tools has no job yet.
    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)


class Failure(_Value):
    """Why a job failed: an error of the tree as a value."""

    code: str
    message: str
    hint: str = ""
    retryable: bool = False
    billed: Billed | None = None

    @staticmethod
    def of(error: RelightError) -> "Failure":
        return Failure(
            code=error.code,
            message=error.message,
            hint=error.hint,
            retryable=error.passes,
            billed=error.billed if isinstance(error, ProviderError) else None,
        )


class FieldHonesty(_Value):
    """What a model does with one field of the light."""

    name: str
    how: Literal["honoured", "approximated", "ignored"]
    note: Annotated[str, Field(exclude_if=lambda note: note == "")] = ""


class Cost(_Value):
    """What a job costs. `usd` is None where nobody can convert the unit."""

    amount: float = 0.0
    unit: str = "USD"
    usd: float | None = 0.0
    billed: Billed = "no"


class Sent(_Value):
    """One thing that left this machine."""

    what: str
    to: str
    bytes: int


class Slot(_Value):
    """A time at which a request may pass the rate gate, and when that was written down: a clock
    that was put back since means that nothing is known of it."""

    at: float
    since: float


class Policy(_Value):
    """The rules in force where the request was accepted; the worker keeps them."""

    local_only: bool = False
    max_cost_usd: float = 1.0
    daily_budget_usd: float = 10.0


class JobRequest(_Value):
    """Everything a worker needs to carry a job out, in any later process."""

    model: str
    image_id: str
    image_name: str
    """Stem of the photo's name, with which that of the result begins."""
    changes: tuple[str, ...] = ()
    """What the light changes of its look or of another job, in words for the file's name."""
    based_on: str | None = None
    """The job this one changes."""
    asked: dict[str, JsonValue] | None = None
    """The arguments for the light, `finish` and `seed`, as they were given or taken over; None in a
    row of a version that did not keep them."""
    lighting: Lighting
    fields: tuple[FieldHonesty, ...] = ()
    params: dict[str, JsonValue] = {}
    mask_id: str | None = None
    reference_id: str | None = None
    """The stored photo whose light was to be matched."""
    extra_image_ids: dict[str, str] = {}
    """Further stored images by parameter name, for instance `normal_map`."""
    passthrough_url: str | None = None
    """The https address the image came from, where the caller gave one."""
    extra_urls: dict[str, str] = {}
    """The same for further images, by parameter name."""
    count: int = 1
    seed: int | None = None
    """The one asked for; once there is a result, the one the provider says it used."""
    finish: Finish = "as-returned"
    output_dir: str
    policy: Policy = Policy()
    estimate: Cost = Cost()
    trace: str | None = None
    """The `traceparent` of the call, where calls are traced."""

    @property
    def is_as_asked(self) -> bool:
        """Whether the caller gave this light: not taken from a photo or a job, nor seen
        otherwise."""
        is_seen = any(one.name == "light_at" and one.how != "honoured" for one in self.fields)
        return self.reference_id is None and self.based_on is None and not is_seen

    @property
    def price_usd(self) -> float:
        """What counts against the budget: the documented upper bound, else the limit per job."""
        usd = self.estimate.usd
        return self.policy.max_cost_usd if usd is None else usd


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One row of the job store."""

    job_id: str
    owner: str
    provider: str
    model: str
    stage: Stage
    request: JobRequest
    created_at: float
    updated_at: float
    due_at: float
    dedup_key: str | None = None
    worker: str | None = None
    credential_id: str | None = None
    ticket: str | None = None
    submitted_at: float | None = None
    """When it was sent; once the provider's answer came, when that was."""
    provider_expires_at: float | None = None
    progress: float = 0.0
    note: str = ""
    cost: Cost = field(default_factory=Cost)
    images: tuple[str, ...] = ()
    """Ids of the finished pictures, in order."""
    returned: tuple[str, ...] = ()
    """Ids of the pictures as the provider returned them, in order."""
    paths: tuple[str | None, ...] = ()
    """Human-named copies of `images`, in order; None where no folder could be written."""
    outputs: tuple[str, ...] = ()
    """Where the provider keeps its results until they are downloaded."""
    report: Report | None = None
    sent: tuple[Sent, ...] = ()
    warnings: tuple[str, ...] = ()
    error: Failure | None = None
    siblings: tuple[str, ...] = ()
    cancel_requested: bool = False
    submits: int = 0
    attempts: int = 0
    slots: tuple[Slot, ...] = ()
    """Of its provider's rate gate, taken for the very next step."""

    @property
    def status(self) -> Status:
        return STATUS[self.stage]

    @property
    def is_local(self) -> bool:
        """Carried out on this machine, which takes no key."""
        return self.credential_id is None

    @property
    def is_terminal(self) -> bool:
        return self.stage in TERMINAL


def stages_of(status: Status) -> tuple[Stage, ...]:
    return tuple(stage for stage, shown in STATUS.items() if shown == status)


OWN_KEYS = "own."
"""Also stands, among what a worker may use, for the keys of all owners."""


def is_own(credential_id: str | None) -> bool:
    return credential_id is not None and credential_id.startswith(OWN_KEYS)


def lane_of(credential_id: str) -> str:
    """The rate gate: one key has one, whoever brought it."""
    return credential_id.removeprefix(OWN_KEYS)


SLACK_S = 5.0
"""So far a time may lie ahead of the clock before the clock is taken to have been put back."""


def is_ahead(then: float, now: float) -> bool:
    """Whether this was written before the clock was put back: then it tells nothing of now."""
    return then > now + SLACK_S


def is_younger(then: float, now: float, life_s: float) -> bool:
    """Whether less than `life_s` passed since; also no where nobody can know."""
    return now - then < life_s and not is_ahead(then, now)
