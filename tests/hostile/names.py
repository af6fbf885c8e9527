"""What names mean in the tests: a name server whose answers can be read off the names.

`ip-10-0-0-1.test` is 10.0.0.1; `ip6-fd00--1.test` is fd00::1; several such labels give several
addresses. A label `after2` answers publicly for two look-ups, then with the address named;
`alternate` changes with each look-up. The names of the shared URL list are in a table. Every other
name below `.test` is public.
"""

import re
from collections import Counter
from ipaddress import ip_address

PUBLIC_V4 = "93.184.216.34"
PUBLIC_V6 = "2606:2800:220:1::1"
LOOPBACK = ("127.0.0.1", "::1")

_TABLE = {
    "loop": ("127.0.0.1",),
    "priv10": ("10.0.0.1",),
    "meta": ("169.254.169.254",),
    "metadata": ("169.254.169.254",),
    "cname-meta": ("169.254.169.254",),
    "cgnat": ("100.64.0.1",),
    "v6loop": ("::1",),
    "mapped6": ("::ffff:127.0.0.1",),
    "nat64": ("64:ff9b::7f00:1",),
    "ula": ("fd00::1",),
    "sixtofour": ("2002:7f00:1::",),
    "zero": ("0.0.0.0",),  # noqa: S104  an answer, not a place to listen
    "mixed": (PUBLIC_V4, "127.0.0.1"),
    "mixed-rev": ("127.0.0.1", PUBLIC_V4),
    "v4pub-v6priv": (PUBLIC_V4, "::1"),
    "v4priv-v6pub": ("127.0.0.1", PUBLIC_V6),
    "public6": (PUBLIC_V6,),
    "dual": (PUBLIC_V4, PUBLIC_V6),
}
_REBIND = re.compile(r"rebind(\d?)(flip)?")


class Names:
    """The name server's memory: how often each changing name was asked for."""

    def __init__(self) -> None:
        self._asked: Counter[str] = Counter()

    def addresses(self, name: str, *, families: tuple[int, ...] = (4, 6)) -> list[str] | None:
        """All addresses of `name` in `families`; None when there is no such name."""
        found = self._all(name.lower().removesuffix("."), counts=4 in families)
        if found is None:
            return None
        return [address for address in found if ip_address(address).version in families]

    def _all(self, name: str, *, counts: bool) -> tuple[str, ...] | None:
        if name == "metadata.google.internal":
            return ("169.254.169.254",)
        if name.endswith(("localhost", "localhost.localdomain")):
            return LOOPBACK
        if not name.endswith(".test"):
            return None
        labels = name.split(".")[:-1]
        spelled = re.search(r"(\d+\.\d+\.\d+\.\d+)\.nip\.test$", name)
        if spelled:
            return (spelled[1],)
        turns = _turns(labels)
        if turns is not None:
            return self._changing(name, turns, _spelled_out(labels) or LOOPBACK[:1], counts)
        return _spelled_out(labels) or _TABLE.get(labels[-1], (PUBLIC_V4,))

    def _changing(
        self, name: str, turns: int, later: tuple[str, ...], counts: bool
    ) -> tuple[str, ...]:
        if counts:
            self._asked[name] += 1
        asked = self._asked[name]
        public = asked % 2 == 1 if turns == 0 else asked <= turns
        return (PUBLIC_V4,) if public else later


def _spelled_out(labels: list[str]) -> tuple[str, ...]:
    v4 = [label[3:].replace("-", ".") for label in labels if label.startswith("ip-")]
    v6 = [label[4:].replace("-", ":") for label in labels if label.startswith("ip6-")]
    return (*v4, *v6)


def _turns(labels: list[str]) -> int | None:
    """Public look-ups before a name changes; 0 for one that alternates, None for a steady one."""
    for label in labels:
        if label == "alternate":
            return 0
        counted = re.fullmatch(r"after(\d)", label)
        if counted:
            return int(counted[1])
        rebind = _REBIND.match(label)
        if rebind:
            return 0 if rebind[2] else int(rebind[1] or 1)
    return None
