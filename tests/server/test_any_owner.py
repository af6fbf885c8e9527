"""Two owners on one store do whatever they like in any order: neither ever has, hears or loses
anything of the other's, and what neither has is nowhere."""

import io
import re
import tempfile
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from anyio.from_thread import BlockingPortal, start_blocking_portal
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)
from PIL import Image

from mcp_relight.bootstrap import Application
from mcp_relight.config import Settings
from mcp_relight.domain.caller import Caller, acting_as
from mcp_relight.domain.image import image_id_of
from mcp_relight.domain.job import new_job_id
from mcp_relight.domain.queries import (
    AnalyzeArguments,
    CompareArguments,
    GetJobArguments,
    ListJobsArguments,
    ViewArguments,
)
from mcp_relight.domain.request import PlanArguments, RelightArguments
from mcp_relight.errors import ImageNotFound, InvalidArgument, JobNotFound, RelightError
from mcp_relight.service.service import Service
from tests.jobs.conftest import postgres
from tests.jobs.postgres import Cluster

__all__ = ["postgres"]

OWNERS = st.sampled_from(("ann", "ben"))
LOOKS = st.sampled_from(("loop", "split"))
NUMBERS = st.integers(0, 2)
WHICH = st.integers(0, 9)
NEVER_A_JOB, NEVER_A_PICTURE = new_job_id(), "0" * 32


def _picture(number: int) -> bytes:
    made = io.BytesIO()
    Image.new("RGB", (32, 24), (40 * number, 90, 120)).save(made, "PNG")
    return made.getvalue()


DATA = tuple(map(_picture, range(3)))
PICTURES = tuple(map(image_id_of, DATA))


@dataclass
class Kept:
    """A job as its owner should see it."""

    owner: str
    picture: str
    look: str
    status: str = "queued"


