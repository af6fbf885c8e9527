"""What the text of a URL decides, and what the network then gets to see of it."""

import pytest

from mcp_relight.errors import UrlRefused
from mcp_relight.storage.urls import HttpUrl, UrlPolicy, parse_url


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("https://Pictures.Test", HttpUrl("https", "pictures.test", 443, "/")),
        ("HTTP://a.test:443/b?c=d#e", HttpUrl("http", "a.test", 443, "/b?c=d")),
        ("http://[2606:4700:0::1]/", HttpUrl("http", "2606:4700::1", 80, "/")),
        (
            "http://b\u00fccher.test/\u00fc?\u00f6",
            HttpUrl("http", "xn--bcher-kva.test", 80, "/%C3%BC?%C3%B6"),
        ),
        (
            "https://a.test/x%2Fy?sig=%2B/=+&u='(1)'",
            HttpUrl("https", "a.test", 443, "/x%2Fy?sig=%2B/=+&u='(1)'"),
        ),
        ("https://a.test?q", HttpUrl("https", "a.test", 443, "/?q")),
    ],
)
def test_a_url_is_taken_apart_once(text: str, parts: HttpUrl) -> None:
    assert parse_url(text) == parts


@pytest.mark.parametrize(
    ("url", "authority"),
    [
        ("https://a.test:443/", "a.test"),
        ("http://a.test:443/", "a.test:443"),
        ("http://[2606:4700::1]:443/", "[2606:4700::1]:443"),
    ],
)
def test_the_host_header_leaves_out_the_usual_port(url: str, authority: str) -> None:
    assert parse_url(url).authority == authority


@pytest.mark.parametrize(
    ("location", "target"),
    [
        ("next.png", "https://a.test/b/next.png"),
        ("/next.png", "https://a.test/next.png"),
        ("?page=2", "https://a.test/b/c.png"),
        ("//other.test/x", "https://other.test/x"),
        ("http://other.test/x", "http://other.test/x"),
    ],
)
def test_a_redirect_is_relative_to_where_it_stands(location: str, target: str) -> None:
    joined = parse_url("https://a.test/b/c.png?x=1").join(location)
    assert f"{joined.scheme}://{joined.authority}{joined.target.partition('?')[0]}" == target


@pytest.mark.parametrize("userinfo", ["user", "user:secret", ":", "", "a%40b", "public.test:80"])
def test_a_user_name_in_a_url_is_refused_by_what_it_is(userinfo: str) -> None:
    with pytest.raises(UrlRefused, match="user name"):
        parse_url(f"https://{userinfo}@a.test/")


def test_plain_http_can_be_refused() -> None:
    UrlPolicy().check("http://a.test/")
    with pytest.raises(UrlRefused, match="https"):
        UrlPolicy().check("http://a.test/", accept_http=False)


@pytest.mark.parametrize(
    "name", ["localhost", "x.localhost", "nas.local", "a.home.arpa", "a.internal"]
)
def test_names_of_local_networks_are_refused_without_asking(name: str) -> None:
    with pytest.raises(UrlRefused):
        UrlPolicy().check(f"https://{name}/")


ALLOWING = UrlPolicy(
    frozenset({"127.0.0.1:9000", "nas.local:8080", "[::1]:9000", "169.254.169.254:80"})
)


@pytest.mark.parametrize("host", ["127.0.0.1:9000", "NAS.local:8080", "[0::1]:9000"])
def test_a_host_the_operator_named_counts_as_public_for_every_rule(host: str) -> None:
    ALLOWING.check(f"http://{host}/a.png", accept_http=False)


@pytest.mark.parametrize("host", ["127.0.0.1:9001", "127.0.0.1", "127.0.0.2:9000", "nas.local"])
def test_the_operators_permission_holds_for_that_host_and_port_only(host: str) -> None:
    with pytest.raises(UrlRefused):
        ALLOWING.check(f"http://{host}/a.png")


def test_an_operator_cannot_permit_a_metadata_address() -> None:
    with pytest.raises(UrlRefused):
        ALLOWING.check("http://169.254.169.254:80/latest/meta-data/")
