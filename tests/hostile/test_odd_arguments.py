"""Arguments that are within their types and still ask for trouble."""

from collections.abc import Iterator

import pytest
from mcp.types import INVALID_PARAMS

from mcp_relight.service.showing import iso
from tests.world import World

from .wire import Facts, Wire, wired


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> World:
    return World(tmp_path_factory.mktemp("odd"))


@pytest.fixture(scope="module")
def wire(house: World) -> Iterator[Wire]:
    """One server for all of it: it has to outlive every call."""
    house.photo("mug.png", width=64, height=48)
    (house.photos / "torn.png").write_bytes(b"no picture: reading it would be the refusal")
    with wired(house, MCP_RELIGHT_WORKER="none") as wire:
        yield wire
        assert wire.end()[0] == 0
    assert "Traceback" not in wire.stderr.read_text()


def refusal(result: Facts) -> Facts:
    assert result["isError"], result
    return result["_meta"]["mcp-relight/error"]


@pytest.mark.parametrize("name", ["latest", "torn.png", "relight://images/" + "0" * 32])
def test_a_long_list_of_pictures_is_refused_before_any_is_read(wire: Wire, name: str) -> None:
    error = refusal(wire.tool("view_image", image=",".join([name] * 100_000)))
    assert error["code"] == "invalid_argument"
    assert "more than 13" in error["message"]


@pytest.mark.parametrize(
    ("moment_s", "shown"),
    [
        (253_402_300_800, "9999-12-31T23:59:59Z"),
        (2.0**63, "9999-12-31T23:59:59Z"),
        (-(2.0**63), "0001-01-01T00:00:00Z"),
        (-1, "1969-12-31T23:59:59Z"),
        (0, "1970-01-01T00:00:00Z"),
    ],
)
def test_a_file_may_carry_any_time_and_is_shown_with_the_nearest(
    moment_s: float, shown: str
) -> None:
    assert iso(moment_s) == shown


@pytest.mark.parametrize("true", [True, False])
def test_a_price_is_a_number_and_not_a_yes(wire: Wire, true: bool) -> None:
    given = {"image": "latest", "look": "loop", "model": "segmind/ic-light"}
    error = refusal(wire.tool("plan_relight", **given, max_cost_usd=true))
    assert (error["code"], error["message"]) == (
        "invalid_argument",
        "max_cost_usd must be a number from 0 to 1000.",
    )


@pytest.mark.parametrize(
    "uri",
    [
        "relight://jobs/" + "x" * 3000,
        "relight://models/local/" + "x" * 3000,
        "relight://images/" + "x" * 3000,
        "relight://images/..%2F..%2Fjobs.db",
        "file:///etc/passwd",
    ],
)
def test_a_resource_that_cannot_be_is_the_callers_mistake_and_no_error_of_ours(
    wire: Wire, uri: str
) -> None:
    error = wire.request("resources/read", {"uri": uri})["error"]
    assert error["code"] == INVALID_PARAMS
