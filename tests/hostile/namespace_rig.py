"""A network of one machine: every address is local, and each tells when it was reached.

Run as `python -m tests.hostile.namespace_rig` in network, mount and user namespaces of its own,
with a job (JSON) on stdin and the findings (JSON) on stdout. All routes end at this process, so
nothing can leave, and "reached" means that a connection arrived at that very address.
"""

import json
import os
import socket
import ssl
import struct
import subprocess
import sys
import threading
from dataclasses import asdict, dataclass, field
from ipaddress import IPv6Address, ip_address
from pathlib import Path
from tempfile import TemporaryDirectory

import anyio
import httpx2

from mcp_relight.errors import RelightError
from mcp_relight.storage.fetch import Fetcher
from tests.hostile.canary import PICTURE, reply_to
from tests.hostile.certificates import Authority
from tests.hostile.names import PUBLIC_V4, PUBLIC_V6, Names

CANNOT_RUN = 77
PORTS = (21, 22, 25, 70, 80, 443, 3128, 6379, 8080, 11211)
_NAME_SERVER = "10.53.53.53"
_BARRIER = "127.99.99.99"
_TYPE_A, _TYPE_AAAA = 1, 28


@dataclass
class Visit:
    """One connection: the address it arrived at and what it sent first."""

    address: str
    port: int
    received_bytes: int = 0
    line: str = ""


@dataclass
class Canary:
    """Listens at all addresses on all `PORTS`."""

    tls: ssl.SSLContext
    visits: list[Visit] = field(default_factory=list)
    _conversations: list[threading.Thread] = field(default_factory=list)

    def start(self) -> None:
        for port in PORTS:
            listener = socket.create_server(
                ("::", port), family=socket.AF_INET6, dualstack_ipv6=True, backlog=256
            )
            threading.Thread(target=self._accept, args=(listener, port), daemon=True).start()

    def settle(self) -> None:
        """Wait until every connection made so far is in `visits`, with what it sent.

        Listeners accept in order, so a connection of our own marks the end of the others.
        """
        for port in PORTS:
            with socket.create_connection((_BARRIER, port), timeout=10) as marker:
                marker.sendall(b"\r\n\r\n")
                while marker.recv(4096):
                    pass
        for conversation in self._conversations:
            conversation.join(10)
        self.visits = [visit for visit in self.visits if visit.address != _BARRIER]

    def _accept(self, listener: socket.socket, port: int) -> None:
        while True:
            connection, _ = listener.accept()
            visit = Visit(_plain(connection.getsockname()[0]), port)
            self.visits.append(visit)
            thread = threading.Thread(target=self._talk, args=(connection, visit), daemon=True)
            self._conversations.append(thread)
            thread.start()

    def _talk(self, connection: socket.socket, visit: Visit) -> None:
        connection.settimeout(3)
        try:
            with connection:
                visit.received_bytes = len(connection.recv(1, socket.MSG_PEEK))
                if visit.port != 443 or visit.address == _BARRIER:
                    _converse(connection, visit)
                    return
                with self.tls.wrap_socket(connection, server_side=True) as secured:
                    _converse(secured, visit)
        except OSError:
            pass  # the client left; the visit is written down


def _converse(connection: socket.socket, visit: Visit) -> None:
    request = b""
    while b"\r\n\r\n" not in request and len(request) < 20_000:
        chunk = connection.recv(4096)
        if not chunk:
            break
        request += chunk
        visit.received_bytes = len(request)
    visit.line = request.partition(b"\r\n")[0].decode("latin-1")
    if visit.line:
        connection.sendall(reply_to(request))


def _plain(address: str) -> str:
    ip = ip_address(address.partition("%")[0])
    mapped = ip.ipv4_mapped if isinstance(ip, IPv6Address) else None
    return str(mapped or ip)


def answer_names(names: Names) -> None:
    """A name server over UDP that answers as `names` says."""
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind((_NAME_SERVER, 53))
    while True:
        query, client = server.recvfrom(2048)
        server.sendto(_name_answer(query, names), client)


def _name_answer(query: bytes, names: Names) -> bytes:
    labels, position = [], 12
    while query[position]:
        end = position + 1 + query[position]
        labels.append(query[position + 1 : end].decode("latin-1"))
        position = end
    question = query[12 : position + 5]
    (kind,) = struct.unpack(">H", query[position + 1 : position + 3])
    family = {_TYPE_A: 4, _TYPE_AAAA: 6}.get(kind)
    found = names.addresses(".".join(labels), families=(family,)) if family else []
    flags = 0x8180 | (3 if found is None else 0)
    answer = query[:2] + struct.pack(">HHHHH", flags, 1, len(found or ()), 0, 0) + question
    for address in found or ():
        packed = ip_address(address).packed
        answer += b"\xc0\x0c" + struct.pack(">HHIH", kind, 1, 0, len(packed)) + packed
    return answer


def _own_network(folder: Path) -> None:
    """Route every address to this machine and ask our own name server."""
    (folder / "resolv.conf").write_text(f"nameserver {_NAME_SERVER}\noptions timeout:2\n")
    (folder / "nsswitch.conf").write_text("hosts: files dns\n")
    (folder / "hosts").write_text("127.0.0.1 localhost\n::1 localhost\n")
    commands = [
        ["ip", "link", "set", "lo", "up"],
        ["ip", "route", "add", "local", "0.0.0.0/0", "dev", "lo"],
        ["ip", "-6", "route", "add", "local", "::/0", "dev", "lo"],
        *(["mount", "--bind", str(file), f"/etc/{file.name}"] for file in sorted(folder.iterdir())),
    ]
    for command in commands:
        subprocess.run(command, check=True, capture_output=True)


async def _guarded(fetcher: Fetcher, url: str) -> str:
    try:
        fetched = await fetcher.fetch(url, max_bytes=1000, deadline_s=5)
    except RelightError as error:
        return error.code
    return "picture" if fetched == PICTURE else "other bytes"


async def _bare(tls: ssl.SSLContext, url: str) -> str:
    """What a program does that just downloads the URL it was given."""
    try:
        async with httpx2.AsyncClient(follow_redirects=True, verify=tls, timeout=3) as client:
            reply = await client.get(url)
    except Exception as error:  # noqa: BLE001  it lets much through, port numbers of 65616 too
        return type(error).__name__
    return "picture" if reply.content == PICTURE else "other bytes"


def _any() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


async def _run(urls: list[str], guarded: bool, trusted: ssl.SSLContext) -> list[str]:
    fetcher = Fetcher(ssl_context=trusted)
    anything = _any()
    return [await (_guarded(fetcher, url) if guarded else _bare(anything, url)) for url in urls]


def main() -> int:
    with TemporaryDirectory() as place:
        folder = Path(place)
        try:
            _own_network(folder)
        except (OSError, subprocess.CalledProcessError) as error:
            sys.stderr.write(f"no network of our own: {error}\n")
            return CANNOT_RUN
        job = json.load(sys.stdin)
        threading.Thread(target=answer_names, args=(Names(),), daemon=True).start()
        authority = Authority(folder)
        canary = Canary(authority.server_context("public.test", "dual.test", PUBLIC_V4, PUBLIC_V6))
        canary.start()
        outcomes = anyio.run(_run, job["urls"], job["guarded"], authority.client_context())
        canary.settle()
        visits = [asdict(visit) for visit in canary.visits]
        json.dump({"outcomes": outcomes, "visits": visits}, sys.stdout)
    return 0


if __name__ == "__main__":
    status = main()
    sys.stdout.flush()
    os._exit(status)  # the daemon threads sit in accept(); there is nothing to wait for
