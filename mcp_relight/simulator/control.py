"""The simulator's own endpoints under /_sim: script faults, read the ledger, move the clock."""

import json
from collections.abc import Awaitable, Callable
from typing import Any, cast

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from mcp_relight.simulator.faults import KINDS, Fault
from mcp_relight.simulator.intake import LOOPBACK
from mcp_relight.simulator.ledger import Account
from mcp_relight.simulator.state import Simulation

Act = Callable[[Simulation, Any], Any]


def routes(sim: Simulation) -> list[Route]:
    table: tuple[tuple[str, str, Act], ...] = (
        ("GET", "/faults", _list_faults),
        ("POST", "/faults", _add_faults),
        ("DELETE", "/faults", _clear_faults),
        ("GET", "/ledger", lambda sim, _body: sim.ledger.summary()),
        ("GET", "/settings", lambda sim, _body: vars(sim.settings)),
        ("POST", "/settings", _change_settings),
        ("POST", "/accounts", _open_account),
        ("POST", "/clock", _move_clock),
        ("POST", "/reset", _reset),
    )
    return [Route(path, _guarded(sim, act), methods=[method]) for method, path, act in table]


def _guarded(sim: Simulation, act: Act) -> Callable[[Request], Awaitable[Response]]:
    """For callers on this machine that name this machine: a web page cannot script faults."""

    async def answer(request: Request) -> Response:
        caller = request.client.host if request.client else ""
        if caller not in LOOPBACK or request.url.hostname not in LOOPBACK:
            return JSONResponse({"error": "loopback only"}, 403)
        raw = await request.body()
        try:
            return JSONResponse(act(sim, json.loads(raw) if raw else {}))
        except (ValueError, TypeError, KeyError, AttributeError) as problem:
            return JSONResponse({"error": str(problem)}, 400)

    return answer


def _list_faults(sim: Simulation, _body: Any) -> Any:
    kinds = {
        kind.name: {"family": kind.family, "phases": kind.phases, "meaning": kind.meaning}
        for kind in KINDS.values()
    }
    return {"scripted": sim.faults.listing(), "kinds": kinds}


def _add_faults(sim: Simulation, body: Any) -> Any:
    """One fault or a list; nothing is added unless all of them make sense."""
    given = cast("list[Any]", body if isinstance(body, list) else [body])
    faults = [Fault(**one) for one in given]
    for fault in faults:
        if problem := fault.problem():
            raise ValueError(problem)
    for fault in faults:
        sim.faults.add(fault)
    return {"scripted": sim.faults.listing()}


def _clear_faults(sim: Simulation, _body: Any) -> Any:
    sim.faults.clear()
    return {"scripted": []}


def _change_settings(sim: Simulation, body: Any) -> Any:
    sim.settings = sim.settings.changed(body)
    return vars(sim.settings)


def _open_account(sim: Simulation, body: Any) -> Any:
    """A key of the caller's choice; an existing one gets the balance named."""
    units = {"pixeldojo": "credits", "pixazo": "usd", "segmind": "usd"}
    provider, key = str(body["provider"]), str(body["key"])
    sim.ledger.open_account(Account(provider, key, float(body["balance"]), units[provider]))
    return {"opened": provider}


def _move_clock(sim: Simulation, body: Any) -> Any:
    sim.advance(float(body["advance_s"]))
    return {"now": sim.now()}


def _reset(sim: Simulation, _body: Any) -> Any:
    sim.reset()
    return {"reset": True}
