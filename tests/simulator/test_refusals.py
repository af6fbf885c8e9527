"""Faults that answer in the provider's place: statuses, headers, bodies, money."""

from email.utils import parsedate_to_datetime

import pytest

from tests.simulator.caller import Caller, kinds

REFUSED_STATUSES = (400, 401, 402, 403, 404, 405, 406, 408, 409, 410, 413, 415, 422, 425, 429)
BROKEN_STATUSES = (500, 502, 503, 504)
RETRY_AFTER = ("seconds", "date", "past", "negative", "huge", "garbage")
PLAIN = {f"status_{status}": status for status in (*REFUSED_STATUSES, *BROKEN_STATUSES)}
WITH_RETRY_AFTER = [f"status_{s}_retry_after_{form}" for s in (429, 503) for form in RETRY_AFTER]
CHARGED = {f"charged_{status}": status for status in BROKEN_STATUSES}
NAMED = {
    "status_429_reset_header",
    "html_405",
    "html_502",
    "no_credits",
    "no_credits_403",
    "spend_limit",
    "content_type_refused",
    "key_echo_401",
    "key_echo_500",
    "hostile_error_text",
    "error_string",
    "error_object",
    "error_null",
    "error_empty",
    "redirect_302_elsewhere",
    "redirect_307_elsewhere",
}


def test_every_refusal_is_tried_here() -> None:
    assert kinds("refusal") == {*PLAIN, *WITH_RETRY_AFTER, *CHARGED, *NAMED}


@pytest.mark.parametrize("kind", sorted(PLAIN))
def test_a_scripted_status_is_not_charged_and_hits_once(provider: Caller, kind: str) -> None:
    provider.simulator.fault(provider.provider, "submit", kind)

    assert provider.submit().status_code == PLAIN[kind]
    assert provider.simulator.ledger()["charges"] == []
    assert provider.submit().status_code in (200, 202)


@pytest.mark.parametrize("kind", sorted(CHARGED))
def test_a_charged_status_has_taken_the_money(provider: Caller, kind: str) -> None:
    provider.simulator.fault(provider.provider, "submit", kind)

    assert provider.submit().status_code == CHARGED[kind]
    assert len(provider.simulator.ledger()["charges"]) == 1


@pytest.mark.parametrize("status", [429, 503])
def test_retry_after_comes_in_every_form(pixeldojo: Caller, status: int) -> None:
    said: dict[str, str] = {}
    for form in RETRY_AFTER:
        pixeldojo.simulator.fault("pixeldojo", "poll", f"status_{status}_retry_after_{form}")
        response = pixeldojo.poll("job_any")
        assert response.status_code == status
        said[form] = response.headers["retry-after"]

    assert said["seconds"] == "1"
    assert said["negative"].startswith("-")
    assert int(said["huge"]) > 10**9
    assert not said["garbage"].isdigit()
    assert parsedate_to_datetime(said["past"]) < parsedate_to_datetime(said["date"])


@pytest.mark.parametrize(
    ("name", "header"),
    [
        ("pixeldojo", "x-ratelimit-reset"),
        ("pixazo", "retry-after"),
        ("segmind", "x-rate-limit-reset-at-utc"),
    ],
)
def test_each_provider_has_its_own_reset_header(
    request: pytest.FixtureRequest, name: str, header: str
) -> None:
    caller: Caller = request.getfixturevalue(name)
    caller.simulator.fault(name, "submit", "status_429_reset_header")

    response = caller.submit()

    assert response.status_code == 429
    assert header in response.headers


def test_no_credits_is_said_in_each_dialect(
    pixeldojo: Caller, pixazo: Caller, segmind: Caller
) -> None:
    pixeldojo.simulator.fault("*", "submit", "no_credits", times=0)
    dojo, wallet, gateway = pixeldojo.submit(), pixazo.submit(), segmind.submit()

    assert (dojo.status_code, dojo.json()["error"]["code"]) == (402, "insufficient_credits")
    assert (wallet.status_code, wallet.json()["error"]) == (402, "Insufficient Balance")
    assert (gateway.status_code, list(gateway.json())) == (406, ["error"])
    assert "Insufficient credits" in gateway.json()["error"]


