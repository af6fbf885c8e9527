"""Chromium, driven from Node. npm's packages live in `.cache/app` and are never committed."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
MODULES = ROOT / ".cache" / "app"
PACKAGES = {
    "axe-core": "4.11.0",
    "@modelcontextprotocol/client": "2.4.0",
    "@modelcontextprotocol/ext-apps": "2.0.4",
    "esbuild": "0.28.2",
    "playwright-core": "1.65.1",
}


def installed_browser() -> str:
    """Its path; skips the test where it or its driver cannot be had."""
    browser = shutil.which("chromium") or shutil.which("chromium-browser")
    if browser is None or shutil.which("node") is None or shutil.which("npm") is None:
        pytest.skip("needs node, npm and chromium (Debian: apt-get install chromium)")
    _install()
    return browser


def drive(script: str, plan: dict[str, Any]) -> Any:
    """Run a script of this folder with that plan; what it printed."""
    done = subprocess.run(
        [shutil.which("node") or "node", str(Path(__file__).parent / script)],
        input=json.dumps(plan),
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout)


def _install() -> None:
    """npm's packages, once, at fixed versions."""
    MODULES.mkdir(parents=True, exist_ok=True)
    wanted = json.dumps({"private": True, "dependencies": PACKAGES})
    manifest = MODULES / "package.json"
    if (MODULES / "node_modules").is_dir() and manifest.read_text("utf-8") == wanted:
        return
    manifest.write_text(wanted, "utf-8")
    command = ["npm", "install", "--no-audit", "--no-fund", "--no-package-lock", "--silent"]
    done = subprocess.run(command, cwd=MODULES, capture_output=True, timeout=300, check=False)
    if done.returncode != 0:
        shutil.rmtree(MODULES / "node_modules", ignore_errors=True)
        pytest.skip("npm could not install the browser driver")
