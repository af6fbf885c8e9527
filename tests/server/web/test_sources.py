"""How often one source may guess."""

import pytest

from mcp_relight.server.web import sources
from mcp_relight.server.web.sources import Sources

ONE, OTHER = "203.0.113.7", "203.0.113.8"


class Watch:
    def __init__(self) -> None:
        self.s = 1000.0

    def __call__(self) -> float:
        return self.s


def misses(guesses: Sources, host: str | None, times: int) -> None:
    for _ in range(times):
        guesses.missed(host)


def test_one_that_missed_too_often_waits_and_others_do_not() -> None:
    watch = Watch()
    guesses = Sources(at_once=3, per_s=0.5, now=watch)
    assert guesses.wait_s(ONE) == 0
    misses(guesses, ONE, 2)
    assert guesses.wait_s(ONE) == 0
    guesses.missed(ONE)
    assert guesses.wait_s(ONE) == 2
    assert guesses.wait_s(OTHER) == 0
    watch.s += 2
    assert guesses.wait_s(ONE) == 0
    guesses.missed(ONE)
    assert guesses.wait_s(ONE) == 2


def test_patience_is_not_saved_up() -> None:
    watch = Watch()
    guesses = Sources(at_once=3, per_s=1, now=watch)
    guesses.missed(ONE)
    watch.s += 1e6
    misses(guesses, ONE, 3)
    assert guesses.wait_s(ONE) == 1


@pytest.mark.parametrize(
    ("one", "other", "is_same"),
    [
        ("2001:db8::1", "2001:db8::ffff:ffff", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("::ffff:203.0.113.7", "::ffff:203.0.113.8", False),
        (None, "", True),
    ],
)
def test_a_network_of_ipv6_is_one_source(one: str, other: str, is_same: bool) -> None:
    guesses = Sources(at_once=1, per_s=1, now=Watch())
    guesses.missed(one)
    assert (guesses.wait_s(other) > 0) is is_same


def test_it_remembers_a_bounded_number_and_the_guilty_for_longer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sources, "_MAX_REMEMBERED", 3)
    watch = Watch()
    guesses = Sources(at_once=2, per_s=1, now=watch)
    for last in (1, 2):
        guesses.missed(f"198.51.100.{last}")
    watch.s += 5
    misses(guesses, ONE, 2)
    misses(guesses, OTHER, 2)
    assert guesses.wait_s(ONE) > 0, "the two that had nothing against them went"
    for last in (3, 4):
        misses(guesses, f"198.51.100.{last}", 2)
    assert guesses.wait_s(ONE) == 0, "everybody had something against them"
