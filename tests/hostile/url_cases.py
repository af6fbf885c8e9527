"""URLs that try to reach something they must not, and some that must work.

`own_cases` derives them from the classes of address and of disguise, so a class cannot be covered
by one lucky spelling. `listed_cases` reads a list of the same form from outside the repository.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from itertools import product
from pathlib import Path
from typing import Literal
from urllib.parse import quote

from tests.hostile.names import PUBLIC_V4, PUBLIC_V6

Expect = Literal["block", "pin", "policy", "allow"]
"""block: refused. pin: refused, or answered from a public address. policy: refused although the
address is public. allow: the picture arrives."""


@dataclass(frozen=True)
class Case:
    kind: str
    expect: Expect
    url: str


# One address from the start, the middle or the end of every block that is not public.
_PRIVATE_V4 = """
    0.0.0.0 0.255.255.254 10.0.0.1 10.128.9.9 10.255.255.255 100.64.0.7 100.100.100.200
    100.127.255.255 127.0.0.1 127.53.0.53 127.255.255.254 168.63.129.16 169.254.0.1
    169.254.169.253 169.254.169.254 169.254.170.23 169.254.255.254 172.16.0.9 172.24.1.1
    172.31.255.255 192.0.0.8 192.0.0.192 192.0.2.77 192.31.196.5 192.52.193.5 192.88.99.1
    192.168.0.1 192.168.255.254 192.175.48.6 198.18.7.7 198.19.200.1 198.51.100.200
    203.0.113.9 224.0.0.251 232.1.1.1 239.255.255.254 240.0.0.9 250.1.2.3 255.255.255.255
"""
_TARGETS_V4 = ("127.0.0.1", "169.254.169.254", "10.0.0.1", "192.168.1.254", "100.100.100.200")
_PRIVATE_V6 = """
    :: ::1 ::2 100::7 64:ff9b:1::a00:1 fc00::9 fd00:ec2::254 fd00:42::42 fd20:ce::254
    fdff:ffff::1 fe80::1 fe80::a9fe:a9fe febf::1 fec0::9 feff::1 ff02::1 ff0e::fb 1::1
    200::1 400::1 1fff::1 2001::1 2001:1::1 2001:2::9 2001:10::9 2001:20::9 2001:1ff::1
    2001:db8::9 2001:db8:ffff::1 2002::1 2620:4f:8000::9 3fff::9 3fff:fff::1 4000::1 5f00::9
    8000::1 c000::1 e000::1
"""
_SCHEMES = """
    ftp ftps sftp tftp gopher dict ldap ldaps smb ssh telnet imap rtsp ws wss jar netdoc
    unix blob about
