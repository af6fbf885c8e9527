"""What only a database on a server does: restarts, refusals, other machines' clocks, notices."""

import contextlib
import json
import signal
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import anyio
import pytest
from sqlalchemy.engine import Connection
from sqlalchemy.exc import DBAPIError

from mcp_relight.domain.job import Job
from mcp_relight.errors import Internal, RelightError, StorageFull, TimedOut
from mcp_relight.jobs.store.database import Database
from mcp_relight.jobs.store.salt import shared_salt
from mcp_relight.jobs.store.store import Store
from tests.jobs.fakes import KEY, OWNER, new_job
from tests.jobs.postgres import PASSWORD, Cluster, running_postgres
from tests.jobs.processes import Children, run_command
from tests.quiet_time import quiet_s

pytestmark = [pytest.mark.anyio, pytest.mark.long]


def open_store(url: str, *, patience_s: float = 60.0) -> Store:
    return Store(url, is_living=lambda _: False, patience_s=patience_s)


@pytest.fixture
async def store(empty_database: str) -> AsyncIterator[Store]:
    opened = open_store(empty_database)
    yield opened
    await opened.aclose()


async def until_ended(store: Store, job: Job, seen: list[Job]) -> None:
    async with store.watch([job.job_id]) as changes:
        async for row in changes:
            seen.append(row)  # noqa: PERF401 - each is wanted as it comes


async def test_a_restart_is_lived_through_by_all_who_wait() -> None:
    with running_postgres() as cluster:
        store, other = open_store(cluster.url), open_store(cluster.url)
        jobs = await store.insert([new_job() for _ in range(20)])
        seen: dict[str, list[Job]] = {job.job_id: [] for job in jobs}
        with anyio.fail_after(60):
            async with anyio.create_task_group() as tasks:
                for job in jobs:
                    tasks.start_soon(until_ended, store, job, seen[job.job_id])
                while not all(seen.values()):  # noqa: ASYNC110 - another task fills it
                    await anyio.sleep(0.05)
                version = await store.changed(-1, within_s=0)
                await anyio.to_thread.run_sync(cluster.restart)
                for job in jobs:
                    assert await other.move(job, "cancelled") is not None
                assert await store.changed(version, within_s=30) != version
        assert {rows[-1].stage for rows in seen.values()} == {"cancelled"}
        await store.aclose()
        await other.aclose()


@pytest.mark.parametrize("how", [signal.SIGQUIT, signal.SIGKILL])
async def test_a_crash_is_lived_through_by_all_who_call_and_all_who_wait(
    how: signal.Signals,
) -> None:
    """At any moment of a transaction, of which many are under way: nobody gets an error."""
    with running_postgres(fsync=True) as cluster:
        store, other = open_store(cluster.url), open_store(cluster.url)
        jobs = await store.insert([new_job() for _ in range(20)])
        seen: dict[str, list[Job]] = {job.job_id: [] for job in jobs}
        made: list[str] = []
        is_up = anyio.Event()

        async def go_on_calling(caller: Store) -> None:
            while not is_up.is_set():
                [job] = await caller.insert([new_job()])
                assert (await caller.get(job.job_id)).job_id == job.job_id
                made.append(job.job_id)

        with anyio.fail_after(90):
            async with anyio.create_task_group() as tasks:
                for job in jobs:
                    tasks.start_soon(until_ended, store, job, seen[job.job_id])
                for caller in [store, other] * 6:
                    tasks.start_soon(go_on_calling, caller)
                while len(made) < 20 or not all(seen.values()):  # noqa: ASYNC110 - others fill it
                    await anyio.sleep(0.05)
                for _ in range(3):
                    before = len(made)
                    await anyio.to_thread.run_sync(cluster.crash, how)
                    while len(made) < before + 20:  # noqa: ASYNC110 - as above
                        await anyio.sleep(0.05)
                is_up.set()
                for job in jobs:
                    assert await other.move(job, "cancelled") is not None
        assert {rows[-1].stage for rows in seen.values()} == {"cancelled"}
        [[there]] = cluster.execute("SELECT count(*) FROM jobs")
        assert there >= len(jobs) + len(made)
        await store.aclose()
        await other.aclose()


