"""The adapters against the simulated providers, over real HTTP.

The rule under test is about money: whatever goes wrong, a definite error means that nothing was
charged, and what was charged is either a result or honestly unknown. No submit is sent twice.
"""

import io
from collections.abc import AsyncIterator, Awaitable, Iterator
from dataclasses import replace
from typing import Any

import httpx2
import pytest
from PIL import Image
from pydantic import SecretStr

from mcp_relight.domain.exchange import Accepted, Call, Outcome, Picture, Rendered, Request, Working
from mcp_relight.domain.job import Job, JobRequest
from mcp_relight.errors import (
    ContentRejected,
    JobExpired,
    OutcomeUnknown,
    ProviderBusy,
    ProviderDown,
    ProviderError,
    ProviderProtocol,
    ProviderRefused,
)
from mcp_relight.providers.kit.adapter import Adapter
from mcp_relight.providers.pixazo import Pixazo
from mcp_relight.providers.pixeldojo import PixelDojo
from mcp_relight.providers.registry import Account
from mcp_relight.providers.rest import RestProvider
from mcp_relight.providers.segmind import Segmind
from mcp_relight.simulator.app import running_simulator
from mcp_relight.simulator.control import SimulatorHandle
from mcp_relight.simulator.faults import KINDS

from .calls import at_once, call

pytestmark = [pytest.mark.anyio, pytest.mark.spread]

ADAPTERS: dict[str, type[PixelDojo | Pixazo | Segmind]] = {
    "pixeldojo": PixelDojo,
    "pixazo": Pixazo,
    "segmind": Segmind,
}
MODELS = {
    "pixeldojo": "pixeldojo/image-relighting",
    "pixazo": "pixazo/pixelforge-relighting",
    "segmind": "segmind/ic-light",
}
FAMILIES = ("connection", "refusal", "reply")
SUBMIT_FAULTS = [
    kind.name for kind in KINDS.values() if "submit" in kind.phases and kind.family in FAMILIES
]
POLL_FAULTS = [
    kind.name for kind in KINDS.values() if "poll" in kind.phases and kind.family in FAMILIES
]
PASSING = {f"status_{status}" for status in (408, 425, 429, 500, 502, 503, 504)} | {"html_502"}
"""Refusals of a status request after which it is simply made again."""
PASSES = ProviderBusy | ProviderDown | ProviderProtocol
"""Errors after which the worker asks again."""
QUICK_S = 0.3


@pytest.fixture(scope="module")
def server() -> Iterator[SimulatorHandle]:
    with running_simulator(polls=1) as handle:
        yield handle


@pytest.fixture
def simulator(server: SimulatorHandle) -> SimulatorHandle:
    server.reset()
    return server


