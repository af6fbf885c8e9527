"""procrastinate, and the only file that knows it: it wakes whoever can advance a job.

A task is a reminder to look at a row, nothing more: one that is lost is missed by the sweep, one
that comes twice finds nothing due. Of each job there is at most one reminder for a later time, and
one for now, which overtakes it. No task is ever retried: the row says what comes next.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import procrastinate
import psycopg
from procrastinate.exceptions import AlreadyEnqueued, ConnectorException
from procrastinate.jobs import Status
from psycopg.conninfo import conninfo_to_dict
from psycopg_pool import PoolTimeout

from mcp_relight.domain.job import OWN_KEYS, Job, is_own
from mcp_relight.errors import TimedOut
from mcp_relight.jobs.ports import NEVER
from mcp_relight.jobs.store.errors import of_a_server

from .schema import make_queue_ready

_log = logging.getLogger(__name__)

ADVANCE = "relight.advance"
LOCAL, CHORES = "local", "chores"
HEARTBEAT_S, STALLED_S = 2.0, 8.0
_POLL_S = 1.0
"""A reminder for later is told to nobody: this late it may be found."""
_BEGUN, _NOW, _SOON = 30, 20, 10
"""What a dead worker had begun goes first: else it would wait behind all that is new."""
_UNWOKEN = """
    SELECT job_id FROM jobs
    WHERE stage NOT IN ('succeeded', 'failed', 'cancelled', 'expired')
    AND due_at < extract(epoch FROM clock_timestamp()) - 30
    AND NOT EXISTS (
        SELECT 1 FROM procrastinate_jobs
        WHERE lock = jobs.job_id AND status IN ('todo', 'doing')
    )
    ORDER BY due_at LIMIT 500
