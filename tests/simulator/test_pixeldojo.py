"""PixelDojo as its llm.txt and model pages describe it."""

from typing import Any

import pytest

from tests.simulator.caller import Caller


def test_a_submit_answers_202_with_the_documented_fields(pixeldojo: Caller) -> None:
    response = pixeldojo.submit()
    body = response.json()

    assert response.status_code == 202
    assert set(body) == {
        "jobId",
        "status",
        "statusUrl",
        "creditCost",
        "creditsRemaining",
        "expiresAt",
    }
    assert body["jobId"].startswith("job_")
    assert body["status"] == "pending"
    assert body["statusUrl"] == (
        f"{pixeldojo.simulator.urls['pixeldojo']}/api/v1/jobs/{body['jobId']}"
    )
    assert (body["creditCost"], body["creditsRemaining"]) == (1, 999)


def test_a_job_goes_from_pending_over_processing_to_the_documented_completed_reply(
    pixeldojo: Caller,
) -> None:
    pixeldojo.simulator.settings(polls=2)
    job_id = pixeldojo.start()

    replies = [pixeldojo.poll(job_id).json() for _ in range(3)]

    assert [reply["status"] for reply in replies] == ["pending", "processing", "completed"]
    assert set(replies[-1]) == {"jobId", "status", "output", "creditCost", "expiresAt"}
    assert list(replies[-1]["output"]) == ["images"]


@pytest.mark.parametrize("headers", [{}, {"authorization": "Bearer pd_wrong"}, {"x-api-key": "x"}])
def test_a_missing_or_wrong_key_is_unauthorized(pixeldojo: Caller, headers: dict[str, str]) -> None:
    url = pixeldojo.simulator.urls["pixeldojo"] + "/api/v1/models/image-relighting/run"
    response = pixeldojo.client.post(url, json={"subject_image": "https://a.b/c"}, headers=headers)

    assert response.status_code == 401
    assert response.json()["error"]["code"] == "unauthorized"
    assert pixeldojo.simulator.ledger()["charges"] == []


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"subject_image": None}, "subject_image"),
        ({"subject_image": "data:image/png;base64,AAAA"}, "subject_image"),
        ({"width": "1024px"}, "width"),
        ({"steps": 51}, "steps"),
        ({"number_of_images": True}, "number_of_images"),
        ({"model_type": "midjourney"}, "model_type"),
        ({"aspect_ratio": "1:1"}, "aspect_ratio"),
    ],
)
def test_what_breaks_the_schema_is_a_validation_error_and_costs_nothing(
    pixeldojo: Caller, changes: dict[str, Any], named: str
) -> None:
    response = pixeldojo.submit(**changes)

    assert response.status_code == 400
    assert response.json()["error"]["code"] == "validation_error"
    assert named in response.json()["error"]["message"]
    assert pixeldojo.simulator.ledger()["charges"] == []


def test_a_body_that_is_not_json_is_invalid_json(pixeldojo: Caller) -> None:
    url = pixeldojo.simulator.urls["pixeldojo"] + "/api/v1/models/p-image-edit/run"
    response = pixeldojo.client.post(url, content=b"{", headers=pixeldojo.headers)

    assert (response.status_code, response.json()["error"]["code"]) == (400, "invalid_json")


def test_unknown_models_and_jobs_are_not_found(pixeldojo: Caller) -> None:
    run = pixeldojo.post("/api/v1/models/no-such/run", {"prompt": "x"})
    job = pixeldojo.poll("job_none")

    assert (run.status_code, job.status_code) == (404, 404)
    assert run.json()["error"]["code"] == job.json()["error"]["code"] == "not_found"


def test_another_account_s_job_is_not_found(pixeldojo: Caller) -> None:
    pixeldojo.simulator.open_account("pixeldojo", "pd_second", 5)
    job_id = pixeldojo.start()

    url = f"{pixeldojo.simulator.urls['pixeldojo']}/api/v1/jobs/{job_id}"
    response = pixeldojo.client.get(url, headers={"authorization": "Bearer pd_second"})

    assert response.status_code == 404


def test_an_empty_account_is_402_insufficient_credits(pixeldojo: Caller) -> None:
    key = pixeldojo.simulator.keys["pixeldojo"]
    pixeldojo.simulator.open_account("pixeldojo", key, 1.5)

    assert pixeldojo.submit().status_code == 202
    response = pixeldojo.submit()

    assert (response.status_code, response.json()["error"]["code"]) == (402, "insufficient_credits")
    assert len(pixeldojo.simulator.ledger()["charges"]) == 1


def test_recent_jobs_come_newest_first_and_are_not_polled_by_looking(pixeldojo: Caller) -> None:
    pixeldojo.simulator.settings(polls=1)
    ids = [pixeldojo.start() for _ in range(3)]

    rows = pixeldojo.get("/api/v1/jobs?limit=2").json()["jobs"]

    assert [row["jobId"] for row in rows] == [ids[2], ids[1]]
    assert {row["status"] for row in rows} == {"pending"}
    assert rows[0]["apiId"] == "image-relighting"


def test_a_day_later_the_job_has_expired(pixeldojo: Caller) -> None:
    job_id = pixeldojo.start()
    pixeldojo.simulator.advance_clock(86_401)

    response = pixeldojo.poll(job_id)

    assert (response.status_code, response.json()["error"]["code"]) == (410, "expired")


def test_a_sync_model_is_finished_in_the_reply_to_the_submit(pixeldojo: Caller) -> None:
    body = pixeldojo.post(
        "/api/v1/models/xai-image-edit/run",
        {"prompt": "dusk", "image_url": "https://example.com/a.jpg"},
    ).json()

    assert body["status"] == "completed"
    assert len(body["output"]["images"]) == 1


def test_the_61st_request_of_a_minute_is_throttled_where_the_limit_is_on(
    pixeldojo: Caller,
) -> None:
    pixeldojo.simulator.settings(rpm=60)
    statuses = [pixeldojo.get("/api/v1/jobs").status_code for _ in range(60)]

    throttled = pixeldojo.get("/api/v1/jobs")
    pixeldojo.simulator.advance_clock(61)

    assert set(statuses) == {200}
    assert throttled.status_code == 429
    assert throttled.json()["error"]["code"] == "rate_limit_exceeded"
    assert int(throttled.headers["x-ratelimit-reset"]) > 0
    assert pixeldojo.get("/api/v1/jobs").status_code == 200
