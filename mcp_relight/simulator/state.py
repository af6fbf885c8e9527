"""The simulated world: accounts, jobs, files, faults, a clock that can be moved, and the rules.

Everything here runs on the server's event loop, so nothing locks.
"""

import hashlib
import math
import secrets
import time
from collections import deque
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import anyio

from mcp_relight.simulator.bucket import Bucket
from mcp_relight.simulator.faults import ON_JOB, FaultBook
from mcp_relight.simulator.files import Files, StoredFile
from mcp_relight.simulator.intake import Source, fetch_source
from mcp_relight.simulator.jobs import ENDED, Job, Stage, Work
from mcp_relight.simulator.ledger import PROVIDERS, Account, Ledger
from mcp_relight.simulator.pictures import PictureOrder

WINDOW_S = 60.0


@dataclass(frozen=True)
class Settings:
    """How the world behaves between faults.

    polls: status requests answered before a job ends (0 = at the first); None goes by the clock.
    speed: how many times faster than the providers' usual seconds (4, 111, 30).
    rpm: requests per minute and key before 429, over all endpoints; None for no limit.
    inline_inputs: providers that take data URIs where their documents speak of URLs.
    new_models: ids of image editors that PixelDojo's list names beside the documented models.
    webhooks: when the address given for a job is called: early (before the submit is answered),
        end, again (once more after the end).
    """

    polls: int | None = None
    speed: float = 1.0
    reply_delay_s: float = 0.0
    drip_s: float = 0.05
    rpm: int | None = None
    job_life_s: float = 86_400.0
    file_life_s: float = 3_600.0
    inline_inputs: tuple[str, ...] = ("segmind",)
    new_models: tuple[str, ...] = ()
    webhooks: tuple[str, ...] = ("end",)

    def changed(self, changes: dict[str, Any]) -> "Settings":
        """A copy with the changes. Raises ValueError for a name or value that makes no sense."""
        unknown = set(changes) - set(vars(self))
        if unknown:
            raise ValueError(f"unknown setting; known: {', '.join(vars(self))}")
        after = replace(self, **changes)
        numbers = (after.speed, after.reply_delay_s, after.drip_s, after.job_life_s)
        if not all(math.isfinite(number) and number >= 0 for number in numbers):
            raise ValueError("speed, delays and lives: finite, not negative")
        if after.speed == 0:
            raise ValueError("speed: above 0; polls=0 makes every job end at its first poll")
        return replace(
            after,
            inline_inputs=tuple(after.inline_inputs),
            new_models=tuple(after.new_models),
            webhooks=tuple(after.webhooks),
        )


class NoCredits(Exception):
    """The account cannot pay `need`."""

    def __init__(self, need: float) -> None:
        super().__init__(need)
        self.need = need


