"""Stages and what may follow them."""

from typing import get_args

import pytest

from mcp_relight.domain.job import (
    LEGAL,
    STATUS,
    TERMINAL,
    Failure,
    Stage,
    Status,
    is_legal,
    new_job_id,
    stages_of,
)
from mcp_relight.errors import OutcomeUnknown, RelightError, leaves

STAGES: tuple[Stage, ...] = get_args(Stage)

DOCUMENTED: dict[Stage, set[Stage]] = {
    "queued": {"submitting", "running", "cancelled", "failed"},
    "submitting": {"running", "downloading", "finishing", "queued", "failed", "submit_unknown"},
    "submit_unknown": {"running", "cancelled"},
    "running": {"downloading", "finishing", "queued", "failed", "cancelled", "expired"},
    "downloading": {"finishing", "failed", "expired"},
    "finishing": {"succeeded", "failed"},
    "succeeded": set(),
    "failed": set(),
    "cancelled": set(),
    "expired": set(),
}


@pytest.mark.parametrize("before", STAGES)
@pytest.mark.parametrize("after", STAGES)
def test_only_documented_transitions_are_legal(before: Stage, after: Stage) -> None:
    assert is_legal(before, after) == (after in DOCUMENTED[before])


def test_nothing_follows_a_terminal_stage() -> None:
    assert {"succeeded", "failed", "cancelled", "expired"} == TERMINAL


def test_an_unknown_submit_can_never_be_submitted_again() -> None:
    reachable: set[Stage] = set()
    frontier: set[Stage] = {"submit_unknown"}
    while frontier:
        stage = frontier.pop()
        reachable.add(stage)
        # A local retry is the only way back to queued, and no local job is ever submitted.
        frontier |= set(LEGAL[stage] - {"queued"}) - reachable
    assert "submitting" not in reachable


def test_every_stage_has_a_status_and_every_status_a_stage() -> None:
    assert set(STATUS) == set(STAGES)
    for status in get_args(Status):
        assert stages_of(status)


def test_job_ids_carry_128_bits_and_differ() -> None:
    ids = {new_job_id() for _ in range(100)}
    assert len(ids) == 100
    assert all(len(job_id) == len("job_") + 32 for job_id in ids)


def test_a_failure_keeps_what_the_error_knew() -> None:
    failure = Failure.of(OutcomeUnknown("No answer came.", billed="unknown"))
    assert (failure.code, failure.billed, failure.retryable) == (
        "outcome_unknown",
        "unknown",
        False,
    )
    assert "not sent again" in failure.hint


def test_the_error_codes_are_the_documented_ones() -> None:
    documented = [
        "invalid_argument",
        "unknown_argument",
        "unknown_model",
        "unknown_look",
        "image_not_found",
        "image_unsupported",
        "image_corrupt",
        "image_too_large",
        "url_refused",
        "fetch_failed",
        "needs_public_url",
        "model_not_ready",
        "budget_exceeded",
        "busy",
        "price_unknown",
        "idempotency_conflict",
        "job_not_found",
        "provider_auth",
        "provider_credits",
        "provider_refused",
        "provider_busy",
        "provider_down",
        "provider_protocol",
        "content_rejected",
        "job_expired",
        "outcome_unknown",
        "engine_crashed",
        "timeout",
        "storage_full",
        "internal",
    ]
    assert sorted(leaf.code for leaf in leaves(RelightError)) == sorted(documented)
