"""How often one source may try addresses that do not exist, before it is not even looked up."""

import ipaddress
import time
from collections.abc import Callable
from dataclasses import dataclass

_MAX_REMEMBERED = 10_000
_NETWORK_OF_ONE = 64
"""Bits of an IPv6 address that one source cannot choose freely."""


@dataclass(slots=True)
class _Purse:
    left: float
    at: float


class Sources:
    """Each may miss `at_once` times, and once more with every `1 / per_s` seconds that pass.

    Kept in this process: what is bounded is what this process does. `now` in seconds, growing.
    """

    def __init__(
        self, *, at_once: int, per_s: float, now: Callable[[], float] = time.monotonic
    ) -> None:
        self._at_once = at_once
        self._per_s = per_s
        self._now = now
        self._purses: dict[str, _Purse] = {}

    def wait_s(self, host: str | None) -> float:
        """0 for a source that may ask now; else when it may."""
        purse = self._purses.get(_source(host))
        if purse is None:
            return 0.0
        self._fill(purse)
        return max(0.0, (1.0 - purse.left) / self._per_s)

    def missed(self, host: str | None) -> None:
        """What this source asked for is not there."""
        source = _source(host)
        if source not in self._purses and len(self._purses) >= _MAX_REMEMBERED:
            self._drop_full()
        purse = self._purses.setdefault(source, _Purse(self._at_once, self._now()))
        self._fill(purse)
        purse.left -= 1.0

    def _fill(self, purse: _Purse) -> None:
        now = self._now()
        purse.left = min(self._at_once, purse.left + (now - purse.at) * self._per_s)
        purse.at = now

    def _drop_full(self) -> None:
        """Forget those with nothing against them; where everybody has something, everybody."""
        for purse in self._purses.values():
            self._fill(purse)
        guilty = {name: one for name, one in self._purses.items() if one.left < self._at_once}
        self._purses = guilty if len(guilty) < _MAX_REMEMBERED else {}


def _source(host: str | None) -> str:
    try:
        address = ipaddress.ip_address(host or "")
    except ValueError:
        return "-"
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is None:
        return str(ipaddress.ip_network((address, _NETWORK_OF_ONE), strict=False))
    return str(address)
