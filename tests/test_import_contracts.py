"""Every import contract holds, and each fails on a deliberate violation."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

VIOLATIONS = {
    "The layers of the house": ("errors.py", "import mcp_relight.domain.words"),
    "Rooms meet in domain.ports, never directly": (
        "storage/intake.py",
        "import mcp_relight.jobs.locks",
    ),
    "What contributors test with knows the domain and the adapter kit, no room": (
        "testing.py",
        "import mcp_relight.jobs.locks",
    ),
    "The adapter kit knows the domain alone: a plug-in is written with nothing else": (
        "providers/kit/translate.py",
        "import mcp_relight.providers.wire",
    ),
    "The server knows the service, the domain and the SDK, nothing else of ours": (
        "server/tools.py",
        "import mcp_relight.providers.segmind",
    ),
    "Adapters do not know each other": (
        "providers/pixazo.py",
        "import mcp_relight.providers.segmind",
    ),
    "The simulator imports nothing of ours": ("simulator/app.py", "import mcp_relight.errors"),
    "Only the pixel child imports the engine, the measures and the finish": (
        "service/service.py",
        "import mcp_relight.engine.color",
    ),
    "The MCP SDK stays in the server and the command line": ("jobs/worker.py", "import mcp"),
    "HTTP goes out from two files only": ("providers/pixazo.py", "import httpx2"),
    "SQL lives in the job store alone": ("jobs/steps.py", "import sqlalchemy"),
    "Object stores are known to one file, beside the one of a user's own bucket": (
        "storage/files.py",
        "import obstore",
    ),
    "Pictures are decoded and computed in the child alone": ("jobs/worker.py", "import numpy"),
}


def lint(folder: Path) -> str:
    done = subprocess.run(
        [str(Path(sys.executable).with_name("lint-imports")), "--no-cache", "--no-logo"],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        env={"PATH": "", "PYTHONPATH": str(folder)},
    )
    return done.stdout


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("contracts")
    shutil.copytree(ROOT / "mcp_relight", folder / "mcp_relight")
    shutil.copy(ROOT / "pyproject.toml", folder)
    return folder


@pytest.mark.long
def test_all_contracts_hold(copy: Path) -> None:
    said = lint(copy)
    assert "0 broken" in said
    for contract in VIOLATIONS:
        assert f"{contract} KEPT" in said


@pytest.mark.long
@pytest.mark.parametrize("contract", VIOLATIONS)
def test_a_violation_breaks_its_contract(copy: Path, contract: str) -> None:
    name, line = VIOLATIONS[contract]
    file = copy / "mcp_relight" / name
    text = file.read_text("utf-8")
    file.write_text(f"{text}\n{line}\n", "utf-8")
    try:
        assert f"{contract} BROKEN" in lint(copy)
    finally:
        file.write_text(text, "utf-8")