@dataclass
class Simulation:
    settings: Settings = field(default_factory=Settings)
    ledger: Ledger = field(default_factory=Ledger)
    faults: FaultBook = field(default_factory=FaultBook)
    files: Files = field(default_factory=Files)
    bucket: Bucket = field(default_factory=Bucket)
    jobs: dict[str, Job] = field(default_factory=lambda: dict[str, Job]())
    _asked: dict[tuple[str, str], deque[float]] = field(
        default_factory=lambda: dict[tuple[str, str], deque[float]]()
    )
    _ahead_s: float = 0.0

    def __post_init__(self) -> None:
        self._first_settings = self.settings
        self._open_accounts()

    def now(self) -> float:
        return time.time() + self._ahead_s

    def advance(self, seconds: float) -> None:
        """Move this world's clock; files and jobs come of age without anybody waiting."""
        self._ahead_s += seconds

    def reset(self) -> None:
        """As just started; the journal keeps its lines and gains one that says so."""
        self.ledger.clear()
        self.faults.clear()
        self.files.clear()
        self.bucket.clear()
        self.jobs.clear()
        self._asked.clear()
        self._ahead_s = 0.0
        self.settings = self._first_settings
        self._open_accounts()

    def _open_accounts(self) -> None:
        for provider, terms in PROVIDERS.items():
            account = Account(provider, terms.key, terms.balance, terms.unit)
            self.ledger.open_account(account)

    def throttled_until(self, provider: str, key: str) -> float | None:
        """When the key may ask again, or None; an answered request counts against the minute."""
        if self.settings.rpm is None:
            return None
        now = self.now()
        asked = self._asked.setdefault((provider, key), deque())
        while asked and asked[0] <= now - WINDOW_S:
            asked.popleft()
        if len(asked) >= self.settings.rpm:
            return asked[0] + WINDOW_S
        asked.append(now)
        return None

    async def accept(self, account: Account, work: Work, origin: str) -> Job:
        """Charge, read the input, start the job. Raises NoCredits before anything is kept."""
        about = {"job": work.job_id, "model": work.model, "at": self.now()}
        if not self.ledger.charge(account, work.amount, **about):
            raise NoCredits(work.amount)
        job = Job(
            work=work,
            provider=account.provider,
            key=account.key,
            created_at=self.now(),
            seed=secrets.randbelow(2**31) if work.seed is None else work.seed,
            fate=self.faults.take(account.provider, "result", ON_JOB),
        )
        sources = [await self._source(reference, origin) for reference in work.inputs]
        job.failure = next((source.problem for source in sources if source.problem), None)
        job.source = sources[0].digest if sources else None
        self.jobs[job.id] = job
        return job

    async def _source(self, reference: str, origin: str) -> Source:
        parts = urlsplit(reference)
        own = f"{parts.scheme}://{parts.netloc}" == origin and parts.path.startswith("/files/")
        if not own:
            source = await fetch_source(reference)
        else:
            stored = self.files.find(parts.path.removeprefix("/files/"), self.now())
            if stored is None:
                return Source(None, "Failed to download the input image")
            source = Source(await self.files.read(stored))
        if source.digest and source.data:
            self.files.keep_source(source.digest, source.data)
        return source

    def keep_upload(self, data: bytes, media_type: str) -> str:
        """The path under /files/ where the upload lies from now on."""
        digest = hashlib.sha256(data).hexdigest()[:12]
        extension = media_type.rsplit("/", 1)[-1]
        path = f"segmind/assets/{secrets.token_hex(8)}-{digest}.{extension}"
        self._keep(path, data, media_type)
        return path

    def _keep(self, path: str, content: bytes | PictureOrder, media_type: str) -> None:
        expires_at = self.now() + self.settings.file_life_s
        self.files.put(path, StoredFile(content, media_type, expires_at))

    def glance(self, job: Job) -> Stage:
        """The job's stage, without counting as a poll."""
        if self.now() > job.created_at + self.settings.job_life_s:
            return "expired"
        stage = job.stage(self.now(), self.settings.speed, self.settings.polls)
        self._settle(job, stage)
        return stage

    def observe(self, job: Job) -> Stage:
        """The job's stage as this status request finds it."""
        stage = self.glance(job)
        job.polls += 1
        return stage

    async def carry_out(self, job: Job) -> Stage:
        """For synchronous endpoints: wait as long as the model takes, then the ending."""
        if job.is_stuck:
            await anyio.sleep_forever()
        if self.settings.polls is None:
            await anyio.sleep(job.work.duration_s / self.settings.speed)
        stage = job.ending()
        self._settle(job, stage)
        return stage

    def _settle(self, job: Job, stage: Stage) -> None:
        if stage not in ENDED or job.finished_at is not None:
            return
        job.finished_at = self.now()
        if stage == "completed":
            for path, picture in job.publish().items():
                self._keep(path, picture, picture.media_type)
        elif stage in PROVIDERS[job.provider].gives_back:
            account = self.ledger.account(job.provider, job.key)
            if account is not None:
                self.ledger.refund(account, job.work.amount, job=job.id, at=self.now())

    def job_of(self, provider: str, key: str, job_id: str) -> Job | None:
        """The account's own job; somebody else's is as unknown as one that never was."""
        job = self.jobs.get(job_id)
        return job if job and job.provider == provider and job.key == key else None

    def jobs_of(self, provider: str, key: str) -> list[Job]:
        """Newest first."""
        return [
            job
            for job in reversed(self.jobs.values())
            if job.provider == provider and job.key == key
        ]

    def close(self) -> None:
        self.ledger.close()


def new_simulation(journal: Path | None = None, **settings: Any) -> Simulation:
    """A fresh world. `settings` are fields of Settings; raises ValueError for an unknown one."""
    return Simulation(settings=Settings().changed(settings), ledger=Ledger(journal))
