#!/usr/bin/env python3
"""Set up a private environment beside this file, then run one thing in it.

    python3 dev.py demo      relight a sample photo through the MCP server
    python3 dev.py test      run the tests on every core (further arguments go to pytest)
    python3 dev.py run ...   run the command line

Needs only Python 3.11 or newer and a package index.
"""

import hashlib
import os
import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent
ENVIRONMENT = ROOT / ".venv"
PYTHON = ENVIRONMENT / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
LOCK = ROOT / "constraints.txt"
STAMP = ENVIRONMENT / "installed"


def main() -> int:
    if sys.version_info < (3, 11):  # noqa: UP036 - this file must still run to say so
        sys.stderr.write("mcp-relight needs Python 3.11 or newer.\n")
        return 2
    if len(sys.argv) < 2 or sys.argv[1] not in {"demo", "test", "run"}:
        sys.stderr.write(__doc__ or "")
        return 2
    set_up()
    what, rest = sys.argv[1], sys.argv[2:]
    module = {
        "demo": ["mcp_relight", "demo"],
        "test": ["pytest", "--numprocesses", "auto", "--dist", "worksteal"],
        "run": ["mcp_relight"],
    }[what]
    return subprocess.run([PYTHON, "-m", *module, *rest], cwd=ROOT if what == "test" else None,
                          check=False).returncode  # fmt: skip


def set_up() -> None:
    """Create the environment; install again only when the lock or the project file changed."""
    wanted = hashlib.sha256(LOCK.read_bytes() + (ROOT / "pyproject.toml").read_bytes()).hexdigest()
    if STAMP.exists() and STAMP.read_text() == wanted and PYTHON.exists():
        return
    sys.stderr.write("Setting up .venv (once) ...\n")
    venv.create(ENVIRONMENT, with_pip=True)
    pip("install", "--require-hashes", "--requirement", str(LOCK))
    pip("install", "--no-deps", "--no-build-isolation", "--editable", str(ROOT))
    STAMP.write_text(wanted)


def pip(*arguments: str) -> None:
    command = [PYTHON, "-m", "pip", "--disable-pip-version-check", "--quiet", *arguments]
    subprocess.run(command, check=True, stdout=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