"""
_PUBLIC_HOSTS = (
    "1.1.1.1",
    PUBLIC_V4,
    f"[{PUBLIC_V6}]",
    "public.test",
    "www.public.test",
    "dual.test",
)


def own_cases() -> list[Case]:
    found = (
        *_plain_addresses(),
        *_disguised_v4(),
        *_v4_inside_v6(),
        *_private_names(),
        *_changing_names(),
        *_redirects(),
        *_misread_urls(),
        *_other_schemes(),
        *_against_policy(),
        *_welcome(),
    )
    return list(dict.fromkeys(found))


def listed_cases(path: Path) -> list[Case]:
    r"""Lines of `id TAB kind TAB expectation TAB url`; \t \r \n \x00 stand for the characters."""
    characters = {"\\t": "\t", "\\r": "\r", "\\n": "\n", "\\x00": "\0"}
    cases: list[Case] = []
    for line in path.read_text(encoding="utf-8").split("\n"):
        if line and not line.startswith("#"):
            _, kind, expect, url = line.split("\t", 3)
            url = re.sub(r"\\(?:t|r|n|x00)", lambda escape: characters[escape[0]], url)
            cases.append(Case(kind, expect, url))
    return cases


def _plain_addresses() -> Iterator[Case]:
    for scheme, address in product(("http", "https"), _PRIVATE_V4.split()):
        yield Case("address", "block", f"{scheme}://{address}/a.png")
    for address in _PRIVATE_V6.split():
        yield Case("address6", "block", f"http://[{address}]/a.png")
        yield Case("address6", "block", f"https://[{IPv6Address(address).exploded.upper()}]:443/")
    for zone in ("%lo", "%25lo", "%251", "%eth0"):
        yield Case("address6", "block", f"http://[fe80::1{zone}]/")
        yield Case("address6", "block", f"http://[{PUBLIC_V6}{zone}]/")


def _disguised_v4() -> Iterator[Case]:
    for address in _TARGETS_V4:
        for host in _disguises(IPv4Address(address)):
            yield Case("disguise", "block", f"http://{host}/a.png")


def _disguises(ip: IPv4Address) -> Iterator[str]:
    a, b, c, d = ip.packed
    number = int(ip)
    yield from (f"{number}", f"{number:#x}", f"{number:#X}", f"0{number:o}", f"000{number}")
    yield from (f"{number + 2**32}", f"{number:#018x}", f"{a:#x}.{b:#x}.{c:#x}.{d:#x}")
    yield from (f"0{a:o}.0{b:o}.0{c:o}.0{d:o}", f"{a:03}.{b:03}.{c:03}.{d:03}")
    yield from (f"{a}.{number & 0xFFFFFF}", f"{a}.{b}.{number & 0xFFFF}", f"{a:#x}.0{b:o}.{c}.{d}")
    yield from (f"{a + 256}.{b}.{c}.{d}", f"{ip}.", f"{ip}..", f".{ip}", f"{a}.{b}..{c}.{d}")
    yield str(ip).replace(".", "%2e")
    yield "".join(f"%{ord(char):02x}" for char in str(ip))
    for zero in ("\uff10", "\u0660", "\U0001d7ce", "\u2080"):  # other digits
        yield "".join(chr(ord(zero) + int(char)) if char.isdigit() else char for char in str(ip))
    for dot in ("\u3002", "\uff0e", "\uff61"):  # other full stops
        yield str(ip).replace(".", dot)
    yield from (f"{ip}\u200b", f"{ip}\u00ad", f"\u2060{ip}", f"{ip}\u3000")


def _v4_inside_v6() -> Iterator[Case]:
    for address in _TARGETS_V4:
        ip = IPv4Address(address)
        low, value = f"{int(ip) >> 16:x}:{int(ip) & 0xFFFF:x}", int(ip)
        hosts = [f"{prefix}{form}" for prefix in ("::", "::ffff:", "::ffff:0:", "64:ff9b::")
                 for form in (low, str(ip))]  # fmt: skip
        hosts += [f"2002:{low}::1", f"2001:0:{low}::", f"64:ff9b:1::{low}"]
        hosts += [f"2001:0:5353:5353:0:0:{(~value >> 16) & 0xFFFF:x}:{~value & 0xFFFF:x}"]
        hosts += [f"2a00:1450::{flag}5efe:{low}" for flag in ("", "200:", "0:")]
        for host in hosts:
            yield Case("carried", "block", f"http://[{host}]/")


def _private_names() -> Iterator[Case]:
    for address in _PRIVATE_V4.split():
        name = "ip-" + address.replace(".", "-") + ".test"
        yield Case("name", "block", f"http://{name}/")
    for address in _PRIVATE_V6.split():
        name = "ip6-" + address.replace(":", "-") + ".test"
        yield Case("name", "block", f"https://{name}/")
    public = "ip-" + PUBLIC_V4.replace(".", "-")
    for private in ("ip-127-0-0-1", "ip-169-254-169-254", "ip6---1", "ip6-fd00--1"):
        yield Case("one-of-two", "block", f"http://{public}.{private}.test/")
        yield Case("one-of-two", "block", f"http://{private}.{public}.test/")
        yield Case("one-of-two", "block", f"https://{public}.ip6-2606-4700--1.{private}.test/")
    for name in ("localhost", "LocalHost", "localhost.", "a.localhost", "localhost.localdomain"):
        yield Case("name", "block", f"http://{name}/")
    for name in ("metadata.google.internal", "METADATA.google.internal.", "IP-10-0-0-1.TEST"):
        yield Case("name", "block", f"http://{name}/")


def _changing_names() -> Iterator[Case]:
    labels = ("after1", "after2", "after3", "alternate")
    for label, private in product(labels, ("ip-127-0-0-1", "ip-169-254-169-254")):
        yield Case("changing", "pin", f"http://{label}.{private}.test/")


def _redirects() -> Iterator[Case]:
    for code, address in product((301, 302, 303, 307, 308), _TARGETS_V4):
        yield Case("redirect", "block", redirect(f"http://{address}/", code))
    for location in (
        "//127.0.0.1/",
        "//[::1]/",
        "http://[::ffff:10.0.0.1]/",
        "http://2130706433/",
        "http://0x7f.1/",
        "http://ip-10-0-0-1.test/",
        "http://localhost/",
        "http://someone@127.0.0.1/",
        "http://public.test@127.0.0.1/",
        "http:127.0.0.1",
        "http:/127.0.0.1/",
        "http:///127.0.0.1/",
        "http:\\\\127.0.0.1\\",
        "/\\127.0.0.1/",
        "\\\\127.0.0.1\\share",
        "http://127.0.0.1\t/",
        " http://127.0.0.1/",
        "//[",
        "//[/",
        "//[::1",
        "//[x]/",
        "//127.0.0.1]/",
        "//\u2100.test/",
        "//public.test\uff0f@127.0.0.1/",
        "http://public.test:6379/",
        "http://public.test:22/",
        "file:///etc/passwd",
        "ftp://127.0.0.1/",
        "gopher://127.0.0.1:6379/_PING",
        "data:image/png;base64,AAAA",
        "javascript:1",
    ):
        yield Case("redirect", "block", redirect(location))
    chain = "http://127.0.0.1/"
    for _ in range(3):
        chain = redirect(chain)
        yield Case("redirect", "block", chain)
    yield Case("redirect", "block", "http://redir.test/loop")
    yield Case("redirect", "block", redirect(redirect(redirect(redirect("http://public.test/")))))


def redirect(location: str, code: int = 302) -> str:
    return f"http://redir.test/r?c={code}&u={quote(location, safe='')}"


def _misread_urls() -> Iterator[Case]:
    for private in ("127.0.0.1", "169.254.169.254", "[::1]", "ip-10-0-0-1.test"):
        for url in (
            f"http://public.test@{private}/",
            f"http://public.test:80@{private}/",
            f"http://public.test%40{private}/",
            f"http://{private}\\@public.test/",
            f"http://{private}#@public.test/",
            f"http://{private}?@public.test/",
            f"http://{private};@public.test/",
            f"http://{private}%00.public.test/",
            f"http://{private}%23.public.test/",
            f"http://{private} .public.test/",
            f"http://{private}\t/",
            f"http://{private}\r\nHost: public.test/",
            f" http://{private}/",
            f"http:{private}/",
            f"http:/{private}/",
            f"http:///{private}/",
            f"http:\\\\{private}\\",
            f"//{private}/",
            f"{private}/",
            f"http://{private}:",
            f"http://{private}:080/",
            f"http://{private}:65616/",
            f"http://{private}:+80/",
            f"http://{private}:80:443/",
            f"http://@{private}/",
            f"http://:@{private}/",
            f"http://{private},public.test/",
            f"http://public.test,{private}/",
            f"HtTp://{private}/",
            f"\ufeffhttp://{private}/",
            f"http\uff1a//{private}/",
            f"http:\u2044\u2044{private}/",
            f"url:http://{private}/",
        ):
            yield Case("misread", "block", url)
    for url in (
        "",
        "http://",
        "https://",
        "http:///",
        "http://.",
        "http://../",
        "http://:80/",
        "http://[]/",
        "http://[::1",
        "http://::1/",
        "http://[public.test]/",
        "http://-public.test/",
        "http://public..test/",
        "http://pub_lic.test\u0000/",
        "http://\u24db\u24de\u24de\u24df.test/",
        "http://" + "a" * 64 + ".test/",
        "http://" + "a." * 130 + "test/",
        "http://public.test/" + "a" * 9000,
        "http://public.test/\r\nX-Injected: yes",
        "http://xn--\u00fc.test/",
    ):
        yield Case("misread", "block", url)


def _other_schemes() -> Iterator[Case]:
    for scheme in (*_SCHEMES.split(), "view-source:http", "http+unix"):
        yield Case("scheme", "block", f"{scheme}://127.0.0.1/a.png")
    for url in (
        "file:///etc/passwd",
        "file://127.0.0.1/etc/passwd",
        "data:image/png,x",
        "php://stdin",
    ):
        yield Case("scheme", "block", url)


def _against_policy() -> Iterator[Case]:
    for port in (1, 21, 22, 25, 110, 2375, 3306, 5432, 6379, 8000, 8080, 8443, 9200, 11211, 65535):
        yield Case("policy", "policy", f"http://public.test:{port}/a.png")
    for userinfo in ("user", "user:secret", ":", "", "a%40b"):
        yield Case("policy", "policy", f"http://{userinfo}@public.test/a.png")


def _welcome() -> Iterator[Case]:
    for host in _PUBLIC_HOSTS:
        yield Case("welcome", "allow", f"http://{host}/a.png")
        yield Case("welcome", "allow", f"HTTP://{host.upper()}:80/")
    for host in ("public.test", "dual.test", PUBLIC_V4, f"[{PUBLIC_V6}]:443"):
        yield Case("welcome", "allow", f"https://{host}/a.png")
    for host in ("public.test.", "a_b.public.test", "b\u00fccher.test", "xn--bcher-kva.test"):
        yield Case("welcome", "allow", f"http://{host}")
    for target in (
        "?x=1",
        "/a%20b.png?sig=a%2Fb==&t=1#part",
        "/\u00fc/\u5149.png",
        "/a'b(c)[1].png",
    ):
        yield Case("welcome", "allow", f"http://public.test{target}")
    for location in (
        "/next",
        "next.png",
        "?page=2",
        "//public.test/",
        "http://dual.test/",
        "/\u00fc",
    ):
        yield Case("welcome", "allow", redirect(location, 301))
    yield Case("welcome", "allow", redirect(redirect(redirect("http://public.test/"))))
