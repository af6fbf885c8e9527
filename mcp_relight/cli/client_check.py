"""`doctor --client`: finds out what a client shows its person and what its model sees.

Only a person in front of the client can see both, so this says what to try and checks the answer.
"""

import argparse
from typing import Any

from mcp_relight.service.vision_check import TEST_PICTURE

from .session import answer, opened

_STEPS = (
    "In the client, ask exactly this: "
    f'"Call view_image with image {TEST_PICTURE} and tell me the two words you see."',
    "Check the words it says: mcp-relight doctor --client WORDS",
    "Look for the picture yourself: in the chat, inside a folded tool call, or nowhere?",
    "Ask it to relight a photo, then to compare the job: does a before/after view open?",
    "docs/clients.md lists what was seen so far, and how to add a line.",
)
_SEEN = "This client's model sees pictures: those are the words."
_NOT_SEEN = (
    "Those are not the words. The model saw no picture and guessed, or the client runs another "
    "data folder (MCP_RELIGHT_DATA_DIR). Tell people the result's path instead of showing it."
)


async def check_client(namespace: argparse.Namespace) -> int:
    if not namespace.client:
        _explain(namespace)
        return 0
    async with opened(namespace) as service:
        has_seen = service.has_seen_test_picture(namespace.client)
    words = _SEEN if has_seen else _NOT_SEEN
    facts = {"sees_pictures": has_seen, "words": words}
    answer(facts, as_json=namespace.json, draw=lambda: print(words))
    return 0 if has_seen else 1


def _explain(namespace: argparse.Namespace) -> None:
    facts: dict[str, Any] = {"test_picture": TEST_PICTURE, "steps": _STEPS}

    def draw() -> None:
        for number, step in enumerate(_STEPS, start=1):
            print(f"{number}. {step}")

    answer(facts, as_json=namespace.json, draw=draw)
