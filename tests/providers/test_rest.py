"""The sender: what certainly was not taken, what nobody can know, and what may be repeated."""

import json
import logging
from collections.abc import Callable, Iterator
from typing import Any

import httpx2
import pytest
import stamina
from pydantic import SecretStr

from mcp_relight.domain.exchange import Accepted, Rendered, Working
from mcp_relight.domain.job import Job, JobRequest
from mcp_relight.errors import (
    JobExpired,
    OutcomeUnknown,
    ProviderAuth,
    ProviderBusy,
    ProviderCredits,
    ProviderDown,
    ProviderError,
    ProviderProtocol,
    ProviderRefused,
)
from mcp_relight.providers.pixazo import Pixazo
from mcp_relight.providers.pixeldojo import PixelDojo
from mcp_relight.providers.rest import MAX_OUTPUTS, RestProvider
from mcp_relight.providers.segmind import Segmind

from .calls import PNG, call

pytestmark = pytest.mark.anyio

KEY = "pd_SECRET0123456789"
NOW = 1_763_640_000.0
TAKEN = {"jobId": "job_1", "status": "pending", "creditCost": 1}
Answer = Callable[[httpx2.Request], httpx2.Response]


@pytest.fixture(autouse=True)
def _no_waiting() -> Iterator[None]:
    """Retries happen at once, as many as in earnest."""
    with stamina.set_testing(True, attempts=5, cap=True):
        yield


def unread(answer: httpx2.Response) -> httpx2.Response:
    """The same reply with its body still to be read, as from a socket."""
    stream = httpx2.ByteStream(answer.content)
    return httpx2.Response(answer.status_code, headers=answer.headers, stream=stream)


class Wire:
    """A transport that answers from a list and keeps what was sent."""

    def __init__(self, *answers: httpx2.Response | Exception) -> None:
        self.answers = list(answers)
        self.sent: list[httpx2.Request] = []

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        self.sent.append(request)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return unread(answer)


def dojo(wire: Answer, **changes: Any) -> RestProvider:
    return RestProvider(
        PixelDojo(),
        key=SecretStr(KEY),
        transport=httpx2.MockTransport(wire),
        now=lambda: NOW,
        **changes,
    )


def segmind(wire: Answer) -> RestProvider:
    return RestProvider(
        Segmind(), key=SecretStr("SG_1"), transport=httpx2.MockTransport(wire), now=lambda: NOW
    )


def job(ticket: str | None = "job_1", created_at: float = NOW, model: str = "") -> Job:
    from mcp_relight.domain.lighting import Lighting

    model = model or "pixeldojo/image-relighting"
    return Job(
        job_id="job_local",
        owner="me",
        provider=model.partition("/")[0],
        model=model,
        stage="running",
        request=JobRequest(
            model=model,
            image_id="a" * 32,
            image_name="mug",
            lighting=Lighting(),
            output_dir="/tmp",
        ),
        created_at=created_at,
        updated_at=created_at,
        due_at=created_at,
        ticket=ticket,
    )


RELIGHT = call("pixeldojo/image-relighting")
NOT_SENT = [
    httpx2.ConnectError("refused"),
    httpx2.ConnectTimeout("slow"),
    httpx2.PoolTimeout("busy"),
    httpx2.UnsupportedProtocol("gopher"),
]
AMBIGUOUS = [
    httpx2.ReadTimeout("no answer"),
    httpx2.WriteTimeout("half sent"),
    httpx2.WriteError("half sent"),
    httpx2.ReadError("reset"),
    httpx2.RemoteProtocolError("closed"),
]


@pytest.mark.parametrize("fault", NOT_SENT, ids=lambda fault: type(fault).__name__)
async def test_what_never_left_is_certainly_not_billed(fault: Exception) -> None:
    wire = Wire(fault)
    with pytest.raises(ProviderDown) as caught:
        await dojo(wire).submit(RELIGHT)
    assert caught.value.billed == "no"
    assert len(wire.sent) == 1


