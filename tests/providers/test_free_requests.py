"""Free requests: polls, uploads, evidence, balance and schemas. None is repeated in here."""

import logging
from typing import Any

import httpx2
import pytest
from pydantic import SecretStr

from mcp_relight.domain.exchange import Accepted, Rendered, Working
from mcp_relight.errors import (
    JobExpired,
    ProviderAuth,
    ProviderBusy,
    ProviderDown,
    ProviderError,
    ProviderProtocol,
    ProviderRefused,
)
from mcp_relight.providers.pixazo import Pixazo
from mcp_relight.providers.pixeldojo import PixelDojo
from mcp_relight.providers.registry import Account
from mcp_relight.providers.rest import MAX_OUTPUTS, RestProvider

from .calls import PNG, at_once
from .wires import AMBIGUOUS, KEY, NOT_SENT, NOW, Wire, dojo, job, segmind

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    ("status", "error"),
    [(400, ProviderProtocol), (401, ProviderAuth), (404, JobExpired), (410, JobExpired)],
)
async def test_a_poll_that_is_refused_says_why(status: int, error: type[ProviderError]) -> None:
    wire = Wire(httpx2.Response(status))
    with pytest.raises(error) as caught:
        await dojo(wire).poll(job(), at_once)
    assert caught.value.billed == "unknown"


async def test_a_ticket_that_could_leave_its_path_is_never_sent() -> None:
    wire = Wire(httpx2.Response(200, json={"status": "pending"}))
    with pytest.raises(ProviderProtocol):
        await dojo(wire).poll(job("../../api/v1/models"), at_once)
    assert wire.sent == []


async def test_an_unknown_status_word_is_logged_once_capped_and_stripped(
    caplog: pytest.LogCaptureFixture,
) -> None:
    word = "marinating\x1b[31m\n" + "x" * 500
    provider = dojo(Wire(httpx2.Response(200, json={"jobId": "job_1", "status": word})))
    with caplog.at_level(logging.WARNING, "mcp_relight.providers"):
        await provider.poll(job(), at_once)
        await provider.poll(job(), at_once)
    (record,) = [r for r in caplog.records if r.name == "mcp_relight.providers"]
    assert "marinating" in record.getMessage()
    assert len(record.getMessage()) < 100
    assert "\x1b" not in record.getMessage()


async def test_more_pictures_than_anybody_asks_for_are_left_behind() -> None:
    images = [f"https://a.example.com/{index}.png" for index in range(40)]
    body = {"jobId": "job_1", "status": "completed", "output": {"images": images}}
    outcome = await dojo(Wire(httpx2.Response(200, json=body))).poll(job(), at_once)
    assert isinstance(outcome, Rendered)
    assert len(outcome.outputs) == MAX_OUTPUTS


@pytest.mark.parametrize(
    "url",
    [
        "https://169.254.169.254/latest",
        "http://images.segmind.com/in.png",
        "https://user:word@images.segmind.com/in.png",
        "https://localhost/in.png",
        "https://[::1]/in.png",
    ],
)
async def test_an_upload_address_that_is_not_public_is_not_passed_on(url: str) -> None:
    with pytest.raises(ProviderProtocol):
        await segmind(Wire(httpx2.Response(200, json={"urls": [url]}))).upload(
            PNG, "image/png", at_once
        )


async def test_the_balance_is_asked_for_freely_and_a_bad_key_is_named() -> None:
    good = Wire(httpx2.Response(200, json={"credits": 3}))
    assert await segmind(good).balance(at_once) == "key accepted, 3 credits left"
    with pytest.raises(ProviderAuth) as caught:
        await segmind(Wire(httpx2.Response(401))).balance(at_once)
    assert "SEGMIND_API_KEY" in caught.value.hint


async def test_a_key_is_tried_where_a_free_request_wants_it() -> None:
    good = Wire(httpx2.Response(200, json={"jobs": []}))
    assert await dojo(good).balance(at_once) == "key accepted"
    assert [(sent.method, sent.url.path) for sent in good.sent] == [("GET", "/api/v1/jobs")]
    with pytest.raises(ProviderAuth) as caught:
        await dojo(Wire(httpx2.Response(401))).balance(at_once)
    assert "PIXELDOJO_API_KEY" in caught.value.hint


async def test_a_provider_without_a_free_request_says_nothing() -> None:
    wire = Wire(httpx2.Response(200))
    pixazo = RestProvider(
        Account(adapter=Pixazo(), key=SecretStr("k")), transport=httpx2.MockTransport(wire)
    )
    assert await pixazo.balance(at_once) is None
    assert wire.sent == []


RECENT = {
    "jobId": "job_found",
    "apiId": "image-relighting",
    "createdAt": "2025-11-20T12:00:03Z",
}


@pytest.mark.parametrize(
    ("rows", "found"),
    [
        ([RECENT], True),
        ([RECENT, RECENT | {"apiId": "p-image-edit"}], True),
        ([RECENT, RECENT | {"jobId": "job_second"}], False),
        ([RECENT | {"createdAt": "2025-11-20T13:00:00Z"}], False),
        ([RECENT | {"createdAt": None}], False),
        ([RECENT | {"apiId": "p-image-edit"}], False),
        ([], False),
        (None, False),
        ([7, None, "x"], False),
    ],
)
async def test_late_evidence_is_taken_only_where_it_is_beyond_doubt(rows: Any, found: bool) -> None:
    outcome = await dojo(Wire(httpx2.Response(200, json={"jobs": rows}))).reconcile(
        job(None), at_once
    )
    if found:
        assert isinstance(outcome, Accepted)
        assert outcome.ticket == "job_found"
    else:
        assert outcome is None


