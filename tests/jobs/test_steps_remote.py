"""Steps of a remote job: what each answer of a provider, and each silence, leads to."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio
import pytest

from mcp_relight.domain.exchange import Accepted, Output, Rendered, Working
from mcp_relight.domain.job import Cost, Job, Stage
from mcp_relight.errors import (
    ContentRejected,
    FetchFailed,
    JobExpired,
    NeedsPublicUrl,
    OutcomeUnknown,
    ProviderAuth,
    ProviderBusy,
    ProviderCredits,
    ProviderDown,
    ProviderProtocol,
    RelightError,
    StorageFull,
    TimedOut,
    UrlRefused,
)
from mcp_relight.jobs.ports import LONGEST_SUBMIT_S, NEVER, SENT_WITHIN_S, SUBMIT_SLACK_S
from tests.jobs.fakes import OWNER, FakeProvider, World

pytestmark = pytest.mark.anyio

PICTURE = Rendered(outputs=(Output(data=b"result"),))
LINKED = Rendered(outputs=(Output(url="https://cloud.example/1.png"),))


async def test_a_job_goes_all_the_way_to_its_picture(tmp_path: Path) -> None:
    provider = FakeProvider(polls=[Working(progress=0.5), LINKED])
    world = World(tmp_path, provider)
    world.downloads.pages["https://cloud.example/1.png"] = b"result"
    job = await world.new()
    stages: list[Stage] = []
    progress: list[float] = []
    while not job.is_terminal:
        world.clock.time = max(world.clock.time, job.due_at)
        job = await world.advance(job)
        stages.append(job.stage)
        progress.append(job.progress)
    assert stages == ["running", "running", "downloading", "finishing", "succeeded"]
    assert progress == sorted(progress)
    assert progress[-1] == 1.0
    assert await world.images.read(job.images[0]) == b"result"
    assert job.paths == (str(tmp_path / "out" / "mug-golden-hour.png"),)
    assert (job.cost.usd, job.cost.billed) == (0.04, "yes")
    assert provider.submitted == [job.job_id]
    assert world.inputs.up == set()


async def test_the_intent_is_committed_before_anything_is_sent(tmp_path: Path) -> None:
    world = World(tmp_path)
    job = await world.new()
    seen: list[Job] = []

    async def look() -> None:
        seen.append(await world.store.get(job.job_id))

    world.provider.on_submit = look
    await world.advance(job)
    assert [(row.stage, row.submits) for row in seen] == [("submitting", 1)]


async def test_what_took_long_to_note_down_is_not_sent_now(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Others count from the row how long the request may be under way."""
    world = World(tmp_path)
    job = await world.new()
    reserve = world.store.reserve

    async def slowly(*args: Any, **changes: Any) -> Job | None:
        sending = await reserve(*args, **changes)
        world.clock.time += SENT_WITHIN_S + 1
        return sending

    monkeypatch.setattr(world.store, "reserve", slowly)
    job = await world.advance(job)
    assert (job.stage, world.provider.submitted) == ("queued", [])
    monkeypatch.undo()
    job = await world.until_settled(job)
    assert (job.stage, len(world.provider.submitted)) == ("succeeded", 1)


async def test_a_lost_sender_is_given_as_long_as_its_provider_is(tmp_path: Path) -> None:
    world = World(tmp_path)
    job = await world.new()
    sending = await world.store.reserve(job, day_budget_usd=10.0)
    assert sending is not None
    began_at = world.clock.time
    assert sending.submitted_at == began_at
    over_at = await world.steps.submit_over_at(sending)
    assert over_at == began_at + world.provider.submit_within_s + SUBMIT_SLACK_S
    assert SUBMIT_SLACK_S > SENT_WITHIN_S
    elsewhere = replace(sending, provider="gone")  # a plug-in that this machine lacks
    assert await world.steps.submit_over_at(elsewhere) == began_at + LONGEST_SUBMIT_S


