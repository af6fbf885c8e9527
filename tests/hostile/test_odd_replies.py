"""Numbers and addresses in providers' replies that are legal JSON and hardly anything else."""

from pathlib import Path
from typing import Any

import httpx2
import pytest
from pydantic import SecretStr

from mcp_relight.domain.exchange import Accepted, Call, Rendered, Request
from mcp_relight.errors import InvalidArgument, ProviderProtocol, ProviderRefused
from mcp_relight.providers.kit.json_schema import plain_schema
from mcp_relight.providers.pixeldojo import PixelDojo
from mcp_relight.providers.registry import Account
from mcp_relight.providers.rest import RestProvider
from tests.jobs.fakes import FakeProvider, World
from tests.providers.calls import call
from tests.providers.wires import Wire, dojo, job, segmind

pytestmark = pytest.mark.anyio

LONG = 10**400
"""A whole number no float can hold; JSON allows it."""
PICTURE = "https://pictures.test/a.png"


async def no_wait() -> None:
    return


def ok(body: Any) -> Wire:
    return Wire(httpx2.Response(200, json=body))


async def test_a_price_of_four_hundred_digits_does_not_lose_the_job() -> None:
    taken = {"jobId": "job_1", "status": "pending", "creditCost": LONG}
    outcome = await dojo(ok(taken)).submit(call("pixeldojo/p-image-edit"), no_wait)
    assert isinstance(outcome, Accepted)
    assert (outcome.ticket, outcome.cost) == ("job_1", None)


async def test_a_result_of_such_numbers_is_still_a_result() -> None:
    done = {
        "request_id": "r-1",
        "status": "COMPLETED",
        "images": [{"url": PICTURE}],
        "seed": LONG,
        "metrics": {"cost": LONG},
    }
    polled = job("done:r-1", model="segmind/ic-light")
    outcome = await segmind(ok(done)).poll(polled, no_wait)
    assert isinstance(outcome, Rendered)
    assert ([one.url for one in outcome.outputs], outcome.seed, outcome.cost) == (
        [PICTURE],
        None,
        None,
    )


async def test_a_schema_of_such_bounds_is_kept_without_them() -> None:
    rules = {"prompt": {"type": "string", "maxLength": LONG}, "n": {"enum": [LONG, 1]}}
    remote = dojo(ok({"schema": {"properties": rules}}))
    schema = await remote.schema("pixeldojo/some-new-edit", no_wait)
    assert schema is not None
    assert schema["properties"] == {"prompt": {"type": "string"}, "n": {"enum": [1]}}


@pytest.mark.parametrize("url", ["https://[", "https://[::1", "https://a]b/"])
async def test_an_upload_address_that_is_none_is_an_answer_not_understood(url: str) -> None:
    remote = segmind(ok({"urls": [url]}))
    with pytest.raises(ProviderProtocol):
        await remote.upload(b"picture", "image/png", no_wait)


ODD_RULES = {
    "no words": {"prompt": {"maxLength": 0}},
    "less than no words": {"prompt": {"maxLength": -5}},
    "a ratio of nothing": {"aspect_ratio": {"enum": ["00:1", "1:00", "0:0"]}},
    "a ratio in other digits": {"aspect_ratio": {"enum": ["\u0660:1", "1:\u0660"]}},
    "huge bounds": {"n": {"maximum": 1.7e308}, "prompt": {"maxLength": 1.7e308}},
}


@pytest.mark.parametrize("odd", ODD_RULES)
async def test_a_model_with_odd_rules_can_be_planned_or_is_refused(odd: str) -> None:
    rules = {"prompt": {"type": "string"}, "image_url": {"type": "string"}, **ODD_RULES[odd]}
    schema = plain_schema({"properties": rules})
    wanted = call("pixeldojo/some-new-edit", schema=schema)
    if "words" in odd:
        with pytest.raises(InvalidArgument):
            PixelDojo().submit(wanted)
    else:
        assert PixelDojo().submit(wanted).path.endswith("/some-new-edit/run")


class Stumbling(PixelDojo):
    def submit(self, call: Call) -> Request:
        raise ZeroDivisionError


async def test_a_job_no_request_can_be_made_of_is_not_taken_for_sent(tmp_path: Path) -> None:
    wire = ok({})
    transport = httpx2.MockTransport(wire)
    remote = RestProvider(Account(adapter=Stumbling(), key=SecretStr("pd_1")), transport=transport)
    with pytest.raises(ProviderRefused) as caught:
        await remote.submit(call("pixeldojo/p-image-edit"), no_wait)
    assert (caught.value.billed, wire.sent) == ("no", [])
    world = World(tmp_path, FakeProvider(submits=[caught.value]))
    job = await world.until_settled(await world.new())
    assert (job.stage, job.cost.usd) == ("failed", 0.0)
