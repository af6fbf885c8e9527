"""The other end of /_sim: what a test holds in its hand, in whatever process it runs."""

import http.client
import json
from dataclasses import dataclass
from typing import Any, cast
from urllib.parse import urlsplit

from mcp_relight.simulator.state import TEST_ACCOUNTS

REPLY_WITHIN_S = 30.0


@dataclass(frozen=True)
class SimulatorHandle:
    """A running simulator, controlled over HTTP."""

    origin: str

    @property
    def host_and_port(self) -> str:
        return urlsplit(self.origin).netloc

    @property
    def urls(self) -> dict[str, str]:
        """Provider name to the origin a client is configured with."""
        return {provider: f"{self.origin}/{provider}" for provider, *_ in TEST_ACCOUNTS}

    @property
    def keys(self) -> dict[str, str]:
        """Provider name to a key with money on it."""
        return {provider: key for provider, key, *_ in TEST_ACCOUNTS}

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
        """charges, refunds, posts, canary, requests (by provider and phase), accounts."""
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
        connection = http.client.HTTPConnection(
            cast("str", where.hostname), where.port, timeout=REPLY_WITHIN_S
        )
        try:
            payload = None if body is None else json.dumps(body)
            connection.request(method, f"/_sim{path}", payload)
            response = connection.getresponse()
            answer = json.loads(response.read())
        finally:
            connection.close()
        if response.status != 200:
            raise ValueError(answer["error"])
        return answer