@pytest.mark.parametrize(
    "silence",
    [
        OutcomeUnknown("No answer."),
        TimedOut("No answer."),
        ProviderDown("500.", status=500),
        ProviderDown("502.", billed="no", status=502),
        ProviderBusy("409.", billed="unknown", status=409),
        ProviderProtocol("Unreadable.", status=200),
        ProviderProtocol("Unreadable.", billed="no"),
    ],
)
async def test_after_a_silence_the_outcome_is_unknown_and_nothing_is_sent_again(
    tmp_path: Path, silence: RelightError
) -> None:
    world = World(tmp_path, FakeProvider(submits=[silence]))
    job = await world.until_settled(await world.new())
    assert (job.stage, job.status) == ("submit_unknown", "unknown")
    assert job.error is not None
    assert job.error.code == "outcome_unknown"
    assert len(world.provider.submitted) == 1


@pytest.mark.parametrize(
    ("refusal", "billed"),
    [
        (ContentRejected("No.", billed="yes", status=400, taken="no"), "yes"),
        (ProviderAuth("No.", billed="no", status=401, taken="no"), "no"),
        (ProviderProtocol("No.", billed="no", taken="no"), "no"),
        (NeedsPublicUrl("No."), "no"),
    ],
)
async def test_a_definite_refusal_fails_the_job_and_says_what_it_cost(
    tmp_path: Path, refusal: RelightError, billed: str
) -> None:
    world = World(tmp_path, FakeProvider(submits=[refusal]))
    job = await world.advance(await world.new())
    assert job.stage == "failed"
    assert job.error is not None
    assert job.error.code == refusal.code
    assert job.cost.billed == billed
    assert world.inputs.up == set()


async def test_a_busy_provider_is_tried_again_after_the_time_it_asked_for(tmp_path: Path) -> None:
    busy = ProviderBusy("Busy.", billed="no", retry_after_s=40.0, status=429, taken="no")
    accepted = Accepted(ticket="t", poll_after_s=2.0)
    world = World(tmp_path, FakeProvider(submits=[busy, accepted]))
    job = await world.advance(await world.new())
    assert (job.stage, job.due_at) == ("queued", world.clock.time + 40.0)
    other = await world.new()
    assert (await world.advance(other)).due_at >= world.clock.time + 40.0
    world.clock.time = job.due_at
    job = await world.until_settled(job)
    assert job.stage == "succeeded"
    assert job.submits == 2


async def test_what_was_certainly_not_sent_is_sent_a_few_times_and_then_fails(
    tmp_path: Path,
) -> None:
    down = ProviderDown("Cannot connect.", billed="no", taken="no")
    world = World(tmp_path, FakeProvider(submits=[down]))
    job = await world.until_settled(await world.new())
    assert (job.stage, job.submits) == ("failed", 5)
    assert (job.cost.usd, job.cost.billed) == (0.0, "no")


async def test_a_row_found_submitting_is_never_sent_again(tmp_path: Path) -> None:
    world = World(tmp_path)
    job = await world.new()
    submitting = await world.store.reserve(job, day_budget_usd=10.0)
    assert submitting is not None
    found = await world.new_steps().advance(submitting)
    assert found is not None
    assert found.stage == "submit_unknown"
    assert world.provider.submitted == []


async def test_a_row_found_submitting_goes_on_when_the_provider_has_it(tmp_path: Path) -> None:
    world = World(tmp_path, FakeProvider(evidence=Accepted(ticket="late", poll_after_s=2.0)))
    job = await world.new()
    submitting = await world.store.reserve(job, day_budget_usd=10.0)
    assert submitting is not None
    job = await world.advance(submitting)
    assert (job.stage, job.ticket) == ("running", "late")
    assert (await world.until_settled(job)).stage == "succeeded"
    assert world.provider.submitted == []


@pytest.mark.parametrize("evidence", [Accepted(ticket="late", poll_after_s=2.0), PICTURE])
async def test_late_evidence_brings_an_unknown_job_back(
    tmp_path: Path, evidence: Accepted | Rendered
) -> None:
    provider = FakeProvider(submits=[OutcomeUnknown("No answer.")], evidence=evidence)
    world = World(tmp_path, provider)
    job = await world.until_settled(await world.new())
    assert (job.stage, job.error) == ("succeeded", None)
    assert len(provider.submitted) == 1


