"""Every fault that can be scripted, by name, and the book that says which request gets which.

The kinds are in faults.json. A kind belongs to one family, which says at which layer it acts:

    connection   the socket: resets, hangs, drips, bytes that are not HTTP
    refusal      another answer in place of the provider's, in that provider's error dialect
    reply        the provider's own answer, spoiled after it was made
    fate         how an accepted job goes; bound to the job, so later polls agree with it
    file         what a result picture's address serves

Families `refusal` and `fate` decide whether a submit is charged; `connection` kinds are charged
unless their name says the body was never taken.
"""

from dataclasses import dataclass
from typing import Literal

from mcp_relight.simulator.checks import table
from mcp_relight.simulator.ledger import PROVIDERS

Family = Literal["connection", "refusal", "reply", "fate", "file"]
Phase = Literal["submit", "poll", "result", "download", "upload", "catalogue"]
ON_REQUEST: frozenset[Family] = frozenset({"connection", "refusal", "reply", "file"})
ON_JOB: frozenset[Family] = frozenset({"fate"})


@dataclass(frozen=True)
class Kind:
    name: str
    family: Family
    phases: tuple[Phase, ...]
    meaning: str


KINDS = {
    name: Kind(name, group["family"], tuple(group["phases"]), meaning)
    for group in table("faults")
    for name, meaning in group["kinds"].items()
}


@dataclass(frozen=True)
class Fault:
    """`kind` for the `times` requests (0 = all) that follow the first `after` matching ones."""

    provider: str
    phase: Phase
    kind: str
    times: int = 1
    after: int = 0

    def problem(self) -> str | None:
        """What is wrong with it, or None."""
        kind = KINDS.get(self.kind)
        if self.provider not in (*PROVIDERS, "*"):
            return f"provider: one of {', '.join(PROVIDERS)}, *"
        if kind is None:
            return "kind: unknown; GET /_sim/faults lists them"
        if self.phase not in kind.phases:
            return f"phase: {kind.name} goes with {', '.join(kind.phases)}"
        if self.times < 0 or self.after < 0:
            return "times and after: not negative"
        return None

    def fits(self, provider: str, phase: str, families: frozenset[Family]) -> bool:
        mine = self.provider in (provider, "*") and self.phase == phase
        return mine and KINDS[self.kind].family in families


@dataclass
class _Entry:
    fault: Fault
    seen: int = 0
    fired: int = 0

    @property
    def spent(self) -> bool:
        return 0 < self.fault.times <= self.fired


class FaultBook:
    """The faults still to come, in the order they were scripted; the first that fits wins."""

    def __init__(self) -> None:
        self._entries: list[_Entry] = []

    def add(self, *faults: Fault) -> None:
        """All of them or none. Raises ValueError for one that makes no sense."""
        for fault in faults:
            if problem := fault.problem():
                raise ValueError(problem)
        self._entries += [_Entry(fault) for fault in faults]

    def clear(self) -> None:
        self._entries.clear()

    def take(self, provider: str, phase: str, families: frozenset[Family]) -> str | None:
        """The kind that hits this request, and count it; None for an honest reply."""
        hit: _Entry | None = None
        for entry in self._entries:
            if not entry.fault.fits(provider, phase, families):
                continue
            entry.seen += 1
            if hit is None and not entry.spent and entry.seen > entry.fault.after:
                hit = entry
        if hit is None:
            return None
        hit.fired += 1
        return hit.fault.kind

    def listing(self) -> list[dict[str, str | int]]:
        return [{**vars(e.fault), "seen": e.seen, "fired": e.fired} for e in self._entries]
