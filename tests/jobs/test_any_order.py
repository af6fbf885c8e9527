"""Whatever happens to jobs, in whatever order: what may never happen does not."""

import random
import sqlite3
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from anyio.from_thread import BlockingPortal, start_blocking_portal
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    multiple,
    precondition,
    rule,
    run_state_machine_as_test,
)

from mcp_relight.domain.exchange import Accepted, Call, Outcome, Output, Rendered, Working
from mcp_relight.domain.job import TERMINAL, Job, JobRequest, Stage, is_legal
from mcp_relight.domain.ports import Turn
from mcp_relight.errors import (
    ContentRejected,
    EngineCrashed,
    InvalidArgument,
    JobExpired,
    JobNotFound,
    OutcomeUnknown,
    ProviderBusy,
    ProviderDown,
)
from mcp_relight.jobs import ports
from mcp_relight.jobs.store.store import Store
from tests.jobs.fakes import FakeProvider, World, new_job

OWNERS = ("ann", "ben")
CHANCE = random.Random()
"""In place of the jitter's own: hypothesis needs the same events to have the same effect."""
MOST_JOBS = 3
"""Few jobs meet many events each; many jobs would each meet hardly any."""
URL = "https://cloud.example/1.png"


class Killed(BaseException):
    """The worker's process ends here: nothing after it runs."""


SUBMIT_ANSWERS: dict[str, Outcome | BaseException] = {
    "accepted": Accepted(ticket="t", poll_after_s=2.0),
    "bytes": Rendered(outputs=(Output(data=b"result"),)),
    "link": Rendered(outputs=(Output(url=URL),)),
    "busy": ProviderBusy("Busy.", billed="no", status=429, retry_after_s=3.0, taken="no"),
    "not sent": ProviderDown("Cannot connect.", billed="no", taken="no"),
    "rejected": ContentRejected("No.", billed="no", status=400, taken="no"),
    "silence": OutcomeUnknown("No answer."),
    "server error": ProviderDown("500.", status=500),
    "killed": Killed(),
    "crash": EngineCrashed("Ended."),
}
POLL_ANSWERS: dict[str, Outcome | BaseException] = {
    "working": Working(progress=0.5),
    "bytes": Rendered(outputs=(Output(data=b"result"),)),
    "link": Rendered(outputs=(Output(url=URL),)),
    "down": ProviderDown("Down."),
    "expired": JobExpired("Gone."),
    "rejected": ContentRejected("No.", billed="yes"),
    "killed": Killed(),
}
NOT_TAKEN = frozenset({"busy", "not sent", "rejected"})
"""Answers after which a remote job may be sent again."""


@dataclass(frozen=True)
class Event:
    """What meets one step of a job."""

    submit: str
    poll: str
    knows: bool
    fetchable: bool


EVENTS = st.builds(
    Event,
    submit=st.sampled_from(sorted(SUBMIT_ANSWERS)),
    poll=st.sampled_from(sorted(POLL_ANSWERS)),
    knows=st.booleans(),
    fetchable=st.booleans(),
)


class Moody(FakeProvider):
    """Answers what the test says next, and notices a second submit of what it may have taken."""

    def __init__(self, name: str) -> None:
        super().__init__(name=name)
        self.event = Event("accepted", "working", knows=False, fetchable=True)
        self.maybe_taken: set[str] = set()
        self.sent_twice: set[str] = set()

    async def render(self, request: JobRequest) -> Rendered:
        outcome = _give(SUBMIT_ANSWERS[self.event.submit])
        if not isinstance(outcome, Rendered):
            raise EngineCrashed("Ended.")
        return outcome

    async def submit(self, call: Call, turn: Turn) -> Outcome:
        await turn()
        job_id = str(call.params["job_id"])
        if job_id in self.maybe_taken:
            self.sent_twice.add(job_id)
        if self.event.submit not in NOT_TAKEN:
            self.maybe_taken.add(job_id)
        return _give(SUBMIT_ANSWERS[self.event.submit])

    async def poll(self, job: Job, turn: Turn) -> Outcome:
        await turn()
        return _give(POLL_ANSWERS[self.event.poll])

    async def reconcile(self, job: Job, turn: Turn) -> Outcome | None:
        await turn()
        return Accepted(ticket="late", poll_after_s=2.0) if self.event.knows else None


