"""Texts and numbers that JSON lets in and nothing else can carry: inside `params` and `lights`."""

from dataclasses import replace
from pathlib import Path

import httpx2
import pytest
from pydantic import JsonValue, SecretStr

from mcp_relight.domain.exchange import Call, Request
from mcp_relight.domain.lights_json import parse_lights
from mcp_relight.domain.models import parse_json_object
from mcp_relight.errors import InvalidArgument
from mcp_relight.providers.registry import Account
from mcp_relight.providers.rest import RestProvider
from mcp_relight.providers.segmind import Segmind
from tests.jobs.fakes import FakeProvider
from tests.jobs.fakes import World as Jobs
from tests.matrix import some_now
from tests.providers.calls import call as call_of
from tests.providers.wires import Wire as Sent
from tests.world import World

from .wire import wired

ODD = [
    '{"negative_prompt": "\\ud800"}',
    '{"negative_prompt": "half \\udfff of a letter"}',
    '{"\\ud800": 1}',
    '{"cfg": 1e999}',
    '{"cfg": -1e999}',
    '{"cfg": [[{"a": 1e999}]]}',
]


@pytest.mark.parametrize("text", ODD)
def test_parameters_no_request_can_carry_are_refused(text: str) -> None:
    with pytest.raises(InvalidArgument) as caught:
        parse_json_object(text, "params")
    assert caught.value.argument == "params"
    assert "\ud800" not in caught.value.message + caught.value.hint


@pytest.mark.parametrize(
    "text", ['[{"color": "\\ud800"}]', '[{"\\ud800": 1}]', '[{"kelvin": 1e999}]']
)
def test_lights_of_such_texts_are_refused(text: str) -> None:
    with pytest.raises(InvalidArgument) as caught:
        parse_lights(text)
    assert (caught.value.message + caught.value.hint).encode()


@pytest.mark.parametrize("tool", some_now(["relight_image", "plan_relight"]))
def test_a_server_answers_after_half_a_letter(world: World, tool: str) -> None:
    world.photo("mug.png", width=64, height=48)
    with wired(world, MCP_RELIGHT_WORKER="none", SEGMIND_API_KEY="SG_canary_0001") as wire:
        given = {"image": "latest", "look": "loop", "model": "segmind/ic-light", "params": ODD[0]}
        refused = wire.tool(tool, **given)
        assert refused["_meta"]["mcp-relight/error"]["code"] == "invalid_argument"
        assert wire.facts("list_jobs")["jobs"] == []
        assert wire.end()[0] == 0
    assert "Traceback" not in wire.stderr.read_text()


@pytest.mark.anyio
@pytest.mark.parametrize("value", ["\ud800", float("inf")])
async def test_a_body_that_cannot_be_written_was_not_sent(tmp_path: Path, value: JsonValue) -> None:
    """A plug-in may make one: then nothing left, and nothing is owed."""

    class Careless(Segmind):
        def submit(self, call: Call) -> Request:
            return replace(super().submit(call), json={"negative_prompt": value})

    sent = Sent(httpx2.Response(200, json={}))
    remote = RestProvider(
        Account(adapter=Careless(), key=SecretStr("SG_1")), transport=httpx2.MockTransport(sent)
    )

    async def no_wait() -> None:
        return

    with pytest.raises(InvalidArgument) as caught:
        await remote.submit(call_of("segmind/ic-light"), no_wait)
    assert sent.sent == []
    jobs = Jobs(tmp_path, FakeProvider(submits=[caught.value]))
    job = await jobs.until_settled(await jobs.new())
    assert (job.stage, job.cost.usd) == ("failed", 0.0)
