"""The ports: what one room may ask of another. Joined in `bootstrap`, nowhere else."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from .image import Encoded, ImageInfo, Inspected, RenderResult, RenderTask, ShapeModel, SheetCell
from .job import Job, JobRequest, Stage, Status
from .lighting import Lighting
from .report import LightAnalysis, Report

if TYPE_CHECKING:  # a server speaks of it and never builds any: loading it takes a while
    from .exchange import Call, Outcome, Pace, Prepared, Rate, Rendered

Turn = Callable[[], Awaitable[None]]
"""Awaited before each request that leaves for a provider: it returns when the rate gate of the key,
which all processes share, lets one more pass."""


class Pixels(Protocol):
    """The child process in which all pixel work runs. A crash there raises EngineCrashed, a hang
    TimedOut; neither harms the caller, and the next call gets a new child. Cancelling a call kills
    the child."""

    async def inspect(self, data: bytes) -> Inspected:
        """Decode once, in full. Raises ImageUnsupported, ImageCorrupt, ImageTooLarge."""
        ...

    async def thumbnail(self, image: bytes, *, max_edge_px: int, max_bytes: int) -> Encoded:
        """A JPEG of at most `max_bytes`, with its longer edge at most `max_edge_px`."""
        ...

    async def sheet(
        self, cells: Sequence[SheetCell], *, max_edge_px: int, max_bytes: int
    ) -> Encoded:
        """One labelled contact sheet as JPEG."""
        ...

    async def word_card(self, words: str, *, max_bytes: int) -> Encoded:
        """A few words as a picture, as JPEG."""
        ...

    async def render(self, task: RenderTask) -> RenderResult: ...

    async def analyze(self, image: bytes, *, mask: bytes | None = None) -> LightAnalysis: ...

    async def middle(self, image: bytes, *, mask: bytes | None = None) -> tuple[float, float]:
        """The middle of the subject in fractions of width and height from the top left."""
        ...

    async def report(
        self,
        original: bytes,
        final: bytes,
        lighting: Lighting,
        *,
        returned: bytes | None = None,
        mask: bytes | None = None,
        before: LightAnalysis | None = None,
        target: LightAnalysis | None = None,
    ) -> Report:
        """Requested against achieved. `returned` is the provider's picture where `final` was made
        from it; `mask` marks the subject of the original, `before` is what `analyze` said of it and
        `target` what it said of the photo whose light was to be matched."""
        ...

    async def transfer(self, original: bytes, result: bytes) -> tuple[Encoded | None, list[str]]:
        """Only the light of `result`, on the original. None when it does not register; then the
        warnings say why."""
        ...

    async def reencode(self, image: bytes, *, max_edge_px: int | None, mime_type: str) -> Encoded:
        """Fresh bytes without any metadata, oriented, in sRGB: what may leave this machine."""
        ...


ShapeModelNow = Callable[[], Awaitable[ShapeModel | None]]
"""The user's own shape model as it is now; None where none is set."""


class Images(Protocol):
    """The image store. Ids are content hashes; reads of unknown ids raise ImageNotFound."""

    async def put(self, picture: Inspected | Encoded) -> ImageInfo: ...

    async def info(self, image_id: str) -> ImageInfo: ...

    async def read(self, image_id: str) -> bytes: ...

    async def check_folder(self, folder: Path) -> None:
        """Raises InvalidArgument or StorageFull where `publish` into this folder would."""
        ...

    async def publish(self, image_id: str, folder: Path, stem: str) -> Path | None:
        """Copy to `folder` under a human name that is not taken yet; returns the path. None where
        results are fetched by address, and no folder has them."""
        ...

    async def delete(self, image_id: str) -> None:
        """The image, and every cached analysis whose key names it."""
        ...

    async def unpublish(self, path: Path) -> bool:
        """Delete a copy that `publish` made; False, and it stays, where that is no longer one."""
        ...

    async def cached(self, key: str) -> bytes | None:
        """A cached analysis, or None."""
        ...

    async def cache(self, key: str, data: bytes) -> None: ...


