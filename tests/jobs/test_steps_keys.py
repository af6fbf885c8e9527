"""A job whose key is gone, or cannot be opened here, is sent by no other."""

from pathlib import Path

import pytest

from mcp_relight.domain.job import Job
from mcp_relight.errors import Internal, ModelNotReady, RelightError
from tests.jobs.fakes import SharedProviders, World

pytestmark = pytest.mark.anyio

GONE, LOCKED = ModelNotReady("It was removed."), Internal("MCP_RELIGHT_KEY_RING is not set.")


def refuse(monkeypatch: pytest.MonkeyPatch, error: RelightError) -> None:
    async def of(self: SharedProviders, job: Job) -> None:
        raise error

    monkeypatch.setattr(SharedProviders, "of", of)


async def test_a_waiting_job_ends_with_its_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = World(tmp_path)
    job = await world.new()
    refuse(monkeypatch, GONE)
    job = await world.advance(job)
    assert job.stage == "failed"
    assert job.error is not None
    assert (job.error.code, job.error.message) == ("model_not_ready", "It was removed.")
    assert world.provider.submitted == []


async def test_a_job_that_may_be_opened_elsewhere_waits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = World(tmp_path)
    job = await world.new()
    refuse(monkeypatch, LOCKED)
    job = await world.advance(job)
    assert (job.stage, job.note) == ("queued", "MCP_RELIGHT_KEY_RING is not set.")
    monkeypatch.undo()
    assert (await world.until_settled(job)).stage == "succeeded"


@pytest.mark.parametrize("error", [GONE, LOCKED], ids=["gone", "locked"])
async def test_what_was_paid_for_waits_for_a_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: RelightError
) -> None:
    world = World(tmp_path)
    job = await world.advance(await world.new())
    assert job.stage == "running"
    refuse(monkeypatch, error)
    job = await world.advance(job)
    assert (job.stage, job.note) == ("running", error.message)
    monkeypatch.undo()
    assert (await world.until_settled(job)).stage == "succeeded"