async def test_a_session_that_breaks_in_the_midst_of_a_transaction_is_tried_again(
    empty_database: str, postgres: Cluster
) -> None:
    """The call itself: its connection ends, an earlier statement had failed, or the system says
    that there is no way there any more."""
    database = Database(empty_database, patience_s=20)
    troubles = iter(["ended", "failed", "rolled back", "system", "none"])
    met: list[str] = []

    def work(connection: Connection) -> int:
        met.append(trouble := next(troubles))
        if trouble == "ended":
            connection.exec_driver_sql("SELECT pg_terminate_backend(pg_backend_pid())")
        elif trouble == "failed":
            with contextlib.suppress(DBAPIError):
                connection.exec_driver_sql("SELECT 1 / 0")
        elif trouble == "rolled back":
            with contextlib.suppress(DBAPIError):
                connection.exec_driver_sql("SELECT pg_terminate_backend(pg_backend_pid())")
        elif trouble == "system":
            raise ConnectionResetError
        return connection.exec_driver_sql("SELECT 1").scalar_one()

    assert await database.write(work) == 1
    assert met == ["ended", "failed", "rolled back", "system", "none"]
    await database.aclose()


async def test_what_moves_while_nobody_can_listen_is_seen_afterwards() -> None:
    with running_postgres() as cluster:
        store = open_store(cluster.url)
        [job] = await store.insert([new_job()])
        seen: list[Job] = []
        with anyio.fail_after(60):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(until_ended, store, job, seen)
                while not seen:  # noqa: ASYNC110 - another task fills it
                    await anyio.sleep(0.05)
                end_all = (
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                    "WHERE pid <> pg_backend_pid() AND application_name = 'mcp-relight'"
                )
                # One statement: whoever listened is gone before the row moves.
                move = "UPDATE jobs SET stage = 'cancelled' FROM ended"
                cluster.execute(f"WITH ended AS MATERIALIZED ({end_all}) {move}")
        assert seen[-1].stage == "cancelled"
        await store.aclose()


async def test_a_change_is_told_within_moments(store: Store, empty_database: str) -> None:
    other = open_store(empty_database)
    [job] = await store.insert([new_job()])
    seen: list[Job] = []
    with anyio.fail_after(30):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(until_ended, store, job, seen)
            while not seen:  # noqa: ASYNC110 - another task fills it
                await anyio.sleep(0.01)
            await other.move(job, "cancelled")
    assert seen[-1].stage == "cancelled"
    await other.aclose()


async def test_a_change_of_one_job_wakes_nobody_who_waits_for_another(
    store: Store, postgres: Cluster, empty_database: str
) -> None:
    mine, another = await store.insert([new_job(), new_job()])
    seen: list[Job] = []
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(until_ended, store, mine, seen)
        while not seen:  # noqa: ASYNC110 - another task fills it
            await anyio.sleep(0.01)
        before = reads(postgres, empty_database)
        for index in range(50):
            moved = await store.move(another, "queued", note=str(index))
            assert moved is not None
        assert reads(postgres, empty_database) - before <= 4 * 50
        await store.request_cancel(mine.job_id, owner=OWNER)


def reads(postgres: Cluster, url: str) -> int:
    """Transactions committed so far, as the server counts them."""
    name = url.rpartition("/")[2]
    [[count]] = postgres.execute(
        f"SELECT xact_commit FROM pg_stat_database WHERE datname = '{name}'"  # noqa: S608
    )
    return int(count)


@pytest.mark.parametrize("wrong", ["password", "user", "database"])
async def test_a_database_that_lets_nobody_in_is_said_so_at_once(
    postgres: Cluster, wrong: str
) -> None:
    url = {
        "password": postgres.url_of("postgres", password="canary-0001"),
        "user": postgres.url_of("postgres", user="canary-0001"),
        "database": postgres.url_of("canary-0001"),
    }[wrong]
    store = open_store(url)
    began_at = quiet_s()
    with pytest.raises(Internal, match="does not let") as caught:
        await store.insert([new_job()])
    assert quiet_s() - began_at < 10
    assert not told_secrets(caught.value)
    await store.aclose()


def told_secrets(error: RelightError) -> bool:
    words = f"{error!r} {error.message} {error.hint}"
    return "canary" in words or PASSWORD in words


async def test_rights_that_are_missing_are_said_so(
    postgres: Cluster, empty_database: str, store: Store
) -> None:
    await store.insert([new_job()])
    postgres.execute("DROP ROLE IF EXISTS guest")
    postgres.execute("CREATE ROLE guest LOGIN PASSWORD 'guest'")
    guest = open_store(postgres.url_of("empty", user="guest", password="guest"))
    with pytest.raises(Internal, match="does not let"):
        await guest.list(owner=OWNER, status=None, limit=1, cursor=None)
    await guest.aclose()