def test_pixeldojo_s_older_contract_says_no_credits_with_403(pixeldojo: Caller) -> None:
    pixeldojo.simulator.fault("pixeldojo", "submit", "no_credits_403")
    response = pixeldojo.submit()

    assert (response.status_code, response.json()["error"]["status"]) == (403, 403)
    assert response.json()["error"]["code"] == "insufficient_credits"


def test_segmind_says_three_different_things_with_406(segmind: Caller) -> None:
    texts: list[str] = []
    for kind in ("content_type_refused", "no_credits", "spend_limit"):
        segmind.simulator.fault("segmind", "submit", kind)
        response = segmind.submit()
        assert response.status_code == 406
        texts.append(response.json()["error"])

    assert len(set(texts)) == 3


@pytest.mark.parametrize(("kind", "status"), [("html_405", 405), ("html_502", 502)])
def test_html_pages_are_html(provider: Caller, kind: str, status: int) -> None:
    provider.simulator.fault(provider.provider, "submit", kind)
    response = provider.submit()

    assert response.status_code == status
    assert response.headers["content-type"].startswith("text/html")
    assert response.text.startswith("<!DOCTYPE html>")


@pytest.mark.parametrize("kind", ["key_echo_401", "key_echo_500"])
def test_the_key_comes_back_in_the_body(provider: Caller, kind: str) -> None:
    provider.simulator.fault(provider.provider, "submit", kind)
    response = provider.submit()

    assert response.status_code == int(kind[-3:])
    assert provider.simulator.keys[provider.provider] in response.text


def test_an_error_text_can_speak_to_the_model(provider: Caller) -> None:
    provider.simulator.fault(provider.provider, "submit", "hostile_error_text")

    assert "Ignore all previous instructions" in provider.submit().text


def test_error_comes_as_text_object_null_and_not_at_all(provider: Caller) -> None:
    kinds = ("error_string", "error_object", "error_null", "error_empty")
    for kind in kinds:
        provider.simulator.fault(provider.provider, "submit", kind)
    string, thing, null, empty = (provider.submit() for _ in kinds)

    assert {r.status_code for r in (string, thing, null, empty)} == {400}
    assert isinstance(string.json()["error"], str)
    assert isinstance(thing.json()["error"], dict)
    assert null.json() == {"error": None}
    assert empty.content == b""


@pytest.mark.parametrize(("kind", "status"), [("302", 302), ("307", 307)])
def test_a_redirect_leads_to_another_host_where_a_key_would_be_seen(
    provider: Caller, kind: str, status: int
) -> None:
    provider.simulator.fault(provider.provider, "submit", f"redirect_{kind}_elsewhere")
    response = provider.submit()
    target = response.headers["location"]
    careless = provider.client.get(target, headers=provider.headers)

    assert response.status_code == status
    assert provider.simulator.host_and_port not in target
    assert careless.text == "canary"
    assert [seen["key_seen"] for seen in provider.simulator.ledger()["canary"]] == [True]


def test_faults_fire_in_order_after_a_count_and_so_many_times(pixeldojo: Caller) -> None:
    script = pixeldojo.simulator.fault
    script("pixeldojo", "poll", "status_503", times=2, after=1)
    script("pixeldojo", "poll", "status_500", times=1, after=3)
    job_id = pixeldojo.start()

    statuses = [pixeldojo.poll(job_id).status_code for _ in range(5)]

    assert statuses == [200, 503, 503, 500, 200]
    assert [entry["fired"] for entry in pixeldojo.simulator.faults()] == [2, 1]


def test_a_result_fault_hits_the_reply_that_carries_the_outcome(pixazo: Caller) -> None:
    pixazo.simulator.settings(polls=1)
    pixazo.simulator.fault("pixazo", "result", "status_502")
    job_id = pixazo.start()

    assert [pixazo.poll(job_id).status_code for _ in range(3)] == [200, 502, 200]
