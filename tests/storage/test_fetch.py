"""Fetching in a network that exists only in memory."""

import logging
from collections.abc import Callable

import pytest

from mcp_relight.errors import FetchFailed, ImageTooLarge, RelightError, UrlRefused
from mcp_relight.storage.fetch import Fetcher
from tests.hostile.canary import PICTURE
from tests.hostile.names import PUBLIC_V4, PUBLIC_V6
from tests.hostile.pretend_network import PretendNetwork
from tests.hostile.url_cases import redirect

pytestmark = pytest.mark.anyio

OK = "HTTP/1.1 200 OK\r\n"


def always(head: str, body: bytes = b"") -> Callable[[bytes], bytes]:
    reply = f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body
    return lambda request: reply


async def fetch(fetcher: Fetcher, url: str, **limits: object) -> bytes:
    return await fetcher.fetch(url, **{"max_bytes": 1000, "deadline_s": 5, **limits})


async def test_a_public_picture_arrives() -> None:
    url = "https://public.test/a.png?sig=secret#x"
    assert await fetch(PretendNetwork().fetcher(), url) == PICTURE


async def test_the_request_carries_the_name_and_nothing_of_the_user() -> None:
    network = PretendNetwork()
    await fetch(network.fetcher(), "https://dual.test/a.png?x=1")
    line, *headers = network.requests[0].decode().rstrip().split("\r\n")
    assert line == "GET /a.png?x=1 HTTP/1.1"
    names = {header.partition(":")[0].lower() for header in headers}
    assert names == {"host", "user-agent", "accept", "accept-encoding", "connection"}
    assert {"Host: dual.test", "Accept-Encoding: identity", "Connection: close"} <= set(headers)
    assert network.reached == [(PUBLIC_V4, 443)]
    assert network.tls_names == ["dual.test"]


async def test_an_ipv6_host_keeps_its_brackets_in_the_header() -> None:
    network = PretendNetwork()
    await fetch(network.fetcher(), f"http://[{PUBLIC_V6}]/")
    assert f"Host: [{PUBLIC_V6}]".encode() in network.requests[0]


async def test_three_redirects_are_followed_and_each_connects_anew() -> None:
    network = PretendNetwork()
    url = redirect(redirect(redirect("http://public.test/a.png?x")))
    assert await fetch(network.fetcher(), url) == PICTURE
    assert len(network.reached) == 4


async def test_a_fourth_redirect_is_refused() -> None:
    network = PretendNetwork()
    url = redirect(redirect(redirect(redirect("http://public.test/"))))
    with pytest.raises(UrlRefused, match="3 times"):
        await fetch(network.fetcher(), url)


async def test_a_redirect_from_https_to_http_is_refused() -> None:
    network = PretendNetwork(always("HTTP/1.1 302 Found\r\nLocation: http://public.test/\r\n"))
    with pytest.raises(UrlRefused, match="https"):
        await fetch(network.fetcher(), "https://public.test/")
    assert len(network.reached) == 1


async def test_a_redirect_from_http_to_https_and_back_is_refused() -> None:
    def reply(request: bytes) -> bytes:
        scheme = "http" if b"GET /secure" in request else "https"
        head = f"HTTP/1.1 302 Found\r\nLocation: {scheme}://public.test/secure\r\n"
        return f"{head}Content-Length: 0\r\n\r\n".encode()

    network = PretendNetwork(reply)
    with pytest.raises(UrlRefused, match="https"):
        await fetch(network.fetcher(), "http://public.test/")
    assert [port for _, port in network.reached] == [80, 443]


async def test_a_redirect_from_a_permitted_host_leads_to_public_addresses_only() -> None:
    network = PretendNetwork(always("HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1/\r\n"))
    fetcher = network.fetcher(allow_private_hosts=frozenset({"127.0.0.1:9000"}))
    with pytest.raises(UrlRefused):
        await fetch(fetcher, "http://127.0.0.1:9000/")
    assert network.reached == [("127.0.0.1", 9000)]


async def test_cookies_are_not_sent_back() -> None:
    def reply(request: bytes) -> bytes:
        if b"GET /next" in request:
            return b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
        head = b"HTTP/1.1 302 Found\r\nLocation: /next\r\nSet-Cookie: session=1\r\n"
        return head + b"Content-Length: 0\r\n\r\n"

    network = PretendNetwork(reply)
    await fetch(network.fetcher(), "http://public.test/")
    assert len(network.requests) == 2
    assert b"cookie" not in network.requests[1].lower()


async def test_a_permitted_name_may_be_private_and_may_use_plain_http_and_any_port() -> None:
    network = PretendNetwork()
    fetcher = network.fetcher(allow_private_hosts=frozenset({"IP-10-0-0-1.test:9000"}))
    await fetch(fetcher, "http://ip-10-0-0-1.test:9000/", accept_http=False)
    assert network.reached == [("10.0.0.1", 9000)]


async def test_a_permitted_name_that_leads_to_a_metadata_service_is_refused() -> None:
    network = PretendNetwork()
    fetcher = network.fetcher(allow_private_hosts=frozenset({"meta.test:80"}))
    with pytest.raises(UrlRefused):
        await fetch(fetcher, "http://meta.test/")
    assert network.reached == []


async def test_a_body_of_exactly_the_limit_arrives_and_one_byte_more_does_not() -> None:
    fetcher = PretendNetwork(always(OK, b"x" * 1000)).fetcher()
    assert len(await fetch(fetcher, "http://public.test/", max_bytes=1000)) == 1000
    with pytest.raises(ImageTooLarge, match="999 bytes"):
        await fetch(fetcher, "http://public.test/", max_bytes=999)


async def test_an_undeclared_body_is_cut_off_at_the_limit() -> None:
    fetcher = PretendNetwork(lambda request: f"{OK}\r\n".encode() + b"x" * 1001).fetcher()
    with pytest.raises(ImageTooLarge):
        await fetch(fetcher, "http://public.test/")


async def test_a_name_without_address_is_a_failed_fetch() -> None:
    with pytest.raises(FetchFailed):
        await fetch(PretendNetwork().fetcher(), "http://nowhere.example/")


SECRET_URLS = (
    "http://user:hunter2@public.test/",
    "http://public.test:6379/hunter2",
    "http://127.0.0.1/hunter2",
    "ftp://hunter2.test/",
    "http://hunter2.example/hunter2?hunter2",
    "http://hunter2 .test/",
    "http://hunter2..test/",
    "http://redir.test/r?c=302&u=http%3A%2F%2Fhunter2%40127.0.0.1%2Fhunter2",
)


@pytest.mark.parametrize("url", SECRET_URLS)
async def test_no_error_repeats_any_part_of_the_url(url: str) -> None:
    with pytest.raises(RelightError) as caught:
        await fetch(PretendNetwork().fetcher(), url)
    assert "hunter2" not in f"{caught.value} {caught.value.hint}"


async def test_the_log_names_scheme_and_host_alone(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    await fetch(PretendNetwork().fetcher(), "https://public.test/hunter2?sig=hunter2")
    assert caplog.messages == ["fetch https://public.test"]


async def test_checking_a_url_connects_to_nothing_and_resolves_nothing() -> None:
    network = PretendNetwork()
    fetcher = network.fetcher()
    assert fetcher.may_be_passed_on("https://after1.ip-127-0-0-1.test/lora.safetensors")
    for refused in ("http://public.test/", "https://10.0.0.1/", "https://localhost/"):
        assert not fetcher.may_be_passed_on(refused)
    assert network.reached == []
    assert await fetch(fetcher, "http://after1.ip-127-0-0-1.test/") == PICTURE
