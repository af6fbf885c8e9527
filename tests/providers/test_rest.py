"""Paid requests: what certainly was not taken, and what nobody can know."""

import anyio
import httpx2
import pytest
from pydantic import SecretStr

from mcp_relight.domain.exchange import Call, Follow, Outcome, Rendered, Reply, Request
from mcp_relight.errors import (
    ContentRejected,
    FetchFailed,
    InvalidArgument,
    OutcomeUnknown,
    ProviderAuth,
    ProviderBusy,
    ProviderCredits,
    ProviderDown,
    ProviderError,
    ProviderProtocol,
    ProviderRefused,
    RelightError,
    TimedOut,
)
from mcp_relight.jobs.ports import LONGEST_SUBMIT_S, SUBMIT_SLACK_S
from mcp_relight.providers.kit.adapter import Adapter
from mcp_relight.providers.pixazo import Pixazo
from mcp_relight.providers.pixeldojo import PixelDojo
from mcp_relight.providers.registry import Account
from mcp_relight.providers.rest import RestProvider
from mcp_relight.providers.segmind import Segmind

from .calls import PNG, at_once, call
from .wires import AMBIGUOUS, NOT_SENT, NOW, TAKEN, Wire, dojo, segmind

pytestmark = pytest.mark.anyio

RELIGHT = call("pixeldojo/image-relighting")


@pytest.mark.parametrize("fault", NOT_SENT, ids=lambda fault: type(fault).__name__)
async def test_what_never_left_is_certainly_not_billed(fault: Exception) -> None:
    wire = Wire(fault)
    with pytest.raises(ProviderDown) as caught:
        await dojo(wire).submit(RELIGHT, at_once)
    assert (caught.value.billed, caught.value.taken) == ("no", "no")
    assert len(wire.sent) == 1


@pytest.mark.parametrize("fault", AMBIGUOUS, ids=lambda fault: type(fault).__name__)
async def test_what_may_have_arrived_is_unknown_and_never_sent_again(fault: Exception) -> None:
    wire = Wire(fault, httpx2.Response(202, json=TAKEN))
    with pytest.raises(OutcomeUnknown) as caught:
        await dojo(wire).submit(RELIGHT, at_once)
    assert (caught.value.billed, caught.value.taken) == ("unknown", "maybe")
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
        await dojo(wire).submit(RELIGHT, at_once)
    assert (caught.value.billed, caught.value.taken) == ("no", "no")
    assert caught.value.status == status
    assert len(wire.sent) == 1


@pytest.mark.parametrize("status", [302, 303, 408, 409, 418, 425, 499, 500, 502, 503, 504, 529])
async def test_a_submit_without_a_clear_answer_is_unknown(status: int) -> None:
    wire = Wire(httpx2.Response(status, headers={"retry-after": "1"}, json={"error": "text"}))
    with pytest.raises(OutcomeUnknown) as caught:
        await dojo(wire).submit(RELIGHT, at_once)
    assert caught.value.taken == "maybe"
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
        await dojo(wire).submit(RELIGHT, at_once)
    assert len(wire.sent) == 1


async def test_a_submit_that_failed_at_once_is_a_plain_failure() -> None:
    wire = Wire(httpx2.Response(202, json={"jobId": "j", "status": "failed", "error": "x"}))
    with pytest.raises(ProviderRefused):
        await dojo(wire).submit(RELIGHT, at_once)


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
        await dojo(wire).submit(RELIGHT, at_once)
    assert caught.value.retry_after_s == seconds


async def test_segmind_falls_back_to_v1_once() -> None:
    wire = Wire(httpx2.Response(404), httpx2.Response(200, content=PNG))
    outcome = await segmind(wire).submit(call("segmind/ic-light"), at_once)
    assert isinstance(outcome, Rendered)
    assert [request.url.path for request in wire.sent] == ["/v2/ic-light", "/v1/ic-light"]


async def test_segmind_without_the_model_in_either_version_is_a_refusal() -> None:
    wire = Wire(httpx2.Response(404))
    with pytest.raises(ProviderRefused):
        await segmind(wire).submit(call("segmind/ic-light"), at_once)
    assert len(wire.sent) == 2


async def test_a_request_that_cannot_be_put_together_was_certainly_not_sent() -> None:
    class Broken(PixelDojo):
        def submit(self, call: Call) -> Request:
            raise KeyError("subject_image")

    wire = Wire(httpx2.Response(202, json=TAKEN))
    provider = RestProvider(
        Account(adapter=Broken(), key=SecretStr("pd_1")), transport=httpx2.MockTransport(wire)
    )
    with pytest.raises(ProviderRefused) as caught:
        await provider.submit(RELIGHT, at_once)
    assert caught.value.billed == "no"
    assert wire.sent == []


def _plug_in(wire: Wire, adapter: type[PixelDojo]) -> RestProvider:
    return RestProvider(
        Account(adapter=adapter(), key=SecretStr("pd_1")), transport=httpx2.MockTransport(wire)
    )


