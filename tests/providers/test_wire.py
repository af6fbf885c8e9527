"""What leaves: once, with the key, to one place, and through the rate gate."""

import contextlib
import json
import logging
from collections.abc import Callable

import httpx2
import pytest
from pydantic import SecretStr

from mcp_relight.domain.exchange import Accepted
from mcp_relight.errors import (
    OutcomeUnknown,
    ProviderAuth,
    ProviderError,
    ProviderProtocol,
    TimedOut,
)
from mcp_relight.providers.pixeldojo import PixelDojo
from mcp_relight.providers.registry import Account
from mcp_relight.providers.rest import RestProvider

from .calls import PNG, at_once, call
from .wires import KEY, TAKEN, Answer, Wire, dojo, job, segmind

pytestmark = pytest.mark.anyio

RELIGHT = call("pixeldojo/image-relighting")


async def test_a_compressed_reply_is_not_unfolded() -> None:
    def answer(request: httpx2.Request) -> httpx2.Response:
        headers = {"content-encoding": "br"}
        return httpx2.Response(202, headers=headers, stream=httpx2.ByteStream(b"\x00"))

    with pytest.raises(OutcomeUnknown):
        await dojo(answer).submit(RELIGHT, at_once)


async def test_a_taken_submit_is_accepted_and_carries_the_key_once() -> None:
    wire = Wire(httpx2.Response(202, json=TAKEN))
    outcome = await dojo(wire).submit(RELIGHT, at_once)
    assert isinstance(outcome, Accepted)
    assert outcome.ticket == "job_1"
    (request,) = wire.sent
    assert str(request.url) == "https://pixeldojo.ai/api/v1/models/image-relighting/run"
    assert request.headers["authorization"] == f"Bearer {KEY}"
    assert request.headers["accept-encoding"] == "identity"
    assert json.loads(request.content)["subject_image"].startswith("https://")


async def test_a_configured_origin_replaces_the_documented_one() -> None:
    wire = Wire(httpx2.Response(202, json=TAKEN))
    await dojo(wire, gateway="http://127.0.0.1:9/pixeldojo/").submit(RELIGHT, at_once)
    url = str(wire.sent[0].url)
    assert url == "http://127.0.0.1:9/pixeldojo/api/v1/models/image-relighting/run"


async def test_the_key_goes_to_segminds_upload_host_and_no_other() -> None:
    wire = Wire(httpx2.Response(200, json={"urls": ["https://images.segmind.com/in.png"]}))
    provider = segmind(wire)
    assert await provider.upload(PNG, "image/png", at_once) == "https://images.segmind.com/in.png"
    assert wire.sent[0].url.host == "workflows-api.segmind.com"
    assert provider.adapter.sibling_hosts == {"workflows-api.segmind.com"}


@pytest.mark.parametrize("key", ["pd_x\ny", "schlüssel", "a\x00b"])
async def test_a_key_no_key_looks_like_is_named_and_not_sent(key: str) -> None:
    wire = Wire(httpx2.Response(202, json=TAKEN))
    provider = RestProvider(
        Account(adapter=PixelDojo(), key=SecretStr(key)), transport=httpx2.MockTransport(wire)
    )
    with pytest.raises(ProviderAuth, match="PIXELDOJO_API_KEY") as caught:
        await provider.submit(RELIGHT, at_once)
    assert caught.value.billed == "no"
    assert wire.sent == []


async def test_the_key_is_in_no_repr_log_or_error(caplog: pytest.LogCaptureFixture) -> None:
    echo = httpx2.Response(401, headers={"x-echo": KEY}, json={"error": f"bad key {KEY}"})
    provider = dojo(Wire(echo))
    with caplog.at_level(logging.INFO, "mcp_relight"), pytest.raises(ProviderAuth) as caught:
        await provider.submit(RELIGHT, at_once)
    shown = repr(provider) + repr(vars(provider)) + caplog.text
    assert KEY not in shown + repr(caught.value) + caught.value.message + caught.value.hint
    assert caught.value.__cause__ is None


async def test_a_status_address_on_another_host_is_not_followed() -> None:
    taken = TAKEN | {"statusUrl": "https://evil.example.com/api/v1/jobs/job_1"}
    done = {"jobId": "job_1", "status": "pending"}
    wire = Wire(httpx2.Response(202, json=taken), httpx2.Response(200, json=done))
    provider = dojo(wire)
    await provider.submit(RELIGHT, at_once)
    await provider.poll(job(), at_once)
    assert {request.url.host for request in wire.sent} == {"pixeldojo.ai"}


async def test_a_redirect_of_a_poll_is_not_followed() -> None:
    wire = Wire(httpx2.Response(302, headers={"location": "https://evil.example.com/"}))
    with pytest.raises(ProviderProtocol):
        await dojo(wire).poll(job(), at_once)
    assert {request.url.host for request in wire.sent} == {"pixeldojo.ai"}


class Turns:
    """A rate gate that is always open and counts who passed."""

    def __init__(self) -> None:
        self.passed = 0

    async def __call__(self) -> None:
        self.passed += 1


async def everything(provider: RestProvider, turn: Turns) -> None:
    """Each thing a provider can be asked for, whatever comes of it."""
    model = "pixeldojo/flux-2-pro" if provider.name == "pixeldojo" else "segmind/ic-light"
    asked = job(model=model)
    for step in (
        lambda: provider.submit(call(model), turn),
        lambda: provider.poll(asked, turn),
        lambda: provider.poll(job("done:job_1", model=model), turn),
        lambda: provider.cancel(asked, turn),
        lambda: provider.reconcile(asked, turn),
        lambda: provider.balance(turn),
        lambda: provider.upload(PNG, "image/png", turn),
        lambda: provider.schema(model, turn),
        lambda: provider.catalog(turn),
    ):
        with contextlib.suppress(ProviderError):
            await step()


@pytest.mark.parametrize("status", [200, 202, 404, 422, 429, 500, 503])
@pytest.mark.parametrize("made", [dojo, segmind])
async def test_every_request_that_leaves_has_passed_the_rate_gate(
    made: Callable[[Answer], RestProvider], status: int
) -> None:
    """Also fallbacks, uploads, schemas and what nobody answers."""
    wire, turn = Wire(httpx2.Response(status, json={"status": "pending"})), Turns()
    await everything(made(wire), turn)
    assert len(wire.sent) >= 4
    assert turn.passed == len(wire.sent)


async def test_nothing_leaves_before_the_gate_opens() -> None:
    wire = Wire(httpx2.Response(200, json={"status": "pending"}))

    async def shut() -> None:
        raise TimedOut("The gate stays shut.")

    for provider in (dojo(wire), segmind(wire)):
        with pytest.raises(TimedOut):
            await provider.poll(job(), shut)
    with pytest.raises(TimedOut):
        await dojo(wire).submit(RELIGHT, shut)
    assert wire.sent == []
