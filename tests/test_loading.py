"""When a process looks for garbage: seldom while it loads, often enough while it serves."""

import gc
from collections.abc import Iterator

import pytest

from mcp_relight.loading import begin_serving, load_lightly


@pytest.fixture(autouse=True)
def as_before(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("PYDANTIC_DISABLE_PLUGINS", "")  # put back as it was
    thresholds = gc.get_threshold()
    yield
    gc.unfreeze()
    gc.set_threshold(*thresholds)


class Cycle:
    def __init__(self) -> None:
        self.itself = self


def most_left_behind() -> int:
    """Of cycles that nobody needs, how many there were at a time."""
    most = 0
    for number in range(60_000):
        Cycle()
        if number % 500 == 0:
            most = max(most, sum(isinstance(one, Cycle) for one in gc.get_objects(generation=0)))
    return most


def test_what_calls_leave_behind_does_not_pile_up() -> None:
    load_lightly()
    begin_serving()
    assert gc.get_freeze_count() > 1000  # what is loaded is no longer looked through
    assert most_left_behind() < 10_000


def test_while_loading_hardly_anything_is_looked_for() -> None:
    load_lightly()
    assert most_left_behind() > 20_000
