"""Faults bound to a job: how it goes and what it leaves."""

from typing import Any

import httpx2
import pytest

from tests.simulator.caller import Caller, kinds

FAILURES = {
    "failed_error_string",
    "failed_error_object",
    "failed_error_null",
    "failed_error_missing",
    "failed_content",
    "failed_hostile_text",
}
OUTPUTS = {
    "output_missing",
    "output_null",
    "output_number",
    "output_string",
    "output_list",
    "output_object",
    "zero_images",
    "twelve_images",
}
URLS = {
    "output_url_metadata": "http://169.254.169.254/",
    "output_url_private": "http://10.20.30.40/",
    "output_url_file": "file:///",
    "output_url_foreign": "http://localhost:",
    "output_url_userinfo": "http://user:word@",
}
COURSES = {
    "system_error",
    "cancelled",
    "done_on_submit",
    "failed_on_submit",
    "queued_forever",
    "running_forever",
    "unknown_status_then_done",
    "unknown_status_forever",
    "status_backwards",
    "expired_mid_poll",
}
MOMENTS = {"timestamps_mixed", "timestamps_missing", "timestamps_skewed", "expires_at_past"}


def test_every_fate_is_tried_here() -> None:
    assert kinds("fate") == {*FAILURES, *OUTPUTS, *URLS, *COURSES, *MOMENTS, "output_url_empty"}


def fated(caller: Caller, kind: str, **changes: Any) -> str:
    caller.simulator.fault(caller.provider, "result", kind)
    return caller.start(**changes)


def words(caller: Caller, job_id: str, polls: int) -> list[str]:
    return [caller.poll(job_id).json()["status"].lower() for _ in range(polls)]


def output_of(caller: Caller, body: dict[str, Any]) -> Any:
    output = body["output"]
    if caller.provider == "segmind":
        return body["images"]
    return output["images" if caller.provider == "pixeldojo" else "media_url"]


@pytest.mark.parametrize("kind", sorted(FAILURES))
def test_a_failed_job_stays_failed(provider: Caller, kind: str) -> None:
    assert words(provider, fated(provider, kind), 2) == ["failed", "failed"]


def test_error_comes_in_four_forms(provider: Caller) -> None:
    string = provider.outcome(fated(provider, "failed_error_string"))
    thing = provider.outcome(fated(provider, "failed_error_object"))
    null = provider.outcome(fated(provider, "failed_error_null"))
    missing = provider.outcome(fated(provider, "failed_error_missing"))

    assert isinstance(string["error"], str)
    assert set(thing["error"]) == {"code", "message"}
    assert null["error"] is None
    assert "error" not in missing


def test_a_failure_can_be_about_the_content_or_speak_to_the_model(provider: Caller) -> None:
    refused = provider.outcome(fated(provider, "failed_content"))
    hostile = provider.outcome(fated(provider, "failed_hostile_text"))

    assert "content safety" in refused["error"]
    assert "Ignore all previous instructions" in hostile["error"]


@pytest.mark.parametrize("name", ["pixeldojo", "segmind"])
def test_a_failed_job_is_given_back_once(request: pytest.FixtureRequest, name: str) -> None:
    caller: Caller = request.getfixturevalue(name)
    job_id = fated(caller, "failed_error_string")
    words(caller, job_id, 3)

    assert [refund["job"] for refund in caller.simulator.ledger()["refunds"]] == [job_id]


def test_a_failed_v2_result_is_422_without_billing_fields(segmind: Caller) -> None:
    job_id = fated(segmind, "failed_error_string")
    response = segmind.get(f"/v2/requests/{job_id}")

    assert response.status_code == 422
    assert set(response.json()["metrics"]) == {"inference_time", "queue_time", "total_time"}


def test_a_failed_synchronous_run_is_a_server_error_and_given_back(
    segmind: Caller, pixazo: Caller
) -> None:
    picture = "https://example.com/a.jpg"
    segmind.simulator.fault("*", "result", "system_error", times=2)
    blocked = segmind.post("/v1/ic-light", {"prompt": "x", "subject_image": picture})
    served = pixazo.post(
        "/pixelforge-image/v1/qwen_image_gen/serve_image", {"prompt": "x", "image_urls": [picture]}
    )

    assert blocked.status_code == 500
    assert served.json() == {"error": "Failed to reach upstream API", "status": 502}
    assert len(segmind.simulator.ledger()["refunds"]) == 2


def test_a_cancelled_job_says_so(provider: Caller) -> None:
    assert words(provider, fated(provider, "cancelled"), 1) == ["cancelled"]


@pytest.mark.parametrize(
    ("kind", "word"), [("done_on_submit", "completed"), ("failed_on_submit", "failed")]
)
def test_a_job_can_be_over_in_the_reply_to_its_submit(
    provider: Caller, kind: str, word: str
) -> None:
    provider.simulator.fault(provider.provider, "result", kind)

    assert provider.submit().json()["status"].lower() == word


