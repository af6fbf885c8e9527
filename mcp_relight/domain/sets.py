"""Sets: one call for many pictures, kept as a row that outlives every process.

Each picture in each light is a member. It waits as a reference until a worker takes the picture in,
and is a job from then on.
"""

import re
import secrets
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict, JsonValue

from .job import Cost, Failure, Job, Policy, Status

_SET_ID = re.compile(r"set_[0-9a-f]{32}")

CANCELLED = Failure(code="cancelled", message="Cancelled before it began.")
"""Of a member that was given up before it became a job."""


def is_set_id(text: str) -> bool:
    return _SET_ID.fullmatch(text) is not None


def new_set_id() -> str:
    """As `job.new_job_id`."""
    return "set_" + secrets.token_hex(16)


class SetRequest(BaseModel):
    """What makes jobs of the members, in any later process."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    model: str
    arguments: dict[str, JsonValue]
    """Of `RelightArguments`, without `image`."""
    policy: Policy
    output_dir: str
    folders: tuple[str, ...] = ()
    """Where the files lie, and no other may be read."""
    estimate: Cost = Cost()
    """The most that all of them may cost."""
    warnings: tuple[str, ...] = ()
    request_hash: str = ""
    """Of the pictures and of all that is asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewMember:
    name: str
    look: str | None
    reference: str
    identity: str
    """Hash of the file as it is and of what is asked for: equal ones are the same job."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewSet:
    owner: str
    dedup_key: str
    credential_id: str | None
    request: SetRequest
    members: tuple[NewMember, ...]
    keep_key: bool = False
    """True where the caller gave an idempotency key: it lasts as long as its row."""
    is_resumed: bool = False
    """Whether jobs of any age are taken for the members they fit, not only recent ones."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    position: int
    name: str
    look: str | None
    reference: str | None
    """Where to read the picture; None once it is a job, or will be none."""
    job: Job | None = None
    error: Failure | None = None

    @property
    def status(self) -> Status:
        if self.job is not None:
            return self.job.status
        if self.error is None:
            return "queued" if self.reference is not None else "failed"
        return "cancelled" if self.error == CANCELLED else "failed"

    @property
    def is_open(self) -> bool:
        return self.status in {"queued", "running"}


@dataclass(frozen=True, slots=True, kw_only=True)
class PictureSet:
    set_id: str
    owner: str
    request: SetRequest
    members: tuple[Member, ...]
    created_at: float
    updated_at: float

    @property
    def is_over(self) -> bool:
        return not any(member.is_open for member in self.members)

    @property
    def status(self) -> Status:
        """That of its members, as one: it succeeded where any of them did."""
        found = {member.status for member in self.members}
        if found == {"queued"}:
            return "queued"
        order: tuple[Status, ...] = ("running", "queued", "succeeded", "unknown", "failed")
        for status in order:
            if status in found:
                return "running" if status == "queued" else status
        return "cancelled"

    @property
    def progress(self) -> float:
        done = (
            1.0 if not member.is_open else member.job.progress if member.job else 0.0
            for member in self.members
        )
        return sum(done) / max(1, len(self.members))


@dataclass(frozen=True, slots=True)
class Waiting:
    """The next member of a set that is to become a job."""

    set_id: str
    owner: str
    request: SetRequest
    member: Member
