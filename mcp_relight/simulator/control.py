"""The simulator's own endpoints under /_sim, and their other end: what a test holds in its hand."""

import http.client
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, cast
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from mcp_relight.simulator.bucket import KEY_ID, NAME, SECRET
from mcp_relight.simulator.faults import KINDS, Fault
from mcp_relight.simulator.intake import LOOPBACK
from mcp_relight.simulator.ledger import PROVIDERS, Account
from mcp_relight.simulator.state import Simulation

REPLY_WITHIN_S = 30.0
Act = Callable[[Simulation, Any], Any]


def routes(sim: Simulation) -> list[Route]:
    table: tuple[tuple[str, str, Act], ...] = (
        ("GET", "/faults", _list_faults),
        ("POST", "/faults", _add_faults),
        ("DELETE", "/faults", lambda sim, _body: sim.faults.clear()),
        ("GET", "/ledger", lambda sim, _body: sim.ledger.summary()),
        ("GET", "/settings", lambda sim, _body: vars(sim.settings)),
        ("POST", "/settings", _change_settings),
        ("POST", "/accounts", _open_account),
        ("POST", "/clock", lambda sim, body: sim.advance(float(body["advance_s"]))),
        ("POST", "/reset", lambda sim, _body: sim.reset()),
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
    sim.faults.add(*(Fault(**one) for one in given))
    return {"scripted": sim.faults.listing()}


def _change_settings(sim: Simulation, body: Any) -> Any:
    sim.settings = sim.settings.changed(body)
    return vars(sim.settings)


def _open_account(sim: Simulation, body: Any) -> None:
    """A key of the caller's choice; an existing one gets the balance named."""
    provider, key = str(body["provider"]), str(body["key"])
    unit = PROVIDERS[provider].unit
    sim.ledger.open_account(Account(provider, key, float(body["balance"]), unit))


@dataclass(frozen=True)
class SimulatorHandle:
    """A running simulator, in whatever process, controlled over HTTP."""

    origin: str

    @property
    def host_and_port(self) -> str:
        return urlsplit(self.origin).netloc

    @property
    def urls(self) -> dict[str, str]:
        """Provider name to the origin a client is configured with."""
        return {provider: f"{self.origin}/{provider}" for provider in PROVIDERS}

    @property
    def keys(self) -> dict[str, str]:
        """Provider name to a key with money on it."""
        return {provider: terms.key for provider, terms in PROVIDERS.items()}

    @property
    def bucket(self) -> dict[str, str]:
        """Where an S3 client puts pictures, and with what."""
        return {
            "url": f"s3://{NAME}/in",
            "endpoint": f"{self.origin}/s3",
            "key_id": KEY_ID,
            "secret": SECRET,
        }

    def fault(
        self, provider: str, phase: str, kind: str, *, times: int = 1, after: int = 0
    ) -> None:
        """Script one fault; `times=0` means every request from then on."""
        body = {"provider": provider, "phase": phase, "kind": kind, "times": times, "after": after}
        self._call("POST", "/faults", body)

    def faults(self) -> list[dict[str, Any]]:
        """What is scripted, with how often each was seen and fired."""
        return self._call("GET", "/faults")["scripted"]

    def clear_faults(self) -> None:
        self._call("DELETE", "/faults")

    def ledger(self) -> dict[str, Any]:
        """charges, refunds, posts, canary, hooks, calls (to those), requests (by provider and
        phase), accounts."""
        return self._call("GET", "/ledger")

    def settings(self, **changes: Any) -> dict[str, Any]:
        """Change fields of `state.Settings`; returns them all."""
        return self._call("POST", "/settings", changes)

    def open_account(self, provider: str, key: str, balance: float) -> None:
        self._call("POST", "/accounts", {"provider": provider, "key": key, "balance": balance})

    def advance_clock(self, seconds: float) -> None:
        self._call("POST", "/clock", {"advance_s": seconds})

    def reset(self) -> None:
        self._call("POST", "/reset")

    def _call(self, method: str, path: str, body: Any = None) -> Any:
        where = urlsplit(self.origin)
        host = cast("str", where.hostname)
        connection = http.client.HTTPConnection(host, where.port, timeout=REPLY_WITHIN_S)
        try:
            connection.request(method, f"/_sim{path}", None if body is None else json.dumps(body))
            response = connection.getresponse()
            answer = json.loads(response.read())
        finally:
            connection.close()
        if response.status != 200:
            raise ValueError(answer["error"])
        return answer