def _give(answer: Outcome | BaseException) -> Outcome:
    if isinstance(answer, BaseException):
        raise answer
    return answer


JOURNAL = """
CREATE TABLE journal (before TEXT, after TEXT);
CREATE TRIGGER kept AFTER UPDATE OF stage ON jobs WHEN OLD.stage != NEW.stage
BEGIN INSERT INTO journal VALUES (OLD.stage, NEW.stage); END;
"""
"""The database itself notes every change of a stage, whoever makes it."""


class Jobs(RuleBasedStateMachine):
    """Two owners, two providers, workers that come and go."""

    portal: BlockingPortal
    told: Counter[str]
    known = Bundle("known")

    @initialize(target=known)
    def open(self) -> Any:
        CHANCE.seed(0)
        self.ending = ExitStack()
        folder = Path(self.ending.enter_context(tempfile.TemporaryDirectory()))
        self.providers = {name: Moody(name) for name in ("cloud", "local")}
        self.worlds = {
            name: World(folder, provider, is_local=name == "local")
            for name, provider in self.providers.items()
        }
        self.clock = self.worlds["cloud"].clock
        self.worlds["local"].clock = self.clock
        self.store = Store(folder / "jobs.db", is_living=lambda _: False, now=self.clock.now)
        for world in self.worlds.values():
            world.store = self.store
            world.steps = world.new_steps()
        self.order: list[str] = []
        self.stages: dict[str, Stage] = {}
        self.ended: dict[str, Job] = {}
        self.worker = 0
        first = self._insert("ann", "cloud", [None])
        self.journal = sqlite3.connect(folder / "jobs.db", isolation_level=None)
        self.journal.executescript(JOURNAL)
        return first

    @precondition(lambda self: len(self.open_jobs()) < MOST_JOBS)
    @rule(
        target=known,
        owner=st.sampled_from(OWNERS),
        key=st.sampled_from(["a", "b", None]),
        provider=st.sampled_from(["cloud", "local"]),
        count=st.integers(1, 2),
    )
    def insert(self, owner: str, key: str | None, provider: str, count: int) -> Any:
        keys = [None if key is None else f"{provider}{key}{index}" for index in range(count)]
        return self._insert(owner, provider, keys)

    def _insert(self, owner: str, provider: str, keys: list[str | None]) -> Any:
        credential = None if provider == "local" else "key"
        jobs = self.portal.call(
            self.store.insert,
            [
                new_job(
                    owner=owner, provider=provider, dedup_key=key, credential_id=credential, usd=1.0
                )
                for key in keys
            ],
        )
        self.order += [job.job_id for job in jobs if job.job_id not in self.order]
        return multiple(*[(job.job_id, owner) for job in jobs])

    def open_jobs(self) -> list[str]:
        """Oldest first: their ids are random, and the same events must meet the same jobs."""
        stages = [(job_id, self.stages.get(job_id)) for job_id in self.order]
        return [job_id for job_id, stage in stages if stage and stage not in TERMINAL]

    @precondition(lambda self: self.open_jobs())
    @rule(index=st.integers(0, MOST_JOBS), events=st.lists(EVENTS, min_size=3, max_size=8))
    def advance(self, index: int, events: list[Event]) -> None:
        open_jobs = self.open_jobs()
        self.portal.call(self._advance, open_jobs[index % len(open_jobs)], events)

    async def _advance(self, job_id: str, events: list[Event]) -> None:
        job = await self.store.get(job_id)
        provider, world = self.providers[job.provider], self.worlds[job.provider]
        for event in events:
            self.told["steps of jobs"] += 1
            provider.event = event
            world.downloads.pages = {URL: b"result"} if event.fetchable else {}
            found = await self.store.get(job_id)
            if found.is_terminal:
                return
            self.clock.time = max(self.clock.time, min(found.due_at, self.clock.time + 3600))
            claimed = await self.store.claim(found, f"w.{self.worker}")
            assert claimed is not None
            try:
                await world.steps.advance(claimed)
            except Killed:
                self.worker += 1
                world.steps = world.new_steps()

    @rule(job=known)
    def cancel(self, job: tuple[str, str]) -> None:
        if self._find(*job) is not None:
            self.portal.call(_cancel, self.store, *job)

    @rule(job=known)
    def forget(self, job: tuple[str, str]) -> None:
        found = self._find(*job)
        if found is None:
            return
        try:
            self.portal.call(_forget, self.store, *job)
        except InvalidArgument:
            assert not found.is_terminal
        else:
            assert found.is_terminal
            assert self._find(*job) is None

    @rule(seconds=st.sampled_from([1, 700, 90_000]))
    def wait(self, seconds: int) -> None:
        self.clock.time += seconds

    @rule(job=known)
    def look_at_what_is_not_ones_own(self, job: tuple[str, str]) -> None:
        job_id, owner = job
        [other] = set(OWNERS) - {owner}
        for refused in (_get, _cancel, _forget):
            with pytest.raises(JobNotFound):
                self.portal.call(refused, self.store, job_id, other)

    @invariant()
    def only_legal_changes_of_a_stage_were_made(self) -> None:
        self.told["events"] += 1
        changes = self.journal.execute("SELECT before, after FROM journal").fetchall()
        assert [change for change in changes if not is_legal(*change)] == []
        self.told["changes of a stage"] += len(changes)
        self.journal.execute("DELETE FROM journal")

    @invariant()
    def owners_see_their_own_jobs_and_what_ended_stays_as_it_is(self) -> None:
        rows = {owner: self.portal.call(_all, self.store, owner) for owner in OWNERS}
        assert all(job.owner == owner for owner, jobs in rows.items() for job in jobs)
        now = {job.job_id: replace(job, dedup_key=None) for jobs in rows.values() for job in jobs}
        for job_id, job in self.ended.items():
            assert now.get(job_id, job) == job  # or it was forgotten
        self.ended = {job_id: job for job_id, job in now.items() if job.is_terminal}
        self.stages = {job_id: job.stage for job_id, job in now.items()}

    @invariant()
    def nothing_was_sent_twice(self) -> None:
        assert self.providers["cloud"].sent_twice == set()

    @invariant()
    def no_day_costs_more_than_its_budget(self) -> None:
        for owner in OWNERS:
            spent = sum(
                job.cost.usd or 0.0
                for job in self.portal.call(_all, self.store, owner)
                if job.created_at // 86_400 == self.clock.time // 86_400
            )
            assert spent <= 10.0 + 1e-6

    def _find(self, job_id: str, owner: str) -> Job | None:
        try:
            return self.portal.call(_get, self.store, job_id, owner)
        except JobNotFound:
            return None

    def teardown(self) -> None:
        self.journal.close()
        self.portal.call(self.store.aclose)
        self.ending.close()