async def test_evidence_is_looked_for_until_somebody_could_look(tmp_path: Path) -> None:
    """The network that swallowed the answer may stay away for longer than six minutes."""
    provider = FakeProvider(
        submits=[OutcomeUnknown("No answer.")], evidence=ProviderDown("Cannot connect.")
    )
    world = World(tmp_path, provider)
    job = await world.until_settled(await world.new(), limit=12)
    assert job.stage == "submit_unknown"
    assert world.clock.time - job.created_at > 1800
    provider.evidence = Accepted(ticket="late", poll_after_s=2.0)
    assert (await world.until_settled(job)).stage == "succeeded"


async def test_a_provider_that_is_gone_for_good_is_not_asked_for_ever(tmp_path: Path) -> None:
    provider = FakeProvider(
        submits=[OutcomeUnknown("No answer.")], evidence=ProviderDown("Cannot connect.")
    )
    world = World(tmp_path, provider)
    job = await world.advance(await world.new())
    world.clock.time += 2 * 86_400
    job = await world.until_settled(job)
    assert (job.stage, job.due_at) == ("submit_unknown", NEVER)


async def test_a_job_of_which_nothing_is_heard_waits_for_a_person_alone(tmp_path: Path) -> None:
    world = World(tmp_path, FakeProvider(submits=[OutcomeUnknown("No answer.")]))
    job = await world.until_settled(await world.new())
    assert await world.store.next_due_at(worker="w.1", credentials=["key-of-cloud"]) is None
    given_up = await world.store.request_cancel(job.job_id, owner=OWNER)
    assert given_up.stage == "cancelled"


async def test_a_synchronous_answer_is_kept_inside_the_submit_step(tmp_path: Path) -> None:
    world = World(tmp_path, FakeProvider(submits=[PICTURE]))
    job = await world.advance(await world.new())
    assert job.stage == "finishing"
    assert await world.images.read(job.returned[0]) == b"result"


async def test_a_full_disk_does_not_lose_bytes_that_were_paid_for(tmp_path: Path) -> None:
    world = World(tmp_path, FakeProvider(submits=[PICTURE]))
    job = await world.new()
    world.images.full_for_puts = 3
    assert (await world.until_settled(job)).stage == "succeeded"


async def test_a_result_that_is_no_picture_fails_the_job(tmp_path: Path) -> None:
    broken = Rendered(outputs=(Output(data=b"BROKEN"),))
    world = World(tmp_path, FakeProvider(submits=[broken]))
    job = await world.advance(await world.new())
    assert job.error is not None
    assert job.error.code == "provider_protocol"


@pytest.mark.parametrize(
    "trouble",
    [
        ProviderBusy("Busy.", retry_after_s=30.0),
        ProviderDown("Down."),
        TimedOut("Slow."),
        StorageFull("No room for the rate gate."),
        ProviderAuth("The key was changed."),
        ProviderCredits("The account is empty.", billed="no"),
        ProviderProtocol("Unreadable."),
    ],
)
async def test_trouble_while_asking_never_ends_a_job_that_was_paid_for(
    tmp_path: Path, trouble: RelightError
) -> None:
    provider = FakeProvider(polls=[trouble, trouble, trouble, PICTURE])
    world = World(tmp_path, provider)
    job = await world.until_settled(await world.new())
    assert job.stage == "succeeded"
    assert len(provider.polled) == 4


async def test_an_unreadable_answer_after_a_long_outage_is_not_the_end(tmp_path: Path) -> None:
    outage = [ProviderDown("Down.")] * 20
    polls = [*outage, ProviderProtocol("A page of HTML."), PICTURE]
    world = World(tmp_path, FakeProvider(polls=polls))
    assert (await world.until_settled(await world.new())).stage == "succeeded"


async def test_answers_that_stay_unreadable_end_the_job(tmp_path: Path) -> None:
    world = World(tmp_path, FakeProvider(polls=[ProviderProtocol("A page of HTML.")]))
    job = await world.until_settled(await world.new())
    assert job.error is not None
    assert (job.stage, job.error.code) == ("failed", "provider_protocol")