@pytest.mark.parametrize("fault", AMBIGUOUS, ids=lambda fault: type(fault).__name__)
async def test_what_may_have_arrived_is_unknown_and_never_sent_again(fault: Exception) -> None:
    wire = Wire(fault, httpx2.Response(202, json=TAKEN))
    with pytest.raises(OutcomeUnknown) as caught:
        await dojo(wire).submit(RELIGHT)
    assert caught.value.billed == "unknown"
    assert len(wire.sent) == 1


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, ProviderRefused),
        (401, ProviderAuth),
        (402, ProviderCredits),
        (403, ProviderAuth),
        (404, ProviderRefused),
        (405, ProviderRefused),
        (406, ProviderRefused),
        (410, ProviderRefused),
        (413, ProviderRefused),
        (415, ProviderRefused),
        (422, ProviderRefused),
        (429, ProviderBusy),
        (307, ProviderProtocol),
        (308, ProviderProtocol),
    ],
)
async def test_a_refused_submit_was_not_billed(status: int, error: type[ProviderError]) -> None:
    wire = Wire(httpx2.Response(status, json={"error": "text"}))
    with pytest.raises(error) as caught:
        await dojo(wire).submit(RELIGHT)
    assert caught.value.billed == "no"
    assert caught.value.status == status
    assert len(wire.sent) == 1


@pytest.mark.parametrize("status", [302, 303, 408, 409, 418, 425, 499, 500, 502, 503, 504, 529])
async def test_a_submit_without_a_clear_answer_is_unknown(status: int) -> None:
    wire = Wire(httpx2.Response(status, headers={"retry-after": "1"}, json={"error": "text"}))
    with pytest.raises(OutcomeUnknown):
        await dojo(wire).submit(RELIGHT)
    assert len(wire.sent) == 1


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b"7",
        b"{",
        b"\xff\xfe",
        b"<html>",
        b"[" * 20_000,
        b'{"jobId": NaN}',
        b'{"jobId": 7, "status": "pending"}',
        b'{"jobId": "", "status": "pending"}',
        b'{"jobId": "../../admin", "status": "pending"}',
        b'{"jobId": "a/b", "status": "pending"}',
        b'{"jobId": "a\\r\\nX: y", "status": "pending"}',
        b'{"jobId": "' + b"a" * 100_000 + b'"}',
        b'{"jobId": "job_1", "status": "completed", "output": {"images": []}}',
        b'{"jobId": "job_1", "status": "completed"}',
        b'{"status": "pending"}',
    ],
    ids=lambda body: body[:24].decode("utf-8", "replace"),
)
async def test_a_taken_submit_with_an_unreadable_answer_is_unknown(body: bytes) -> None:
    wire = Wire(httpx2.Response(202, content=body))
    with pytest.raises(OutcomeUnknown):
        await dojo(wire).submit(RELIGHT)
    assert len(wire.sent) == 1


async def test_a_compressed_reply_is_not_unfolded() -> None:
    def answer(request: httpx2.Request) -> httpx2.Response:
        headers = {"content-encoding": "br"}
        return httpx2.Response(202, headers=headers, stream=httpx2.ByteStream(b"\x00"))

    with pytest.raises(OutcomeUnknown):
        await dojo(answer).submit(RELIGHT)


async def test_a_submit_that_failed_at_once_is_a_plain_failure() -> None:
    wire = Wire(httpx2.Response(202, json={"jobId": "j", "status": "failed", "error": "x"}))
    with pytest.raises(ProviderRefused):
        await dojo(wire).submit(RELIGHT)


async def test_a_taken_submit_is_accepted_and_carries_the_key_once() -> None:
    wire = Wire(httpx2.Response(202, json=TAKEN))
    outcome = await dojo(wire).submit(RELIGHT)
    assert isinstance(outcome, Accepted)
    assert outcome.ticket == "job_1"
    (request,) = wire.sent
    assert str(request.url) == "https://pixeldojo.ai/api/v1/models/image-relighting/run"
    assert request.headers["authorization"] == f"Bearer {KEY}"
    assert request.headers["accept-encoding"] == "identity"
    assert json.loads(request.content)["subject_image"].startswith("https://")