class Owners(RuleBasedStateMachine):
    portal: BlockingPortal
    told: Counter[str]
    new_url: Callable[[], str] | None
    """Of an empty database of a team, where there is to be one."""

    @initialize()
    def open(self) -> None:
        self.ending = ExitStack()
        folder = Path(self.ending.enter_context(tempfile.TemporaryDirectory()))
        url = None if self.new_url is None else self.new_url()
        application = Application(
            Settings.load(
                data_dir=folder, output_dir=folder / "out", worker="none", database_url=url
            )
        )
        self.ending.enter_context(self.portal.wrap_async_context_manager(application))
        self.service: Service = self.portal.call(application.service)
        self.files = folder / "images"
        self.jobs: dict[str, Kept] = {}
        self.brought: set[tuple[str, str]] = set()
        """Who has a picture because they sent it, and no job of theirs took it away."""

    @rule(owner=OWNERS, number=NUMBERS)
    def send(self, owner: str, number: int) -> None:
        """The same bytes are welcome from everybody, and say nothing of who had them."""
        assert self.do(owner, lambda: self.service.take_bytes(DATA[number])) == PICTURES[number]
        self.brought.add((owner, PICTURES[number]))

    @rule(owner=OWNERS, number=NUMBERS, look=LOOKS)
    def order(self, owner: str, number: int, look: str) -> None:
        picture = PICTURES[number]
        if not self.has(owner, picture):
            self.is_unknown(owner, lambda name: self.start(name, look), picture, NEVER_A_PICTURE)
            return
        job_id = self.do(owner, lambda: self.start(picture, look))
        kept = self.jobs.setdefault(job_id, Kept(owner, picture, look))
        assert (kept.owner, kept.picture, kept.look) == (owner, picture, look)
        assert kept.status == "queued"

    @rule(owner=OWNERS, which=WHICH)
    def cancel(self, owner: str, which: int) -> None:
        job_id = self.any_job(which)
        if self.is_theirs(owner, job_id):
            self.do(owner, lambda: self.service.cancel_job(job_id))
            self.jobs[job_id].status = "cancelled"
        else:
            self.is_unknown(owner, self.service.cancel_job, job_id, NEVER_A_JOB)

    @rule(owner=OWNERS, which=WHICH)
    def forget(self, owner: str, which: int) -> None:
        job_id = self.any_job(which)
        if not self.is_theirs(owner, job_id):
            self.is_unknown(owner, self.service.forget, job_id, NEVER_A_JOB)
        elif self.jobs[job_id].status == "queued":
            with pytest.raises(InvalidArgument):
                self.do(owner, lambda: self.service.forget(job_id))
        else:
            self.do(owner, lambda: self.service.forget(job_id))
            self.went(job_id)

    @rule(owner=OWNERS)
    def forget_all(self, owner: str) -> None:
        self.do(owner, lambda: self.service.forget(None))
        ended = [
            job_id
            for job_id, kept in self.jobs.items()
            if kept.owner == owner and kept.status != "queued"
        ]
        for job_id in ended:
            self.went(job_id)

    @rule(owner=OWNERS, which=WHICH, how=st.integers(0, 7))
    def look_at_anothers(self, owner: str, which: int, how: int) -> None:
        """Every other way to name a job or a picture."""
        job_id = self.any_job(which)
        picture = PICTURES[which % len(PICTURES)]
        service = self.service
        of_jobs: list[Callable[[str], Awaitable[Any]]] = [
            lambda name: service.get_job(GetJobArguments(job_id=name)),
            lambda name: service.times_of(name),
            lambda name: service.look_at_forgetting(name),
            lambda name: service.compare(CompareArguments(job_id=name)),
        ]
        of_pictures: list[Callable[[str], Awaitable[Any]]] = [
            lambda name: service.read_image(name),
            lambda name: service.view(ViewArguments(image=f"relight://images/{name}")),
            lambda name: service.analyze(AnalyzeArguments(image=f"relight://images/{name}")),
            lambda name: service.plan(
                PlanArguments.parse({"image": f"relight://images/{name}", "look": "loop"})
            ),
        ]
        if how < len(of_jobs):
            if not self.is_theirs(owner, job_id):
                self.is_unknown(owner, of_jobs[how], job_id, NEVER_A_JOB)
        elif not self.has(owner, picture):
            self.is_unknown(owner, of_pictures[how - len(of_jobs)], picture, NEVER_A_PICTURE)

    @invariant()
    def everybody_sees_what_is_theirs_and_nothing_else(self) -> None:
        """One owner and one picture after each step, in turn: all of them would take ten times as
        long, and what is wrong stays wrong."""
        step = self.told["steps"]
        self.told["steps"] += 1
        owner, number = ("ann", "ben")[step % 2], step % len(PICTURES)
        page = self.do(owner, lambda: self.service.list_jobs(ListJobsArguments(limit=50)))
        assert {row.job_id: row.status for row in page.jobs} == {
            job_id: kept.status for job_id, kept in self.jobs.items() if kept.owner == owner
        }
        if self.has(owner, picture := PICTURES[number]):
            assert self.do(owner, lambda: self.service.read_image(picture)) == DATA[number]
        else:
            self.is_unknown(owner, self.service.read_image, picture, NEVER_A_PICTURE)

    @invariant()
    def what_nobody_has_is_nowhere(self) -> None:
        kept = {path.name.partition(".")[0] for path in self.files.rglob("*") if path.is_file()}
        wanted = {picture for _, picture in self.brought}
        # On one machine everything in the folder is its person's too, until the tidy-up.
        assert kept == wanted if self.new_url is not None else kept >= wanted

    def went(self, job_id: str) -> None:
        """Its picture goes with it, unless another job of its owner's needs it."""
        gone = self.jobs.pop(job_id)
        if not any(
            kept.owner == gone.owner and kept.picture == gone.picture for kept in self.jobs.values()
        ):
            self.brought.discard((gone.owner, gone.picture))

    def has(self, owner: str, picture: str) -> bool:
        return (owner, picture) in self.brought

    def any_job(self, which: int) -> str:
        known = list(self.jobs)
        return known[which % len(known)] if known else NEVER_A_JOB

    def is_theirs(self, owner: str, job_id: str) -> bool:
        return job_id in self.jobs and self.jobs[job_id].owner == owner

    def is_unknown(
        self, owner: str, ask: Callable[[str], Awaitable[Any]], name: str, never: str
    ) -> None:
        assert self.refused(owner, lambda: ask(name)) == self.refused(owner, lambda: ask(never))

    def refused(self, owner: str, ask: Callable[[], Awaitable[Any]]) -> str:
        with pytest.raises(RelightError) as caught:
            self.do(owner, ask)
        return self.words(caught.value)

    def words(self, error: RelightError) -> str:
        assert isinstance(error, JobNotFound | ImageNotFound), error
        self.told["refusals"] += 1
        return re.sub(r"[0-9a-f]{16,}", "ID", f"{error.code} {error.message} {error.hint}")

    async def start(self, picture: str, look: str) -> str:
        arguments = {"image": f"relight://images/{picture}", "look": look, "wait_s": 0}
        order = await self.service.order(RelightArguments.parse(arguments))
        view = await self.service.relight(order, wait_s=0)
        return view.job_id  # pyright: ignore

    def do(self, owner: str, ask: Callable[[], Awaitable[Any]]) -> Any:
        async def as_owner() -> Any:
            with acting_as(Caller(owner)):
                return await ask()

        return self.portal.call(as_owner)

    def teardown(self) -> None:
        self.ending.close()


@pytest.fixture(scope="module")
def portal() -> Iterator[BlockingPortal]:
    with start_blocking_portal() as opened:
        yield opened


@pytest.mark.long
@pytest.mark.parametrize("where", ["one machine", "team"])
def test_no_order_of_calls_gives_one_owner_anything_of_anothers(
    portal: BlockingPortal, request: pytest.FixtureRequest, where: str
) -> None:
    is_full = request.config.getoption("--full")
    Owners.portal, Owners.told = portal, Counter()
    Owners.new_url = None
    if where == "team":
        pytest.importorskip("procrastinate", reason="needs the extra team")
        cluster: Cluster = request.getfixturevalue("postgres")
        Owners.new_url = staticmethod(lambda: cluster.new_database("owners"))
    run_state_machine_as_test(
        Owners,
        settings=settings(
            max_examples=50 if is_full else 4,
            stateful_step_count=60,
            deadline=None,
            phases=[Phase.reuse, Phase.generate],  # shrinking a failure takes many minutes
            suppress_health_check=list(HealthCheck),
        ),
    )
    print(dict(Owners.told))  # noqa: T201
    assert Owners.told["steps"] >= (2000 if is_full else 100)
