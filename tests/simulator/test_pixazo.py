"""Pixazo's PixelForge as its page describes it."""

from typing import Any

import pytest

from tests.simulator.caller import Caller


def test_a_submit_answers_202_with_the_documented_fields(pixazo: Caller) -> None:
    response = pixazo.submit()
    body = response.json()

    assert response.status_code == 202
    assert set(body) == {"request_id", "status", "polling_url"}
    assert body["request_id"].startswith("pixelforge-relighting-api_")
    assert body["status"] == "QUEUED"
    assert body["polling_url"] == (
        f"{pixazo.simulator.urls['pixazo']}/v2/requests/status/{body['request_id']}"
    )


def test_a_job_ends_in_the_documented_completed_reply(pixazo: Caller) -> None:
    pixazo.simulator.settings(polls=2)
    job_id = pixazo.start()

    replies = [pixazo.poll(job_id).json() for _ in range(3)]

    assert [reply["status"] for reply in replies] == ["QUEUED", "PROCESSING", "COMPLETED"]
    last = replies[-1]
    assert set(last) == {
        "request_id",
        "status",
        "model_id",
        "error",
        "output",
        "created_at",
        "updated_at",
        "completed_at",
    }
    assert (last["model_id"], last["error"]) == ("pixelforge-relighting-api", None)
    assert last["output"]["media_url"][0].endswith(f"/v1/{job_id}/output.png")
    assert last["output"]["media_type"] == "image/png"
    assert last["created_at"].endswith("Z")


def test_the_older_prediction_contract_polls_the_same_job(pixazo: Caller) -> None:
    path = "/pixelforge-relighting-api/v1/relighting/prediction"
    one, two = pixazo.start(), pixazo.start(num_images=2)

    single = pixazo.post(path, {"prediction_id": one}).json()
    several = pixazo.post(path, {"prediction_id": two}).json()

    assert (single["id"], single["status"]) == (one, "succeeded")
    assert isinstance(single["output"], str)
    assert len(several["output"]) == 2


def test_serve_image_answers_at_once_with_one_address(pixazo: Caller) -> None:
    body = {"prompt": "a skyline", "image_urls": ["https://example.com/reference.jpg"]}
    response = pixazo.post("/pixelforge-image/v1/qwen_image_gen/serve_image", body)

    assert response.status_code == 200
    assert list(response.json()) == ["url"]
    assert response.json()["url"].endswith(".jpg")
    assert pixazo.client.get(response.json()["url"]).headers["content-type"] == "image/jpeg"


def test_serve_image_names_the_missing_field_in_its_own_error_form(pixazo: Caller) -> None:
    path = "/pixelforge-image/v1/qwen_image_gen/serve_image"
    response = pixazo.post(path, {"image_urls": ["https://example.com/a.jpg"]})

    assert response.status_code == 400
    assert response.json() == {"error": "Missing required field: prompt", "status": 400}


@pytest.mark.parametrize(
    "changes",
    [
        {"prompt": None},
        {"image_urls": []},
        {"image_urls": ["data:image/png;base64,AAAA"]},
        {"image_size": {"width": 1280}},
        {"loras": [{"path": "https://example.com/a", "scale": 2.5}]},
    ],
)
def test_what_the_table_does_not_allow_is_a_bad_request_and_costs_nothing(
    pixazo: Caller, changes: dict[str, Any]
) -> None:
    response = pixazo.submit(**changes)

    assert response.status_code == 400
    assert set(response.json()) == {"error", "message"}
    assert pixazo.simulator.ledger()["charges"] == []


@pytest.mark.parametrize(("headers", "word"), [({}, "missing"), ({"x": "y"}, "invalid")])
def test_a_missing_or_wrong_key_is_the_gateway_s_401(
    pixazo: Caller, headers: dict[str, str], word: str
) -> None:
    sent = {"ocp-apim-subscription-key": "wrong"} if headers else {}
    url = pixazo.simulator.urls["pixazo"] + "/pixelforge-relighting-api/v1/relighting/generate"
    response = pixazo.client.post(url, json={}, headers=sent)

    assert response.status_code == 401
    assert response.json()["statusCode"] == 401
    assert word in response.json()["message"]


def test_an_unknown_model_is_a_400_with_the_documented_body(pixazo: Caller) -> None:
    response = pixazo.post("/no-such-api/v1/relighting/generate", {})

    assert response.status_code == 400
    assert response.json() == {
        "error": "Model not found",
        "message": "Model 'no-such-api' not found or is disabled",
    }


def test_an_empty_wallet_is_402_with_the_documented_body(pixazo: Caller) -> None:
    pixazo.simulator.open_account("pixazo", pixazo.simulator.keys["pixazo"], 0.01)
    response = pixazo.submit()

    assert response.status_code == 402
    assert response.json()["error"] == "Insufficient Balance"
    assert "Your wallet does not have enough balance." in response.json()["message"]


def test_a_system_error_is_not_charged_but_a_failure_is(pixazo: Caller) -> None:
    pixazo.simulator.fault("pixazo", "result", "system_error")
    pixazo.simulator.fault("pixazo", "result", "failed_error_string", after=1)

    errored, failed = pixazo.outcome(pixazo.start()), pixazo.outcome(pixazo.start())
    ledger = pixazo.simulator.ledger()

    assert (errored["status"], failed["status"]) == ("ERROR", "FAILED")
    assert errored["output"] is None
    assert [refund["job"] for refund in ledger["refunds"]] == [errored["request_id"]]
