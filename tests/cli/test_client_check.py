"""`doctor --client`: the words on the test picture, and what a wrong answer means."""

import base64
import json
import sys
from datetime import UTC, datetime

import pytest
from mcp import Client, StdioServerParameters
from mcp.types import ImageContent, TextContent

from mcp_relight.service.vision_check import TEST_PICTURE, code_words, names_code_words
from tests.world import World


@pytest.mark.anyio
async def test_the_client_gets_a_picture_and_a_question_that_does_not_name_the_words(
    world: World,
) -> None:
    server = StdioServerParameters(
        command=sys.executable, args=["-m", "mcp_relight", "serve"], env=world.environment
    )
    async with Client(server) as client:
        result = await client.call_tool("view_image", {"image": TEST_PICTURE})
    text, picture = result.content
    assert isinstance(text, TextContent)
    assert isinstance(picture, ImageContent)
    assert base64.b64decode(picture.data).startswith(b"\xff\xd8\xff")
    words = code_words((world.data / "salt").read_bytes())
    assert words not in text.text
    assert "do not guess" in text.text

    right = world.run("doctor", "--client", f"I see “{words.title()}”!")
    assert right.returncode == 0, right.stderr
    wrong = world.run("doctor", "--client", "a sunlit mug", "--json")
    assert wrong.returncode == 1
    assert json.loads(wrong.stdout)["sees_pictures"] is False


def test_without_words_it_says_what_to_ask_the_client(world: World) -> None:
    done = world.run("doctor", "--client")
    assert done.returncode == 0
    assert TEST_PICTURE in done.stdout
    assert "doctor --client WORDS" in done.stdout


def test_the_words_differ_between_days_and_folders() -> None:
    days = {code_words(b"one", datetime(2026, 11, day, tzinfo=UTC)) for day in range(1, 29)}
    assert len(days) > 20
    assert not names_code_words(code_words(b"one"), b"two")


def test_every_pair_of_words_fits_on_the_card() -> None:
    import numpy as np

    from mcp_relight.pixels.sheet import word_card

    for words in ("copper lantern", "wild otter"):
        card = np.asarray(word_card(words).convert("L"))
        assert (card[20:-20, 20:40] > 200).all(), "the words must not touch the frame"
        assert (card[100:220, 60:580] < 100).mean() > 0.05, "the words must be there"