"""


def queue_of(job: Job) -> str:
    """Those who hold a key listen for the jobs of that key alone."""
    if job.credential_id is None:
        return LOCAL
    return queue_of_key(OWN_KEYS if is_own(job.credential_id) else job.credential_id)


def queue_of_key(credential_id: str) -> str:
    return f"key.{credential_id}"


class Wakes:
    """`store.Wakes`: reminders within the transaction that makes them due."""

    def __init__(self, url: str) -> None:
        # It is never opened: every reminder goes over the connection of its transaction.
        self._app = procrastinate.App(connector=procrastinate.SyncPsycopgConnector(conninfo=url))

    def make_ready(self, connection: Any, *, may_migrate: bool) -> None:
        make_queue_ready(connection, may_migrate=may_migrate)

    def wake(self, connection: Any, job: Job) -> None:
        """Raises DatabaseOutage where the whole transaction should be tried again."""
        reminder = self._app.configure_task(ADVANCE, **_for_now(job), connection=connection)
        try:
            with connection.transaction():  # a second one must not end the transaction around it
                reminder.defer(job_id=job.job_id)
        except AlreadyEnqueued:
            pass
        except ConnectorException as error:
            raise of_a_server(error.__cause__) from None
        except psycopg.Error as error:  # of the savepoint, which is not the library's
            raise of_a_server(error) from None


class Queue:
    """The side of the workers. An async context manager."""

    def __init__(self, url: str, advance: Callable[[str], Awaitable[None]]) -> None:
        self._app = procrastinate.App(
            connector=procrastinate.PsycopgConnector(
                conninfo=url, min_size=1, max_size=6, kwargs=_of_sessions(url)
            )
        )
        self._app.task(name=ADVANCE, queue=LOCAL)(advance)

    async def __aenter__(self) -> "Queue":
        """Raises TimedOut where the database does not answer for half a minute."""
        try:
            await self._app.open_async()
        except (PoolTimeout, ConnectorException):
            raise TimedOut(
                "The job database did not answer.",
                hint="See that PostgreSQL runs and that this machine reaches it, then start again.",
            ) from None
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._app.close_async()

    def every(self, cron: str, name: str, chore: Callable[[], Awaitable[None]]) -> None:
        """Done by one worker of the whole team, as often as `cron` says (with seconds, last)."""

        async def run(timestamp: int) -> None:
            await chore()

        name = f"relight.{name}"
        # Without a lock of its own: one that stalled would keep itself from being put right.
        task = self._app.task(name=name, queue=CHORES, queueing_lock=name, priority=_NOW)(run)
        self._app.periodic(cron=cron)(task)

    async def remind(self, job: Job, *, due_at: float, now: float) -> None:
        """Wake somebody when this row is due. Trouble is left to the sweep."""
        if due_at >= NEVER:
            return
        later: dict[str, Any] = {"queue": queue_of(job), "lock": job.job_id}
        later["schedule_at"] = datetime.fromtimestamp(due_at, UTC)
        try:
            if due_at <= now:
                await self._defer(_for_now(job), job)
            elif not await self._defer(later | {"queueing_lock": job.job_id}, job):
                # One waits already, perhaps for a later time than the row names now.
                exact = f"{job.job_id}@{due_at:.0f}"
                await self._defer(later | {"queueing_lock": exact, "priority": _SOON}, job)
        except ConnectorException:
            _log.warning("The job queue took no reminder; the sweep will see to it.")

    async def put_stalled_right(self, look: Callable[[str], Awaitable[Job | None]]) -> None:
        """End what a dead worker left half done, and wake somebody else for it. Its documented
        retry would raise where the dead one had made its next reminder, and block the job.

        Whoever does this may die as well: the new reminder is there before the old task is gone."""
        stalled = await self._app.job_manager.get_stalled_jobs(seconds_since_heartbeat=STALLED_S)
        for task in stalled:
            if task.id is None:
                continue
            job_id = task.task_kwargs.get("job_id")
            if isinstance(job_id, str) and (job := await look(job_id)) is not None:
                await self._defer(_for_now(job) | {"priority": _BEGUN}, job)
            with suppress(ConnectorException):  # it was only slow, and ended by itself meanwhile
                await self._app.job_manager.finish_job_by_id_async(
                    task.id, status=Status.FAILED, delete_job=True
                )

    async def wake_forgotten(self, look: Callable[[str], Awaitable[Job | None]]) -> None:
        """Rows long overdue for which no reminder exists."""
        rows = await self._app.connector.execute_query_all_async(_UNWOKEN)
        for row in rows:
            if (job := await look(str(row["job_id"]))) is not None:
                await self._defer(_for_now(job), job)

    async def work(self, queues: Sequence[str], *, at_once: int, grace_s: float) -> None:
        """Until cancelled; then what is under way has `grace_s` to end by itself."""
        while True:
            try:
                await self._app.run_worker_async(
                    queues=list(queues),
                    concurrency=at_once,
                    fetch_job_polling_interval=_POLL_S,
                    update_heartbeat_interval=HEARTBEAT_S,
                    stalled_worker_timeout=STALLED_S,
                    shutdown_graceful_timeout=grace_s,
                    install_signal_handlers=False,
                    delete_jobs="always",
                )
            except Exception as error:  # noqa: BLE001 - the database went away, or its library fell over
                _log.warning("The job queue does not answer: %s", type(error).__name__)
                await asyncio.sleep(_POLL_S)

    async def _defer(self, options: dict[str, Any], job: Job) -> bool:
        """False where such a reminder waits already."""
        try:
            await self._app.configure_task(ADVANCE, **options).defer_async(job_id=job.job_id)
        except AlreadyEnqueued:
            return False
        return True


def _of_sessions(url: str) -> dict[str, Any]:
    """What is committed here may be lost in a crash of the server: a task that comes again finds
    nothing due, one that is gone is missed by the sweep. So nobody waits for the disk."""
    own = conninfo_to_dict(url).get("options") or ""
    options = f"-c synchronous_commit=off {own}".strip()
    return {"application_name": "mcp-relight", "options": options}


def _for_now(job: Job) -> dict[str, Any]:
    return {
        "queue": queue_of(job),
        "lock": job.job_id,
        "queueing_lock": f"{job.job_id}!",
        "priority": _NOW,
    }
