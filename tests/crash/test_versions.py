"""An earlier version of this repository and this one, side by side on one database of a team, as in
a deployment that replaces one process after the other."""

import io
import os
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anyio
import pytest
from mcp import Client

from mcp_relight.jobs.store.migrations import SCHEMA_VERSION
from tests.flows.rig import facts_of, remote_environment
from tests.http_server import serving
from tests.jobs.postgres import Cluster, running_postgres
from tests.server.web.farm import working
from tests.world import World

from .test_kill9 import journalled_simulator

pytest.importorskip("procrastinate", reason="needs the extra team")
pytestmark = [pytest.mark.anyio, pytest.mark.long]

_ROOT = Path(__file__).parents[2]
_STEPS = "mcp_relight/jobs/store/migrations.py"
_LOCK = "constraints.txt"
_JOBS = 200
_OVER = {"succeeded", "failed", "cancelled", "expired", "submit_unknown"}


def git(*words: str) -> bytes:
    """Skips where there is no history, as in an archive or a shallow clone."""
    done = subprocess.run(["git", *words], cwd=_ROOT, capture_output=True, check=False)
    if done.returncode != 0:
        pytest.skip("needs the history of the repository")
    return done.stdout


@pytest.fixture(scope="module")
def earlier(tmp_path_factory: pytest.TempPathFactory) -> str:
    """PYTHONPATH of the last commit that knew fewer schemas, with what it needs and we no longer
    install."""
    wanted = ("log", "--format=%H", f"-SStep({SCHEMA_VERSION},", "--", _STEPS)
    found = git(*wanted).split()
    if not found:
        pytest.skip("needs the history of the repository")
    tree = git("archive", f"{found[-1].decode()}~1", "mcp_relight", _LOCK)
    folder = tmp_path_factory.mktemp("earlier")
    with tarfile.open(fileobj=io.BytesIO(tree)) as archive:
        archive.extractall(folder, filter="data")
    steps = (folder / _STEPS).read_text("utf-8")
    assert "Step(2," in steps
    assert f"Step({SCHEMA_VERSION}," not in steps
    packages = folder / "packages"
    lacking = pinned(folder / _LOCK) - pinned(_ROOT / _LOCK)
    install(lacking, packages)
    return os.pathsep.join([str(folder), str(packages)])


def pinned(lock: Path) -> set[str]:
    """Its entries, each with its hashes."""
    return set(lock.read_text("utf-8").replace("\\\n", "").splitlines())


def install(entries: set[str], folder: Path) -> None:
    if not entries:
        return
    lock = folder.with_suffix(".txt")
    lock.write_text("\n".join(sorted(entries)), "utf-8")
    pip = (sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet", "install")
    how = ("--no-deps", "--require-hashes", "--requirement", str(lock), "--target", str(folder))
    subprocess.run([*pip, *how], check=True, stdout=subprocess.DEVNULL)


@dataclass(frozen=True)
class Both:
    old_url: str
    new_url: str
    cluster: Cluster
    photo: str

    async def until_over(self) -> None:
        with anyio.fail_after(300):
            while any(  # noqa: ASYNC110 - other processes move them
                stage not in _OVER for (stage,) in self.cluster.execute("SELECT stage FROM jobs")
            ):
                await anyio.sleep(0.5)


@contextmanager
def side_by_side(world: World, earlier: str, journal: Path) -> Iterator[Both]:
    """A server and a worker of either; the database was brought forward first."""
    with ExitStack() as stack:
        simulator = stack.enter_context(journalled_simulator(journal))
        cluster = stack.enter_context(running_postgres(fsync=True))
        for provider, key in simulator.keys.items():
            simulator.open_account(provider, key, 1e6)
        new = remote_environment(simulator, "segmind") | {
            "MCP_RELIGHT_DATABASE_URL": cluster.url,
            "MCP_RELIGHT_DAILY_BUDGET_USD": "100000",
        }
        old = new | {"PYTHONPATH": earlier}
        # As it was: the earlier version made the database, and has it in use.
        for environment in (old, new):
            made = world.run("migrate", environment=world.environment | environment)
            assert made.returncode == 0, made.stderr
            if environment is old:
                old_url = stack.enter_context(serving(world, env=old)).url
        new_url = stack.enter_context(serving(world, env=new)).url
        for name, environment in (("old", old), ("new", new)):
            stack.enter_context(working(world, environment, name=name))
        yield Both(old_url, new_url, cluster, str(world.photo("mug.png", width=64, height=64)))


async def test_two_versions_share_a_database_and_each_reads_what_the_other_wrote(
    world: World, earlier: str, tmp_path: Path
) -> None:
    with side_by_side(world, earlier, tmp_path / "journal.jsonl") as both:
        async with Client(both.old_url) as old, Client(both.new_url) as new:
            made = {"old": set[str](), "new": set[str]()}
            for number in range(_JOBS):
                name, client = ("old", old) if number % 2 else ("new", new)
                made[name].add(await order(client, both.photo, number))
            ids = made["old"] | made["new"]
            assert len(ids) == _JOBS
            await both.until_over()
            for client in (old, new):
                assert await listed(client) == dict.fromkeys(ids, "succeeded")
            for reader, writer in ((old, "new"), (new, "old")):
                job = facts_of(
                    await reader.call_tool("get_job", {"job_id": min(made[writer]), "wait_s": 0})
                )
                assert job["status"] == "succeeded"
                assert job["images"]
        found = both.cluster.execute("SELECT worker FROM jobs")
        assert len(found) == _JOBS
    for name in ("old", "new"):
        log = (world.root / f"worker-{name}.log").read_text()
        assert "cannot be read" not in log


async def order(client: Client, photo: str, number: int) -> str:
    wanted: dict[str, Any] = {"image": photo, "model": "segmind/ic-light", "max_cost_usd": 1}
    wanted |= {"prompt": f"light number {number}", "finish": "as-returned", "wait_s": 0}
    return facts_of(await client.call_tool("relight_image", wanted))["job_id"]


async def listed(client: Client) -> dict[str, str]:
    """The status of every job that it lists, by id."""
    found: dict[str, str] = {}
    cursor: dict[str, str] = {}
    while True:
        page = facts_of(await client.call_tool("list_jobs", {"limit": 50, **cursor}))
        found |= {job["job_id"]: job["status"] for job in page["jobs"]}
        if not page.get("cursor"):
            return found
        cursor = {"cursor": page["cursor"]}
