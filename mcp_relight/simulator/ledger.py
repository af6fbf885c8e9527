"""Who was charged for what, and every POST that arrived, in memory and in an optional journal.

The journal is one JSON line per event, flushed at once, so that a test outside this process can
count charges after it has killed the client.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

Entry = dict[str, Any]


@dataclass
class Account:
    """A key and what is left on it, in the provider's unit (credits or US dollars)."""

    provider: str
    key: str
    balance: float
    unit: str


@dataclass(frozen=True)
class Terms:
    """A provider's test key, what lies on it, and the ends of a job that give the money back."""

    key: str
    balance: float
    unit: str
    gives_back: frozenset[str]


# Keys in the form each provider's have; worth nothing anywhere else. Segmind bills only what
# worked, PixelDojo gives credits back, Pixazo says so of ERROR alone.
PROVIDERS = {
    "pixeldojo": Terms(
        "pd_simulated_0001", 1000.0, "credits", frozenset({"failed", "error", "cancelled"})
    ),
    "pixazo": Terms("simulated0001subscription0001key", 100.0, "usd", frozenset({"error"})),
    "segmind": Terms(
        "SG_51d0a7ed00000001", 100.0, "usd", frozenset({"failed", "error", "cancelled"})
    ),
}


class Ledger:
    def __init__(self, journal: Path | None = None) -> None:
        self._file: TextIO | None = journal.open("a", encoding="utf-8") if journal else None
        self._accounts: dict[tuple[str, str], Account] = {}
        self.charges: list[Entry] = []
        self.refunds: list[Entry] = []
        self.posts: list[Entry] = []
        self.canary: list[Entry] = []
        self.hooks: list[Entry] = []
        self.calls: list[Entry] = []
        self.requests: dict[str, dict[str, int]] = {}

    def open_account(self, account: Account) -> None:
        self._accounts[account.provider, account.key] = account

    def account(self, provider: str, key: str) -> Account | None:
        return self._accounts.get((provider, key))

    def charge(self, account: Account, amount: float, **about: Any) -> bool:
        """Take `amount` from the account and record it; False when the balance is too low."""
        if account.balance < amount:
            return False
        self._move("charge", self.charges, account, amount, -amount, about)
        return True

    def refund(self, account: Account, amount: float, **about: Any) -> None:
        self._move("refund", self.refunds, account, amount, amount, about)

    def note_post(self, **about: Any) -> None:
        self._add(self.posts, {"event": "post", **about})

    def note_canary(self, **about: Any) -> None:
        """A request that reached a place nobody should have gone to."""
        self._add(self.canary, {"event": "canary", **about})

    def note_hook(self, **about: Any) -> None:
        """An address that is to be called when a job ends."""
        self._add(self.hooks, {"event": "hook", **about})

    def note_call(self, **about: Any) -> None:
        """Such an address was called."""
        self._add(self.calls, {"event": "call", **about})

    def count(self, provider: str, phase: str) -> None:
        phases = self.requests.setdefault(provider, {})
        phases[phase] = phases.get(phase, 0) + 1

    def summary(self) -> Entry:
        return {
            "charges": list(self.charges),
            "refunds": list(self.refunds),
            "posts": list(self.posts),
            "canary": list(self.canary),
            "hooks": list(self.hooks),
            "calls": list(self.calls),
            "requests": {name: dict(phases) for name, phases in self.requests.items()},
            "accounts": [vars(account) for account in self._accounts.values()],
        }

    def clear(self) -> None:
        books = (self.charges, self.refunds, self.posts, self.canary, self.hooks, self.calls)
        for entries in books:
            entries.clear()
        self._accounts.clear()
        self.requests.clear()
        self._write({"event": "reset"})

    def close(self) -> None:
        if self._file:
            self._file.close()

    def _move(
        self,
        event: str,
        book: list[Entry],
        account: Account,
        amount: float,
        gain: float,
        about: Entry,
    ) -> None:
        account.balance = round(account.balance + gain, 6)
        self._add(book, {"event": event, **vars(account), "amount": amount, **about})

    def _add(self, book: list[Entry], entry: Entry) -> None:
        book.append(entry)
        self._write(entry)

    def _write(self, entry: Entry) -> None:
        if self._file and not self._file.closed:
            self._file.write(json.dumps(entry, separators=(",", ":")) + "\n")
            self._file.flush()
