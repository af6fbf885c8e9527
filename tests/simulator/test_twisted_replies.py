"""Faults that twist the provider's own reply after it was made."""

import json
from collections.abc import Callable

import httpx2
import pytest

from tests.simulator.caller import ID_FIELD, INPUT_URL, Caller, kinds

Sees = Callable[[httpx2.Response, str], bool]


def unreadable(response: httpx2.Response, _id_field: str) -> bool:
    try:
        response.json()
    except (ValueError, RecursionError):
        return True
    return False


TWISTED: dict[str, Sees] = {
    "truncated_json": lambda r, i: r.text.startswith("{") and unreadable(r, i),
    "html_instead": lambda r, _: r.headers["content-type"].startswith("text/html"),
    "empty_body": lambda r, _: r.content == b"",
    "json_null": lambda r, _: r.json() is None,
    "json_list": lambda r, _: r.json() == [],
    "json_number": lambda r, _: r.json() == 42,
    "wrong_types": lambda r, i: isinstance(r.json()[i], list),
    "invalid_utf8": lambda r, i: unreadable(r, i),
    "nan_json": lambda r, _: "NaN" in r.text and "Infinity" in r.text,
    "deep_json": lambda r, _: r.text.startswith("[" * 20_000),
    "huge_json": lambda r, i: len(r.content) > 12_000_000 and i in r.json(),
    "odd_content_type": lambda r, i: "text/plain" in r.headers["content-type"] and i in r.json(),
    "unknown_fields": lambda r, i: "region" in r.json() and i in r.json(),
    "status_missing": lambda r, i: "status" not in r.json() and i in r.json(),
    "id_missing": lambda r, i: i not in r.json() and "status" in r.json(),
    "id_wrong_type": lambda r, i: r.json()[i] == 12345,
    "id_empty": lambda r, i: r.json()[i] == "",
    "id_dotdot": lambda r, i: "/../" in r.json()[i],
    "id_newline": lambda r, i: "\r\n" in r.json()[i],
    "id_huge": lambda r, i: len(r.json()[i]) == 100_000,
}


def test_every_twist_is_tried_here() -> None:
    assert kinds("reply") == {
        *TWISTED,
        "id_duplicate",
        "foreign_status_url",
        "status_url_metadata",
        "expires_at_missing",
        "prediction_style",
        "v1_json_url",
        "v1_json_base64",
        "unknown_status_once",
        "id_of_another",
        "upload_file_urls",
        "upload_no_urls",
        "upload_foreign_url",
    }


@pytest.mark.parametrize("kind", sorted(TWISTED))
def test_a_twisted_submit_was_accepted_and_charged(provider: Caller, kind: str) -> None:
    provider.simulator.fault(provider.provider, "submit", kind)
    response = provider.submit()

    assert response.status_code in (200, 202)
    assert TWISTED[kind](response, ID_FIELD[provider.provider])
    assert len(provider.simulator.ledger()["charges"]) == 1
    assert not TWISTED[kind](provider.submit(), ID_FIELD[provider.provider])


@pytest.mark.parametrize("kind", sorted(set(TWISTED) - {"odd_content_type"}))
def test_a_twisted_poll_is_followed_by_a_sound_one(provider: Caller, kind: str) -> None:
    job_id = provider.start()
    provider.simulator.fault(provider.provider, "poll", kind)

    assert TWISTED[kind](provider.poll(job_id), ID_FIELD[provider.provider])
    assert provider.poll(job_id).json()[ID_FIELD[provider.provider]] == job_id


def test_an_error_reply_is_not_twisted(pixeldojo: Caller) -> None:
    pixeldojo.simulator.fault("pixeldojo", "submit", "json_null")

    assert pixeldojo.submit(steps=0).json()["error"]["code"] == "validation_error"


def test_a_duplicate_id_is_the_previous_job_s(provider: Caller) -> None:
    first = provider.start()
    provider.simulator.fault(provider.provider, "submit", "id_duplicate")

    assert provider.start() == first
    assert len({charge["job"] for charge in provider.simulator.ledger()["charges"]}) == 2


def test_a_foreign_status_url_leads_to_the_canary(provider: Caller) -> None:
    provider.simulator.fault(provider.provider, "submit", "foreign_status_url")
    body = provider.submit().json()
    url = next(value for name, value in body.items() if name.lower().endswith("url"))
    provider.client.get(url, headers=provider.headers)

    assert provider.simulator.ledger()["canary"][0]["key_seen"] is True


def test_a_status_url_can_point_at_the_metadata_service(provider: Caller) -> None:
    provider.simulator.fault(provider.provider, "submit", "status_url_metadata")

    assert "169.254.169.254" in provider.submit().text


def test_expires_at_can_be_missing_from_a_submit(pixeldojo: Caller) -> None:
    pixeldojo.simulator.fault("pixeldojo", "submit", "expires_at_missing")

    assert "expiresAt" not in pixeldojo.submit().json()


def test_pixazo_can_answer_in_prediction_style(pixazo: Caller) -> None:
    pixazo.simulator.fault("pixazo", "submit", "prediction_style")
    submitted = pixazo.submit().json()
    path = "/pixelforge-relighting-api/v1/relighting/prediction"
    polled = pixazo.post(path, {"prediction_id": submitted["prediction_id"]}).json()

    assert set(submitted) == {"prediction_id", "status"}
    assert polled["status"] == "succeeded"


def test_segmind_v1_can_answer_with_json_instead_of_bytes(segmind: Caller) -> None:
    body = {"prompt": "cat", "subject_image": INPUT_URL}
    segmind.simulator.fault("segmind", "submit", "v1_json_url")
    segmind.simulator.fault("segmind", "submit", "v1_json_base64")

    with_url = segmind.post("/v1/ic-light", body).json()
    inline = segmind.post("/v1/ic-light", body).json()

    picture = segmind.client.get(with_url["output"])
    assert picture.headers["content-type"] == "image/webp"
    assert inline["image"].startswith("UklGR")  # "RIFF" in base64


def test_a_poll_can_say_an_unknown_word_once(provider: Caller) -> None:
    job_id = provider.start()
    provider.simulator.fault(provider.provider, "poll", "unknown_status_once")

    odd, sound = provider.poll(job_id).json()["status"], provider.poll(job_id).json()["status"]

    assert odd == "marinating"
    assert sound.lower() == "completed"


def test_a_poll_can_speak_of_another_job(provider: Caller) -> None:
    job_id = provider.start()
    provider.simulator.fault(provider.provider, "poll", "id_of_another")

    assert provider.poll(job_id).json()[ID_FIELD[provider.provider]] != job_id


def test_an_upload_can_answer_under_the_other_key_or_with_nothing_or_elsewhere(
    segmind: Caller, photo_data_uri: str
) -> None:
    replies: list[dict[str, list[str]]] = []
    for kind in ("upload_file_urls", "upload_no_urls", "upload_foreign_url"):
        segmind.simulator.fault("segmind", "upload", kind)
        replies.append(segmind.post("/upload-asset", {"data_urls": [photo_data_uri]}).json())
    other_key, nothing, foreign = replies

    assert segmind.client.get(other_key["file_urls"][0]).status_code == 200
    assert nothing == {"urls": []}
    assert "169.254.169.254" in json.dumps(foreign)
