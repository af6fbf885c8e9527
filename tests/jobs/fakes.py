"""Fakes of the ports that the steps of a job use, and builders for the values they exchange."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import anyio

from mcp_relight.domain.exchange import (
    Accepted,
    Call,
    Outcome,
    Output,
    Pace,
    Prepared,
    Rate,
    Rendered,
)
from mcp_relight.domain.image import Encoded, Inspected
from mcp_relight.domain.job import Cost, Job, JobRequest, Policy
from mcp_relight.domain.lighting import Lighting
from mcp_relight.domain.ports import Clock, NewJob, Turn
from mcp_relight.domain.report import (
    CollateralReport,
    DirectionReport,
    KelvinReport,
    LightAnalysis,
    Report,
    StopsReport,
)
from mcp_relight.errors import EngineCrashed, FetchFailed, ImageCorrupt, StorageFull
from mcp_relight.jobs.steps import Steps
from mcp_relight.jobs.store.store import Store
from mcp_relight.testing import MemoryImages, ScriptedPixels

OWNER = "local"
KEY = "key-of-cloud"
ORIGINAL = b"original picture"
PNG = "image/png"
Answer = Outcome | Exception


MEASURED = Report(
    verdict="as asked",
    sentence="The light is as asked.",
    direction=DirectionReport(confidence=0.5),
    stops=StopsReport(subject=0.1, confidence=0.5),
    kelvin=KelvinReport(before=5000, after=4000, shift=-1000, confidence=0.5),
    collateral=CollateralReport(registration=1, crop=0, structure=1, edges=0, confidence=0.9),
)


SEEN = LightAnalysis(
    direction_confidence=0.1,
    key_to_fill_stops=1.0,
    ambient=1.0,
    softness=0.8,
    contrast_confidence=0.1,
    color_confidence=0.1,
    exposure_ev=0.0,
    clipped_shadows=0.0,
    clipped_highlights=0.0,
    backlit=False,
)


class FakeClock:
    """Time that passes only when somebody sleeps, or when a test says so."""

    def __init__(self, now: float = 1_800_000_000.0) -> None:
        self.time = now

    def now(self) -> float:
        return self.time

    async def sleep(self, seconds: float) -> None:
        self.time += seconds
        await anyio.lowlevel.checkpoint()


class FakeImages(MemoryImages):
    """Images with folders that can be made unwritable, and a disk that can be full."""

    def __init__(self) -> None:
        super().__init__()
        self.published: list[tuple[Path, str]] = []
        self.unwritable: set[Path] = set()
        self.full_for_puts = 0

    async def put(self, picture: Inspected | Encoded) -> Any:
        if self.full_for_puts > 0:
            self.full_for_puts -= 1
            raise StorageFull("The disk is full.")
        return await super().put(picture)

    async def publish(self, image_id: str, folder: Path, stem: str) -> Path:
        if folder in self.unwritable:
            raise StorageFull("The folder cannot be written.")
        await self.read(image_id)
        self.published.append((folder, stem))
        return folder / f"{stem}.png"


class FakePixels(ScriptedPixels):
    """Pixels that read the wish from the bytes: `BROKEN` is no picture, `CRASH` kills the child."""

    def __init__(self) -> None:
        super().__init__()
        self.transfer_answer: bytes | Exception | None = b"only the light"
        self.report_answer: Report | Exception = MEASURED
        self.analyzed = 0

    async def inspect(self, data: bytes) -> Inspected:
        if data == b"BROKEN":
            raise ImageCorrupt("Not a picture.")
        if data == b"CRASH":
            raise EngineCrashed("The child ended.")
        return Inspected(data=data, mime_type=PNG, width=4, height=3, has_alpha=False)

    async def transfer(self, original: bytes, result: bytes) -> tuple[Encoded | None, list[str]]:
        if isinstance(self.transfer_answer, Exception):
            raise self.transfer_answer
        if self.transfer_answer is None:
            return None, ["It does not register."]
        return Encoded(data=self.transfer_answer, mime_type=PNG, width=4, height=3), []

    async def analyze(self, image: bytes, *, mask: bytes | None = None) -> LightAnalysis:
        self.analyzed += 1
        return SEEN

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
        if isinstance(self.report_answer, Exception):
            raise self.report_answer
        return self.report_answer


class FakeInputs:
    """Inputs that remember for which jobs something is up for a provider to read."""

    def __init__(self) -> None:
        self.up: set[str] = set()
        self.uploads = 0
        self.problems: list[Exception] = []

    def requests(self, job: Job) -> int:
        return self.uploads

    async def prepare(self, job: Job, turn: Turn) -> Prepared:
        for _ in range(self.uploads):
            await turn()
        if self.problems:
            raise self.problems.pop(0)
        self.up.add(job.job_id)
        request = job.request
        return Prepared(
            call=Call(
                model=request.model,
                lighting=request.lighting,
                params={"job_id": job.job_id},
                images=(),
                seed=request.seed,
            )
        )

    async def release(self, job: Job) -> None:
        self.up.discard(job.job_id)


class FakeDownloads:
    """Downloads from a dict; what is not in it cannot be fetched."""

    def __init__(self) -> None:
        self.pages: dict[str, bytes | Exception] = {}

    def may_be_passed_on(self, url: str) -> bool:
        return True

    async def fetch(self, url: str, *, max_bytes: int, deadline_s: float) -> bytes:
        page = self.pages.get(url, FetchFailed("No answer."))
        if isinstance(page, Exception):
            raise page
        return page


class FakeProvider:
    """Answers from lists, the last answer again and again; remembers what it was asked."""

    def __init__(
        self,
        *,
        submits: Sequence[Answer] = (Accepted(ticket="t-1", poll_after_s=2.0),),
        polls: Sequence[Answer] = (Rendered(outputs=(Output(data=b"result"),)),),
        evidence: Answer | None = None,
        can_cancel: bool = False,
        name: str = "cloud",
    ) -> None:
        self.name = name
        self.rate = Rate(name=KEY, per_minute=6_000_000, burst=100_000)
        self.pace = Pace(2.0, 15.0, deadline_s=240.0)
        self.submit_within_s = 77.0
        self.submitted: list[str] = []
        self.polled: list[str] = []
        self.cancelled: list[str] = []
        self.on_submit: Callable[[], Any] | None = None
        self._submits = list(submits)
        self._polls = list(polls)
        self.evidence = evidence
        self._can_cancel = can_cancel

    async def render(self, request: JobRequest) -> Rendered:
        rendered = await self._take(request.image_id)
        assert isinstance(rendered, Rendered)
        return rendered

    async def submit(self, call: Call, turn: Turn) -> Outcome:
        await turn()
        return await self._take(str(call.params["job_id"]))

    async def _take(self, what: str) -> Outcome:
        self.submitted.append(what)
        if self.on_submit is not None:
            await self.on_submit()
        return _next(self._submits)

    async def poll(self, job: Job, turn: Turn) -> Outcome:
        await turn()
        self.polled.append(job.job_id)
        return _next(self._polls)

    async def cancel(self, job: Job, turn: Turn) -> bool:
        await turn()
        self.cancelled.append(job.job_id)
        return self._can_cancel

    async def reconcile(self, job: Job, turn: Turn) -> Outcome | None:
        await turn()
        if isinstance(self.evidence, Exception):
            raise self.evidence
        return self.evidence


def _next(answers: list[Answer]) -> Outcome:
    answer = answers.pop(0) if len(answers) > 1 else answers[0]
    if isinstance(answer, Exception):
        raise answer
    return answer


@dataclass(frozen=True)
class SharedProviders:
    """All jobs go by one key each."""

    named: Mapping[str, Any]

    async def of(self, job: Job) -> Any:
        return self.named.get(job.provider)


def new_steps(
    store: Store, folder: Path, *providers: "FakeProvider", clock: Clock, **ports: Any
) -> Steps:
    """Steps with fakes around them, unless a test brings its own. A provider named local stands for
    the engine."""
    named = {provider.name: provider for provider in providers}
    ports: dict[str, Any] = {
        "images": FakeImages(),
        "pixels": FakePixels(),
        "inputs": FakeInputs(),
        "downloads": FakeDownloads(),
        **ports,
    }
    return Steps(
        jobs=store,
        clock=clock,
        renderer=named.pop("local", None) or FakeProvider(),
        providers=SharedProviders(named),
        spare_dir=folder / "spare",
        **ports,
    )


@dataclass
class World:
    """A real store with fakes around it."""

    folder: Path
    provider: FakeProvider = field(default_factory=FakeProvider)
    is_local: bool = False
    clock: FakeClock = field(default_factory=FakeClock)
    images: FakeImages = field(default_factory=FakeImages)
    pixels: FakePixels = field(default_factory=FakePixels)
    inputs: FakeInputs = field(default_factory=FakeInputs)
    downloads: FakeDownloads = field(default_factory=FakeDownloads)
    per_minute: float = 6_000_000.0
    burst: int = 10

    def __post_init__(self) -> None:
        self.store = Store(self.folder / "jobs.db", is_living=lambda _: False, now=self.clock.now)
        self.provider.rate = Rate(name=KEY, per_minute=self.per_minute, burst=self.burst)
        self.steps = self.new_steps()

    def new_steps(self) -> Steps:
        """Steps as another worker would have them."""
        return new_steps(
            self.store,
            self.folder,
            self.provider,
            clock=self.clock,
            images=self.images,
            pixels=self.pixels,
            inputs=self.inputs,
            downloads=self.downloads,
        )

    async def new(self, **request: Any) -> Job:
        """A claimed job whose picture is stored."""
        original = await self.images.put(
            Inspected(data=ORIGINAL, mime_type=PNG, width=4, height=3, has_alpha=False)
        )
        wanted = new_job(
            provider=self.provider.name,
            credential_id=None if self.is_local else KEY,
            image_id=original.image_id,
            output_dir=str(self.folder / "out"),
            **request,
        )
        [job] = await self.store.insert([wanted])
        claimed = await self.store.claim(job, "w.1")
        assert claimed is not None
        return claimed

    async def advance(self, job: Job) -> Job:
        after = await self.steps.advance(job)
        assert after is not None
        return after

    async def until_settled(self, job: Job, *, limit: int = 60) -> Job:
        """Advance, letting time pass as due, until the job waits for a person or has ended."""
        for _ in range(limit):
            if job.is_terminal or job.due_at > self.clock.now() + 10_000:
                return job
            self.clock.time = max(self.clock.time, job.due_at)
            job = await self.advance(job)
        return job


def new_job(
    *,
    provider: str = "cloud",
    owner: str = OWNER,
    dedup_key: str | None = None,
    request_hash: str = "hash",
    keep_key: bool = False,
    credential_id: str | None = KEY,
    usd: float = 0.04,
    day_budget_usd: float = 10.0,
    local_only: bool = False,
    image_id: str = "0" * 32,
    output_dir: str = "out",
    **request: Any,
) -> NewJob:
    """A job to insert; free when it needs no key."""
    price = usd if credential_id is not None else 0.0
    return NewJob(
        owner=owner,
        provider=provider,
        request=JobRequest(
            model=f"{provider}/model",
            image_id=image_id,
            image_name="mug",
            lighting=Lighting(look="golden-hour"),
            output_dir=output_dir,
            policy=Policy(local_only=local_only, daily_budget_usd=day_budget_usd),
            estimate=Cost(amount=price, usd=price, billed="unknown" if price else "no"),
            **request,
        ),
        dedup_key=dedup_key,
        request_hash=request_hash,
        keep_key=keep_key,
        credential_id=credential_id,
    )
