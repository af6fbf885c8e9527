"""What a release is made of and by."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.tool import program

ROOT = Path(__file__).parents[2]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_a_workflow_pins_what_it_uses_and_starts_without_rights(path: Path) -> None:
    text = path.read_text("utf-8")
    workflow = yaml.safe_load(text)
    assert workflow["permissions"] == {}
    used = re.findall(r"uses: (\S+)( # v[\d.]+)?", text)
    assert used
    assert [
        one for one, version in used if not (re.search(r"@[0-9a-f]{40}$", one) and version)
    ] == []


def test_what_is_released_is_attested_and_needs_no_token() -> None:
    jobs = yaml.safe_load((ROOT / ".github/workflows/release.yml").read_text("utf-8"))["jobs"]
    steps = {name: [str(step.get("uses")) for step in job["steps"]] for name, job in jobs.items()}
    assert any("attest-build-provenance" in one for one in steps["build"])
    assert jobs["publish"]["permissions"] == {"id-token": "write"}
    assert "secrets." not in str(jobs)


@pytest.mark.long
def test_zizmor_finds_nothing_in_the_workflows() -> None:
    done = subprocess.run(
        [program("zizmor", "zizmor"), "--offline", "--persona", "pedantic", *map(str, WORKFLOWS)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout


@pytest.mark.full
@pytest.mark.parametrize("resolution", ["newest", "lowest"])
def test_a_fresh_installation_of_the_wheel_relights(resolution: str) -> None:
    checked = [sys.executable, str(ROOT / "packaging" / "check_wheel.py")]
    done = subprocess.run(
        [*checked, "--resolution", resolution], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
