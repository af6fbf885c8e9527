"""Real workers on a real store, with fakes of everything else around them."""

import functools
from pathlib import Path
from typing import Any

from mcp_relight.bootstrap import SystemClock
from mcp_relight.jobs.locks import WorkerLock, is_living
from mcp_relight.jobs.store.store import Store
from mcp_relight.jobs.worker import Worker
from tests.jobs.fakes import KEY, FakeProvider, new_steps


def open_store(folder: Path) -> Store:
    return Store(folder / "jobs.db", is_living=functools.partial(is_living, folder))


def new_worker(
    store: Store, folder: Path, lock: WorkerLock, *providers: FakeProvider, **limits: Any
) -> Worker:
    """It holds the key of every job that `new_job` makes; a provider named local is one."""
    clock = SystemClock()
    steps = new_steps(store, folder, *providers, clock=clock)
    return Worker(store, steps, lock, clock=clock, credentials=[KEY], **limits)
