"""Words that several messages share."""

import pytest

from mcp_relight.domain.words import dollars


@pytest.mark.parametrize(
    ("usd", "words"),
    [(0, "$0.00"), (1, "$1.00"), (10.0, "$10.00"), (0.1, "$0.10"), (0.0625, "$0.0625")],
)
def test_money_is_said_to_the_last_digit(usd: float, words: str) -> None:
    assert dollars(usd) == words
