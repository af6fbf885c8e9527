"""The prompts, as a client gets them."""

import inspect
import re
from typing import Any

import pytest
from mcp import Client, MCPError
from mcp.types import INVALID_PARAMS, TextContent

from mcp_relight.domain.light_arguments import LightArguments
from mcp_relight.domain.looks import LOOKS
from mcp_relight.domain.request import RelightArguments
from mcp_relight.server.app import create_server
from tests.server.surface import NeverOpened
from tests.server.test_surface import NAMES

pytestmark = pytest.mark.anyio

GIVEN = {
    "relight_photo": {"image": "~/mug.jpg", "look": "low_key"},
    "product_shot": {"image": "~/mug.jpg", "model": "segmind/ic-light"},
    "portrait_session": {"image": "~/mug.jpg"},
    "match_light": {"image": "~/mug.jpg", "reference": "~/sunset.jpg"},
    "relight_set": {"folder": "~/shoot", "look": "overcast"},
}


@pytest.mark.parametrize("name", GIVEN)
async def test_a_prompt_carries_what_was_given_and_names_only_tools_that_exist(
    name: str, mode: Any
) -> None:
    async with Client(create_server(NeverOpened()), mode=mode) as client:
        result = await client.get_prompt(name, GIVEN[name])
    (message,) = result.messages
    assert isinstance(message.content, TextContent)
    text = message.content.text
    for value in GIVEN[name].values():
        assert value in text
    mentioned = set(
        re.findall(r"\b(?:\w+_image|\w+_images|\w+_light|\w+_jobs?|\w+_relight)\b", text)
    )
    assert mentioned <= set(NAMES), mentioned


async def test_every_argument_is_described_and_required_where_nothing_works_without_it() -> None:
    async with Client(create_server(NeverOpened())) as client:
        prompts = (await client.list_prompts()).prompts
    assert [prompt.name for prompt in prompts] == list(GIVEN)
    for prompt in prompts:
        assert prompt.title
        assert prompt.description
        for argument in prompt.arguments or ():
            assert argument.description, f"{prompt.name}.{argument.name}"
    required = {
        prompt.name: {one.name for one in prompt.arguments or () if one.required}
        for prompt in prompts
    }
    assert required["relight_photo"] == {"image"}
    assert required["match_light"] == {"image", "reference"}
    assert required["relight_set"] == {"folder", "look"}


async def test_a_paid_model_is_planned_before_it_is_used() -> None:
    async with Client(create_server(NeverOpened())) as client:
        paid = await client.get_prompt("relight_photo", {"image": "a", "model": "segmind/ic-light"})
        free = await client.get_prompt("relight_photo", {"image": "a", "model": "local/classic"})
    assert "max_cost_usd" in paid.messages[0].content.text  # pyright: ignore
    assert "max_cost_usd" not in free.messages[0].content.text  # pyright: ignore


@pytest.mark.parametrize(
    ("name", "given", "words"),
    [
        ("relight_photo", {}, "image is required"),
        ("relight_photo", {"image": "a", "<planted>": "b"}, "not known"),
        ("<planted>", {}, "No prompt"),
    ],
)
async def test_what_a_prompt_cannot_take_is_refused_without_repeating_it(
    name: str, given: dict[str, str], words: str
) -> None:
    async with Client(create_server(NeverOpened())) as client:
        with pytest.raises(MCPError, match=words) as caught:
            await client.get_prompt(name, given)
    assert caught.value.code == INVALID_PARAMS
    assert "planted" not in str(caught.value)


async def test_an_unknown_tool_is_refused_without_repeating_its_name(mode: Any) -> None:
    async with Client(create_server(NeverOpened()), mode=mode) as client:
        result = await client.call_tool("<planted>", {})
    (said,) = result.content
    assert isinstance(said, TextContent)
    assert result.is_error
    assert "No tool of that name" in said.text
    assert "planted" not in said.text


def test_the_looks_and_arguments_that_prompts_name_exist() -> None:
    from mcp_relight.server import prompts

    source = inspect.getsource(prompts)
    default = re.search(r'looks: str = "([a-z_,]+)"', source)
    assert default is not None
    assert set(default[1].split(",")) <= set(LOOKS)
    fields = LightArguments.model_fields.keys() | RelightArguments.model_fields.keys()
    for argument in ("softness", "ambient", "kelvin", "reference", "max_cost_usd", "wait_s"):
        assert argument in source
        assert argument in fields