@pytest.mark.parametrize(
    ("kind", "waiting"),
    [
        ("queued_forever", {"pending", "queued"}),
        ("running_forever", {"processing"}),
        ("unknown_status_forever", {"marinating"}),
    ],
)
def test_a_stuck_job_never_moves(provider: Caller, kind: str, waiting: set[str]) -> None:
    job_id = fated(provider, kind)
    provider.simulator.advance_clock(3000)

    assert set(words(provider, job_id, 10)) <= waiting


def test_a_stuck_job_never_answers_a_blocking_call(segmind: Caller) -> None:
    body = {"prompt": "x", "subject_image": "https://example.com/a.jpg"}
    segmind.simulator.fault("segmind", "result", "running_forever")

    with pytest.raises(httpx2.ReadTimeout):
        segmind.post("/v1/ic-light", body, timeout=0.2)


def test_an_unknown_word_can_be_a_passing_thing(provider: Caller) -> None:
    job_id = fated(provider, "unknown_status_then_done")

    assert words(provider, job_id, 3) == ["marinating", "marinating", "completed"]


def test_a_status_can_go_backwards(provider: Caller) -> None:
    job_id = fated(provider, "status_backwards")
    first = "pending" if provider.provider == "pixeldojo" else "queued"

    assert words(provider, job_id, 5) == [first, "processing", first, "processing", "completed"]


def test_a_record_can_be_gone_from_the_second_poll_on(provider: Caller) -> None:
    job_id = fated(provider, "expired_mid_poll")
    gone = 410 if provider.provider == "pixeldojo" else 404

    assert [provider.poll(job_id).status_code for _ in range(3)] == [200, gone, gone]


@pytest.mark.parametrize(
    ("kind", "kept_type"),
    [("output_null", type(None)), ("output_number", int), ("output_string", str)],
)
def test_output_can_be_of_another_type(
    provider: Caller, kind: str, kept_type: type[object]
) -> None:
    body = provider.outcome(fated(provider, kind))

    assert body["status"].lower() == "completed"
    assert isinstance(body["output"], kept_type)
    assert not body.get("images")


def test_output_can_be_a_list_an_object_or_absent(provider: Caller) -> None:
    listed = provider.outcome(fated(provider, "output_list"))["output"]
    thing = provider.outcome(fated(provider, "output_object"))["output"]
    absent = provider.outcome(fated(provider, "output_missing"))

    assert provider.client.get(listed[0]).status_code == 200
    assert provider.client.get(thing["image"]).status_code == 200
    assert "output" not in absent


def test_a_completed_job_can_have_no_image_or_twelve(provider: Caller) -> None:
    none = output_of(provider, provider.outcome(fated(provider, "zero_images")))
    twelve = output_of(provider, provider.outcome(fated(provider, "twelve_images")))

    assert none == []
    assert len({json_key(one) for one in twelve}) == 12


def json_key(one: Any) -> str:
    return one if isinstance(one, str) else one["url"]


@pytest.mark.parametrize("kind", sorted(URLS))
def test_a_picture_can_be_said_to_be_somewhere_hostile(provider: Caller, kind: str) -> None:
    (one,) = output_of(provider, provider.outcome(fated(provider, kind)))

    assert json_key(one).startswith(URLS[kind])


def test_a_picture_s_address_can_be_empty(provider: Caller) -> None:
    (one,) = output_of(provider, provider.outcome(fated(provider, "output_url_empty")))

    assert json_key(one) == ""


def test_timestamps_come_in_both_forms_skewed_and_not_at_all(pixazo: Caller) -> None:
    mixed = pixazo.outcome(fated(pixazo, "timestamps_mixed"))
    skewed = pixazo.outcome(fated(pixazo, "timestamps_skewed"))
    missing = pixazo.outcome(fated(pixazo, "timestamps_missing"))

    assert mixed["created_at"].endswith("Z")
    assert " " in mixed["completed_at"]
    assert skewed["created_at"][:4] == str(int(mixed["created_at"][:4]) + 1)
    assert not {"created_at", "updated_at", "completed_at"} & set(missing)


def test_expires_at_can_be_past_skewed_or_missing(pixeldojo: Caller) -> None:
    honest = pixeldojo.outcome(pixeldojo.start())
    past = pixeldojo.outcome(fated(pixeldojo, "expires_at_past"))
    skewed = pixeldojo.outcome(fated(pixeldojo, "timestamps_skewed"))
    missing = pixeldojo.outcome(fated(pixeldojo, "timestamps_missing"))

    assert past["expiresAt"] < honest["expiresAt"] < skewed["expiresAt"]
    assert "expiresAt" not in missing
