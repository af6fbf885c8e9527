"""Build the wheel and the source distribution, look into them, and relight a photo from a fresh
installation of the wheel.

    python packaging/check_wheel.py [--resolution newest|lowest] [--python PYTHON] [--keep DIR]

`lowest` takes every direct dependency at the oldest version that pyproject.toml allows. Nothing is
compiled: an installation that needs a compiler fails. Needs only Python 3.11 and a package index.
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import tomllib
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
NEEDED = (
    "mcp_relight/engine/weights/NOTICE",
    "mcp_relight/engine/weights/u2netp_fp16.onnx",
    "mcp_relight/cli/samples/astronaut.jpg",
    "mcp_relight/providers/pixeldojo_models.json",
)
"""Data files without which an installation would be half of one."""


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--resolution", choices=["newest", "lowest"], default="newest")
    options.add_argument("--python", default=sys.executable, help="installs with this one")
    options.add_argument("--keep", type=Path, help="copy what was built into this folder")
    asked = options.parse_args()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        work = Path(folder)
        wheel, source = build(work)
        look_into(wheel, source)
        same_from_source(wheel, source, work)
        relight(install(wheel, asked.python, asked.resolution, work), work)
        if asked.keep:
            asked.keep.mkdir(parents=True, exist_ok=True)
            for built in (wheel, source):
                shutil.copy(built, asked.keep)
    print(f"{wheel.name}: builds, installs ({asked.resolution}) and relights")
    return 0


def environment(python: str, folder: Path) -> Path:
    """A fresh environment; its Python."""
    run(python, "-m", "venv", folder)
    return folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def pip(python: Path, *arguments: str | Path) -> None:
    run(python, "-m", "pip", "--quiet", "--disable-pip-version-check", *arguments)


def build(work: Path) -> tuple[Path, Path]:
    python = environment(sys.executable, work / "builder")
    pip(python, "install", "hatchling")
    run(python, "-m", "hatchling", "build", "--directory", work / "built", cwd=ROOT)
    (wheel,) = (work / "built").glob("*.whl")
    (source,) = (work / "built").glob("*.tar.gz")
    return wheel, source


def look_into(wheel: Path, source: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    check(wheel.name.endswith("-py3-none-any.whl"), "the wheel is not for every platform")
    check(not [name for name in NEEDED if name not in names], "the wheel lacks data files")
    outside = {name.split("/")[0] for name in names} - {"mcp_relight"}
    check(all(".dist-info" in name for name in outside), "the wheel holds more than the package")
    with tarfile.open(source) as archive:
        inside = {name.partition("/")[2] for name in archive.getnames()}
    wanted = {"README.md", "LICENSE", "PRIVACY.md", "pyproject.toml", "tests/conftest.py"}
    check(wanted <= inside, "the source distribution lacks files")


def same_from_source(wheel: Path, source: Path, work: Path) -> None:
    """What the source distribution builds is what this tree builds."""
    with tarfile.open(source) as archive:
        archive.extractall(work / "source", filter="data")
    (tree,) = (work / "source").iterdir()
    python = work / "builder" / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    run(
        python,
        "-m",
        "hatchling",
        "build",
        "--target",
        "wheel",
        "--directory",
        work / "again",
        cwd=tree,
    )
    (again,) = (work / "again").glob("*.whl")
    check(contents(again) == contents(wheel), "the source distribution builds another wheel")


def contents(wheel: Path) -> dict[str, int]:
    return {entry.filename: entry.CRC for entry in zipfile.ZipFile(wheel).infolist()}


def install(wheel: Path, python: str, resolution: str, work: Path) -> Path:
    fresh = environment(python, work / "fresh")
    constraints = work / "constraints.txt"
    oldest = [lowest(one) for one in PROJECT["dependencies"]] if resolution == "lowest" else []
    constraints.write_text("\n".join(oldest), "utf-8")
    pip(fresh, "install", "--only-binary", ":all:", "--constraint", constraints, wheel)
    return fresh


def lowest(requirement: str) -> str:
    """`anyio>=4.14` → `anyio==4.14.*`: the oldest line, in its last repair."""
    found = re.match(r"([\w.-]+)>=([\w.]+)", requirement)
    check(found is not None, f"{requirement} has no lower bound")
    assert found is not None  # noqa: S101 - for the type checker
    return f"{found[1]}=={found[2]}.*"


def relight(python: Path, work: Path) -> None:
    home = work / "home"
    home.mkdir()
    # Of this process only what a program needs to run: no settings, no other packages.
    kept = {name: os.environ[name] for name in ("PATH", "SYSTEMROOT", "TEMP") if name in os.environ}
    variables = kept | {
        "HOME": str(home),
        "USERPROFILE": str(home),
        "MCP_RELIGHT_WORKER_IDLE_S": "0",
    }
    command = python.with_name("mcp-relight.exe" if os.name == "nt" else "mcp-relight")
    version = run(command, "--version", env=variables)
    check(version.split() == ["mcp-relight", PROJECT["version"]], "the version is another one")
    job = json.loads(run(command, "demo", "--json", env=variables))
    check(job["status"] == "succeeded", "the demo did not succeed")
    check(Path(job["images"][0]["path"]).is_file(), "the demo's picture is not there")


def run(*command: str | Path, cwd: Path | None = None, env: dict[str, str] | None = None) -> str:
    done = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env=env,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return done.stdout


def check(is_so: bool, otherwise: str) -> None:
    if not is_so:
        raise SystemExit(f"check_wheel: {otherwise}")


if __name__ == "__main__":
    sys.exit(main())