async def test_a_job_its_provider_does_not_know_at_first_is_asked_about_again(
    tmp_path: Path,
) -> None:
    unknown = JobExpired("Not found.", status=404)
    outage = [ProviderDown("Down.")] * 10
    world = World(tmp_path, FakeProvider(polls=[unknown, *outage, unknown, Working(), PICTURE]))
    assert (await world.until_settled(await world.new())).stage == "succeeded"
    lost = World(tmp_path / "lost", FakeProvider(polls=[unknown]))
    assert (await lost.until_settled(await lost.new())).stage == "expired"
    assert len(lost.provider.polled) == 2


async def test_a_job_that_failed_at_the_provider_fails(tmp_path: Path) -> None:
    world = World(tmp_path, FakeProvider(polls=[ContentRejected("No.", billed="no")]))
    job = await world.until_settled(await world.new())
    assert (job.stage, job.cost.billed) == ("failed", "no")


async def test_a_result_that_is_gone_expires_the_job(tmp_path: Path) -> None:
    world = World(tmp_path, FakeProvider(polls=[JobExpired("Gone.")]))
    job = await world.until_settled(await world.new())
    assert (job.stage, job.status) == ("expired", "failed")
    assert job.error is not None
    assert job.error.code == "job_expired"


async def test_past_its_deadline_a_job_stays_running_with_a_note(tmp_path: Path) -> None:
    world = World(tmp_path, FakeProvider(polls=[Working()]))
    job = await world.advance(await world.new())
    world.clock.time += 241
    job = await world.advance(job)
    assert job.stage == "running"
    assert "longer than usual" in job.note


async def test_polls_come_less_often_as_time_passes(tmp_path: Path) -> None:
    world = World(tmp_path, FakeProvider(polls=[Working()]))
    job = await world.advance(await world.new())
    pauses: list[float] = []
    for _ in range(12):
        world.clock.time = job.due_at
        job = await world.advance(job)
        pauses.append(job.due_at - world.clock.time)
    assert min(pauses) >= 1.6
    assert 12 <= max(pauses) <= 18
    assert pauses[0] < pauses[-1]


async def test_what_the_provider_kept_for_so_long_only_expires_after_that(tmp_path: Path) -> None:
    submits = [Accepted(ticket="t", poll_after_s=2.0, expires_at=1_800_007_200.0)]
    provider = FakeProvider(submits=submits, polls=[ProviderDown("Down.")])
    world = World(tmp_path, provider)
    job = await world.until_settled(await world.new(), limit=200)
    assert job.stage == "expired"
    assert world.clock.time > 1_800_007_200.0


@pytest.mark.parametrize("skew_s", [-365 * 86_400.0, -7200.0])
async def test_an_expiry_in_the_past_does_not_end_a_job_that_is_at_work(
    tmp_path: Path, skew_s: float
) -> None:
    """The provider's clock, or ours, is wrong: what it says to a poll is what counts."""
    taken = Accepted(ticket="t", poll_after_s=2.0, expires_at=1_800_000_000.0 + skew_s)
    provider = FakeProvider(submits=[taken], polls=[Working(), ProviderDown("Down."), PICTURE])
    world = World(tmp_path, provider)
    assert (await world.until_settled(await world.new())).stage == "succeeded"


async def test_an_expiry_far_away_does_not_keep_a_job_at_work_for_ever(tmp_path: Path) -> None:
    taken = Accepted(ticket="t", poll_after_s=2.0, expires_at=4e9)
    world = World(tmp_path, FakeProvider(submits=[taken], polls=[Working()]))
    job = await world.advance(await world.new())
    world.clock.time += 8 * 86_400
    assert (await world.advance(job)).stage == "expired"


async def test_a_download_is_tried_again(tmp_path: Path) -> None:
    world = World(tmp_path, FakeProvider(polls=[LINKED]))
    job = await world.new()
    while job.stage != "downloading":
        world.clock.time = max(world.clock.time, job.due_at)
        job = await world.advance(job)
    job = await world.advance(job)
    assert (job.stage, job.attempts) == ("downloading", 1)
    world.downloads.pages["https://cloud.example/1.png"] = b"result"
    assert (await world.until_settled(job)).stage == "succeeded"


async def test_a_download_that_never_works_expires(tmp_path: Path) -> None:
    world = World(tmp_path, FakeProvider(polls=[LINKED]))
    world.downloads.pages["https://cloud.example/1.png"] = FetchFailed("Gone.", status=404)
    assert (await world.until_settled(await world.new())).stage == "expired"


