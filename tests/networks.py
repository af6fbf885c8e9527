"""The networks of the engine look at a picture once in a test process, however many tests show it
to them. Directories whose tests show the same pictures again and again take the fixture over."""

import hashlib

import pytest

from mcp_relight.engine import nets
from mcp_relight.engine.grid import Map

__all__ = ["networks_look_once"]

_look = nets.Net.run
_seen: dict[tuple[object, ...], tuple[Map, ...]] = {}


def _remembered(net: nets.Net, values: Map, heads: tuple[str, ...]) -> tuple[Map, ...]:
    """The networks differ in their heads or in the size of what they look at."""
    named = (heads, values.shape, hashlib.sha256(values.tobytes()).digest())
    if named not in _seen:
        _seen[named] = _look(net, values, heads)
    return tuple(one.copy() for one in _seen[named])


@pytest.fixture(autouse=True)
def networks_look_once(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """But where it is tested that they see the same again (marked `afresh`)."""
    if "afresh" not in request.keywords:
        monkeypatch.setattr(nets.Net, "run", _remembered)
