"""Whatever happens to jobs, in whatever order: what may never happen does not."""

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from anyio.from_thread import BlockingPortal, start_blocking_portal
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)

from mcp_relight.domain.exchange import Accepted, Call, Outcome, Output, Rendered, Working
from mcp_relight.domain.job import LEGAL, TERMINAL, Job, Stage, is_legal
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
from mcp_relight.jobs.steps import Steps
from mcp_relight.jobs.store.store import Store
from tests.jobs.fakes import FakeProvider, World, new_job

OWNERS = ("ann", "ben")
URL = "https://cloud.example/1.png"


class Killed(BaseException):
    """The worker's process ends here: nothing after it runs."""


SUBMIT_ANSWERS: dict[str, Outcome | BaseException] = {
    "accepted": Accepted(ticket="t", poll_after_s=2.0),
    "bytes": Rendered(outputs=(Output(data=b"result"),)),
    "link": Rendered(outputs=(Output(url=URL),)),
    "busy": ProviderBusy("Busy.", billed="no", status=429, retry_after_s=3.0),
    "not sent": ProviderDown("Cannot connect.", billed="no"),
    "rejected": ContentRejected("No.", billed="no", status=400),
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


class Moody(FakeProvider):
    """Answers what the test says next, and notices a second submit of what it may have taken."""

    def __init__(self, name: str) -> None:
        super().__init__(name=name)
        self.submit_mood = "accepted"
        self.poll_mood = "working"
        self.knows = False
        self.maybe_taken: set[str] = set()
        self.sent_twice: set[str] = set()

    async def submit(self, call: Call) -> Outcome:
        job_id = str(call.params["job_id"])
        if job_id in self.maybe_taken:
            self.sent_twice.add(job_id)
        if self.submit_mood not in NOT_TAKEN:
            self.maybe_taken.add(job_id)
        return _give(SUBMIT_ANSWERS[self.submit_mood])

    async def poll(self, job: Job) -> Outcome:
        return _give(POLL_ANSWERS[self.poll_mood])

    async def reconcile(self, job: Job) -> Outcome | None:
        return Accepted(ticket="late", poll_after_s=2.0) if self.knows else None


def _give(answer: Outcome | BaseException) -> Outcome:
    if isinstance(answer, BaseException):
        raise answer
    return answer


class Jobs(RuleBasedStateMachine):
    """Two owners, two providers, workers that come and go."""

    portal: BlockingPortal
    known = Bundle("known")

    @initialize()
    def open(self) -> None:
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
        self.stages: dict[str, Stage] = {}
        self.worker = 0

    @rule(
        target=known,
        owner=st.sampled_from(OWNERS),
        key=st.sampled_from(["a", "b", None]),
        provider=st.sampled_from(["cloud", "local"]),
        count=st.integers(1, 2),
    )
    def insert(self, owner: str, key: str | None, provider: str, count: int) -> Any:
        wanted = [
            new_job(
                owner=owner,
                provider=provider,
                dedup_key=None if key is None else f"{provider}{key}{index}",
                credential_id=None if provider == "local" else "key",
                usd=1.0,
            )
            for index in range(count)
        ]
        jobs = self.portal.call(self.store.insert, wanted)
        for job in jobs:
            assert job.owner == owner
        return multiple(*[(job.job_id, owner) for job in jobs])

    @rule(
        job=known,
        submit=st.sampled_from(sorted(SUBMIT_ANSWERS)),
        poll=st.sampled_from(sorted(POLL_ANSWERS)),
        knows=st.booleans(),
        fetchable=st.booleans(),
        is_new_worker=st.booleans(),
    )
    def advance(
        self,
        job: tuple[str, str],
        submit: str,
        poll: str,
        knows: bool,
        fetchable: bool,
        is_new_worker: bool,
    ) -> None:
        found = self._find(*job)
        if found is None:
            return
        provider, world = self.providers[found.provider], self.worlds[found.provider]
        provider.submit_mood, provider.poll_mood, provider.knows = submit, poll, knows
        world.downloads.pages = {URL: b"result"} if fetchable else {}
        if provider.name == "local":
            provider.maybe_taken.clear()  # rendering again is free
        if is_new_worker:
            self.worker += 1
            world.steps = world.new_steps()
        self.portal.call(self._step, world.steps, found)

    async def _step(self, steps: Steps, found: Job) -> None:
        claimed = await self.store.claim(found, f"w.{self.worker}")
        assert claimed is not None
        self.clock.time = max(self.clock.time, min(claimed.due_at, self.clock.time + 3600))
        try:
            await steps.advance(claimed)
        except Killed:
            pass

    @rule(job=known)
    def cancel(self, job: tuple[str, str]) -> None:
        if self._find(*job) is not None:
            self.portal.call(_cancel, self.store, *job)

    @rule(job=consumes(known))
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
    def only_legal_steps_were_made_and_what_ended_stays_as_it_is(self) -> None:
        for owner in OWNERS:
            page = self.portal.call(_all, self.store, owner)
            for job in page:
                assert job.owner == owner
                before = self.stages.get(job.job_id, "queued")
                assert before == job.stage or _is_reachable(before, job.stage)
                self.stages[job.job_id] = job.stage

    @invariant()
    def nothing_was_sent_twice(self) -> None:
        assert self.providers["cloud"].sent_twice == set()

    @invariant()
    def no_day_costs_more_than_its_budget(self) -> None:
        for owner in OWNERS:
            spent = sum(
                job.cost.usd or 0.0
                for job in self.portal.call(_all, self.store, owner)
                if job.updated_at // 86_400 == job.created_at // 86_400 == self.clock.time // 86_400
            )
            assert spent <= 10.0 + 1e-6

    def _find(self, job_id: str, owner: str) -> Job | None:
        try:
            return self.portal.call(_get, self.store, job_id, owner)
        except JobNotFound:
            return None

    def teardown(self) -> None:
        self.portal.call(self.store.aclose)
        self.ending.close()


def _is_reachable(before: Stage, after: Stage) -> bool:
    """One rule may make several steps, each of them legal; what ended is left by none."""
    seen: set[Stage] = set()
    open_stages = [before]
    while open_stages:
        stage = open_stages.pop()
        if stage == after:
            return True
        if stage not in seen and stage not in TERMINAL:
            seen.add(stage)
            open_stages += [target for target in _STAGES if is_legal(stage, target)]
    return False


_STAGES: tuple[Stage, ...] = tuple(LEGAL)


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
    portal: BlockingPortal, request: pytest.FixtureRequest
) -> None:
    examples = 40 if request.config.getoption("--full") else 6
    Jobs.portal = portal
    run_state_machine_as_test(
        Jobs,
        settings=settings(
            max_examples=examples,
            stateful_step_count=50,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