@pytest.fixture(params=ADAPTERS)
def name(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
async def provider(name: str, simulator: SimulatorHandle) -> AsyncIterator[RestProvider]:
    made = connected(ADAPTERS[name](), simulator)
    yield made
    await made.aclose()


@pytest.fixture
async def impatient(name: str, simulator: SimulatorHandle) -> AsyncIterator[RestProvider]:
    """For the one request that may hang: on a busy machine a healthy one takes its time too."""
    made = connected(hurried(ADAPTERS[name]), simulator)
    yield made
    await made.aclose()


def connected(adapter: Adapter, simulator: SimulatorHandle) -> RestProvider:
    """Over plain HTTP: loading the certificates would cost more than most tests here."""
    key, url = SecretStr(simulator.keys[adapter.name]), simulator.urls[adapter.name]
    return RestProvider(
        Account(adapter=adapter, key=key, gateway=url),
        transport=httpx2.AsyncHTTPTransport(verify=False, trust_env=False),
    )


def hurried(adapter: type[Adapter]) -> Adapter:
    """The adapter with short time-outs, so that a provider that hangs costs the test little."""

    class Hurried(adapter):  # type: ignore[misc,valid-type]
        def submit(self, call: Call) -> Request:
            return replace(super().submit(call), timeout_s=QUICK_S)

        def poll(self, ticket: str) -> Request:
            return replace(super().poll(ticket), timeout_s=QUICK_S)

    return Hurried()


@pytest.fixture
async def photo(simulator: SimulatorHandle) -> Picture:
    """A picture every simulated provider can read, put there through Segmind's upload."""
    out = io.BytesIO()
    Image.linear_gradient("L").rotate(90).resize((96, 64)).convert("RGB").save(out, "PNG")
    uploader = connected(Segmind(), simulator)
    url = await uploader.upload(out.getvalue(), "image/png", at_once)
    await uploader.aclose()
    return Picture(96, 64, "image/png", url=url)


def order(name: str, photo: Picture, **changes: Any) -> Call:
    return call(MODELS[name], images=(photo,), **changes)


def job(name: str, ticket: str) -> Job:
    request = JobRequest(
        model=MODELS[name],
        image_id="a" * 32,
        image_name="photo",
        lighting=call(MODELS[name]).lighting,
        output_dir="/tmp",
    )
    return Job(
        job_id="job_local",
        owner="me",
        provider=name,
        model=MODELS[name],
        stage="running",
        request=request,
        created_at=0.0,
        updated_at=0.0,
        due_at=0.0,
        ticket=ticket,
    )


async def finished(provider: RestProvider, name: str, outcome: Outcome) -> Rendered:
    """Poll until there is a result, at most 20 times."""
    if isinstance(outcome, Rendered):
        return outcome
    assert isinstance(outcome, Accepted)
    for _ in range(20):
        state = await provider.poll(job(name, outcome.ticket), at_once)
        if isinstance(state, Rendered):
            return state
        outcome = state if isinstance(state, Accepted) else outcome
    pytest.fail("the job never finished")


def submits(simulator: SimulatorHandle, name: str) -> int:
    return simulator.ledger()["requests"].get(name, {}).get("submit", 0)


async def test_a_job_goes_from_submit_to_pictures_and_is_charged_once(
    provider: RestProvider, name: str, photo: Picture, simulator: SimulatorHandle
) -> None:
    outcome = await provider.submit(order(name, photo, count=2), at_once)
    rendered = await finished(provider, name, outcome)
    assert len(rendered.outputs) == 2
    assert all(str(output.url).startswith(simulator.origin) for output in rendered.outputs)
    assert len(simulator.ledger()["charges"]) == 1
    assert submits(simulator, name) == 1


async def outcome_of(step: Awaitable[Outcome]) -> Outcome | ProviderError:
    try:
        return await step
    except ProviderError as error:
        return error


@pytest.mark.long
@pytest.mark.parametrize("kind", SUBMIT_FAULTS)
async def test_a_definite_error_was_not_charged_and_nothing_is_sent_twice(
    impatient: RestProvider, name: str, photo: Picture, simulator: SimulatorHandle, kind: str
) -> None:
    simulator.fault(name, "submit", kind)
    outcome = await outcome_of(impatient.submit(order(name, photo), at_once))
    charges = simulator.ledger()["charges"]
    if isinstance(outcome, OutcomeUnknown):
        assert outcome.billed == "unknown"
    elif isinstance(outcome, ProviderError):
        assert (outcome.billed, charges) == ("no", [])
    else:
        assert isinstance(outcome, Accepted | Rendered)
        assert len(charges) == 1
    fell_back = name == "segmind" and kind in {"status_404", "status_405", "status_410", "html_405"}
    assert submits(simulator, name) == (2 if fell_back else 1)
    assert simulator.ledger()["canary"] == []


@pytest.mark.long
@pytest.mark.parametrize("kind", POLL_FAULTS)
async def test_one_bad_status_reply_does_not_lose_the_job(
    provider: RestProvider,
    impatient: RestProvider,
    name: str,
    photo: Picture,
    simulator: SimulatorHandle,
    kind: str,
) -> None:
    accepted = await provider.submit(order(name, photo), at_once)
    assert isinstance(accepted, Accepted)
    simulator.fault(name, "poll", kind)
    outcome = await outcome_of(impatient.poll(job(name, accepted.ticket), at_once))
    if KINDS[kind].family != "refusal" or kind in PASSING:
        assert isinstance(outcome, Working | Rendered | Accepted | PASSES)
    simulator.clear_faults()
    assert (await finished(provider, name, accepted)).outputs
    assert simulator.ledger()["canary"] == []


FATES = {
    "failed_error_string": ProviderRefused,
    "failed_error_object": ProviderRefused,
    "failed_error_null": ProviderRefused,
    "failed_error_missing": ProviderRefused,
    "failed_content": ContentRejected,
    "failed_hostile_text": ProviderRefused,
    "system_error": ProviderRefused,
    "cancelled": ProviderRefused,
    "expired_mid_poll": JobExpired,
    "output_missing": ProviderProtocol,
    "output_null": ProviderProtocol,
    "output_number": ProviderProtocol,
    "zero_images": ProviderProtocol,
    "output_url_empty": ProviderProtocol,
    "output_url_file": ProviderProtocol,
}


@pytest.mark.parametrize("fate", FATES)
async def test_a_job_that_ends_badly_is_an_error_of_the_tree(
    provider: RestProvider, name: str, photo: Picture, simulator: SimulatorHandle, fate: str
) -> None:
    simulator.fault(name, "result", fate)
    outcome = await provider.submit(order(name, photo), at_once)
    with pytest.raises(FATES[fate]) as caught:
        await finished(provider, name, outcome)
    assert "ignore" not in (caught.value.message + caught.value.hint).lower()


@pytest.mark.parametrize(
    "fate",
    [
        "unknown_status_then_done",
        "status_backwards",
        "output_string",
        "output_list",
        "output_object",
        "twelve_images",
        "timestamps_mixed",
        "timestamps_missing",
        "timestamps_skewed",
        "expires_at_past",
        "done_on_submit",
    ],
)
async def test_an_odd_job_still_gives_its_pictures(
    provider: RestProvider, name: str, photo: Picture, simulator: SimulatorHandle, fate: str
) -> None:
    simulator.fault(name, "result", fate)
    outcome = await provider.submit(order(name, photo), at_once)
    assert (await finished(provider, name, outcome)).outputs


async def test_a_job_that_failed_at_the_submit_is_a_plain_failure(
    provider: RestProvider, name: str, photo: Picture, simulator: SimulatorHandle
) -> None:
    simulator.fault(name, "result", "failed_on_submit")
    with pytest.raises(ProviderRefused):
        await provider.submit(order(name, photo), at_once)