async def test_an_evening_without_a_network_loses_no_picture(tmp_path: Path) -> None:
    world = World(tmp_path, FakeProvider(polls=[LINKED]))
    offline = await world.until_settled(await world.new(), limit=200)
    assert offline.stage == "downloading"
    assert world.clock.time - offline.created_at > 2 * 3600
    # Its first answer may be of no use either.
    world.downloads.pages["https://cloud.example/1.png"] = FetchFailed("Not yet.", status=403)
    waiting = await world.advance(offline)
    assert waiting.stage == "downloading"
    world.downloads.pages["https://cloud.example/1.png"] = b"result"
    assert (await world.until_settled(waiting)).stage == "succeeded"


async def test_one_picture_that_is_gone_does_not_take_the_other_with_it(tmp_path: Path) -> None:
    two = Rendered(outputs=(Output(url="https://a/1"), Output(url="https://a/2")))
    world = World(tmp_path, FakeProvider(polls=[two]))
    world.downloads.pages = {"https://a/1": FetchFailed("Gone.", status=404), "https://a/2": b"2"}
    job = await world.until_settled(await world.new())
    assert job.stage == "succeeded"
    assert len(job.images) == 1
    assert any("could not be used" in warning for warning in job.warnings)


async def test_one_unusable_picture_of_two_leaves_the_other_and_a_warning(tmp_path: Path) -> None:
    two = Rendered(outputs=(Output(url="https://a/1"), Output(url="https://a/2")))
    world = World(tmp_path, FakeProvider(polls=[two]))
    world.downloads.pages = {"https://a/1": UrlRefused("No."), "https://a/2": b"second"}
    job = await world.until_settled(await world.new())
    assert job.stage == "succeeded"
    assert len(job.images) == 1
    assert any("could not be used" in warning for warning in job.warnings)


async def test_an_unusable_result_fails(tmp_path: Path) -> None:
    world = World(tmp_path, FakeProvider(polls=[LINKED]))
    world.downloads.pages["https://cloud.example/1.png"] = UrlRefused("No.")
    job = await world.until_settled(await world.new())
    assert job.error is not None
    assert job.error.code == "url_refused"
    assert job.cost.billed != "no"


async def test_cancelling_asks_the_provider(tmp_path: Path) -> None:
    world = World(tmp_path, FakeProvider(polls=[Working()], can_cancel=True))
    job = await world.advance(await world.new())
    job = await world.store.request_cancel(job.job_id, owner=OWNER)
    assert (await world.advance(job)).stage == "cancelled"
    assert world.inputs.up == set()


async def test_where_the_provider_cannot_cancel_the_result_is_kept_with_a_warning(
    tmp_path: Path,
) -> None:
    world = World(tmp_path, FakeProvider(polls=[Working(), PICTURE]))
    job = await world.advance(await world.new())
    job = await world.store.request_cancel(job.job_id, owner=OWNER)
    job = await world.until_settled(job)
    assert job.stage == "succeeded"
    assert any("could not cancel" in warning for warning in job.warnings)
    assert len(world.provider.cancelled) == 1


async def test_a_job_cancelled_while_it_waits_is_not_sent(tmp_path: Path) -> None:
    world = World(tmp_path, per_minute=1, burst=1)
    await world.advance(await world.new())
    waiting = await world.advance(await world.new())
    assert waiting.stage == "queued"
    assert waiting.due_at == pytest.approx(world.clock.time + 60, abs=0.01)
    await world.store.request_cancel(waiting.job_id, owner=OWNER)
    world.clock.time += 60
    assert await world.steps.advance(waiting) is None
    assert len(world.provider.submitted) == 1


async def test_submits_and_polls_keep_to_the_rate_limit(tmp_path: Path) -> None:
    world = World(tmp_path, FakeProvider(polls=[Working(poll_after_s=0.1)]), per_minute=60, burst=2)
    jobs = [await world.new() for _ in range(5)]
    start = world.clock.time
    while world.clock.time < start + 20:
        jobs = [await world.advance(job) if job.due_at <= world.clock.time else job for job in jobs]
        world.clock.time += 0.1
    sent = len(world.provider.submitted) + len(world.provider.polled)
    assert 18 <= sent <= 22