async def test_a_configured_origin_replaces_the_documented_one() -> None:
    wire = Wire(httpx2.Response(202, json=TAKEN))
    await dojo(wire, origin="http://127.0.0.1:9/pixeldojo/").submit(RELIGHT)
    url = str(wire.sent[0].url)
    assert url == "http://127.0.0.1:9/pixeldojo/api/v1/models/image-relighting/run"


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "7"}, 7),
        ({"retry-after": "0"}, 0),
        ({"retry-after": "-5"}, 0),
        ({"retry-after": "86400"}, 60),
        ({"retry-after": "1e400"}, 60),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "Thu, 20 Nov 2025 12:00:09 GMT"}, 9),
        ({"retry-after": "Thu, 20 Nov 2025 11:00:00 GMT"}, 0),
        ({"retry-after": "Thu, 20 Nov 2035 12:00:00 GMT"}, 60),
        ({"x-ratelimit-reset": str(int(NOW) + 12)}, 12),
        ({"x-ratelimit-reset": "12"}, 12),
        ({"x-ratelimit-reset": "2025-11-20T12:00:05Z"}, 5),
        ({}, None),
    ],
)
async def test_a_busy_provider_says_how_long_to_wait(
    headers: dict[str, str], seconds: float | None
) -> None:
    wire = Wire(httpx2.Response(429, headers=headers))
    with pytest.raises(ProviderBusy) as caught:
        await dojo(wire).submit(RELIGHT)
    assert caught.value.retry_after_s == seconds


@pytest.mark.parametrize(
    "fault",
    [*AMBIGUOUS, *NOT_SENT, *(httpx2.Response(s) for s in (408, 425, 429, 500, 502, 503, 504))],
    ids=lambda fault: getattr(fault, "status_code", None) or type(fault).__name__,
)
async def test_a_poll_is_repeated_after_a_passing_fault(fault: httpx2.Response | Exception) -> None:
    wire = Wire(fault, fault, httpx2.Response(200, json={"jobId": "job_1", "status": "pending"}))
    outcome = await dojo(wire).poll(job())
    assert isinstance(outcome, Working)
    assert len(wire.sent) == 3


async def test_a_poll_that_cannot_be_read_is_repeated() -> None:
    good = {"jobId": "job_1", "status": "processing"}
    wire = Wire(httpx2.Response(200, content=b"{"), httpx2.Response(200, json=good))
    assert isinstance(await dojo(wire).poll(job()), Working)


async def test_a_poll_gives_up_after_five_attempts() -> None:
    wire = Wire(httpx2.Response(503))
    with pytest.raises(ProviderDown):
        await dojo(wire).poll(job())
    assert len(wire.sent) == 5


async def test_a_long_wish_to_wait_is_left_to_the_rate_gate() -> None:
    wire = Wire(httpx2.Response(429, headers={"retry-after": "30"}))
    with pytest.raises(ProviderBusy) as caught:
        await dojo(wire).poll(job())
    assert caught.value.retry_after_s == 30
    assert len(wire.sent) == 1


@pytest.mark.parametrize(
    ("status", "error"),
    [(400, ProviderProtocol), (401, ProviderAuth), (404, JobExpired), (410, JobExpired)],
)
async def test_a_poll_that_is_refused_says_why(status: int, error: type[ProviderError]) -> None:
    wire = Wire(httpx2.Response(status))
    with pytest.raises(error) as caught:
        await dojo(wire).poll(job())
    assert caught.value.billed == "unknown"


async def test_a_ticket_that_could_leave_its_path_is_never_sent() -> None:
    wire = Wire(httpx2.Response(200, json={"status": "pending"}))
    with pytest.raises(ProviderProtocol):
        await dojo(wire).poll(job("../../api/v1/models"))
    assert wire.sent == []


