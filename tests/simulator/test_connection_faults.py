"""Faults of the connection: what the client sees, and whether the provider kept the money."""

import socket
import time
from urllib.parse import urlsplit

import httpx2
import pytest

from tests.simulator.caller import SUBMIT, Caller, kinds

CUT_SHORT = (httpx2.ReadError, httpx2.RemoteProtocolError, httpx2.WriteError)
BROKEN: dict[str, tuple[type[Exception] | tuple[type[Exception], ...], int]] = {
    "reset_before_body": (CUT_SHORT, 0),
    "reset_during_body": (CUT_SHORT, 0),
    "reset_after_body": (CUT_SHORT, 1),
    "reset_in_headers": (CUT_SHORT, 1),
    "reset_mid_reply": (CUT_SHORT, 1),
    "close_without_reply": (httpx2.RemoteProtocolError, 1),
    "cut_reply": (httpx2.RemoteProtocolError, 1),
    "hang_unaccepted": (httpx2.ReadTimeout, 0),
    "hang_before_reply": (httpx2.ReadTimeout, 1),
    "hang_mid_reply": (httpx2.ReadTimeout, 1),
    "not_http": (httpx2.RemoteProtocolError, 1),
}


def charges(caller: Caller) -> int:
    return len(caller.simulator.ledger()["charges"])


def test_every_connection_kind_is_tried_here() -> None:
    assert kinds("connection") == {*BROKEN, "slow_drip", "endless_reply"}


@pytest.mark.parametrize("kind", sorted(BROKEN))
def test_the_client_sees_the_break_and_the_ledger_says_whether_it_was_charged(
    provider: Caller, kind: str
) -> None:
    error, charged = BROKEN[kind]
    provider.simulator.fault(provider.provider, "submit", kind)

    with pytest.raises(error):
        provider.post(SUBMIT[provider.provider], submit_body(provider), timeout=0.2)

    assert charges(provider) == charged
    assert provider.submit().status_code in (200, 202)
    assert charges(provider) == charged + 1


def submit_body(caller: Caller) -> dict[str, object]:
    picture = "https://example.com/a.jpg"
    return {
        "pixeldojo": {"subject_image": picture},
        "pixazo": {"prompt": "x", "image_urls": [picture]},
        "segmind": {"prompt": "x", "subject_image": picture},
    }[caller.provider]


def raw_post(caller: Caller, body: bytes) -> socket.socket:
    where = urlsplit(caller.simulator.urls["pixeldojo"])
    head = (
        f"POST {where.path}{SUBMIT['pixeldojo']} HTTP/1.1\r\nhost: {where.netloc}\r\n"
        f"authorization: {caller.headers['authorization']}\r\ncontent-length: {len(body)}\r\n\r\n"
    )
    connection = socket.create_connection((str(where.hostname), int(where.port or 0)), timeout=5)
    connection.sendall(head.encode() + body)
    return connection


@pytest.mark.parametrize("kind", ["reset_before_body", "reset_after_body"])
def test_a_reset_is_an_rst_on_the_wire(pixeldojo: Caller, kind: str) -> None:
    pixeldojo.simulator.fault("pixeldojo", "submit", kind)

    with (
        raw_post(pixeldojo, b'{"subject_image": "https://a.b/c"}') as connection,
        pytest.raises(ConnectionResetError),
    ):
        connection.recv(1024)


def test_a_close_is_an_orderly_end_on_the_wire(pixeldojo: Caller) -> None:
    pixeldojo.simulator.fault("pixeldojo", "submit", "close_without_reply")

    with raw_post(pixeldojo, b'{"subject_image": "https://a.b/c"}') as connection:
        assert connection.recv(1024) == b""


def test_a_reset_before_the_body_comes_while_the_client_still_sends(pixeldojo: Caller) -> None:
    pixeldojo.simulator.fault("pixeldojo", "submit", "reset_before_body")

    with pytest.raises(CUT_SHORT):
        pixeldojo.submit(prompt="x" * 8_000_000)

    assert pixeldojo.simulator.ledger()["posts"][0]["bytes"] is None


def test_a_dripped_reply_is_whole_but_slow(pixeldojo: Caller) -> None:
    pixeldojo.simulator.settings(drip_s=0.002)
    pixeldojo.simulator.fault("pixeldojo", "submit", "slow_drip")

    started = time.monotonic()
    response = pixeldojo.submit()

    assert response.json()["status"] == "pending"
    assert time.monotonic() - started > 0.002 * len(response.content)


def test_an_endless_reply_goes_on_past_any_sensible_size(pixeldojo: Caller) -> None:
    pixeldojo.simulator.fault("pixeldojo", "catalogue", "endless_reply")
    url = pixeldojo.simulator.urls["pixeldojo"] + "/api/v1/models"
    received = 0

    with pixeldojo.client.stream("GET", url) as response:
        for piece in response.iter_raw():
            received += len(piece)
            if received > 3_000_000:
                break

    assert "content-length" not in response.headers
    assert received > 3_000_000


@pytest.mark.parametrize("phase", ["poll", "result", "download", "upload", "catalogue"])
def test_a_reset_can_hit_every_phase(segmind: Caller, phase: str, photo_data_uri: str) -> None:
    url, job_id = segmind.picture_url(), segmind.start()
    reached = {
        "poll": lambda: segmind.poll(job_id),
        "result": lambda: segmind.outcome(job_id),
        "download": lambda: segmind.client.get(url),
        "upload": lambda: segmind.post("/upload-asset", {"data_urls": [photo_data_uri]}),
        "catalogue": lambda: segmind.get("/v1/get-user-credits"),
    }
    segmind.simulator.fault("segmind", phase, "reset_after_body")

    with pytest.raises(CUT_SHORT):
        reached[phase]()
    reached[phase]()
