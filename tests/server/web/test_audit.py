"""Who called what: one line in the log and one row, without arguments."""

import logging
from typing import Any

import pytest
from mcp.types import CallToolResult

from mcp_relight.domain.audit import Call
from mcp_relight.domain.caller import Caller, acting_as
from mcp_relight.errors import StorageFull
from mcp_relight.server.audit import Audit
from tests.server.web.site import visiting
from tests.server.web.team import call_of, posted, team
from tests.world import World

pytestmark = pytest.mark.anyio


async def test_every_call_leaves_a_line_and_a_row(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, logger="mcp_relight.audit")
    async with team(world, None) as started:
        for owner in ("acme", "design"):
            async with started.client(await started.token(owner)) as client:
                await client.call_tool("list_jobs", {})
                await client.call_tool("get_job", {"job_id": "job_canary"})
                await client.call_tool("canary_tool", {"canary": "canary"})
    lines = [one.getMessage() for one in caplog.records if one.name == "mcp_relight.audit"]
    assert len(lines) == 6
    assert "owner=acme tool=list_jobs" in lines[0]
    assert "outcome=ok" in lines[0]
    assert "tool=get_job" in lines[1]
    assert "outcome=job_not_found" in lines[1] or "outcome=invalid_argument" in lines[1]
    assert "tool=- " in lines[2]
    assert "canary" not in "".join(lines)
    async with team(world, None) as again:  # the first has written what waited as it ended
        days = await again.application.accounts.days(since="2020-01-01")
    assert {(day.owner, day.calls, day.refused) for day in days} == {
        ("acme", 3, 2),
        ("design", 3, 2),
    }


async def test_what_a_job_costs_is_in_its_line() -> None:
    written: list[Call] = []

    class Rows:
        async def write_calls(self, calls: Any) -> None:
            written.extend(calls)

        async def days(self, *, since: str) -> Any: ...

    audit = Audit(Rows(), lambda: "request")
    facts = {"job_id": "job_1", "model": "segmind/ic-light", "cost": {"usd": 0.05}}
    with acting_as(Caller("acme")):
        audit.note("relight_image", CallToolResult(content=[], structured_content=facts))
    await audit._write()  # pyright: ignore[reportPrivateUsage]
    (call,) = written
    assert (call.owner, call.job_id, call.model, call.usd, call.outcome, call.request_id) == (
        "acme",
        "job_1",
        "segmind/ic-light",
        0.05,
        "ok",
        "request",
    )


async def test_a_table_that_cannot_be_written_stops_no_call_and_loses_no_line() -> None:
    written: list[Call] = []

    class Rows:
        is_full = True

        async def write_calls(self, calls: Any) -> None:
            if self.is_full:
                raise StorageFull("The disk is full.")
            written.extend(calls)

        async def days(self, *, since: str) -> Any: ...

    rows = Rows()
    audit = Audit(rows, lambda: "request")
    audit.note("list_jobs", CallToolResult(content=[]))
    await audit._write()  # pyright: ignore[reportPrivateUsage]
    assert not written
    rows.is_full = False
    await audit._write()  # pyright: ignore[reportPrivateUsage]
    assert len(written) == 1


BODIES = (
    b"",
    b"{",
    b"null",
    b"[]",
    b'"text"',
    b"\xff\xfe",
    b'{"jsonrpc":"2.0"}',
    b'{"jsonrpc":"1.0","id":1,"method":"tools/list"}',
    b'{"jsonrpc":"2.0","id":{},"method":"tools/list"}',
    b'{"jsonrpc":"2.0","id":1,"method":5}',
    b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":[]}',
    b'{"jsonrpc":"2.0","id":1e999,"method":"tools/list"}',
    b"[" * 100_000,
    b'{"a":' * 20_000 + b"1" + b"}" * 20_000,
    b'[{"jsonrpc":"2.0","id":1,"method":"tools/list"}]',
)


@pytest.mark.parametrize("version", ["2026-07-28", "2025-11-25", "1999-01-01"])
async def test_malformed_bodies_are_refused_and_the_next_call_is_answered(
    world: World, version: str
) -> None:
    async with team(world, None) as started:
        token = await started.token()
        async with visiting(started.app, authorization=f"Bearer {token}") as client:
            for body in BODIES:
                headers = posted() | {"mcp-protocol-version": version}
                answer = await client.post("/mcp", content=body, headers=headers)
                assert 400 <= answer.status_code < 500 or answer.status_code in {200, 202}
                assert "Traceback" not in answer.text
            assert (await call_of(client, "list_jobs")).status_code == 200