class Addresses(Protocol):
    """A store of pictures at which clients fetch them by themselves."""

    async def address(self, image_id: str, *, within_s: float) -> str:
        """Where anybody who is told reads this picture of the caller's, for so long. Raises
        StoreDown."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class NewJob:
    """A job to be inserted. `dedup_key` finds the same request made before."""

    owner: str
    provider: str
    request: JobRequest
    dedup_key: str | None
    request_hash: str
    """Hash of what would be sent or rendered. An idempotency key with another is a conflict."""
    keep_key: bool = False
    """True where the caller gave an idempotency key: it lasts as long as its row."""
    credential_id: str | None = None
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Forgotten:
    """How many rows went, the images no other job uses, and the named copies of finished ones."""

    jobs: int
    image_ids: tuple[str, ...]
    paths: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class JobPage:
    jobs: tuple[Job, ...]
    cursor: str | None


class Jobs(Protocol):
    """The job store: the truth. Every change is one transaction. Outages are retried inside."""

    async def insert(self, new: Sequence[NewJob]) -> tuple[Job, ...]:
        """Insert the jobs, or return the ones that own their dedup keys. All of one call are
        siblings. Raises IdempotencyConflict."""
        ...

    async def are_there(self, new: Sequence[NewJob]) -> bool:
        """Whether inserting these jobs now would only find those that own their dedup keys."""
        ...

    async def get(self, job_id: str, *, owner: str | None = None) -> Job:
        """Raises JobNotFound, also for another owner's job."""
        ...

    async def list(
        self, *, owner: str, status: Status | None, limit: int, cursor: str | None
    ) -> JobPage:
        """Newest first. Raises InvalidArgument for a cursor that is not ours."""
        ...

    async def using(self, image_id: str, *, owner: str) -> Job | None:
        """The newest job that needs that stored image; None where none does."""
        ...

    async def today(self, *, owner: str, budget_usd: float) -> tuple[float, float]:
        """Dollars of the day: spent or reserved; and their budget, this one or a lesser own."""
        ...

    async def list_and_today(
        self,
        *,
        owner: str,
        status: Status | None,
        limit: int,
        cursor: str | None,
        budget_usd: float,
    ) -> tuple[JobPage, tuple[float, float]]:
        """`list` and `today` at once."""
        ...

    async def own_keys_left(
        self, *, owner: str, credentials: Mapping[str, str]
    ) -> Mapping[str, float]:
        """Dollars left of the day of those keys of the owner's that have a budget of their own, by
        provider; `credentials` says by which name jobs go by each."""
        ...

    async def request_cancel(self, job_id: str, *, owner: str) -> Job:
        """Cancel at once what is queued or given up as unknown; else mark the wish."""
        ...

    def watch(self, job_ids: Sequence[str]) -> AbstractAsyncContextManager[AsyncIterator[Job]]:
        """Yields each of the jobs now, and again whenever its row changes; ends when all of them
        are terminal or gone."""
        ...

    async def changed(self, since: int, *, within_s: float) -> int:
        """Wait until any row of the store changed since that version, at most `within_s`; returns
        the version now. Starting with -1 it returns at once."""
        ...

    async def due(
        self,
        *,
        worker: str,
        credentials: Sequence[str],
        local: int,
        remote: int,
        under_way: Sequence[str] = (),
    ) -> tuple[Job, ...]:
        """Rows that this worker may advance now: its own, and those nobody living holds. At most
        so many of each kind, so that neither waits behind the other; of those it has `under_way`,
        by id, only local ones that somebody wants cancelled."""
        ...

    async def next_due_at(
        self, *, worker: str, credentials: Sequence[str], under_way: Sequence[str] = ()
    ) -> float | None:
        """When the next row this worker could advance is due; None when there is none. Local ones
        that it has under way do not count: nothing is to be done about them."""
        ...

    async def note_stranded(self, *, worker: str, credentials: Sequence[str]) -> None:
        """Say on overdue rows that neither this worker nor another living one can advance which
        key is missing."""
        ...

    async def claim(self, job: Job, worker: str) -> Job | None:
        """Compare-and-set of the claim; None when somebody else was faster."""
        ...

    async def move(self, job: Job, stage: Stage, **changes: Any) -> Job | None:
        """Compare-and-set of the stage (may equal the old one); None when the row moved on.
        Raises Internal for an illegal transition."""
        ...

    async def reserve(self, job: Job, *, day_budget_usd: float, **changes: Any) -> Job | None:
        """Move to `submitting` and reserve the estimate in the day's budget (UTC) in one
        transaction. Raises BudgetExceeded."""
        ...

    async def may_be_anothers(self, job: Job, ticket: str) -> bool:
        """Whether the provider's job of that ticket may belong to another row of the same key: one
        that has it already, or one whose own submit is unsettled too."""
        ...

    async def take_slot(self, gate: str, *, per_minute: float, burst: int) -> float:
        """Take a slot of the rate gate; returns how many seconds to wait before using it."""
        ...

    async def hold(self, gate: str, seconds: float) -> None:
        """Nobody passes this gate for so long."""
        ...

    async def forget(self, job_id: str | None, *, owner: str) -> Forgotten:
        """Delete one job, or all terminal jobs. Raises JobNotFound, and InvalidArgument for a job
        that is not terminal."""
        ...

    async def ahead_of(self, job: Job) -> int:
        """How many jobs a worker would carry out before this one; 0 for a remote one, which waits
        for no other."""
        ...

    async def forgettable(self, job_id: str | None, *, owner: str) -> Forgotten:
        """What `forget` would delete now. Raises the same."""
        ...

    async def starting_with(self, prefix: str, *, owner: str, limit: int) -> tuple[str, ...]:
        """Ids of jobs that begin so, newest first."""
        ...


