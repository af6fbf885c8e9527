"""Programs that `.ci/run` installs for the tests, each in an environment of its own."""

import os
from pathlib import Path

import pytest

_LISTS = Path(__file__).parents[1] / ".ci"


def program(tool: str, name: str) -> str:
    """The path of a program of that tool as its list says; skips the test where it is absent."""
    cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache"))
    folder = cache / "mcp-relight" / tool
    installed, wanted = folder / "installed.txt", _LISTS / f"{tool}.txt"
    if not installed.exists() or installed.read_text() != wanted.read_text():
        pytest.skip(f"{name} is not installed; `.ci/tool.sh {tool}` does that")
    return str(folder / "bin" / name)
