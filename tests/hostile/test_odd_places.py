"""Surroundings that are not as usual: no home, odd folders, references that are no paths."""

import json
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from tests.matrix import some_now
from tests.world import World

from .wire import wired

TOO_LONG = "data:image/png;base64," + "A" * 10_000

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="POSIX users, modes and paths")


@pytest.mark.parametrize(
    "reference", some_now([TOO_LONG, "~nobody-of-that-name/mug.png", "x" * 300])
)
def test_a_typed_reference_that_is_no_path_is_refused_in_one_line(
    world: World, reference: str
) -> None:
    world.photos.mkdir(parents=True)
    done = world.run("analyze", reference)
    assert done.returncode == 2, done.stderr
    assert done.stderr.startswith("mcp-relight: image: ")
    assert done.stderr.count("\n") == 1
    assert "AAAA" not in done.stderr


@pytest.mark.parametrize("variable", some_now(["DATA_DIR", "OUTPUT_DIR", "ALLOWED_DIRS"]))
def test_a_home_nobody_knows_stops_the_start_in_one_line(world: World, variable: str) -> None:
    changed = {f"MCP_RELIGHT_{variable}": "~nobody-of-that-name/pictures"}
    done = world.run("jobs", environment=world.environment | changed)
    assert done.returncode == 2, done.stderr
    assert f"MCP_RELIGHT_{variable}" in done.stderr
    assert done.stderr.count("\n") == 1


_WITHOUT_ACCOUNT = """
import pwd, sys
def nobody(uid):
    raise KeyError(uid)
pwd.getpwuid = nobody
from mcp_relight.cli.main import main
sys.exit(main())
"""


def test_a_user_without_home_and_account_is_told_what_to_set(world: World) -> None:
    """As containers are often run: with the id of no account."""
    world.root.mkdir(exist_ok=True)
    environment = {k: v for k, v in world.environment.items() if k in {"PATH", "PYTHONPATH"}}

    def run(*flags: str, **more: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-c", _WITHOUT_ACCOUNT, "jobs", *flags],
            env=environment | more,
            cwd=world.root,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    done = run()
    assert done.returncode == 2, done.stderr
    assert "MCP_RELIGHT_DATA_DIR" in done.stderr
    assert done.stderr.count("\n") == 1
    done = run("--json", MCP_RELIGHT_DATA_DIR=str(world.data))
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["jobs"] == []


@pytest.mark.parametrize("mode", some_now([0o600, 0o644]))
def test_install_keeps_a_clients_file_as_private_as_it_was(world: World, mode: int) -> None:
    """Clients keep keys and tokens in these files."""
    real, path = world.root / "dotfiles.json", world.root / ".cursor" / "mcp.json"
    real.parent.mkdir(parents=True, exist_ok=True)
    path.parent.mkdir()
    real.write_text('{"mcpServers": {"other": {"env": {"KEY": "canary"}}}}')
    real.chmod(mode)
    path.symlink_to(real)
    assert world.run("install", "cursor").returncode == 0
    kept = [one for one in world.root.rglob("*") if one.is_file() and b"canary" in one.read_bytes()]
    assert {one.resolve() for one in kept} == {real, real.with_name("dotfiles.json.bak-1")}
    assert {modes(one) for one in kept} == {mode}
    assert path.is_symlink(), "the link stays a link"


def modes(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_finished_job_without_a_named_copy_is_still_shown(world: World) -> None:
    """The disk was full for the copies alone: the picture is in the store, and the job says so."""
    world.photo("mug.png", width=64, height=48)
    with wired(world, MCP_RELIGHT_WORKER="none") as wire:
        job = wire.facts("relight_image", image="latest", look="loop", wait_s=0)
        wire.end()
    world.results.rmdir()
    for folder in (world.results, world.data / "results"):
        folder.write_bytes(b"a file where a folder belongs")
    with wired(world, MCP_RELIGHT_WORKER="inline") as wire:
        done = wire.facts("get_job", job_id=job["job_id"], wait_s=45)
        assert done["status"] == "succeeded"
        [image] = done["images"]
        assert "path" not in image
        assert any("view_image" in warning for warning in done["warnings"])
        assert wire.facts("compare_images", job_id=job["job_id"])["after"]["uri"] == image["uri"]
        assert not wire.tool("view_image", image=job["job_id"]).get("isError")


@pytest.mark.parametrize(("version", "is_read"), [("12.3.0", False), ("13.0.0", True)])
def test_no_picture_is_read_by_a_pillow_known_to_be_unsafe(version: str, is_read: bool) -> None:
    """An environment may hold another version than the one that is asked for."""
    line = "import PIL; from PIL import Image; "
    line += f"PIL.__version__ = '{version}'; import mcp_relight.pixels.tasks"
    done = subprocess.run(
        [sys.executable, "-c", line], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode == 0) is is_read
    assert ("update Pillow" in done.stderr) is not is_read
