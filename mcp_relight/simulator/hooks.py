"""Calling back: what a provider sends to the address it was given, when a job ends.

Documented of neither provider, and so assumed: that it signs nothing, repeats itself, and now and
then calls before the submit was answered. Only loopback is ever called.
"""

import asyncio
import http.client
import json
from urllib.parse import urlsplit

import anyio.to_thread

from mcp_relight.simulator.intake import LOOPBACK
from mcp_relight.simulator.jobs import ENDED, Job
from mcp_relight.simulator.state import Simulation

WAYS = ("early", "end", "again")
_LOOK_S, _AGAIN_S, _TIMEOUT_S = 0.02, 0.2, 10.0


def may_be_called(url: str) -> bool:
    """Https as documented; this machine is as good here."""
    parts = urlsplit(url)
    return parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in LOOPBACK)


class Caller:
    """Calls for the jobs of one world, in the ways of its settings."""

    def __init__(self, sim: Simulation) -> None:
        self._sim = sim
        self._calling: set[asyncio.Task[None]] = set()

    async def promise(self, job: Job, url: str) -> None:
        """Call that address when the job ends; `early`, now as well."""
        self._sim.ledger.note_hook(job=job.id, url=url)
        if "early" in self._sim.settings.webhooks:
            await self._call(job, url)
        task = asyncio.create_task(self._call_at_end(job, url))
        self._calling.add(task)
        task.add_done_callback(self._calling.discard)

    async def _call_at_end(self, job: Job, url: str) -> None:
        while self._is_going_on(job):  # noqa: ASYNC110 - its stage is told by the clock alone
            await anyio.sleep(_LOOK_S)
        for way in ("end", "again"):
            if way in self._sim.settings.webhooks and self._sim.jobs.get(job.id) is job:
                await self._call(job, url)
                await anyio.sleep(_AGAIN_S)

    def _is_going_on(self, job: Job) -> bool:
        return self._sim.jobs.get(job.id) is job and self._sim.glance(job) not in ENDED

    async def _call(self, job: Job, url: str) -> None:
        body = {"id": job.id, "status": self._sim.glance(job), "output": ["http://10.0.0.1/x.png"]}
        status = await anyio.to_thread.run_sync(_post, url, json.dumps(body).encode())
        self._sim.ledger.note_call(job=job.id, status=status)


def _post(url: str, body: bytes) -> int | None:
    """The status of the answer; None where nobody answered, or may be asked."""
    parts = urlsplit(url)
    if parts.scheme != "http" or parts.hostname not in LOOPBACK:
        return None
    connection = http.client.HTTPConnection(parts.netloc, timeout=_TIMEOUT_S)
    try:
        connection.request("POST", parts.path, body, {"content-type": "application/json"})
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()