async def _get(store: Store, job_id: str, owner: str) -> Job:
    return await store.get(job_id, owner=owner)


async def _cancel(store: Store, job_id: str, owner: str) -> Job:
    return await store.request_cancel(job_id, owner=owner)


async def _forget(store: Store, job_id: str, owner: str) -> None:
    await store.forget(job_id, owner=owner)


async def _all(store: Store, owner: str) -> tuple[Job, ...]:
    return (await store.list(owner=owner, status=None, limit=1000, cursor=None)).jobs


@pytest.fixture(scope="module")
def portal() -> Iterator[BlockingPortal]:
    with start_blocking_portal() as opened:
        yield opened


def test_no_order_of_events_breaks_a_promise(
    portal: BlockingPortal, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    is_full = request.config.getoption("--full")
    monkeypatch.setattr(ports, "_random", CHANCE)
    Jobs.portal, Jobs.told = portal, Counter()
    run_state_machine_as_test(
        Jobs,
        settings=settings(
            max_examples=400 if is_full else 8,
            stateful_step_count=50,
            deadline=None,
            # Shrinking a failure takes minutes, since every step is a commit to a real file.
            phases=[Phase.reuse, Phase.generate, *([Phase.shrink] if is_full else [])],
            suppress_health_check=list(HealthCheck),
        ),
    )
    print(dict(Jobs.told))  # noqa: T201
    assert Jobs.told["steps of jobs"] >= 2000 or not is_full