async def test_a_server_that_is_not_there_is_a_clear_error(postgres: Cluster) -> None:
    url = postgres.url.replace(f":{postgres.port}/", ":1/")
    store = open_store(url, patience_s=0.5)
    with pytest.raises(TimedOut, match="did not answer") as caught:
        await store.insert([new_job()])
    assert not told_secrets(caught.value)
    assert "PostgreSQL" in caught.value.hint
    await store.aclose()


@pytest.mark.parametrize(
    ("state", "meaning"),
    [
        ("53100", StorageFull),
        ("57014", TimedOut),
        ("53300", TimedOut),
        ("40P01", TimedOut),
        ("57P03", TimedOut),
        ("25006", TimedOut),
        ("42501", Internal),
        ("22001", Internal),
    ],
)
async def test_what_the_server_says_means_one_thing(
    store: Store, postgres: Cluster, empty_database: str, state: str, meaning: type[Exception]
) -> None:
    """Said by the server itself, in the midst of a statement of ours."""
    await store.insert([new_job()])
    postgres.execute(
        "CREATE FUNCTION say() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN RAISE EXCEPTION 'no' USING ERRCODE = '{state}'; END $$",
        url=empty_database,
    )
    postgres.execute(
        "CREATE TRIGGER say BEFORE INSERT ON jobs FOR EACH ROW EXECUTE FUNCTION say()",
        url=empty_database,
    )
    impatient = open_store(empty_database, patience_s=0.2)
    with pytest.raises(RelightError) as caught:
        await impatient.insert([new_job()])
    assert type(caught.value) is meaning
    await impatient.aclose()


async def test_clocks_half_a_minute_apart_agree_on_what_is_due(
    empty_database: str, store: Store, tmp_path: Path
) -> None:
    """Two machines, one half a minute fast and one as slow: both go by the database's clock."""
    with Children(tmp_path) as children:
        for skew_s in (30, -30):
            says = children.start("skewed", empty_database, skew_s)
            job_id, created_at, wait_s = children.line_of(says).split()
            assert abs(float(created_at) - store.now()) < 5
            assert float(wait_s) >= 0
            due = await store.due(worker="w.1", credentials=[KEY], local=9, remote=9)
            assert job_id in {job.job_id for job in due}
            moved = await store.move(await store.get(job_id), "queued", due_at=store.now() + 15)
            assert moved is not None
            children.say(says, "look")
            assert children.line_of(says) == "not due"
            children.all_answers([says])
    # The gate was used by both and by us: nobody's clock gave a slot away, or held one back.
    waits = [await store.take_slot("gate", per_minute=1, burst=1) for _ in range(2)]
    assert 60 < waits[0] <= 120
    assert waits[1] - waits[0] == pytest.approx(60, abs=5)


def test_one_key_has_one_name_in_a_team(empty_database: str) -> None:
    with ThreadPoolExecutor() as threads:
        salts = set(threads.map(shared_salt, [empty_database] * 6))
    assert salts == {shared_salt(empty_database)}
    assert len(salts.pop()) == 32


def test_a_salt_that_cannot_be_read_is_not_made_up(postgres: Cluster) -> None:
    with pytest.raises(Internal, match="does not let"):
        shared_salt(postgres.url_of("postgres", password="canary-0001"))


@pytest.mark.parametrize("password", [PASSWORD, "canary-0001"])
def test_doctor_says_whether_the_database_answers(
    postgres: Cluster, empty_database: str, tmp_path: Path, password: str
) -> None:
    pytest.importorskip("procrastinate", reason="needs the extra team")
    url = empty_database.replace(PASSWORD, password)
    environment = {"MCP_RELIGHT_DATABASE_URL": url, "SEGMIND_API_KEY": "SG_canary_key"}
    if password == PASSWORD:
        environment["MCP_RELIGHT_LOCAL_ONLY"] = "1"
    returns = int(password != PASSWORD)
    words = run_command(tmp_path, "doctor", "--json", environment=environment, returns=returns)
    [found] = [one for one in json.loads(words)["findings"] if one["what"] == "database"]
    assert found["verdict"] == ("wrong" if returns else "ok")
    assert ("does not let" in found["words"]) == bool(returns)
    assert "canary" not in words
    assert PASSWORD not in words
