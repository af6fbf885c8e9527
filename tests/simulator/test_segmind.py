"""Segmind as its model pages and its async-inference page describe it."""

import base64
import io
from typing import Any

import httpx2
import pytest
from PIL import Image

from tests.simulator.caller import INPUT_URL, Caller

LIGHT = {
    "image": INPUT_URL,
    "light_direction": "left",
    "light_intensity": "mood",
    "light_temperature": "warm",
    "light_type": "softbox",
}


def test_a_v2_submit_answers_200_with_three_addresses(segmind: Caller) -> None:
    response = segmind.submit()
    body = response.json()
    base, request_id = segmind.simulator.urls["segmind"], body["request_id"]

    assert response.status_code == 200
    assert body == {
        "request_id": request_id,
        "status": "QUEUED",
        "poll_url": f"{base}/v1/requests/{request_id}",
        "status_url": f"{base}/v2/requests/{request_id}/status",
        "response_url": f"{base}/v2/requests/{request_id}",
    }


def test_the_status_is_light_and_the_result_carries_output_images_and_metrics(
    segmind: Caller,
) -> None:
    segmind.simulator.settings(polls=2)
    job_id = segmind.start(seed=7, number_of_images=2)

    replies = [segmind.poll(job_id).json() for _ in range(3)]
    result = segmind.outcome(job_id)

    assert [reply["status"] for reply in replies] == ["QUEUED", "PROCESSING", "COMPLETED"]
    assert "output" not in replies[-1]
    assert set(result["images"][0]) == {"url", "content_type", "file_name", "file_size"}
    assert len(result["images"]) == 2
    assert result["output"] == result["images"][0]["url"]
    assert result["seed"] == "7"
    assert result["metrics"]["cost"] == pytest.approx(0.0726)
    assert result["metrics"]["remaining_credits"] == pytest.approx(99.9274)


def test_v1_answers_raw_webp_with_the_documented_headers(segmind: Caller) -> None:
    body = {"prompt": "cat", "subject_image": INPUT_URL, "width": 512, "height": 640, "seed": 42}
    response = segmind.post("/v1/ic-light", body)

    assert response.headers["content-type"] == "image/webp"
    assert Image.open(io.BytesIO(response.content)).size == (768, 960)
    assert response.headers["x-seed-value"] == "42"
    assert response.headers["x-cost"] == "0.0363"
    assert response.headers["x-remaining-credits"] == "99.9637"


def test_an_upload_gives_an_address_that_needs_no_key_and_works_as_input(
    segmind: Caller, photo: bytes, photo_data_uri: str
) -> None:
    response = segmind.post("/upload-asset", {"data_urls": [photo_data_uri]})
    (url,) = response.json()["urls"]
    stored = segmind.client.get(url)
    result = segmind.outcome(
        segmind.post("/v2/segmind-relighting", {**LIGHT, "image": url}).json()["request_id"]
    )
    relit = segmind.client.get(result["output"]).content

    assert (stored.content, stored.headers["content-type"]) == (photo, "image/png")
    assert Image.open(io.BytesIO(relit)).size == (96, 64)


def test_a_data_uri_works_as_input_and_the_light_changes_the_picture(
    segmind: Caller, photo: bytes, photo_data_uri: str
) -> None:
    body = {**LIGHT, "image": photo_data_uri}
    result = segmind.outcome(segmind.post("/v2/segmind-relighting", body).json()["request_id"])
    relit = Image.open(io.BytesIO(segmind.client.get(result["output"]).content)).convert("L")
    before = Image.open(io.BytesIO(photo)).convert("L")

    gain_left = relit.getpixel((8, 32)) - before.getpixel((8, 32))
    gain_right = relit.getpixel((88, 32)) - before.getpixel((88, 32))
    assert gain_left > gain_right


def test_an_input_that_cannot_be_fetched_fails_the_job_and_is_not_billed(segmind: Caller) -> None:
    gone = f"{segmind.simulator.origin}/files/segmind/assets/none.png"
    job_id = segmind.start(subject_image=gone)
    path = f"/v2/requests/{job_id}"
    response = segmind.get(path)

    assert segmind.poll(job_id).json()["status"] == "FAILED"
    assert (response.status_code, response.json()["status"]) == (422, "FAILED")
    assert "cost" not in response.json()["metrics"]
    assert segmind.simulator.ledger()["accounts"][2]["balance"] == 100


def test_an_input_that_is_no_picture_fails_the_job(segmind: Caller) -> None:
    text = "data:image/png;base64," + base64.b64encode(b"hello").decode()

    assert segmind.poll(segmind.start(subject_image=text)).json()["status"] == "FAILED"


def test_the_two_401_texts(segmind: Caller) -> None:
    url = segmind.simulator.urls["segmind"] + "/v2/ic-light"
    key = segmind.simulator.keys["segmind"]
    post = segmind.client.post

    missing = post(url, json={})
    wrong = post(url, json={}, headers={"x-api-key": "SG_0000000000000000"})
    bearer = post(url, json={}, headers={"authorization": f"Bearer {key}"})

    assert missing.json() == {"error": "Missing Authorization or x-api-key in header"}
    assert wrong.json()["error"].startswith("Unauthorized. API key is invalid")
    assert {missing.status_code, wrong.status_code, bearer.status_code} == {401}


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"prompt": None}, 400),
        ({"subject_image": 5}, 400),
        ({"width": 500}, 406),
        ({"cfg": 33}, 406),
    ],
)
def test_bad_parameters_are_400_and_values_outside_a_fixed_set_406(
    segmind: Caller, changes: dict[str, Any], status: int
) -> None:
    response = segmind.submit(**changes)

    assert response.status_code == status
    assert list(response.json()) == ["error"]
    assert segmind.simulator.ledger()["charges"] == []


def test_406_for_the_content_type_and_406_for_credits_differ_by_their_text(
    segmind: Caller,
) -> None:
    url = segmind.simulator.urls["segmind"] + "/v2/ic-light"
    headers = {**segmind.headers, "content-type": "text/plain"}
    untyped = segmind.client.post(url, content=b"{}", headers=headers)
    segmind.simulator.open_account("segmind", segmind.simulator.keys["segmind"], 0.01)
    broke = segmind.submit()

    assert (untyped.status_code, broke.status_code) == (406, 406)
    assert "content type" in untyped.json()["error"]
    assert "credit" in broke.json()["error"].lower()


def test_a_wrong_verb_is_an_html_page(segmind: Caller) -> None:
    response: httpx2.Response = segmind.get("/v1/ic-light")

    assert response.status_code == 405
    assert response.headers["content-type"].startswith("text/html")


def test_an_unknown_model_and_an_unknown_request_are_404(segmind: Caller) -> None:
    model = segmind.post("/v2/no-such-model", {})
    request = segmind.poll("00000000-0000-4000-8000-000000000000")

    assert (model.status_code, request.status_code) == (404, 404)
    assert request.json()["error"].endswith("not found")


def test_the_record_is_gone_after_an_hour(segmind: Caller) -> None:
    job_id = segmind.start()
    segmind.simulator.advance_clock(3601)

    assert segmind.poll(job_id).status_code == 404


def test_a_result_file_ends_with_its_life(segmind: Caller) -> None:
    url = segmind.picture_url()
    assert segmind.client.get(url).status_code == 200

    segmind.simulator.advance_clock(3601)

    assert segmind.client.get(url).status_code == 403