UNCLEAR = [301, 302, 303, 307, 308, 400, 402, 408, 409, 422, 425, 429, 451, 500, 502, 503, 529]
NOT_TAKEN = frozenset({301, 307, 308, 400, 402, 422, 425, 429, 451})


@pytest.mark.parametrize("status", UNCLEAR)
@pytest.mark.parametrize(
    "word",
    [
        ProviderDown("Failures are not charged.", billed="no", taken="no"),
        ProviderBusy("Come back.", billed="no", taken="no", retry_after_s=1),
        ProviderRefused("No.", billed="unknown", taken="no"),
        InvalidArgument("The picture is too wide."),
        FetchFailed("The picture could not be read."),
    ],
    ids=lambda word: word.code,
)
async def test_whether_a_submit_was_taken_is_not_the_adapter_s_to_say(
    status: int, word: RelightError
) -> None:
    class Says(PixelDojo):
        def read_refusal(self, request: Request, reply: Reply) -> Follow | None:
            raise word

    with pytest.raises(type(word)) as caught:
        await _plug_in(Wire(httpx2.Response(status)), Says).submit(RELIGHT, at_once)
    assert caught.value.taken == ("no" if status in NOT_TAKEN else "maybe")


@pytest.mark.parametrize("status", UNCLEAR)
async def test_a_fallback_is_followed_only_from_what_was_not_taken(status: int) -> None:
    class Falls(PixelDojo):
        def read_refusal(self, request: Request, reply: Reply) -> Follow | None:
            return Follow(request=request)

    wire = Wire(httpx2.Response(status), httpx2.Response(202, json=TAKEN))
    if status in NOT_TAKEN:
        await _plug_in(wire, Falls).submit(RELIGHT, at_once)
    else:
        with pytest.raises(OutcomeUnknown):
            await _plug_in(wire, Falls).submit(RELIGHT, at_once)
    assert len(wire.sent) == 1 + (status in NOT_TAKEN)


@pytest.mark.parametrize(
    "word", [ProviderDown("Down.", billed="no", taken="no"), InvalidArgument("Too wide.")]
)
async def test_an_answer_that_took_the_job_is_not_undone_by_an_adapter(word: RelightError) -> None:
    class Says(PixelDojo):
        def read(self, request: Request, reply: Reply) -> Outcome:
            raise word

    with pytest.raises(OutcomeUnknown) as caught:
        await _plug_in(Wire(httpx2.Response(202, json=TAKEN)), Says).submit(RELIGHT, at_once)
    assert caught.value.taken == "maybe"


@pytest.mark.parametrize("word", [ProviderProtocol("No."), ContentRejected("No.")])
async def test_what_an_adapter_refuses_to_put_together_was_not_taken(word: RelightError) -> None:
    class Refuses(PixelDojo):
        def submit(self, call: Call) -> Request:
            raise word

    wire = Wire(httpx2.Response(202, json=TAKEN))
    with pytest.raises(type(word)) as caught:
        await _plug_in(wire, Refuses).submit(RELIGHT, at_once)
    assert (caught.value.taken, wire.sent) == ("no", [])


async def test_a_gate_that_cannot_be_passed_lets_nothing_out() -> None:
    async def closed() -> None:
        raise TimedOut("The job database did not answer.")

    wire = Wire(httpx2.Response(202, json=TAKEN))
    with pytest.raises(TimedOut) as caught:
        await dojo(wire).submit(RELIGHT, closed)
    assert (caught.value.taken, wire.sent) == ("no", [])


async def test_a_submit_ends_when_others_may_look_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the adapter says of each request, and however many follow one another."""

    async def never(request: httpx2.Request) -> httpx2.Response:
        await anyio.sleep_forever()
        raise AssertionError

    provider = RestProvider(
        Account(adapter=PixelDojo(), key=SecretStr("k")), transport=httpx2.MockTransport(never)
    )
    assert provider.submit_within_s == 77.0
    monkeypatch.setattr(RestProvider, "submit_within_s", 0.05)
    with anyio.fail_after(30), pytest.raises(OutcomeUnknown) as caught:
        await provider.submit(RELIGHT, at_once)
    assert caught.value.taken == "maybe"


async def test_a_submit_whose_turn_never_comes_has_certainly_not_left(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    wire = Wire(httpx2.Response(202, json=TAKEN))
    monkeypatch.setattr(RestProvider, "submit_within_s", 0.05)
    with anyio.fail_after(30), pytest.raises(TimedOut) as caught:
        await dojo(wire).submit(RELIGHT, anyio.sleep_forever)
    assert (caught.value.taken, wire.sent) == ("no", [])


@pytest.mark.parametrize("adapter", [PixelDojo, Pixazo, Segmind])
def test_no_submit_is_given_longer_than_anybody_waits(adapter: type[Adapter]) -> None:
    provider = RestProvider(Account(adapter=adapter(), key=SecretStr("k")))
    assert provider.submit_within_s + SUBMIT_SLACK_S <= LONGEST_SUBMIT_S
