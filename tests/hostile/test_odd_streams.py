"""Standard streams that are closed, full, or know few letters."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import pytest

from tests.matrix import some_now
from tests.world import World

Say = Callable[[str, dict[str, Any]], None]

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="POSIX shells and devices")

COMMAND = [sys.executable, "-P", "-m", "mcp_relight"]


def in_a_shell(world: World, line: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """A line of bash, in which `relight` is the program."""
    world.photos.mkdir(parents=True, exist_ok=True)
    words = " ".join(f"'{word}'" for word in COMMAND)
    return subprocess.run(
        ["bash", "-c", f'relight() {{ {words} "$@"; }}; {line}'],
        env=world.environment | environment,
        cwd=world.root,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("flag", some_now(["--json", ""]))
def test_a_reader_that_has_enough_is_no_trouble(world: World, flag: str) -> None:
    line = f"relight models --include all {flag} | true; exit ${{PIPESTATUS[0]}}"
    done = in_a_shell(world, line)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
def test_an_answer_that_finds_no_room_is_said(world: World) -> None:
    done = in_a_shell(world, "relight models > /dev/full")
    assert done.returncode == 1
    assert done.stderr == "mcp-relight: The answer could not be written to stdout.\n"


def test_a_terminal_of_few_letters_shows_what_it_can(world: World) -> None:
    photo = world.photo("Käse 光.png", width=64, height=48)
    few = {"PYTHONIOENCODING": "ascii"}
    assert in_a_shell(world, "relight find", **few).stdout.isascii()
    done = in_a_shell(world, "relight find --json; relight models", **few)
    assert (done.returncode, done.stderr) == (0, "")
    found, _ = json.JSONDecoder().raw_decode(done.stdout)
    assert found["images"][0]["name"] == photo.name


def test_a_command_whose_answer_nobody_wants_ends_quietly(world: World) -> None:
    done = in_a_shell(world, "relight models >&-")
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("closed", some_now([">&-", "<&-"]))
def test_a_server_without_streams_says_so_in_one_line(world: World, closed: str) -> None:
    done = in_a_shell(world, f"relight serve {closed}")
    assert done.returncode == 2
    assert "stdin and stdout" in done.stderr
    assert done.stderr.count("\n") == 1


@contextmanager
def serving(world: World, stderr: BinaryIO) -> Iterator[tuple[subprocess.Popen[bytes], Say]]:
    """A server whose greeting was asked for, and how to ask it for more."""
    server = subprocess.Popen(
        [*COMMAND, "serve"],
        env=world.environment | {"MCP_RELIGHT_WORKER": "inline"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=stderr,
    )

    def say(method: str, params: dict[str, Any]) -> None:
        assert server.stdin is not None
        message = {"jsonrpc": "2.0", "id": method, "method": method, "params": params}
        server.stdin.write(json.dumps(message).encode() + b"\n")
        server.stdin.flush()

    client = {"name": "raw", "version": "1"}
    hello = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": client}
    try:
        say("initialize", hello)
        yield server, say
    finally:
        server.kill()
        server.wait()


@pytest.mark.parametrize("method", some_now(["tools/call", "ping"]))
def test_a_client_that_reads_no_more_ends_the_server_in_order(world: World, method: str) -> None:
    world.photo("mug.png", width=64, height=48)
    log = world.root / "stderr.txt"
    with log.open("wb") as stderr, serving(world, stderr) as (server, say):
        assert server.stdin is not None
        assert server.stdout is not None
        assert b"serverInfo" in server.stdout.readline()
        server.stdout.close()
        say(method, {"name": "relight_image", "arguments": {"image": "latest", "look": "loop"}})
        server.stdin.close()
        assert server.wait(30) == 0
    assert log.read_text() == ""
