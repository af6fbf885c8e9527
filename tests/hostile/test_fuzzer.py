"""A server on stdio under fire: from mcp-fuzzer, and from lines that are hardly messages at all."""

import json
import random
import subprocess
import sys
from collections import Counter

import pytest

from tests.tool import program
from tests.world import World

from .wire import Facts, Wire, wired

SEED = 7
# What it calls findings of these kinds are none: answers to odd but allowed arguments (an empty
# `provider`), and answers longer than the 64 KiB it reads, which come and go with its arguments.
NO_FINDING = {"accepted_malformed", "non_determinism"}

_SERVER = """
import os, sys
os.dup2(os.open({log!r}, os.O_WRONLY | os.O_CREAT | os.O_APPEND), 2)
os.environ.update({environment!r})
{before}
from mcp_relight.cli.main import main
sys.exit(main(["serve"]))
"""


@pytest.fixture(scope="module")
def fuzzer() -> str:
    """The program, where `.ci/run` installed it."""
    return program("fuzzer", "mcp-fuzzer")


def fuzzed(fuzzer: str, world: World, *how: str, before: str = "") -> tuple[Facts, str]:
    """The summary of a run with this seed, and what the server said on stderr."""
    world.photo("mug.png", width=64, height=48)
    log, out = world.root / "stderr.txt", world.root / "out"
    server = world.root / "server.py"
    server.write_text(_SERVER.format(log=str(log), environment=world.environment, before=before))
    command = [fuzzer, *how, "--protocol", "stdio", "--endpoint", f"{sys.executable} -P {server}"]
    command += ["--seed", str(SEED), "--no-network", "--no-corpus", "--output-dir", str(out)]
    subprocess.run(
        command,
        env=world.environment,
        cwd=world.root,
        capture_output=True,
        timeout=600,
        check=False,
    )
    return json.loads((out / "run_summary.json").read_text()), log.read_text()


@pytest.mark.long
def test_no_tool_falls_over_whatever_it_is_given(
    fuzzer: str, world: World, pytestconfig: pytest.Config
) -> None:
    runs = "60" if pytestconfig.getoption("--full") else "10"
    summary, said = fuzzed(fuzzer, world, "--mode", "tools", "--phase", "both", "--runs", runs)
    assert summary["status"] == "completed"
    assert set(summary["findings"]["by_category"]) <= NO_FINDING
    assert said == ""


@pytest.mark.long
def test_no_message_of_the_protocol_makes_it_fall_over(
    fuzzer: str, world: World, pytestconfig: pytest.Config
) -> None:
    runs = "10" if pytestconfig.getoption("--full") else "3"
    how = ("--mode", "protocol", "--protocol-phase", "aggressive", "--runs-per-type", runs)
    summary, said = fuzzed(fuzzer, world, *how)
    assert len(summary["protocols"]["by_type"]) > 20
    assert set(summary["findings"]["by_category"]) <= NO_FINDING
    assert said == ""


_FALLING = """
from mcp_relight.server.tools import FlatTool
proper = FlatTool.run
async def falling(self, arguments, *others, **more):
    if self.name == "list_jobs":
        os._exit(3)
    return await proper(self, arguments, *others, **more)
FlatTool.run = falling
"""


@pytest.mark.full
def test_a_server_that_falls_over_is_seen(fuzzer: str, world: World) -> None:
    how = ("--mode", "tools", "--phase", "aggressive", "--runs", "3")
    summary, _ = fuzzed(fuzzer, world, *how, before=_FALLING)
    assert not set(summary["findings"]["by_category"]) <= NO_FINDING


def lines(chance: random.Random, count: int) -> list[bytes]:
    """Lines that are no message, or hardly one: the fuzzer's own are all well-formed JSON."""
    whole = json.dumps(
        {
            "jsonrpc": "2.0",
            "id": "odd",
            "method": "tools/call",
            "params": {"name": "relight_image", "arguments": {"image": "latest", "look": "loop"}},
        }
    ).encode()
    made = [
        b"", b"{", b"null", b"[]", b"\xff\xfe", b"\x00" * 99, b"[" * 100_000, b'{"a":' * 50_000,
        b'[{"jsonrpc":"2.0","id":1,"method":"ping"}]', b'"' + b"x" * 1_000_000 + b'"',
        b'{"jsonrpc":"2.0","id":{"a":1},"method":"ping"}', b'{"jsonrpc":"2.0","method":7}',
        b'{"jsonrpc":"2.0","id":1e999,"method":"ping"}', b'{"jsonrpc":"1.0","id":1}',
        b'{"jsonrpc":"2.0","id":9,"result":{}}', b'{"jsonrpc":"2.0","id":9,"error":7}',
        whole.replace(b'"latest"', b'"\\ud800"'), whole.replace(b'"loop"', b"9" * 5000),
        whole.replace(b'"latest"', b'"\\u0000"'), whole.replace(b'"id"', b'"params":1,"id"'),
    ]  # fmt: skip
    while len(made) < count:
        line = bytearray(whole)
        for _ in range(chance.choice([1, 2, 8])):
            at = chance.randrange(len(line))
            line[at : at + chance.choice([0, 1, 9])] = bytes(chance.randrange(256) for _ in "abc")
        made.append(bytes(line).replace(b"\n", b" "))
    return made


@pytest.mark.long
def test_lines_that_are_no_messages_are_survived(world: World, pytestconfig: pytest.Config) -> None:
    world.photo("mug.png", width=64, height=48)
    count = 2000 if pytestconfig.getoption("--full") else 500
    with wired(world, MCP_RELIGHT_WORKER="none") as wire:
        for number, line in enumerate(lines(random.Random(SEED), count)):
            wire.raw(line)
            if number % 50 == 0:
                assert wire.request("ping")["result"] == {}
        assert "tools" in wire.request("tools/list")["result"]
        check_answers(wire)
        code, took_s = wire.end()
    assert (code, took_s < 10) == (0, True)
    assert "Traceback" not in wire.stderr.read_text()


def check_answers(wire: Wire) -> None:
    """Nothing internal happened, and no answer speaks of Python."""
    answers = [json.loads(line) for line in bytes(wire.received).splitlines()]
    codes = Counter(answer["error"]["code"] for answer in answers if "error" in answer)
    assert set(codes) <= {-32600, -32601, -32602, -32700}
    for word in (b"Traceback", b"pydantic", b"input_value", b".py"):
        assert word not in wire.received
