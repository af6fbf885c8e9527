"""The lists of hostile URLs in a network that exists in memory, where they always can run."""

from collections.abc import Sequence
from ipaddress import ip_address
from pathlib import Path

import pytest

from mcp_relight.errors import RelightError, UrlRefused
from mcp_relight.storage import urls
from mcp_relight.storage.fetch import Fetcher
from mcp_relight.storage.urls import is_public
from tests.hostile.canary import PICTURE
from tests.hostile.pretend_network import PretendNetwork
from tests.hostile.url_cases import Case, listed_cases, own_cases

pytestmark = pytest.mark.anyio


@pytest.fixture(params=["own", "listed"])
def cases(request: pytest.FixtureRequest) -> Sequence[Case]:
    if request.param == "own":
        return own_cases()
    folder: Path = request.getfixturevalue("hostile_data")
    return listed_cases(folder / "ssrf_urls.txt")


async def outcome(network: PretendNetwork, url: str) -> bytes | RelightError:
    try:
        return await network.fetcher().fetch(url, max_bytes=1000, deadline_s=5)
    except RelightError as error:
        return error


def not_public(network: PretendNetwork) -> list[str]:
    return [address for address, _ in network.reached if not is_public(ip_address(address))]


async def test_only_public_addresses_are_reached(cases: Sequence[Case]) -> None:
    for case in cases:
        network = PretendNetwork()
        await outcome(network, case.url)
        assert not_public(network) == [], case


async def test_each_url_ends_as_its_list_says(cases: Sequence[Case]) -> None:
    for case in cases:
        result = await outcome(PretendNetwork(), case.url)
        if case.expect == "allow":
            assert result == PICTURE, case
        elif case.expect != "pin":
            assert isinstance(result, UrlRefused), case


async def test_the_lists_bite_when_addresses_are_not_checked(
    cases: Sequence[Case], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(urls, "is_public", lambda ip: True)
    monkeypatch.setattr(urls, "is_metadata", lambda ip: False)
    hits = 0
    for case in cases:
        network = PretendNetwork()
        await outcome(network, case.url)
        hits += bool(not_public(network))
    assert hits > 60


REBINDING = (
    "after1.ip-127-0-0-1.test",
    "after1.ip-169-254-169-254.test",
    "after2.ip-10-0-0-1.test",
    "after3.ip6---1.test",
    "alternate.ip-127-0-0-1.test",
    "alternate.ip-192-168-0-1.test",
    "alternate.ip6-fd00-ec2--254.test",
)


@pytest.mark.parametrize("name", REBINDING)
async def test_a_name_that_changes_its_address_never_leads_inside(name: str) -> None:
    network = PretendNetwork()
    results = [await outcome(network, f"http://{name}/") for _ in range(50)]
    assert not_public(network) == []
    assert {type(result) for result in results} == {bytes, UrlRefused}


@pytest.mark.parametrize(
    ("url", "is_passed_on"),
    [
        ("https://public.test/a.png", True),
        ("HTTPS://public.test/a.png?signature=1", True),
        ("http://public.test/a.png", False),
        ("https://public.test:8443/a.png", False),
        ("https://10.0.0.1/a.png", False),
        ("https://named.test:8443/a.png", True),
        ("http://named.test:8080/a.png", True),
        ("http://169.254.169.254/", False),
    ],
)
def test_providers_are_told_https_addresses_and_hosts_an_operator_named(
    url: str, is_passed_on: bool
) -> None:
    named = frozenset({"named.test:8443", "named.test:8080", "169.254.169.254:80"})
    assert Fetcher(allow_private_hosts=named).may_be_passed_on(url) is is_passed_on