class Renderer(Protocol):
    """The engine of this machine: free, repeatable, and stopped by cancelling the call."""

    async def render(self, request: JobRequest) -> "Rendered":
        """Raises ImageNotFound when a picture is gone, EngineCrashed, TimedOut."""
        ...


class Provider(Protocol):
    """A remote account. Raises errors of the tree; after bytes may have left and no answer came,
    OutcomeUnknown. Nothing is repeated inside: whoever asks decides when to ask again."""

    @property
    def name(self) -> str: ...

    @property
    def rate(self) -> "Rate":
        """What its key allows."""
        ...

    @property
    def pace(self) -> "Pace":
        """How often it wants to be asked about a job."""
        ...

    @property
    def submit_within_s(self) -> float:
        """After so long a submit has ended, whatever came of it: nothing is under way any more."""
        ...

    async def submit(self, call: "Call", turn: Turn) -> "Outcome": ...

    async def poll(self, job: Job, turn: Turn) -> "Outcome":
        """Accepted says to ask again under another ticket."""
        ...

    async def cancel(self, job: Job, turn: Turn) -> bool:
        """True when the provider confirmed that it stopped."""
        ...

    async def reconcile(self, job: Job, turn: Turn) -> "Outcome | None":
        """Late evidence for a submit whose outcome is unknown; None when there is none."""
        ...


class Inputs(Protocol):
    """Turns the stored images of a job into something its provider can read."""

    def requests(self, job: Job) -> int:
        """How many requests to the provider `prepare` will make for this job."""
        ...

    async def prepare(self, job: Job, turn: Turn) -> "Prepared":
        """Raises NeedsPublicUrl, naming the settings that would help, and the ProviderErrors of
        uploading."""
        ...

    async def release(self, job: Job) -> None:
        """Delete what `prepare` put anywhere for this job."""
        ...


class Downloads(Protocol):
    """The guarded fetcher."""

    async def fetch(self, url: str, *, max_bytes: int, deadline_s: float) -> bytes:
        """Raises UrlRefused, FetchFailed, ImageTooLarge, TimedOut."""
        ...

    def may_be_passed_on(self, url: str) -> bool:
        """Whether a provider may be told this address: https, or a host the operator named."""
        ...


class Workers(Protocol):
    """Whoever carries jobs out."""

    async def ensure(self) -> bool:
        """See that a live worker looks at the store soon. False where others always see to it."""
        ...


class Clock(Protocol):
    def now(self) -> float:
        """Seconds since 1970, UTC."""
        ...

    async def sleep(self, seconds: float) -> None: ...