async def test_a_status_address_on_another_host_is_not_followed() -> None:
    taken = TAKEN | {"statusUrl": "https://evil.example.com/api/v1/jobs/job_1"}
    done = {"jobId": "job_1", "status": "pending"}
    wire = Wire(httpx2.Response(202, json=taken), httpx2.Response(200, json=done))
    provider = dojo(wire)
    await provider.submit(RELIGHT)
    await provider.poll(job())
    assert {request.url.host for request in wire.sent} == {"pixeldojo.ai"}


async def test_a_redirect_of_a_poll_is_not_followed() -> None:
    wire = Wire(httpx2.Response(302, headers={"location": "https://evil.example.com/"}))
    with pytest.raises(ProviderProtocol):
        await dojo(wire).poll(job())
    assert {request.url.host for request in wire.sent} == {"pixeldojo.ai"}


async def test_waits_grow_with_the_age_of_the_job() -> None:
    body = {"jobId": "job_1", "status": "processing"}
    waits: list[float | None] = []
    for age_s in (0, 4, 8, 20, 100, 300):
        outcome = await dojo(Wire(httpx2.Response(200, json=body))).poll(
            job(created_at=NOW - age_s)
        )
        assert isinstance(outcome, Working)
        waits.append(outcome.poll_after_s)
    assert waits == [2.0, 2.0, 4.0, 10.0, 15.0, 15.0]
    assert "slower than usual" in outcome.note


async def test_an_unknown_status_word_is_logged_once_capped_and_stripped(
    caplog: pytest.LogCaptureFixture,
) -> None:
    word = "marinating\x1b[31m\n" + "x" * 500
    provider = dojo(Wire(httpx2.Response(200, json={"jobId": "job_1", "status": word})))
    with caplog.at_level(logging.WARNING, "mcp_relight.providers"):
        await provider.poll(job())
        await provider.poll(job())
    (record,) = [r for r in caplog.records if r.name == "mcp_relight.providers"]
    assert "marinating" in record.getMessage()
    assert len(record.getMessage()) < 100
    assert "\x1b" not in record.getMessage()


async def test_more_pictures_than_anybody_asks_for_are_left_behind() -> None:
    images = [f"https://a.example.com/{index}.png" for index in range(40)]
    body = {"jobId": "job_1", "status": "completed", "output": {"images": images}}
    outcome = await dojo(Wire(httpx2.Response(200, json=body))).poll(job())
    assert isinstance(outcome, Rendered)
    assert len(outcome.outputs) == MAX_OUTPUTS


async def test_segmind_falls_back_to_v1_once() -> None:
    wire = Wire(httpx2.Response(404), httpx2.Response(200, content=PNG))
    outcome = await segmind(wire).submit(call("segmind/ic-light"))
    assert isinstance(outcome, Rendered)
    assert [request.url.path for request in wire.sent] == ["/v2/ic-light", "/v1/ic-light"]


async def test_segmind_without_the_model_in_either_version_is_a_refusal() -> None:
    wire = Wire(httpx2.Response(404))
    with pytest.raises(ProviderRefused):
        await segmind(wire).submit(call("segmind/ic-light"))
    assert len(wire.sent) == 2


async def test_the_key_goes_to_segminds_upload_host_and_no_other() -> None:
    wire = Wire(httpx2.Response(200, json={"urls": ["https://images.segmind.com/in.png"]}))
    provider = segmind(wire)
    assert await provider.upload(PNG, "image/png") == "https://images.segmind.com/in.png"
    assert wire.sent[0].url.host == "workflows-api.segmind.com"
    assert provider.adapter.sibling_hosts == {"workflows-api.segmind.com"}


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
        await segmind(Wire(httpx2.Response(200, json={"urls": [url]}))).upload(PNG, "image/png")


async def test_the_balance_is_asked_for_freely_and_a_bad_key_is_named() -> None:
    good = Wire(httpx2.Response(200, json={"credits": 3}))
    assert await segmind(good).balance() == "key accepted, 3 credits left"
    with pytest.raises(ProviderAuth) as caught:
        await segmind(Wire(httpx2.Response(401))).balance()
    assert "SEGMIND_API_KEY" in caught.value.hint


