"""Every adapter keeps the shipped contract, the one of the documentation too."""

import re
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import httpx2
import pytest
from pydantic import SecretStr

from mcp_relight.domain.exchange import Accepted, Request
from mcp_relight.domain.exchange import Call as AdapterCall
from mcp_relight.providers.kit.adapter import Adapter
from mcp_relight.providers.pixazo import Pixazo
from mcp_relight.providers.pixeldojo import PixelDojo
from mcp_relight.providers.registry import Account
from mcp_relight.providers.rest import RestProvider
from mcp_relight.providers.segmind import Segmind
from mcp_relight.testing import ProviderContract

from .calls import REPLIES, at_once, call

GUIDE = Path(__file__).parents[2] / "docs" / "write-a-provider.md"
GUIDE_MODULE = "mcp_relight_lumen"


def blocks() -> list[str]:
    return re.findall(r"```python\n(.*?)```", GUIDE.read_text("utf-8"), re.DOTALL)


def guide_module() -> ModuleType:
    """The adapter of the documentation, as the package its test file imports."""
    module = ModuleType(GUIDE_MODULE)
    sys.modules[GUIDE_MODULE] = module
    exec(compile(blocks()[0], str(GUIDE), "exec"), vars(module))  # noqa: S102 - our own guide
    return module


LUMEN: type[Adapter] = guide_module().Lumen
_tests: dict[str, Any] = {"__name__": "lumen_tests"}
exec(compile(blocks()[1], str(GUIDE), "exec"), _tests)  # noqa: S102 - our own guide
TestLumen = _tests["TestLumen"]


def test_every_hook_that_the_guide_offers_is_one_of_the_adapters() -> None:
    (offered,) = re.findall(r"^- Optional: (.*?)^- ", GUIDE.read_text("utf-8"), re.DOTALL | re.M)
    named = set(re.findall(r"`(\w+)\b", offered)) - {"call"}
    assert {"upload", "takes_data", "catalog"} <= named
    assert sorted(named - set(dir(Adapter))) == []


class TestPixelDojo(ProviderContract):
    adapter = PixelDojo()
    stored_submit = (REPLIES / "pixeldojo" / "submit.json").read_bytes()
    stored_finished = (REPLIES / "pixeldojo" / "completed.json").read_bytes()


class TestPixazo(ProviderContract):
    adapter = Pixazo()
    stored_submit = (REPLIES / "pixazo" / "submit.json").read_bytes()
    stored_finished = (REPLIES / "pixazo" / "completed.json").read_bytes()


class TestSegmind(ProviderContract):
    adapter = Segmind()
    stored_submit = (REPLIES / "segmind" / "submit.json").read_bytes()
    stored_finished = (REPLIES / "segmind" / "status_completed.json").read_bytes()


class ForgetsThePicture(PixelDojo):
    def submit(self, call: AdapterCall) -> Request:
        return Request(method="POST", path="/api/v1/run", json={"prompt": "x"})


class LeaksTheKey(PixelDojo):
    def auth(self, key: str) -> dict[str, str]:
        return {}


class TakesAnythingForDone(PixelDojo):
    def read(self, request: Any, reply: Any) -> Accepted:
        return Accepted(ticket="x", poll_after_s=1)


@pytest.mark.parametrize(
    ("adapter", "check"),
    [
        (ForgetsThePicture, "test_a_call_becomes_one_request_with_the_picture_in_it"),
        (LeaksTheKey, "test_the_key_travels_in_headers_and_nowhere_else"),
        (TakesAnythingForDone, "test_a_reply_that_makes_no_sense_is_an_error_and_no_result"),
    ],
)
def test_the_contract_catches_an_adapter_that_breaks_it(adapter: type[Adapter], check: str) -> None:
    suite = ProviderContract()
    suite.adapter = adapter()
    with pytest.raises(AssertionError):
        getattr(suite, check)()


@pytest.mark.anyio
async def test_the_adapter_of_the_guide_works_with_the_sender() -> None:
    def answer(request: httpx2.Request) -> httpx2.Response:
        assert request.headers["authorization"] == "Bearer k"
        return httpx2.Response(200, stream=httpx2.ByteStream(b'{"id": "job-17"}'))

    provider = RestProvider(
        Account(adapter=LUMEN(), key=SecretStr("k")), transport=httpx2.MockTransport(answer)
    )
    outcome = await provider.submit(call("lumen/lamp"), at_once)
    assert outcome == Accepted(ticket="job-17", poll_after_s=2)