async def test_a_provider_without_cancel_says_so_and_sends_nothing() -> None:
    wire = Wire(httpx2.Response(200))
    assert await dojo(wire).cancel(job(), at_once) is False
    assert wire.sent == []


@pytest.mark.parametrize(
    "fault",
    [*AMBIGUOUS, *NOT_SENT, *(httpx2.Response(s) for s in (408, 425, 500, 502, 503, 504))],
    ids=lambda fault: getattr(fault, "status_code", None) or type(fault).__name__,
)
async def test_a_poll_that_fails_is_sent_once_and_may_be_made_again_later(
    fault: httpx2.Response | Exception,
) -> None:
    wire = Wire(fault)
    with pytest.raises(ProviderDown) as caught:
        await dojo(wire).poll(job(), at_once)
    assert caught.value.passes
    assert len(wire.sent) == 1


async def test_a_busy_provider_says_to_a_poll_how_long_to_wait() -> None:
    wire = Wire(httpx2.Response(429, headers={"retry-after": "30"}))
    with pytest.raises(ProviderBusy) as caught:
        await dojo(wire).poll(job(), at_once)
    assert caught.value.retry_after_s == 30
    assert len(wire.sent) == 1


async def test_a_poll_that_cannot_be_read_says_so() -> None:
    with pytest.raises(ProviderProtocol):
        await dojo(Wire(httpx2.Response(200, content=b"{"))).poll(job(), at_once)


async def test_pixazos_prediction_polls_are_free_although_they_are_posts() -> None:
    wire = Wire(httpx2.Response(502), httpx2.Response(200, json={"id": "p", "status": "starting"}))
    provider = RestProvider(
        Account(adapter=Pixazo(), key=SecretStr("k")),
        transport=httpx2.MockTransport(wire),
        now=lambda: NOW,
    )
    asked = job("prediction:p", model="pixazo/pixelforge-relighting")
    with pytest.raises(ProviderDown):
        await provider.poll(asked, at_once)
    assert isinstance(await provider.poll(asked, at_once), Working)


async def test_segminds_result_is_fetched_by_a_poll_of_its_own() -> None:
    wire = Wire(
        httpx2.Response(200, json={"request_id": "r-1", "status": "COMPLETED"}),
        httpx2.Response(200, json={"status": "COMPLETED", "output": "https://a.example.com/1.png"}),
    )
    provider = segmind(wire)
    finished = await provider.poll(job("r-1", model="segmind/ic-light"), at_once)
    assert finished == Accepted(ticket="done:r-1", poll_after_s=0.0)
    assert len(wire.sent) == 1
    outcome = await provider.poll(job("done:r-1", model="segmind/ic-light"), at_once)
    assert isinstance(outcome, Rendered)
    assert [sent.url.path for sent in wire.sent] == [
        "/v2/requests/r-1/status",
        "/v2/requests/r-1",
    ]


async def test_an_upload_or_schema_that_is_not_there_is_no_lost_job() -> None:
    with pytest.raises(ProviderRefused):
        await segmind(Wire(httpx2.Response(404))).upload(PNG, "image/png", at_once)
    with pytest.raises(ProviderRefused):
        await dojo(Wire(httpx2.Response(404))).schema("pixeldojo/flux-2-pro", at_once)


SCHEMA = {"schema": {"properties": {"prompt": {}, "image": {"type": "array"}}}}


async def test_a_schema_is_asked_for_once_an_hour() -> None:
    wire = Wire(httpx2.Response(200, json=SCHEMA))
    clock = [NOW]
    provider = RestProvider(
        Account(adapter=PixelDojo(), key=SecretStr(KEY)),
        transport=httpx2.MockTransport(wire),
        now=lambda: clock[0],
    )
    model = "pixeldojo/qwen-image-2-edit"
    assert provider.asks_schema(model)
    first = await provider.schema(model, at_once)
    assert not provider.asks_schema(model)
    assert await provider.schema(model, at_once) == first
    assert len(wire.sent) == 1
    clock[0] += 3601
    assert provider.asks_schema(model)
    await provider.schema(model, at_once)
    assert [str(sent.url.path) for sent in wire.sent] == [
        "/api/v1/models/qwen-image-2-edit/schema"
    ] * 2


@pytest.mark.parametrize("body", [b"{", b"[]", b"{}", b'{"schema": []}', b'{"schema": {}}'])
async def test_a_schema_that_cannot_be_read_is_none(body: bytes) -> None:
    provider = dojo(Wire(httpx2.Response(200, content=body)))
    with pytest.raises(ProviderProtocol):
        await provider.schema("pixeldojo/qwen-image-2-edit", at_once)
    assert provider.asks_schema("pixeldojo/qwen-image-2-edit")


async def test_models_with_documented_parameters_ask_for_no_schema() -> None:
    wire = Wire(httpx2.Response(200, json=SCHEMA))
    assert await dojo(wire).schema("pixeldojo/p-image-edit", at_once) is None
    assert wire.sent == []
