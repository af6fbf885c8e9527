"""The lists of hostile URLs against real sockets, in a network where every address is ours."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path

import pytest

from mcp_relight.storage.urls import is_public
from tests.hostile.namespace_rig import CANNOT_RUN
from tests.hostile.test_url_lists import REBINDING
from tests.hostile.url_cases import Case, listed_cases, own_cases

pytestmark = pytest.mark.long

_ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Findings:
    outcomes: list[str]
    visits: list[dict[str, object]]

    def not_public(self) -> list[dict[str, object]]:
        return [visit for visit in self.visits if not is_public(ip_address(str(visit["address"])))]


def explore(urls: Sequence[str], *, guarded: bool) -> Findings:
    if shutil.which("unshare") is None:
        pytest.skip("there is no unshare(1) here")
    command = ["unshare", "--net", "--mount", "--map-root-user", sys.executable, "-m"]
    done = subprocess.run(
        [*command, "tests.hostile.namespace_rig"],
        input=json.dumps({"urls": list(urls), "guarded": guarded}),
        capture_output=True,
        text=True,
        timeout=300,
        env=os.environ | {"PYTHONPATH": str(_ROOT), "PYTHONDONTWRITEBYTECODE": "1"},
    )
    if done.returncode == CANNOT_RUN or done.stderr.startswith("unshare:"):
        pytest.skip(f"namespaces are not allowed here: {done.stderr.strip()[-200:]}")
    assert done.returncode == 0, done.stderr[-2000:]
    return Findings(**json.loads(done.stdout))


@pytest.fixture(scope="module", params=["own", "listed"])
def cases(request: pytest.FixtureRequest) -> Sequence[Case]:
    if request.param == "own":
        return own_cases()
    folder: Path = request.getfixturevalue("hostile_data")
    return listed_cases(folder / "ssrf_urls.txt")


@pytest.fixture(scope="module")
def guarded(cases: Sequence[Case]) -> Findings:
    return explore([case.url for case in cases], guarded=True)


def test_no_connection_arrives_at_an_address_that_is_not_public(guarded: Findings) -> None:
    assert guarded.not_public() == []


def test_every_url_ends_as_its_list_says(cases: Sequence[Case], guarded: Findings) -> None:
    for case, outcome in zip(cases, guarded.outcomes, strict=True):
        if case.expect == "allow":
            assert outcome == "picture", case
        elif case.expect != "pin":
            assert outcome == "url_refused", case


def test_the_same_urls_reach_inside_when_nothing_guards(cases: Sequence[Case]) -> None:
    bare = explore([case.url for case in cases], guarded=False)
    hits = [visit for visit in bare.not_public() if visit["received_bytes"]]
    assert len(hits) > 60


def test_fifty_rounds_of_changing_names_reach_only_public_addresses() -> None:
    findings = explore([f"http://{name}/" for name in REBINDING] * 50, guarded=True)
    assert findings.not_public() == []
    assert set(findings.outcomes) == {"picture", "url_refused"}