async def test_a_provider_without_a_balance_says_nothing() -> None:
    wire = Wire(httpx2.Response(200))
    assert await dojo(wire).balance() is None
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
    outcome = await dojo(Wire(httpx2.Response(200, json={"jobs": rows}))).reconcile(job(None))
    if found:
        assert isinstance(outcome, Accepted)
        assert outcome.ticket == "job_found"
    else:
        assert outcome is None


async def test_a_model_known_by_schema_asks_for_it_once_before_it_is_paid() -> None:
    schema = {"schema": {"properties": {"prompt": {}, "image": {"type": "array"}}}}
    wire = Wire(
        httpx2.Response(200, json=schema),
        httpx2.Response(202, json=TAKEN),
        httpx2.Response(202, json=TAKEN),
    )
    provider = dojo(wire)
    for _ in range(2):
        await provider.submit(call("pixeldojo/qwen-image-2-edit"))
    assert [request.method for request in wire.sent] == ["GET", "POST", "POST"]


async def test_a_schema_that_cannot_be_had_stops_the_submit_before_it_is_paid() -> None:
    wire = Wire(httpx2.Response(503))
    with pytest.raises(ProviderDown):
        await dojo(wire).submit(call("pixeldojo/qwen-image-2-edit"))
    assert {request.method for request in wire.sent} == {"GET"}


async def test_the_live_catalogue_is_read_into_what_the_adapter_takes() -> None:
    listed = {
        "models": [
            {
                "apiId": "brand-new-edit",
                "name": "Brand New",
                "modality": "image",
                "creditCost": {"default": 2, "type": "fixed", "amount": 2},
                "requestSchema": {"properties": {"prompt": {}, "image_url": {}}},
            },
            {"apiId": "../evil", "modality": "image"},
            7,
        ]
    }
    rows = await dojo(Wire(httpx2.Response(200, json=listed))).catalogue()
    specs = {spec.id: spec for spec in PixelDojo(rows).specs()}
    assert specs["pixeldojo/brand-new-edit"].relights
    assert specs["pixeldojo/brand-new-edit"].price.high_usd is None
    assert not any("evil" in model for model in specs)
    assert "pixeldojo/flux-2-pro" in specs


@pytest.mark.parametrize("key", ["pd_x\ny", "schlüssel", "a\x00b"])
async def test_a_key_no_key_looks_like_is_named_and_not_sent(key: str) -> None:
    wire = Wire(httpx2.Response(202, json=TAKEN))
    provider = RestProvider(PixelDojo(), key=SecretStr(key), transport=httpx2.MockTransport(wire))
    with pytest.raises(ProviderAuth, match="PIXELDOJO_API_KEY") as caught:
        await provider.submit(RELIGHT)
    assert caught.value.billed == "no"
    assert wire.sent == []


async def test_the_key_is_in_no_repr_log_or_error(caplog: pytest.LogCaptureFixture) -> None:
    echo = httpx2.Response(401, headers={"x-echo": KEY}, json={"error": f"bad key {KEY}"})
    provider = dojo(Wire(echo))
    with caplog.at_level(logging.INFO, "mcp_relight"), pytest.raises(ProviderAuth) as caught:
        await provider.submit(RELIGHT)
    shown = repr(provider) + repr(vars(provider)) + caplog.text
    assert KEY not in shown + repr(caught.value) + caught.value.message + caught.value.hint
    assert caught.value.__cause__ is None


async def test_pixazos_prediction_polls_are_free_and_repeated() -> None:
    wire = Wire(httpx2.Response(502), httpx2.Response(200, json={"id": "p", "status": "starting"}))
    provider = RestProvider(
        Pixazo(), key=SecretStr("k"), transport=httpx2.MockTransport(wire), now=lambda: NOW
    )
    outcome = await provider.poll(job("prediction:p", model="pixazo/pixelforge-relighting"))
    assert isinstance(outcome, Working)
    assert [request.method for request in wire.sent] == ["POST", "POST"]


async def test_a_provider_without_cancel_says_so_and_sends_nothing() -> None:
    wire = Wire(httpx2.Response(200))
    assert await dojo(wire).cancel(job()) is False
    assert wire.sent == []