async def test_a_job_accepted_for_this_machine_only_is_not_sent(tmp_path: Path) -> None:
    world = World(tmp_path)
    job = await world.advance(await world.new(local_only=True))
    assert job.stage == "failed"
    assert world.provider.submitted == []


async def test_a_job_of_a_provider_that_is_not_installed_fails_before_it_is_sent(
    tmp_path: Path,
) -> None:
    world = World(tmp_path)
    job = await world.new()
    world.provider.name = "other"
    after = await world.new_steps().advance(job)
    assert after is not None
    assert after.error is not None
    assert after.error.code == "model_not_ready"


async def test_a_stated_price_replaces_the_estimate(tmp_path: Path) -> None:
    priced = Rendered(
        outputs=(Output(data=b"result"),), cost=Cost(amount=1, usd=0.01, billed="yes")
    )
    world = World(tmp_path, FakeProvider(submits=[priced]))
    job = await world.until_settled(await world.new(day_budget_usd=0.05))
    assert job.cost.usd == 0.01
    again = await world.until_settled(await world.new(day_budget_usd=0.05))
    assert again.stage == "succeeded"


async def test_a_submit_cut_off_in_the_middle_is_unknown_to_the_next_worker(
    tmp_path: Path,
) -> None:
    world = World(tmp_path)
    job = await world.new()
    world.provider.on_submit = anyio.sleep_forever
    with anyio.move_on_after(0.05):
        await world.steps.advance(job)
    await world.steps.interrupted(job.job_id)
    found = await world.store.get(job.job_id)
    assert found.stage == "submitting"
    assert (await world.advance(found)).stage == "submit_unknown"
    assert len(world.provider.submitted) == 1


@pytest.mark.parametrize(
    ("stage", "after"),
    [("submitting", "submit_unknown"), ("running", "running"), ("queued", "failed")],
)
async def test_a_bug_never_loses_or_repeats_a_paid_job(
    tmp_path: Path, stage: Stage, after: Stage
) -> None:
    world = World(tmp_path)
    job = await world.new()
    if stage != "queued":
        submitting = await world.store.reserve(job, day_budget_usd=10.0)
        assert submitting is not None
        if stage == "running":
            await world.store.move(submitting, "running")
    await world.steps.broke(job.job_id)
    assert (await world.store.get(job.job_id)).stage == after


async def test_a_job_cancelled_while_it_is_refused_is_not_sent_again(tmp_path: Path) -> None:
    busy = ProviderBusy("Busy.", billed="no", status=429, taken="no")
    world = World(tmp_path, FakeProvider(submits=[busy, Accepted(ticket="t-1", poll_after_s=2.0)]))
    job = await world.new()

    async def cancel() -> None:
        await world.store.request_cancel(job.job_id, owner=OWNER)

    world.provider.on_submit = cancel
    job = await world.until_settled(job)
    assert (job.stage, job.cost.billed) == ("cancelled", "no")
    assert len(world.provider.submitted) == 1
    assert world.inputs.up == set()


async def test_what_was_rendered_and_could_not_be_kept_is_told_as_paid(tmp_path: Path) -> None:
    """Not as free: the day's budget would have room for money that is gone."""
    world = World(tmp_path, FakeProvider(submits=[PICTURE]))
    job = await world.new(day_budget_usd=0.05)
    world.images.full_for_puts = 1_000
    job = await world.advance(job)
    assert job.error is not None
    assert (job.stage, job.error.code) == ("failed", "storage_full")
    assert (job.cost.usd, job.cost.billed) == (0.04, "yes")
    world.images.full_for_puts = 0
    second = await world.until_settled(await world.new(day_budget_usd=0.05))
    assert second.error is not None
    assert second.error.code == "budget_exceeded"


async def test_a_stated_bill_stays_when_the_picture_cannot_be_used(tmp_path: Path) -> None:
    outputs = (Output(url="https://cloud.example/1.png"),)
    priced = Rendered(outputs=outputs, cost=Cost(amount=1, usd=0.01, billed="yes"))
    world = World(tmp_path, FakeProvider(polls=[priced]))
    world.downloads.pages["https://cloud.example/1.png"] = b"BROKEN"
    job = await world.until_settled(await world.new())
    assert job.stage == "failed"
    assert (job.cost.usd, job.cost.billed) == (0.01, "yes")


