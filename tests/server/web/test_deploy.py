"""docs/deploy.md, block by block, from an empty folder: what it tells people to type is typed."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Generator, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anyio
import httpx2
import pytest
import yaml
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

from mcp_relight.domain.image import image_id_of
from tests.docs.documents import ROOT, Block, blocks
from tests.flows.rig import facts_of
from tests.jobs.postgres import Cluster, program_of, running_postgres
from tests.s3 import KEY_ID, S3, SECRET, running_s3
from tests.server.web.farm import ended
from tests.server.web.proxy import Balancer, balancing
from tests.world import World

pytest.importorskip("procrastinate", reason="needs the extra team")
pytest.importorskip("obstore", reason="needs the extra team")
pytestmark = [pytest.mark.anyio, pytest.mark.long]

_OURS = "tests/server/web/test_deploy.py"
_PARTS = ("By hand", "Upgrades without downtime", "Backup and restore")
_END = "the block ended with"


class Shell:
    """One shell for all blocks, as a person has it: what one exports, the next finds."""

    def __init__(self, folder: Path, environment: dict[str, str], changes: dict[str, str]) -> None:
        self._changes = changes
        self._errors = folder / "shell.log"
        self._process = subprocess.Popen(
            ["bash", "-u"],
            cwd=folder,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors.open("ab"),
            text=True,
        )

    def run(self, text: str) -> str:
        """What it says. Every line has to succeed."""
        for there, here in self._changes.items():
            text = text.replace(there, here)
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"trap 'failed=$LINENO' ERR\nfailed=\n{text}\n")
        self._process.stdin.write(f'printf "\\n%s\\n" "{_END} ${{failed:-nothing}}"\n')
        self._process.stdin.flush()
        said = ""
        for line in self._process.stdout:
            if line.startswith(_END):
                assert line.strip() == f"{_END} nothing", self._errors.read_text()[-3000:]
                return said
            said += line
        raise AssertionError(self._errors.read_text()[-3000:])

    def end(self) -> None:
        """And what it has started."""
        if self._process.poll() is None:
            assert self._process.stdin is not None
            self._process.stdin.write("kill -KILL $(jobs -p) 2>/dev/null; exit\n")
            self._process.stdin.close()
            self._process.wait(30)


@dataclass
class Place:
    """Where the document is followed, and how far it has been."""

    shell: Shell
    balancer: Balancer
    s3: S3
    cluster: Cluster
    folder: Path
    ports: dict[str, str]
    tokens: dict[str, str]


def _blocks() -> dict[str, list[Block]]:
    """The blocks of each part that are run here, in their order."""
    text = (ROOT / "docs" / "deploy.md").read_text("utf-8").splitlines()
    found: dict[str, list[Block]] = {}
    for block in blocks():
        if block.document == "docs/deploy.md" and block.why_not and _OURS in block.why_not:
            titles = [line for line in text[: block.line] if line.startswith("## ")]
            found.setdefault(titles[-1].removeprefix("## "), []).append(block)
    return found


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    if not all(map(shutil.which, ("bash", "curl", "openssl"))):
        pytest.skip("needs bash, curl and openssl")
    folder = tmp_path_factory.mktemp("deploy")
    with ExitStack() as stack:
        s3 = stack.enter_context(running_s3(bucket=None))
        cluster = stack.enter_context(running_postgres())
        balancer = stack.enter_context(balancing())
        yield stack.enter_context(_followed(folder, s3, cluster, balancer))


@contextmanager
def _followed(folder: Path, s3: S3, cluster: Cluster, balancer: Balancer) -> Generator[Place]:
    empty = folder / "empty"
    empty.mkdir()
    commands = folder / "bin"
    commands.mkdir()
    ours = commands / "mcp-relight"
    ours.write_text(f'#!/bin/sh\nexec {sys.executable} -m mcp_relight "$@"\n')
    ours.chmod(0o755)
    ports = {"8000": str(free_port()), "8001": str(free_port())}
    path = os.pathsep.join([str(commands), str(program_of("pg_dump").parent), os.environ["PATH"]])
    shell = Shell(
        empty,
        World(folder).environment | {"PATH": path},
        {
            "postgresql://user:password@host/relight": cluster.new_database("relight"),
            "https://s3.example.com": s3.url,
            "https://relight.example.com": balancer.url,
            "BLOB_KEY_ID=relight": f"BLOB_KEY_ID={KEY_ID}",
            "BLOB_SECRET=password": f"BLOB_SECRET={SECRET}",
            **{f"--port {port}": f"--port {other}" for port, other in ports.items()},
            **{f"127.0.0.1:{port}": f"127.0.0.1:{other}" for port, other in ports.items()},
        },
    )
    try:
        said = "".join(shell.run(block.text) for block in _blocks()["By hand"])
        balancer.replicas.append(f"http://127.0.0.1:{ports['8000']}")
        tokens = re.findall(r"^rlt_\S+$", said, re.MULTILINE)
        assert len(tokens) == 2, said
        who: dict[str, str] = {"ana": tokens[0], "ben": tokens[1]}
        yield Place(shell, balancer, s3, cluster, empty, ports, who)
    finally:
        shell.end()


def free_port() -> int:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def client_of(url: str, token: str) -> Client:
    http = httpx2.AsyncClient(
        headers={"authorization": f"Bearer {token}"}, trust_env=False, timeout=60
    )
    return Client(streamable_http_client(f"{url}/mcp", http_client=http))


async def relit(place: Place, who: str, look: str) -> tuple[dict[str, Any], bytes]:
    """As a person would: the photo by the very curl line, the result by its address."""
    photo = World(place.folder).photo(f"{who}.jpg")
    async with client_of(place.balancer.url, place.tokens[who]) as client:
        address = facts_of(await client.call_tool("upload_image", {}))
        line = str(address["curl"]).replace("photo.jpg", str(photo))
        sent = await anyio.run_process(line.split())
        image = json.loads(sent.stdout)["image"]
        wanted = {"image": image, "look": look, "wait_s": 0}
        answer = facts_of(await client.call_tool("relight_image", wanted))
        job = await ended(client, answer["job_id"])
    assert job["status"] == "succeeded", job
    return job, await fetched(job)


async def fetched(job: dict[str, Any]) -> bytes:
    async with httpx2.AsyncClient(trust_env=False, timeout=60) as anybody:
        got = await anybody.get(job["images"][0]["url"])
    assert got.status_code == 200
    assert image_id_of(got.content) == job["images"][0]["image_id"]
    return got.content


def test_every_part_that_can_be_followed_is() -> None:
    assert tuple(_blocks()) == _PARTS
    assert sum(map(len, _blocks().values())) == 6


async def test_two_people_relight_after_the_steps_by_hand(place: Place) -> None:
    for who, look in (("ana", "golden_hour"), ("ben", "blue_hour")):
        job, _ = await relit(place, who, look)
        assert job["images"][0]["url"].startswith(place.s3.url)
    async with client_of(place.balancer.url, place.tokens["ben"]) as client:
        rows = facts_of(await client.call_tool("list_jobs", {}))["jobs"]
    assert len(rows) == 1, "each their own"


async def test_nobody_is_turned_away_while_the_new_version_takes_over(place: Place) -> None:
    (block,) = _blocks()["Upgrades without downtime"]
    before, _, after = block.text.partition("kill -TERM")
    answered = 0
    async with client_of(place.balancer.url, place.tokens["ana"]) as client:
        done = anyio.Event()

        async def call() -> None:
            nonlocal answered
            while not done.is_set():
                assert not (await client.call_tool("list_jobs", {})).is_error
                answered += 1

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(call)
            await anyio.to_thread.run_sync(place.shell.run, before)
            newer = f"http://127.0.0.1:{place.ports['8001']}"
            place.balancer.replicas[:] = [newer]
            await anyio.to_thread.run_sync(place.shell.run, "kill -TERM" + after)
            done.set()
    assert answered > 3
    job, _ = await relit(place, "ana", "overcast")
    assert job["status"] == "succeeded"


async def test_what_was_backed_up_is_there_after_a_restore(place: Place) -> None:
    job, data = await relit(place, "ana", "rembrandt")
    dump, restore = _blocks()["Backup and restore"]
    place.shell.run(dump.text)
    place.s3.copy_bucket("pictures", "restored")
    place.shell.run(restore.text)
    port = free_port()
    there = {
        "DATABASE_URL": place.cluster.url_of("restored"),
        "BLOB_URL": "s3://restored/relight",
        "DATA_DIR": str(place.folder / "elsewhere"),
        "STATE_KEYS": "another-key-of-the-tests-0123456789abcdef",
    }
    exports = "\n".join(f"export MCP_RELIGHT_{name}='{value}'" for name, value in there.items())
    url = f"http://127.0.0.1:{port}"
    place.shell.run(f"{exports}\nmcp-relight serve --http --port {port} & restored=$!")
    place.shell.run(f"curl -fsS --retry 60 --retry-all-errors --retry-delay 1 {url}/readyz")
    place.balancer.replicas[:] = [url]
    async with client_of(place.balancer.url, place.tokens["ana"]) as client:
        again = facts_of(await client.call_tool("get_job", {"job_id": job["job_id"]}))
    assert again["images"][0]["url"].startswith(f"{place.s3.url}/restored/")
    assert await fetched(again) == data


async def test_the_health_check_of_the_image_sees_a_server(place: Place) -> None:
    """The one after the restore: the last of those that were started."""
    text = (ROOT / "Dockerfile").read_text("utf-8")
    found = re.search(r'CMD (\["python", "-c", .*\])$', text, re.MULTILINE)
    assert found is not None
    python, *words = json.loads(found[1])
    assert python == "python"
    for port, lives in ((place.balancer.replicas[0].rpartition(":")[2], True), ("9", False)):
        line = [sys.executable, *(word.replace(":8000/", f":{port}/") for word in words)]
        assert (subprocess.run(line, capture_output=True).returncode == 0) is lives


async def test_the_command_that_makes_the_bucket_may_come_twice(place: Place) -> None:
    compose = yaml.safe_load((ROOT / "compose.yaml").read_text("utf-8"))
    words: list[str] = compose["services"]["bucket"]["command"]
    changes = {
        "relight:${RELIGHT_STORE_SECRET:?}": f"{KEY_ID}:{SECRET}",
        "http://store:8333/pictures": f"{place.s3.url}/of-compose",
    }
    for _ in range(2):
        done = subprocess.run(["curl", *(changes.get(word, word) for word in words)])
        assert done.returncode == 0
    assert place.s3.keys(bucket="of-compose") == []
    assert place.s3.refused == []