async def test_fewer_pictures_than_asked_for_are_told(tmp_path: Path) -> None:
    world = World(tmp_path)
    job = await world.until_settled(await world.new(count=4))
    assert job.stage == "succeeded"
    assert "The provider returned 1 of 4 pictures." in job.warnings


async def test_a_full_disk_does_not_lose_the_ticket_of_a_paid_job(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It came with the answer and is nowhere else: most providers cannot be asked for it."""
    world = World(tmp_path)
    job = await world.new()
    write_down, full = world.store.move, [StorageFull("Full."), TimedOut("No answer.")]

    async def move(job: Job, stage: Stage, **changes: Any) -> Job | None:
        if job.stage == "submitting" and full:
            raise full.pop()
        return await write_down(job, stage, **changes)

    monkeypatch.setattr(world.store, "move", move)
    job = await world.advance(job)
    assert (job.stage, job.ticket) == ("running", "t-1")
    assert len(world.provider.submitted) == 1


async def test_a_price_above_the_planned_one_is_told_and_counts_at_once(tmp_path: Path) -> None:
    """The day's budget must not be spent again while the dearer jobs are still at work."""
    dear = Cost(amount=6, unit="credits", usd=0.36, billed="unknown")
    taken = Accepted(ticket="t-1", poll_after_s=2.0, cost=dear)
    world = World(tmp_path, FakeProvider(submits=[taken], polls=[Working()]))
    job = await world.advance(await world.new(day_budget_usd=0.38))
    assert any("$0.36" in warning and "$0.04" in warning for warning in job.warnings)
    second = await world.advance(await world.new(day_budget_usd=0.38))
    assert second.error is not None
    assert second.error.code == "budget_exceeded"


async def test_a_price_as_planned_is_no_news(tmp_path: Path) -> None:
    fair = Cost(amount=1, unit="credits", usd=0.042, billed="unknown")
    taken = Accepted(ticket="t-1", poll_after_s=2.0, cost=fair)
    world = World(tmp_path, FakeProvider(submits=[taken]))
    assert (await world.until_settled(await world.new())).warnings == ()


async def test_a_wish_to_cancel_that_came_too_late_is_answered(tmp_path: Path) -> None:
    world = World(tmp_path, FakeProvider(submits=[PICTURE]))
    job = await world.new()

    async def cancel() -> None:
        await world.store.request_cancel(job.job_id, owner=OWNER)

    world.provider.on_submit = cancel
    job = await world.until_settled(job)
    assert job.stage == "succeeded"
    assert any("too late to cancel" in warning for warning in job.warnings)


async def test_an_answer_that_always_trips_a_bug_is_asked_for_no_longer_than_it_is_kept(
    tmp_path: Path,
) -> None:
    world = World(tmp_path)
    job = await world.advance(await world.new())
    await world.steps.broke(job.job_id)
    assert (await world.store.get(job.job_id)).stage == "running"
    world.clock.time += 2 * 86_400
    await world.steps.broke(job.job_id)
    assert (await world.store.get(job.job_id)).stage == "expired"


async def test_a_file_that_is_not_whole_yet_is_fetched_again(tmp_path: Path) -> None:
    url = "https://cloud.example/1.png"
    world = World(tmp_path, FakeProvider(polls=[LINKED]))
    world.downloads.pages[url] = b"BROKEN"
    job = await world.new()
    while job.attempts == 0 and not job.is_terminal:
        world.clock.time = max(world.clock.time, job.due_at)
        job = await world.advance(job)
    world.downloads.pages[url] = b"result"
    assert (await world.until_settled(job)).stage == "succeeded"


async def test_a_file_that_never_is_a_picture_fails_soon(tmp_path: Path) -> None:
    world = World(tmp_path, FakeProvider(polls=[LINKED]))
    world.downloads.pages["https://cloud.example/1.png"] = b"BROKEN"
    job = await world.until_settled(await world.new())
    assert job.error is not None
    assert (job.stage, job.error.code) == ("failed", "provider_protocol")
    assert world.clock.time - job.created_at < 600
